#include <getopt.h>
#include <stdio.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/client.h"
#include "cli/command.h"

struct options {
	const char *socket;
	const char *image;
	const char *manifest;
	const char *name;
	const char *uuid;
	int64_t memory_mib;
	int64_t vcpus;
	bool is_paused;
	bool with_timing;
	bool as_json;
};

static int parse(int argc, char **argv, struct options *ret_options);
static int show(json_t *reply, const struct options *options);
static void show_timing(json_t *timing);

static int
run(int argc, char **argv)
{
	CLEANUP(json_freep) json_t *reply = NULL;
	struct options options = {
	    .socket = CLIENT_DEFAULT_SOCKET,
	    .vcpus = 1,
	};
	struct err err = {0};
	int code = parse(argc, argv, &options);

	if (code != EXIT_DONE)
		return code;
	if (client_call(options.socket, "BuildDomain",
	        json_pack("{s:s, s:s, s:s*, s:s*, s:I, s:I, s:b}", "image",
	            options.image, "name", options.name, "manifest",
	            options.manifest, "uuid", options.uuid, "memory_mib",
	            (json_int_t)options.memory_mib, "vcpus",
	            (json_int_t)options.vcpus, "paused",
	            (int)options.is_paused),
	        &reply, &err) != 0)
		return command_failed(&err, options.as_json);
	return show(reply, &options);
}

static int
parse(int argc, char **argv, struct options *ret_options)
{
	static const struct option known[] = {
	    {"socket", required_argument, NULL, 's'},
	    {"manifest", required_argument, NULL, 'M'},
	    {"name", required_argument, NULL, 'n'},
	    {"uuid", required_argument, NULL, 'u'},
	    {"memory-mib", required_argument, NULL, 'm'},
	    {"vcpus", required_argument, NULL, 'c'},
	    {"paused", no_argument, NULL, 'p'},
	    {"timing", no_argument, NULL, 't'},
	    {"json", no_argument, NULL, 'j'},
	    {NULL, 0, NULL, 0},
	};
	const struct command *self = &command_build;
	int option;

	while ((option = getopt_long(argc, argv, "s:M:n:u:m:c:ptj", known,
	            NULL)) != -1) {
		switch (option) {
		case 's':
			ret_options->socket = optarg;
			break;
		case 'M':
			ret_options->manifest = optarg;
			break;
		case 'n':
			ret_options->name = optarg;
			break;
		case 'u':
			ret_options->uuid = optarg;
			break;
		case 'm':
			if (!command_parse_number(optarg, INT32_MAX,
			        &ret_options->memory_mib))
				return command_usage(self, "not a number: %s",
				    optarg);
			break;
		case 'c':
			if (!command_parse_number(optarg, INT32_MAX,
			        &ret_options->vcpus))
				return command_usage(self, "not a number: %s",
				    optarg);
			break;
		case 'p':
			ret_options->is_paused = true;
			break;
		case 't':
			ret_options->with_timing = true;
			break;
		case 'j':
			ret_options->as_json = true;
			break;
		default:
			return command_usage(self, "bad option");
		}
	}
	if (optind + 1 != argc || ret_options->memory_mib == 0)
		return command_usage(self,
		    "--memory-mib and one image name are needed");
	ret_options->image = argv[optind];
	if (ret_options->name == NULL)
		ret_options->name = ret_options->image;
	return EXIT_DONE;
}

static int
show(json_t *reply, const struct options *options)
{
	json_t *receipt = json_object_get(reply, "receipt");
	const char *name = NULL;
	const char *image = NULL;
	const char *version = NULL;
	const char *uuid = NULL;
	int domid = -1;

	if (options->as_json)
		return command_print_json(json_incref(receipt));
	if (json_unpack(receipt, "{s:s, s:s, s:s, s:s, s:i}", "name", &name,
	        "image", &image, "version", &version, "uuid", &uuid, "domid",
	        &domid) != 0) {
		struct err err;

		err_set(&err, DAEMON_UNREACHABLE, "a receipt without a domid");
		return command_failed(&err, false);
	}
	printf("built %s from %s %s: domid %d, uuid %s\n", name, image,
	    version, domid, uuid);
	if (options->with_timing)
		show_timing(json_object_get(receipt, "timing_usec"));
	return EXIT_DONE;
}

static void
show_timing(json_t *timing)
{
	json_int_t total = 0;
	const char *phase;
	json_t *usec;

	json_object_foreach (timing, phase, usec) {
		total += json_integer_value(usec);
		printf("  %-10s %9.3f ms\n", phase,
		    (double)json_integer_value(usec) / 1000.0);
	}
	printf("  %-10s %9.3f ms\n", "total", (double)total / 1000.0);
}

const struct command command_build = {
    NULL, "build",
    "[--name NAME] [--manifest DIGEST] [--uuid UUID] --memory-mib N [--vcpus "
    "N] [--paused] [--timing] [--json] [--socket PATH] IMAGE",
    "build a domain from a signed image", run};
