/*
 * The rings of a channel in memory of this process, with the test at their
 * server's end. What would ask Xen or xenstored is replaced; what reads and
 * writes the rings is libxenvchan as it is installed: the module finds the
 * names of this program first.
 */
#ifndef ASSAY_TESTS_VCHAN_FAKE_H
#define ASSAY_TESTS_VCHAN_FAKE_H

#include "base_fixture.h"

#include <libxenvchan.h>

enum { VCHAN_LEFT_BYTES = 1024, VCHAN_RIGHT_BYTES = 2048 };

extern struct vchan_fake {
	union {
		struct vchan_interface ring;
		uint8_t page[4096];
	};
	struct libxenvchan *client; /* NULL: none, or closed */
	bool is_absent;             /* nothing is in xenstore */
	unsigned int used;          /* rings that a session was on come first */
	bool has_quiet_logger;
	const char *own_domid; /* what xenstore says */
	int domain;            /* that the client asked for */
	char path[128];
	int event;    /* an eventfd */
	int notified; /* how often the client sent an event */
} vchan;

void vchan_setup(void);
void vchan_teardown(void);

/* As a server does it; the event can be left out. */
void vchan_put(const void *data, size_t len);
void vchan_event(void);
size_t vchan_take(char *ret_data, size_t size);

#endif
