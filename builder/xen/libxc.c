#include "builder/xen/libxc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h>

#include "base/scope.h"

static void keep_last_words(struct xentoollog_logger *logger,
    xentoollog_level level, int errnoval, const char *context,
    const char *format, va_list args) __attribute__((format(printf, 5, 0)));

int
libxc_open(struct libxc *libxc, struct err *err)
{
	xentoollog_logger *logger = &libxc->last_words.vtable;

	/* Who has no .progress is told of none: tools/libs/toollog/xtl_core.c.
	 * It is ours: libxc does not destroy it. */
	*logger = (xentoollog_logger){.vmessage = keep_last_words};
	libxc_begin(libxc);
	libxc->xch = xc_interface_open(logger, logger, 0);
	if (libxc->xch == NULL)
		return libxc_failed(libxc, err, "xc_interface_open");
	return 0;
}

void
libxc_close(struct libxc *libxc)
{
	if (libxc->xch != NULL)
		xc_interface_close(libxc->xch);
	libxc->xch = NULL;
}

struct libxc *
libxc_begin(void *xen)
{
	struct libxc *libxc = xen;

	libxc->last_words.text[0] = '\0';
	errno = 0;
	return libxc;
}

int
libxc_failed(struct libxc *libxc, struct err *err, const char *call)
{
	int sys = errno;
	const char *cause = libxc->last_words.text;

	/* libxc often leaves errno alone: its own words say more. */
	if (cause[0] == '\0')
		cause = sys != 0 ? strerror(sys) : "no cause was given";
	err_set(err, XEN_FAILED, "%s: %s", call, cause);
	err->sys = sys;
	return (int)err->code;
}

int
libxc_domain_list(void *xen, struct xen_domain_info *ret_infos, uint32_t max,
    uint32_t *ret_count, struct err *err)
{
	struct libxc *libxc = libxc_begin(xen);
	CLEANUP(freep) xc_domaininfo_t *infos = calloc(max + 1, sizeof(*infos));
	int count;

	if (infos == NULL)
		return err_set(err, NO_MEMORY, "domain list");
	count = xc_domain_getinfolist(libxc->xch, 1, max + 1, infos);
	if (count < 0)
		return libxc_failed(libxc, err, "xc_domain_getinfolist");
	if ((uint32_t)count > max)
		return err_set(err, XEN_FAILED, "more than %u domains", max);
	for (int i = 0; i < count; i++) {
		struct xen_domain_info *info = &ret_infos[i];

		*info = (struct xen_domain_info){
		    .domid = infos[i].domain,
		    .is_dying = (infos[i].flags & XEN_DOMINF_dying) != 0,
		    .is_paused = (infos[i].flags & XEN_DOMINF_paused) != 0,
		    .is_shutdown = (infos[i].flags & XEN_DOMINF_shutdown) != 0,
		    .vcpus = infos[i].max_vcpu_id + 1,
		    .memory_kib = infos[i].tot_pages * (XEN_PAGE_BYTES / 1024),
		};
		memcpy(info->uuid, infos[i].handle, sizeof(info->uuid));
	}
	*ret_count = (uint32_t)count;
	return 0;
}

static void
keep_last_words(struct xentoollog_logger *logger, xentoollog_level level,
    int errnoval, const char *context, const char *format, va_list args)
{
	struct last_words *last_words = (struct last_words *)logger;
	size_t end;

	(void)errnoval;
	(void)context;
	/* The first complaint is the cause; later ones only follow from it. */
	if (level < XTL_WARN || last_words->text[0] != '\0')
		return;
	vsnprintf(last_words->text, sizeof(last_words->text), format, args);
	for (char *c = last_words->text; *c != '\0'; c++) {
		if (*c < ' ' || *c > '~')
			*c = ' ';
	}
	end = strlen(last_words->text);
	while (end > 0 && last_words->text[end - 1] == ' ')
		last_words->text[--end] = '\0';
}
