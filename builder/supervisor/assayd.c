/*
 * assayd: the daemon. Reads its configuration and the trust policy, takes its
 * socket, and becomes the supervisor.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/draft.h"
#include "base/log.h"
#include "base/scope.h"
#include "builder/config.h"
#include "builder/xen/fault.h"
#include "builder/supervisor/journal.h"
#include "builder/process_start.h"
#include "builder/sandbox.h"
#include "builder/sandbox_limits.h"
#include "builder/supervisor/listener.h"
#include "builder/supervisor/role_launch.h"
#include "builder/supervisor/supervisor.h"
#include "builder/trust_in_force.h"
#include "keys/trust_chain.h"
#include "base/err_meaning.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_ENVIRONMENT = 3 };
enum { OPTION_FAIL_AT = 1000, OPTION_KILL_AT, OPTION_DEVELOPMENT };

static const struct option known_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"development", no_argument, NULL, OPTION_DEVELOPMENT},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
#if ASSAY_FAULTS
    {"fail-at", required_argument, NULL, OPTION_FAIL_AT},
    {"kill-at", required_argument, NULL, OPTION_KILL_AT},
#endif
    {NULL, 0, NULL, 0},
};

static const char default_config[] = "/etc/assay/assayd.conf";

struct options {
	const char *config;
	bool is_development;
	struct fault fault;
};

static int parse_options(int argc, char **argv, struct options *ret_options);
static bool is_known(const char *text);
static int set_fault(struct options *options, int option,
    const char *operation);
static int run(const struct options *options, struct err *err);
static void say_what_is_weaker(const struct config *config);
static int load_trust(const struct config *config, struct sealed **ret_text,
    struct trust_mark *ret_in_force, struct err *err);
static int report(const struct err *err);
static int usage(FILE *out);

int
main(int argc, char **argv)
{
	struct options options = {.config = default_config};
	struct err err = {0};
	int code;

	log_set_role("assayd");
	if (process_start(&err) != 0)
		return report(&err);
	code = parse_options(argc, argv, &options);
	if (code >= 0)
		return code;
	signal(SIGPIPE, SIG_IGN);
	/* The environment must not choose what verifies: no openssl.cnf. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	if (run(&options, &err) == 0)
		return EXIT_DONE;
	return report(&err);
}

static int
report(const struct err *err)
{
	log_line("failed code=%s detail=\"%s\" remedy=\"%s\"",
	    err_name(err->code), err->text, err_remedy(err->code));
	return err_class_of(err->code) == ERR_CLASS_REFUSAL ? EXIT_REFUSED
	                                                    : EXIT_ENVIRONMENT;
}

static int
run(const struct options *options, struct err *err)
{
	CLEANUP(role_programs_close) struct role_programs programs = {{0}};
	CLEANUP(sealed_freep) struct sealed *trust = NULL;
	CLEANUP(journal_close) struct journal journal = {.lock_fd = -1};
	CLEANUP(closep) int listen_fd = -1;
	const struct role_launcher launcher = {role_programs_launch, &programs};
	struct config config;
	struct supervisor_start start = {
	    .config = &config,
	    .journal = &journal,
	    .launcher = &launcher,
	    .fault = options->fault,
	    .is_development = options->is_development,
	};

	TRY(config_load(options->config, &config, err));
	say_what_is_weaker(&config);
	if (!config.measure.is_set && !options->is_development)
		return err_set_field(err, CONFIG_BAD, "measure",
		    "%s: measure: missing, and this is not --development",
		    options->config);
	sandbox_limits_keep();
	TRY(load_trust(&config, &trust, &start.in_force, err));
	start.trust = trust;
	TRY(role_programs_open(&programs, err));
	/* The lock first: only its holder may replace the socket. */
	TRY(journal_open(config.state, &journal, err));
	TRY(listener_open(&config, &listen_fd, err));
	return supervisor_run(&start, &listen_fd, err);
}

/* Than the manual says of the sandboxes. */
static void
say_what_is_weaker(const struct config *config)
{
	if (!sandbox_has_landlock())
		log_line("weaker lacks=landlock detail=\"a stage can read any "
			 "file that its user can\"");
	if (config->sandbox_uid != 0)
		log_line("weaker shares=sandbox_uid detail=\"roles have one "
			 "user; say users instead\"");
}

/* The policy's text, for the roles that decide, and what follows from it and
 * from the chain of updates. */
static int
load_trust(const struct config *config, struct sealed **ret_text,
    struct trust_mark *ret_in_force, struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	CLEANUP(trust_freep) struct trust_policy *root = NULL;
	CLEANUP(trust_in_force_done) struct trust_in_force trust = {0};
	size_t len;

	TRY(trust_load_text(config->trust, &text, &len, &root, err));
	TRY(trust_in_force_load(root, config->trust_updates, &trust, err));
	*ret_in_force = trust_in_force_mark(&trust);
	return sealed_from_bytes("trust policy", bytes_of(text, len), ret_text,
	    err);
}

/* -1: go on; otherwise the exit status. */
static int
parse_options(int argc, char **argv, struct options *ret_options)
{
	int option;

	/* getopt_long(3) would take the beginning of a name for the name. */
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--", 2) == 0 && !is_known(argv[i]))
			return usage(stderr);
	}
	while ((option = getopt_long(argc, argv, "c:hV", known_options,
		    NULL)) != -1) {
		switch (option) {
		case 'c':
			ret_options->config = optarg;
			break;
		case OPTION_DEVELOPMENT:
			ret_options->is_development = true;
			break;
		case 'h':
			usage(stdout);
			return EXIT_DONE;
		case 'V':
			puts("assayd " ASSAY_VERSION);
			return EXIT_DONE;
		case OPTION_FAIL_AT:
		case OPTION_KILL_AT:
			TRY(set_fault(ret_options, option, optarg));
			break;
		default:
			return usage(stderr);
		}
	}
	return optind == argc ? -1 : usage(stderr);
}

/* `text` is "--NAME" or "--NAME=VALUE". */
static bool
is_known(const char *text)
{
	const struct option *known = known_options;
	size_t len = strcspn(text + 2, "=");

	for (; known->name != NULL; known++) {
		if (strlen(known->name) == len &&
		    memcmp(known->name, text + 2, len) == 0)
			return true;
	}
	return false;
}

#if ASSAY_FAULTS
static int
set_fault(struct options *options, int option, const char *operation)
{
	const char *const *known = fault_operations();

	while (*known != NULL && strcmp(*known, operation) != 0)
		known++;
	if (*known == NULL) {
		fprintf(stderr, "assayd: no operation is called %s\n",
		    operation);
		return EXIT_USAGE;
	}
	options->fault.kind =
	    option == OPTION_FAIL_AT ? FAULT_FAIL : FAULT_KILL;
	snprintf(options->fault.operation, sizeof(options->fault.operation),
	    "%s", operation);
	return 0;
}
#else
static int
set_fault(struct options *options, int option, const char *operation)
{
	(void)options;
	(void)option;
	(void)operation;
	return EXIT_USAGE;
}
#endif

static int
usage(FILE *out)
{
	fprintf(out, "usage: assayd [--config FILE] [--development]\n"
		     "       assayd --help | --version\n");
	return EXIT_USAGE;
}
