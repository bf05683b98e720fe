#include <stdio.h>

#include "base/json.h"
#include "base/scope.h"
#include "cli/domain/affected.h"
#include "cli/domain/domain_state.h"
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/command.h"
#include "keys/trust_chain.h"

struct options {
	const char *socket;
	const char *trust;
	const char *updates;
	bool is_affected;
	bool as_json;
};

static int read_options(int argc, char **argv, struct options *options);
static int list(const struct options *options, size_t *ret_count,
    struct err *err);
static int keep_affected(const struct options *options, json_t *reply,
    struct err *err);
static int show_all(json_t *domains, struct err *err);
static int show(json_t *domain, struct err *err);

static int
run(int argc, char **argv)
{
	struct options options = {.socket = ASSAY_DEFAULT_ADDRESS};
	struct err err = {0};
	int status = read_options(argc, argv, &options);
	size_t count;

	if (status != ARGUMENTS_READ)
		return status;
	if (list(&options, &count, &err) != 0)
		return command_failed(&err, options.as_json);
	return options.is_affected && count > 0 ? EXIT_REFUSED : EXIT_DONE;
}

static int
read_options(int argc, char **argv, struct options *options)
{
	const struct argument known[] = {
	    {"affected", no_argument, .flag = &options->is_affected},
	    {"trust", required_argument, .text = &options->trust},
	    {"updates", required_argument, .text = &options->updates},
	    {"socket", required_argument, .text = &options->socket},
	    {"json", no_argument, .flag = &options->as_json},
	};
	int status =
	    arguments_read(&command_ps, known, countof(known), &argc, argv);

	if (status == ARGUMENTS_READ &&
	    options->is_affected != (options->trust != NULL))
		return command_usage(&command_ps,
		    "--affected needs --trust, and --trust is for it alone");
	if (status == ARGUMENTS_READ && options->updates != NULL &&
	    options->trust == NULL)
		return command_usage(&command_ps, "--updates needs --trust");
	return status;
}

static int
list(const struct options *options, size_t *ret_count, struct err *err)
{
	CLEANUP(json_freep) json_t *reply = NULL;

	TRY(client_call(options->socket, "ListDomains", json_object(), &reply,
	    err));
	if (options->is_affected)
		TRY(keep_affected(options, reply, err));
	*ret_count = json_array_size(json_object_get(reply, "domains"));
	if (!options->as_json)
		return show_all(json_object_get(reply, "domains"), err);
	command_print_json(take_ptr(&reply));
	return 0;
}

static int
keep_affected(const struct options *options, json_t *reply, struct err *err)
{
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;

	TRY(trust_load_chain(options->trust, options->updates, &policy, err));
	return affected_keep(policy, json_object_get(reply, "domains"), err);
}

static int
show_all(json_t *domains, struct err *err)
{
	json_t *domain;
	size_t i;

	if (!json_is_array(domains))
		return client_refuse_reply("domains", err);
	printf("%5s %-24s %-24s %-12s %7s %5s %s\n", "DOMID", "NAME", "IMAGE",
	    "VERSION", "MIB", "VCPUS", "STATE");
	json_array_foreach(domains, i, domain) TRY(show(domain, err));
	return 0;
}

static int
show(json_t *domain, struct err *err)
{
	const char *name;
	const char *image;
	const char *version;
	int domid;
	int memory_mib;
	int vcpus;
	const char *reason = "";
	const char *state;

	json_unpack(domain, "{s:{s:s}}", "affected", "code", &reason);
	if (json_unpack(domain, "{s:{s:i, s:s, s:s, s:s, s:i, s:i}}", "receipt",
		"domid", &domid, "name", &name, "image", &image, "version",
		&version, "memory_mib", &memory_mib, "vcpus", &vcpus) != 0)
		return client_refuse_reply("a member of a domain", err);
	TRY(domain_state_of(domain, &state, err));
	printf("%5d %-24s %-24s %-12s %7d %5d %s%s%s\n", domid, name, image,
	    version, memory_mib, vcpus, state, reason[0] != '\0' ? " " : "",
	    reason);
	return 0;
}

const struct command command_ps = {NULL, "ps",
    "[--affected --trust FILE [--updates CHAIN]] [--json] [--socket ADDRESS]",
    "", "list the domains that assayd built", run};
