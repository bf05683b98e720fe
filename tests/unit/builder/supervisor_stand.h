/*
 * The supervisor's state in the hands of a test: one running build, whose child
 * is the test, and the far ends of its links to front and tpm role.
 */
#ifndef ASSAY_TESTS_SUPERVISOR_STAND_H
#define ASSAY_TESTS_SUPERVISOR_STAND_H

#include "daemon_clock.h"

#include "builder/supervisor/supervisor_state.h"

/* The caller of the build that runs, and another one. */
enum { CONNECTION = 5, OTHER = 6 };

struct stand {
	struct supervisor *sup;
	struct job *job;
	struct journal journal;
	struct sealed *trust;
	int child;    /* the build child's end */
	int front;    /* the front's end for answers */
	int recorder; /* the tpm role's end */
	int looker;   /* the look role's end */
	int watcher;  /* the watch role's end */
};

extern struct stand stand;

/* cmocka setup and teardown. */
int stand_setup(void **state);
int stand_teardown(void **state);

#define stand_test(test) \
	cmocka_unit_test_setup_teardown(test, stand_setup, stand_teardown)

/* That of the socket, which is there. */
struct front_child *socket_front(void);

/* The front asks this, and what it wants to know of Xen the fake tells. */
void stand_call(const struct front_call *call);

/* Is anything there to be read? */
bool has_answer(int fd);

/* The next one to the front, which is there. */
struct front_answer next_answer(void);

/* The child has ended, but nobody took notice yet. */
void wait_for_end(const struct job *job);

/* A process that does nothing until it is killed; told to end, it ends well. */
pid_t start_process(void);

/* This test is the look role: the number of the look that it was asked for, or
 * 0 if none was; and the domains that it saw. */
uint32_t next_look(void);
void answer_look(uint32_t number, const struct xen_domain_info *infos,
    size_t count);

#endif
