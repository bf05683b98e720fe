#include <stdio.h>

#include "base/json.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/domain/domain_state.h"
#include "cli/domain/domain_words.h"
#include "cli/domain/one_domain.h"

static int show(json_t *domain, struct err *err);
static void show_life(json_t *domain);
static void show_signers(json_t *signers);
static void show_caller(json_t *caller);

static int
run(int argc, char **argv)
{
	const char *socket = ASSAY_DEFAULT_ADDRESS;
	bool as_json = false;
	const struct argument known[] = {
	    {"socket", required_argument, .text = &socket},
	    {"json", no_argument, .flag = &as_json},
	};
	CLEANUP(json_freep) json_t *reply = NULL;
	struct err err = {0};
	int status = arguments_read(&command_describe, known, countof(known),
	    &argc, argv);

	if (status == ARGUMENTS_READ)
		status = domain_words_check_operand(&command_describe, argv[1]);
	if (status != ARGUMENTS_READ)
		return status;
	if (client_call(socket, "DescribeDomain", one_domain_selector(argv[1]),
		&reply, &err) != 0)
		return command_failed(&err, as_json);
	if (as_json)
		return command_print_json(take_ptr(&reply));
	if (show(json_object_get(reply, "domain"), &err) != 0)
		return command_failed(&err, as_json);
	return EXIT_DONE;
}

static int
show(json_t *domain, struct err *err)
{
	static const char *const texts[] = {"name", "uuid", "image", "version",
	    "role", "payload_digest", "envelope_digest", "config_digest",
	    "measurement"};
	json_t *receipt = json_object_get(domain, "receipt");
	const char *state;
	int domid;
	int memory_mib;
	int vcpus;

	if (json_unpack(receipt, "{s:i, s:i, s:i}", "domid", &domid,
		"memory_mib", &memory_mib, "vcpus", &vcpus) != 0)
		return client_refuse_reply("a number of the domain", err);
	TRY(domain_state_of(domain, &state, err));
	printf("%-16s %d\n", "domid", domid);
	for (size_t i = 0; i < countof(texts); i++) {
		const char *text =
		    json_string_value(json_object_get(receipt, texts[i]));

		if (text == NULL)
			return client_refuse_reply(texts[i], err);
		printf("%-16s %s\n", texts[i], text);
	}
	show_signers(json_object_get(receipt, "signers"));
	show_caller(json_object_get(receipt, "caller"));
	printf("%-16s %d\n%-16s %d\n%-16s %s\n", "memory_mib", memory_mib,
	    "vcpus", vcpus, "state", state);
	show_life(domain);
	return 0;
}

/* What becomes of it when it shuts down. */
static void
show_life(json_t *domain)
{
	static const char *const ends[] = {"on_poweroff", "on_reboot",
	    "on_crash"};
	json_t *restarts = json_object_get(domain, "restarts");

	for (size_t i = 0; i < countof(ends); i++) {
		const char *action =
		    json_string_value(json_object_get(domain, ends[i]));

		if (action != NULL)
			printf("%-16s %s\n", ends[i], action);
	}
	if (json_integer_value(restarts) > 0)
		printf("%-16s %lld\n", "restarts",
		    (long long)json_integer_value(restarts));
}

static void
show_signers(json_t *signers)
{
	json_t *signer;
	size_t i;

	json_array_foreach(signers, i, signer)
	{
		if (json_is_string(signer))
			printf("%-16s %s\n", "signer",
			    json_string_value(signer));
	}
}

/* A user, or a domain that assayd built; older ones do not say. */
static void
show_caller(json_t *caller)
{
	const char *image;
	const char *uuid;
	int domid;
	json_int_t uid;
	json_int_t gid;

	if (json_unpack(caller, "{s:I, s:I}", "uid", &uid, "gid", &gid) == 0)
		printf("%-16s user %lld, group %lld\n", "caller",
		    (long long)uid, (long long)gid);
	else if (json_unpack(caller, "{s:i, s:s, s:s}", "domid", &domid, "uuid",
		     &uuid, "image", &image) == 0)
		printf("%-16s domain %d, %s, of image %s\n", "caller", domid,
		    uuid, image);
}

const struct command command_describe = {NULL, "describe",
    "[--json] [--socket ADDRESS]", "DOMID|UUID|NAME",
    "show one domain, and what it was built from", run};
