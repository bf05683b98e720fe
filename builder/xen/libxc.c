#include "builder/xen/libxc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h>

#include "base/scope.h"

enum { PART = 32 /* domains */ };

_Static_assert(PART * sizeof(xc_domaininfo_t) <= XEN_PAGE_BYTES,
    "a part is a page");

static void describe(const xc_domaininfo_t *from,
    struct xen_domain_info *ret_info);
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

/* In parts that fit into the one page which libxc keeps for calls: more would
 * be mapped, and unmapped, for each (tools/libs/call/buffer.c). */
int
libxc_domain_list(void *xen, struct xen_domain_info *ret_infos, uint32_t max,
    uint32_t *ret_count, struct err *err)
{
	xc_interface *xch = libxc_begin(xen)->xch;
	xc_domaininfo_t infos[PART];
	uint32_t first = 1;
	uint32_t total = 0;
	int count;

	do {
		count = xc_domain_getinfolist(xch, first, PART, infos);
		if (count < 0)
			return libxc_failed(xen, err, "xc_domain_getinfolist");
		if ((uint32_t)count > max - total)
			return err_set(err, XEN_FAILED, "more than %u domains",
			    max);
		for (int i = 0; i < count; i++)
			describe(&infos[i], &ret_infos[total++]);
		if (count > 0)
			first = infos[count - 1].domain + 1u;
	} while (count == PART);
	*ret_count = total;
	return 0;
}

static void
describe(const xc_domaininfo_t *from, struct xen_domain_info *ret_info)
{
	ret_info->domid = from->domain;
	ret_info->is_dying = (from->flags & XEN_DOMINF_dying) != 0;
	ret_info->is_paused = (from->flags & XEN_DOMINF_paused) != 0;
	ret_info->is_shutdown = (from->flags & XEN_DOMINF_shutdown) != 0;
	ret_info->shutdown_reason =
	    (uint8_t)(from->flags >> XEN_DOMINF_shutdownshift);
	ret_info->vcpus = from->max_vcpu_id + 1;
	ret_info->memory_kib = from->tot_pages * (XEN_PAGE_BYTES / 1024);
	memcpy(ret_info->uuid, from->handle, sizeof(ret_info->uuid));
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
