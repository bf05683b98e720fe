/*
 * The front as a process with a real socket, for tests that are its supervisor
 * and its callers.
 */
#ifndef ASSAY_TESTS_FRONT_PROCESS_H
#define ASSAY_TESTS_FRONT_PROCESS_H

#include "front_fixture.h"

#include "builder/front_link.h"

extern struct front_process {
	struct daemon_config config; /* for the next start */
	pid_t pid;                   /* 0: its end was seen */
	int status;                  /* how it ended */
	/* The supervisor's sides. */
	int calls_fd;   /* read from */
	int answers_fd; /* written to */
} front;

/* cmocka setup and teardown: in a fresh directory, and started. */
int front_setup(void **state);
int front_teardown(void **state);

#define front_test(test) \
	cmocka_unit_test_setup_teardown(test, front_setup, front_teardown)

/* What it logs goes into "front.log". */
void front_start(void);

/* Its supervisor goes, and waits for its end. */
void front_leave(void);

/* Its clock, from now on. */
void front_be_later(unsigned int seconds);

/* Does a call come? The next one, of any kind or of this one. That the front
 * says it is alive is none. */
bool front_call_came(int timeout_ms);
struct front_call front_next_any(void);

/* The next record, which is there, whatever it is: as long as its kind is. */
struct front_call front_read_record(void);
struct front_call front_next_call(uint32_t kind);

/* Answer; or with no more than this memory, with a receipt, with an error in
 * the field "vcpus". */
void front_answer_with(const struct front_answer *answer);
void front_answer_memory(uint32_t connection, struct bytes attached);
void front_answer_receipt(uint32_t connection);
void front_answer_error(uint32_t connection, enum err_code code,
    const char *text);

#endif
