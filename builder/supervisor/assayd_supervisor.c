/*
 * The program of the supervisor, which assayd becomes. It looks at no text: the
 * configuration comes as a struct, and at the policy's bytes the roles look.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

#include <openssl/crypto.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/process_start.h"
#include "builder/role_main.h"
#include "builder/role_sealed.h"
#include "builder/sandbox_limits.h"
#include "builder/supervisor/journal.h"
#include "builder/supervisor/listener.h"
#include "builder/supervisor/log_queue.h"
#include "builder/supervisor/role_launch.h"
#include "builder/supervisor/supervisor.h"

static int serve(const struct role_start *begun);
static void heed_signals(void);
static int run(const struct role_start *begun, struct err *err);
static int find_listener(const struct role_start *begun, int *ret_fd,
    struct err *err);

int
main(void)
{
	static struct role_start begun;
	struct err err = {0};

	log_set_role("assayd");
	if (process_start(&err) != 0)
		return process_failed(&err);
	signal(SIGPIPE, SIG_IGN);
	/* The environment must not choose what verifies: no openssl.cnf. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	if (!role_main_take_start(ROLE_SUPERVISOR, &begun)) {
		fputs("assayd-supervisor: assayd starts this program\n",
		    stderr);
		return EXIT_USAGE;
	}
	return serve(&begun);
}

/* Its first line and its last wait for no reader of the log either. */
static int
serve(const struct role_start *begun)
{
	struct err err = {0};
	int status = EXIT_DONE;
	int code;

	log_queue_open();
	code = run(begun, &err);
	heed_signals();
	if (code != 0)
		status = process_failed(&err);
	log_queue_close();
	return status;
}

/* Those that came are dealt with; the next one ends us, whatever the log does.
 */
static void
heed_signals(void)
{
	static const int numbers[] = {SIGTERM, SIGINT};
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < countof(numbers); i++) {
		signal(numbers[i], SIG_IGN); /* forgets the one that waits */
		signal(numbers[i], SIG_DFL);
		sigaddset(&signals, numbers[i]);
	}
	sigprocmask(SIG_UNBLOCK, &signals, NULL);
}

static int
run(const struct role_start *begun, struct err *err)
{
	CLEANUP(role_programs_close) struct role_programs programs = {{0}};
	CLEANUP(sealed_freep) struct sealed *trust = NULL;
	CLEANUP(journal_close) struct journal journal = {.lock_fd = -1};
	CLEANUP(closep) int listen_fd = -1;
	const struct role_launcher launcher = {role_programs_launch, &programs};
	struct supervisor_start start = {
	    .config = &begun->config,
	    .journal = &journal,
	    .launcher = &launcher,
	    .fault = begun->fault,
	    .is_development = begun->is_development,
	};

	/* Last: all roles would die with it. Without root it stays as it is. */
	(void)sandbox_limits_killed(SANDBOX_KILLED_LAST, err);
	trust = role_main_sealed(SUPERVISOR_FD_TRUST, LIMIT_TRUST_BYTES,
	    "trust policy");
	/* Roles get it by name, and not because it is open. */
	(void)fcntl(SUPERVISOR_FD_TRUST, F_SETFD, FD_CLOEXEC);
	start.trust = trust;
	TRY(role_programs_open(&programs, err));
	TRY(supervisor_find_trust(&start, &start.in_force, err));
	/* The lock first: only its holder may replace the socket. */
	TRY(journal_open(begun->config.state, &journal, err));
	TRY(find_listener(begun, &listen_fd, err));
	return supervisor_run(&start, &listen_fd, err);
}

/* No role has got it by now: who launches them closes what they do not get. */
static int
find_listener(const struct role_start *begun, int *ret_fd, struct err *err)
{
	if (!begun->has_listener)
		return listener_open(&begun->config, ret_fd, err);
	(void)fcntl(SUPERVISOR_FD_LISTEN, F_SETFD, FD_CLOEXEC);
	*ret_fd = SUPERVISOR_FD_LISTEN;
	return 0;
}
