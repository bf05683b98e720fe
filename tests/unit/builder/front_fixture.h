/*
 * A caller of the daemon's socket: whole messages, always bounded in time.
 */
#ifndef ASSAY_TESTS_FRONT_FIXTURE_H
#define ASSAY_TESTS_FRONT_FIXTURE_H

#include "builder_fixture.h"

/* A connection to config.socket of the working directory. */
int caller_open(void);

/* The text and its zero byte. */
void caller_send(int fd, const char *text);

/* The next message, owned; NULL if the connection ended. */
char *caller_receive(int fd);

/* Send a call and assert that this is in the reply. */
void assert_call(int fd, const char *text, const char *part);

/* A build of web as domain "guest", 256 MiB, 2 vcpus. */
#define BUILD_CALL                                                         \
	"{\"method\":\"org.assay.Builder.BuildDomain\",\"parameters\":{"   \
	"\"image\":\"web\",\"name\":\"guest\",\"uuid\":\"" GOOD_UUID "\"," \
	"\"memory_mib\":256,\"vcpus\":2}}"
#define CALL(method) "{\"method\":\"org.assay.Builder." method "\"}"

/* Fail rather than hang. */
enum { PATIENCE_SECONDS = 120 }; /* only what hangs takes so long */

#endif
