/*
 * assayd: what people start. It reads its options and its configuration, which
 * is JSON, and the bytes of the trust policy, at which it does not look; then
 * it becomes the supervisor, a program that reads no JSON. Nothing of what was
 * read here goes on but one record and those bytes.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/sealing.h"
#include "base/file.h"
#include "base/log.h"
#include "base/scope.h"
#include "builder/daemon_config.h"
#include "builder/process_start.h"
#include "builder/role.h"
#include "builder/sandbox.h"
#include "builder/setup/daemon_config_load.h"
#include "builder/setup/hand_over.h"
#include "builder/setup/landlock.h"
#include "builder/setup/socket_activation.h"
#include "builder/xen/fault.h"

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
static int set_up(const struct options *options, char *const *arguments,
    struct err *err);
static void say_what_is_weaker(const struct daemon_config *config);
static int read_trust(const char *path, struct sealed **ret_text,
    struct err *err);
static int refuse(const char *what, const char *word);
static int usage(FILE *out);

int
main(int argc, char **argv)
{
	struct options options = {.config = default_config};
	struct err err = {0};
	int code;

	log_set_role("assayd");
	if (process_start(&err) != 0)
		return process_failed(&err);
	code = parse_options(argc, argv, &options);
	if (code >= 0)
		return code;
	signal(SIGPIPE, SIG_IGN);
	set_up(&options, argv, &err);
	return process_failed(&err);
}

/* Does not return if all is well. */
static int
set_up(const struct options *options, char *const *arguments, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *trust = NULL;
	CLEANUP(closep) int listen_fd = -1;
	static struct role_start start;

	start.role = ROLE_SUPERVISOR;
	start.is_development = options->is_development;
	start.fault = options->fault;
	TRY(daemon_config_load(options->config, &start.config, err));
	TRY(socket_activation_take(start.config.socket, &listen_fd, err));
	start.has_listener = listen_fd >= 0;
	say_what_is_weaker(&start.config);
	if (!start.config.measure.is_set && !start.is_development)
		return err_set_field(err, CONFIG_BAD, "measure",
		    "%s: measure: missing, and this is not --development",
		    options->config);
	TRY(read_trust(start.config.trust, &trust, err));
	return hand_over(&start, trust, listen_fd, arguments, err);
}

/* Than the manual says of the sandboxes. */
static void
say_what_is_weaker(const struct daemon_config *config)
{
	if (!landlock_is_there())
		log_line("weaker lacks=landlock detail=\"a stage can read any "
			 "file that its user can\"");
	if (config->sandbox_uid != 0)
		log_line("weaker shares=sandbox_uid detail=\"roles have one "
			 "user; use users instead\"");
}

/* The policy's text, at which the roles look that decide. */
static int
read_trust(const char *path, struct sealed **ret_text, struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	size_t len;

	if (file_read(path, LIMIT_TRUST_BYTES, &text, &len, err) != 0) {
		if (err->code == IMAGE_TOO_LARGE)
			err->code = TRUST_TOO_LARGE;
		return err_prefix(err, "trust policy");
	}
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
			return refuse("there is no option", argv[i]);
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
	return optind == argc ? -1
	                      : refuse("unexpected argument:", argv[optind]);
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

/* What was wrong comes first: a usage alone leaves people to search for it. */
static int
refuse(const char *what, const char *word)
{
	fprintf(stderr, "assayd: %s %s\n", what, err_quote_str(word).text);
	return usage(stderr);
}

static int
usage(FILE *out)
{
	fprintf(out, "usage: assayd [--config FILE] [--development]\n"
		     "       assayd --help | --version\n");
	return EXIT_USAGE;
}
