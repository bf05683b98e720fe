/*
 * What a connection of libassay is to, in the process of the test: it listens,
 * takes what was sent and says what the test wants. Nothing of it waits long.
 */
#ifndef ASSAY_TESTS_SERVER_H
#define ASSAY_TESTS_SERVER_H

#include "base_fixture.h"

#include "cli/libassay/assay.h"

#define SERVER_SOCKET "server.socket"
enum { PATIENCE_MS = 20 * 1000 };

extern struct assay *caller; /* connected */
extern int server;           /* the other end, or -1 */

/* cmocka setup and teardown, in a directory of their own. */
int server_setup(void **state);
int server_teardown(void **state);
#define server_test(test) \
	cmocka_unit_test_setup_teardown(test, server_setup, server_teardown)

/* The caller connects again, to a new end. */
void server_connect(void);
void server_hang_up(void);

void server_say(const void *data, size_t len);
void server_reply(const char *text); /* and a zero byte */

/* What the caller has sent until now; ends in a zero byte at the latest. */
const char *server_hears(void);

/* A call is under way, and was heard. */
void server_is_called(unsigned int flags);

/* What the caller does next; and that it is this. */
void assert_waiting(void);
void assert_answered(int result, const char *reply);
void assert_failed(const char *name, const char *part_of_detail);

#endif
