/*
 * The whole daemon on the fake Xen: supervisor, front, build children and
 * stages are real processes; the store, the signatures and the socket are
 * real. The fakes lie in memory that all of them share.
 */
#ifndef ASSAY_TESTS_DAEMON_FIXTURE_H
#define ASSAY_TESTS_DAEMON_FIXTURE_H

#include "front_fixture.h"

#include "builder/xen/fault.h"
#include "tpm_port_fake.h"

extern struct xen_fake *fake;
extern struct tpm_fake *tpm;        /* of those tests that have one */
extern struct trust_policy *policy; /* the root */
extern struct daemon_config config;
extern pid_t daemon_pid;
extern bool is_development;

/*
 * cmocka setup and teardown: a fresh working directory whose "store" holds
 * web:1; the daemon is not started yet, and is killed at the end.
 */
int daemon_setup(void **state);
int daemon_teardown(void **state);

#define daemon_test(test) \
	cmocka_unit_test_setup_teardown(test, daemon_setup, daemon_teardown)

/* Development: no identity and no boot policy, but a TPM and a log. */
void give_tpm(void);

/* Its own log is "daemon.log". With a fault, in a build without them, the test
 * is skipped. */
void start_daemon(enum fault_kind kind, const char *operation);
#if !ASSAY_FAULTS
const char *const *fault_operations(void);
#endif

/* What xenstored says to a daemon's watch role: that something changed. */
void fire_watch(void);

/* Send it the signal; returns its status, as wait(2) says it. */
int end_daemon(int signal_number);

/* The daemon's n-th child, in the order of their birth; 0: there is none. */
pid_t child_of_daemon(int n);

/* The first one with this role: "tpm", "front", "verify", "stage", "build"; 0
 * if there is none (yet). */
pid_t role_of_daemon(const char *role);

/* A build as domain NAME whose uuid ends in NUMBER; and is this in the next
 * reply? */
void send_build(int fd, const char *name, unsigned int number);
void assert_reply(int fd, const char *part);

/* The next such operation of the fake hangs, until it may go on. */
void hang_at(const char *operation);
void go_on(void);
void wait_for_call(const char *operation);

/* Fail if it never becomes so. */
void wait_until(bool (*is_so)(void), const char *what);
bool is_nothing_left(void);
bool is_domain_gone(void);
void assert_nothing_left(void);
size_t count_pending(void);

/* How often this is in the event log, once the tpm role has ended or not. */
int logged(const char *part);

#endif
