#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/domain/domain_words.h"
#include "cli/domain/guest_config.h"

struct options {
	const char *socket;
	const char *image;
	const char *manifest;
	const char *name;
	const char *uuid;
	int64_t memory_mib;
	int64_t vcpus;
	const char *on_poweroff;
	const char *on_reboot;
	const char *on_crash;
	struct xl_answer file; /* what a file for xl(1) has */
	bool is_paused;
	bool with_timing;
	bool as_json;
};

static int read_options(int argc, char **argv, struct options *options);
static int choose_operand(struct options *options, const char *operand);
static int check_actions(const struct options *options);
static const char *or_of_file(const char *option, const char *of_file);
static int check_words(const struct options *options);
static int refuse_without_memory(const char *operand);
static int take_file(const char *path, struct options *options);
static json_t *pack_call(const struct options *options);
static json_int_t now_usec(void);
static int show(json_t *reply, json_int_t round_trip_usec,
    const struct options *options);
static void show_passed_over(json_t *passed);
static void show_timing(json_t *timing, json_int_t round_trip_usec);

static int
run(int argc, char **argv)
{
	CLEANUP(json_freep) json_t *reply = NULL;
	struct options options = {.socket = ASSAY_DEFAULT_ADDRESS};
	struct err err = {0};
	json_int_t start_usec;
	int status = read_options(argc, argv, &options);

	if (status != ARGUMENTS_READ)
		return status;
	start_usec = now_usec();
	if (client_call(options.socket, "BuildDomain", pack_call(&options),
		&reply, &err) != 0)
		return command_failed(&err, options.as_json);
	return show(reply, now_usec() - start_usec, &options);
}

static int
read_options(int argc, char **argv, struct options *options)
{
	const struct argument known[] = {
	    {"name", required_argument, .text = &options->name},
	    {"manifest", required_argument, .text = &options->manifest},
	    {"uuid", required_argument, .text = &options->uuid},
	    {"image", required_argument, .text = &options->image},
	    {"memory-mib", required_argument, .number = &options->memory_mib,
		.min = 1, .max = LIMIT_MEMORY_MIB},
	    {"vcpus", required_argument, .number = &options->vcpus, .min = 1,
		.max = LIMIT_VCPUS},
	    {"on-poweroff", required_argument, .text = &options->on_poweroff},
	    {"on-reboot", required_argument, .text = &options->on_reboot},
	    {"on-crash", required_argument, .text = &options->on_crash},
	    {"paused", no_argument, .flag = &options->is_paused},
	    {"timing", no_argument, .flag = &options->with_timing},
	    {"json", no_argument, .flag = &options->as_json},
	    {"socket", required_argument, .text = &options->socket},
	};
	int status =
	    arguments_read(&command_build, known, countof(known), &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	status = choose_operand(options, argv[1]);
	if (status != ARGUMENTS_READ)
		return status;
	if (options->memory_mib == 0)
		return refuse_without_memory(argv[1]);
	if (options->vcpus == 0)
		options->vcpus = 1;
	if (options->name == NULL)
		options->name = options->image;
	status = check_words(options);
	return status == ARGUMENTS_READ ? check_actions(options) : status;
}

/* assayd would say of which parameter it does not know the value. */
static int
check_actions(const struct options *options)
{
	const struct {
		const char *option;
		const char *action;
	} given[] = {
	    {"--on-poweroff", options->on_poweroff},
	    {"--on-reboot", options->on_reboot},
	    {"--on-crash", options->on_crash},
	};

	for (size_t i = 0; i < countof(given); i++) {
		const char *action = given[i].action;

		if (action != NULL && strcmp(action, "destroy") != 0 &&
		    strcmp(action, "restart") != 0 &&
		    strcmp(action, "preserve") != 0)
			return command_usage(&command_build,
			    "%s is destroy, restart or preserve",
			    given[i].option);
	}
	return ARGUMENTS_READ;
}

static int
check_words(const struct options *options)
{
	const struct command *self = &command_build;
	int status = domain_words_check_image(self, options->image);

	if (status == ARGUMENTS_READ)
		status = domain_words_check_name(self, options->name);
	if (status == ARGUMENTS_READ)
		status = domain_words_check_uuid(self, options->uuid);
	if (status == ARGUMENTS_READ)
		status = domain_words_check_digest(self, "manifest",
		    options->manifest);
	return status;
}

/* Who has a file for xl(1) may have meant that. */
static int
refuse_without_memory(const char *operand)
{
	if (operand != NULL && guest_config_is_path(operand))
		return command_usage(&command_build,
		    "--memory-mib is missing, and the file has no memory");
	if (operand != NULL && access(operand, F_OK) == 0)
		return command_usage(&command_build,
		    "--memory-mib is missing; %s is an image here: for the "
		    "file write ./%s",
		    err_quote_str(operand).text, err_quote_str(operand).text);
	return command_usage(&command_build, "--memory-mib is missing");
}

/* As for xl(1), a file is named alone; no image has such a name. */
static int
choose_operand(struct options *options, const char *operand)
{
	int status;

	if (operand != NULL && guest_config_is_path(operand)) {
		status = take_file(operand, options);
		if (status != ARGUMENTS_READ)
			return status;
	} else if (operand != NULL) {
		if (options->image != NULL)
			return command_usage(&command_build,
			    "there is --image too: %s",
			    err_quote_str(operand).text);
		options->image = operand;
	}
	if (options->image == NULL)
		return command_usage(&command_build, "%s",
		    operand != NULL ? "--image is missing, and the file has no "
				      "assay_image"
				    : "missing argument: IMAGE");
	return ARGUMENTS_READ;
}

/* Options go before what the file has. */
static int
take_file(const char *path, struct options *options)
{
	struct xl_answer *file = &options->file;
	struct err err = {0};

	if (guest_config_read(path, file, &err) != 0)
		return command_failed(&err, options->as_json);
	if (options->image == NULL && file->image[0] != '\0')
		options->image = file->image;
	if (options->name == NULL && file->name[0] != '\0')
		options->name = file->name;
	if (options->uuid == NULL && file->uuid[0] != '\0')
		options->uuid = file->uuid;
	if (options->memory_mib == 0)
		options->memory_mib = file->memory_mib;
	if (options->vcpus == 0)
		options->vcpus = file->vcpus;
	options->on_poweroff =
	    or_of_file(options->on_poweroff, file->on_poweroff);
	options->on_reboot = or_of_file(options->on_reboot, file->on_reboot);
	options->on_crash = or_of_file(options->on_crash, file->on_crash);
	return ARGUMENTS_READ;
}

static const char *
or_of_file(const char *option, const char *of_file)
{
	return option != NULL || of_file[0] == '\0' ? option : of_file;
}

static json_t *
pack_call(const struct options *options)
{
	return json_pack("{s:s, s:s, s:s*, s:s*, s:I, s:I, s:b, s:s*, s:s*, "
			 "s:s*}",
	    "image", options->image, "name", options->name, "manifest",
	    options->manifest, "uuid", options->uuid, "memory_mib",
	    (json_int_t)options->memory_mib, "vcpus",
	    (json_int_t)options->vcpus, "paused", (int)options->is_paused,
	    "on_poweroff", options->on_poweroff, "on_reboot",
	    options->on_reboot, "on_crash", options->on_crash);
}

static json_int_t
now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (json_int_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int
show(json_t *reply, json_int_t round_trip_usec, const struct options *options)
{
	json_t *receipt = json_object_get(reply, "receipt");
	const char *name;
	const char *image;
	const char *version;
	const char *uuid;
	int domid;
	struct err err;

	if (json_unpack(receipt, "{s:s, s:s, s:s, s:s, s:i}", "name", &name,
		"image", &image, "version", &version, "uuid", &uuid, "domid",
		&domid) != 0) {
		client_refuse_reply("the receipt", &err);
		return command_failed(&err, options->as_json);
	}
	json_object_set_new(receipt, "round_trip_usec",
	    json_integer(round_trip_usec));
	if (options->as_json)
		return command_print_json(json_incref(receipt));
	printf("built %s from %s %s: domid %d, uuid %s\n", name, image, version,
	    domid, uuid);
	show_passed_over(json_object_get(receipt, "passed_over"));
	if (options->with_timing)
		show_timing(json_object_get(receipt, "timing_usec"),
		    round_trip_usec);
	return EXIT_DONE;
}

/* What has the name too, and may not run. */
static void
show_passed_over(json_t *passed)
{
	json_int_t count = json_integer_value(json_object_get(passed, "count"));
	json_t *images = json_object_get(passed, "images");

	for (size_t i = 0; i < json_array_size(images); i++) {
		const char *version;
		const char *code;

		if (json_unpack(json_array_get(images, i), "{s:s, s:s}",
			"version", &version, "code", &code) == 0)
			printf("  passed over %s: %s\n", version, code);
	}
	if (count > (json_int_t)json_array_size(images))
		printf("  passed over %lld in all\n", (long long)count);
}

static void
show_timing(json_t *timing, json_int_t round_trip_usec)
{
	json_int_t total = 0;
	const char *phase;
	json_t *usec;

	json_object_foreach(timing, phase, usec)
	{
		total += json_integer_value(usec);
		printf("  %-10s %9.3f ms\n", phase,
		    (double)json_integer_value(usec) / 1000.0);
	}
	printf("  %-10s %9.3f ms, %.3f ms from call to reply\n", "total",
	    (double)total / 1000.0, (double)round_trip_usec / 1000.0);
}

const struct command command_build = {NULL, "build",
    "[--image NAME] [--name NAME] [--manifest DIGEST] [--uuid UUID] "
    "[--memory-mib N] [--vcpus N] [--on-poweroff ACTION] "
    "[--on-reboot ACTION] [--on-crash ACTION] [--paused] [--timing] [--json] "
    "[--socket ADDRESS]",
    "[IMAGE|FILE]", "build a domain from a signed image", run};
