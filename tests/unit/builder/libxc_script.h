/*
 * What is under the Xen seam, without Xen: libxc calls that are noted and can
 * fail. Link with --wrap of each. What the real ones return and leave behind is
 * named where it matters.
 */
#ifndef ASSAY_TESTS_LIBXC_SCRIPT_H
#define ASSAY_TESTS_LIBXC_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include <xenctrl.h>
#include <xenguest.h>
#include <xentoollog.h>

#include "base/scope.h"
#include "grant-preload/xen_port.h"

enum {
	SCRIPT_DOMID = 7,
	SCRIPT_CALLS = 64,
	SCRIPT_FRAMES = 2,
	SCRIPT_INFOS = 70, /* more than two parts */
	SCRIPT_PAGES = 3,
	SCRIPT_ERRNO_LEFT_ALONE = -1, /* as libxc does it in some places */
};

#define SCRIPT_ENTRIES (SCRIPT_FRAMES * XEN_GRANTS_PER_FRAME)

/* What libxc does, and what it saw. */
struct libxc_script {
	unsigned int fail_at; /* the n-th call, from 1 */
	int sys;              /* errno of the one that fails */
	const char *words;    /* that libxc logs before it fails */
	const char *failed;   /* its name */
	unsigned int count;
	char seen[SCRIPT_CALLS][160];
	int held; /* acquired and not yet released */
	xentoollog_logger *logger;

	/* Answers */
	uint32_t version;
	uint32_t frames;
	int16_t size_status;
	unsigned int not_made_at; /* the n-th call does nothing and says 0 */
	int event_port;
	xc_domaininfo_t infos[SCRIPT_INFOS];
	uint32_t info_count;
	unsigned int listed_for; /* so many times, after it was destroyed */
	unsigned int list_fails_for;
	xen_pfn_t xenstore_pfn;
	unsigned int pauses;
	struct xc_dom_image *image; /* allocated and not released */
	xen_pfn_t p2m[SCRIPT_PAGES];
	grant_entry_v1_t table[SCRIPT_ENTRIES];
};

extern struct libxc_script xen;

/* All calls succeed: d3, d7 and d9 exist, the second of which will not be
 * listed any more. */
void libxc_script_reset(void);

/* What was called so far is of no interest. */
void libxc_script_forget(void);

/* Has libxc been asked exactly this, and no more? */
#define assert_calls(expected) assert_calls_are(expected, countof(expected))
void assert_calls_are(const char *const *expected, unsigned int count);

#endif
