/*
 * A xenstored of the test's own: each connection is served by a process that
 * notes each request and answers "OK", unless a twist says otherwise.
 */
#ifndef ASSAY_TESTS_XENSTORED_SCRIPT_H
#define ASSAY_TESTS_XENSTORED_SCRIPT_H

#include <stdint.h>

enum twist_kind {
	TWIST_NONE,
	TWIST_REFUSE,       /* XS_ERROR with this text, such as "EACCES" */
	TWIST_SAY,          /* a reply with this text */
	TWIST_HANG_UP,      /* no reply, and the connection ends */
	TWIST_HALF_CLOSE,   /* the same, but requests could still be sent */
	TWIST_TOO_LONG,     /* a reply over the protocol's limit */
	TWIST_OTHER_ID,     /* a reply to a request that was never made */
	TWIST_OLD_ID,       /* a reply to the request before */
	TWIST_OTHER_TYPE,   /* a reply of the type of a watch event */
	TWIST_SHORT_HEADER, /* half a header, and the connection ends */
};

struct twist {
	unsigned int at; /* the n-th request of all connections, from 1 */
	enum twist_kind kind;
	const char *text;
};

enum { SCRIPT_REQUESTS = 1024, SCRIPT_TWISTS = 4 };

/* What the other side does and what it saw, shared with its processes. */
struct script {
	struct twist twists[SCRIPT_TWISTS];
	unsigned int collisions; /* so many commits collide */
	unsigned int count;
	/* "TYPE tx=N payload", with '|' for each NUL; XS_* of xs_wire.h */
	char seen[SCRIPT_REQUESTS][160];
	uint32_t ids[SCRIPT_REQUESTS];
};

extern struct script *script;

void script_start(void);
void script_stop(void);

/* The client's end of a new connection. */
int script_connect(void);

/* Were these the requests since the one of this number, from 0? */
#define assert_requests(from, expected) \
	assert_requests_are(from, expected, countof(expected))
void assert_requests_are(unsigned int from, const char *const *expected,
    unsigned int count);

#endif
