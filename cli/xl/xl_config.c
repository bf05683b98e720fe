#include "cli/xl/xl_config.h"

#include <ctype.h>
#include <inttypes.h>
#include <libxlutil.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "cli/xl/xl_keys.h"

enum { OTHERS_SIZE = 160 }; /* of keys that are refused besides the first */

struct reading {
	const XLU_Config *config;
	const char *file;
	struct xl_key key; /* the one that is looked at */
	struct xl_answer answer;
	/* What must be as large as memory and vcpus; 0 if it is not there. */
	int64_t maxmem_mib;
	int64_t maxvcpus;
	uint32_t seen; /* bits of `taken` */
};

/* A key that becomes part of the answer, or is compared with it. */
struct taken_key {
	const char *name;
	int (*take)(struct reading *reading, const struct taken_key *key,
	    struct err *err);
	size_t offset; /* of its value in struct reading */
	size_t size;
	int64_t max;
};

static int take_string(struct reading *reading, const struct taken_key *key,
    struct err *err);
static int take_uuid(struct reading *reading, const struct taken_key *key,
    struct err *err);
static int take_number(struct reading *reading, const struct taken_key *key,
    struct err *err);
static int take_action(struct reading *reading, const struct taken_key *key,
    struct err *err);
static int take_type(struct reading *reading, const struct taken_key *key,
    struct err *err);

#define AT(field) \
	offsetof(struct reading, field), sizeof(((struct reading *)0)->field)

static const struct taken_key taken[] = {
    {"name", take_string, AT(answer.name), 0},
    {"uuid", take_uuid, AT(answer.uuid), 0},
    {"assay_image", take_string, AT(answer.image), 0},
    {"memory", take_number, AT(answer.memory_mib), LIMIT_MEMORY_MIB},
    {"maxmem", take_number, AT(maxmem_mib), LIMIT_MEMORY_MIB},
    {"vcpus", take_number, AT(answer.vcpus), LIMIT_VCPUS},
    {"maxvcpus", take_number, AT(maxvcpus), LIMIT_VCPUS},
    {"on_poweroff", take_action, AT(answer.on_poweroff), 0},
    {"on_reboot", take_action, AT(answer.on_reboot), 0},
    {"on_crash", take_action, AT(answer.on_crash), 0},
    {"type", take_type, 0, 0, 0},
};

/* What the image has that was signed. */
static const char *const image_has[] = {"kernel", "ramdisk", "cmdline", "extra",
    "root", "bootloader", "bootloader_args", "firmware", "firmware_override"};

/* What to do about keys that assayd would have to ignore. */
static const struct {
	const char *name;
	const char *advice;
} advices[] = {
    {"builder", "write type = \"pv\" instead"},
    {"disk", "attach disks to a domain that was built with --paused"},
    {"vif", "attach networks to a domain that was built with --paused"},
    {"on_watchdog", "for assayd this end is a crash: on_crash"},
    {"on_soft_reset", "for assayd this end is a crash: on_crash"},
    {"pci", "assayd gives domains no devices of the host"},
};

static int refuse_what_is_no_text(struct bytes text, const char *file,
    struct err *err);
static int parse(XLU_Config *config, struct bytes text, FILE *report,
    char *const *said, struct err *err);
static int take_keys(struct reading *reading, struct bytes text,
    struct err *err);
static bool is_taken(const struct reading *reading);
static int refuse_all(struct reading *reading, struct xl_keys *keys,
    struct err *err);
static bool add_other(const struct xl_key *key,
    char others[static OTHERS_SIZE]);
static int take_key(struct reading *reading, struct err *err);
static bool is_key(const struct reading *reading, const char *name);
static int refuse_key(const struct reading *reading, struct err *err);
static int compare(const struct reading *reading, struct err *err);
static int refuse(const struct reading *reading, enum err_code code,
    struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void config_freep(XLU_Config **config);
static void closep_file(FILE **file);

int
xl_config_read(struct bytes text, const char *file,
    struct xl_answer *ret_answer, struct err *err)
{
	CLEANUP(freep) char *said = NULL;
	CLEANUP(closep_file) FILE *report = NULL;
	CLEANUP(config_freep) XLU_Config *config = NULL;
	struct reading reading = {.file = file};
	size_t said_len;

	TRY(refuse_what_is_no_text(text, file, err));
	report = open_memstream(&said, &said_len);
	if (report != NULL)
		config = xlu_cfg_init(report, file);
	if (config == NULL)
		return err_set(err, NO_MEMORY, "%s", err_quote_str(file).text);
	TRY(parse(config, text, report, &said, err));
	reading.config = config;
	TRY(take_keys(&reading, text, err));
	TRY(compare(&reading, err));
	*ret_answer = reading.answer;
	return 0;
}

/* A zero byte inside of a string makes libxlutil abort. */
static int
refuse_what_is_no_text(struct bytes text, const char *file, struct err *err)
{
	unsigned int line = 1;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t byte = text.ptr[i];

		if (byte == '\n')
			line++;
		else if ((byte < ' ' && byte != '\t' && byte != '\r') ||
			 byte == 0x7f)
			return err_set(err, XL_CONFIG_MALFORMED,
			    "%s: line %u: byte 0x%02x: this is no text",
			    err_quote_str(file).text, line, byte);
	}
	return 0;
}

/* It says "FILE:LINE: ..."; of several lines the first is the cause. */
static int
parse(XLU_Config *config, struct bytes text, FILE *report, char *const *said,
    struct err *err)
{
	char *line;

	if (xlu_cfg_readdata(config, (const char *)text.ptr, (int)text.len) ==
	    0)
		return 0;
	if (fflush(report) != 0 || *said == NULL)
		return err_set(err, NO_MEMORY, "what libxlutil says");
	line = *said;
	line[strcspn(line, "\n")] = '\0';
	for (char *at = line; *at != '\0'; at++) {
		if (*at < ' ' || *at > '~')
			*at = '?';
	}
	return err_set(err, XL_CONFIG_MALFORMED, "%s",
	    *line != '\0' ? line : "libxlutil does not say why");
}

static int
take_keys(struct reading *reading, struct bytes text, struct err *err)
{
	struct xl_keys keys = {text, 1};

	while (xl_keys_next(&keys, &reading->key)) {
		if (!is_taken(reading))
			return refuse_all(reading, &keys, err);
		TRY(take_key(reading, err));
	}
	return 0;
}

static bool
is_taken(const struct reading *reading)
{
	for (size_t i = 0; i < countof(taken); i++) {
		if (is_key(reading, taken[i].name))
			return true;
	}
	return false;
}

/* This key with its reason, and what else stands in the way: all in one try. */
static int
refuse_all(struct reading *reading, struct xl_keys *keys, struct err *err)
{
	bool has_image = reading->answer.image[0] != '\0';
	char others[OTHERS_SIZE] = "";
	size_t left_out = 0;
	struct err first;

	(void)refuse_key(reading, &first);
	while (xl_keys_next(keys, &reading->key)) {
		has_image |= is_key(reading, "assay_image");
		if (!is_taken(reading) && !add_other(&reading->key, others))
			left_out++;
	}
	return err_set_field(err, first.code, first.field, "%s%s%s%s%s",
	    first.text, others[0] != '\0' ? "; also refused: " : "", others,
	    left_out > 0 ? ", ..." : "",
	    has_image ? "" : "; and no assay_image or --image");
}

/* False: there is no room. */
static bool
add_other(const struct xl_key *key, char others[static OTHERS_SIZE])
{
	struct err_quoted name = err_quote(key->name.ptr, key->name.len);
	size_t len = strlen(others);
	int need = snprintf(others + len, OTHERS_SIZE - len, "%s%s (line %u)",
	    len > 0 ? ", " : "", name.text, key->line);

	if ((size_t)need < OTHERS_SIZE - len)
		return true;
	others[len] = '\0';
	return false;
}

static int
take_key(struct reading *reading, struct err *err)
{
	for (size_t i = 0; i < countof(taken); i++) {
		if (!is_key(reading, taken[i].name))
			continue;
		if ((reading->seen >> i & 1) != 0)
			return refuse(reading, XL_CONFIG_VALUE_BAD, err,
			    "it is set twice");
		reading->seen |= 1u << i;
		return taken[i].take(reading, &taken[i], err);
	}
	return refuse_key(reading, err);
}

static bool
is_key(const struct reading *reading, const char *name)
{
	return bytes_equal(reading->key.name, bytes_of_str(name));
}

static int
refuse_key(const struct reading *reading, struct err *err)
{
	for (size_t i = 0; i < countof(image_has); i++) {
		if (is_key(reading, image_has[i]))
			return refuse(reading, XL_CONFIG_IMAGE_HAS, err,
			    "the signed image decides this");
	}
	for (size_t i = 0; i < countof(advices); i++) {
		if (is_key(reading, advices[i].name))
			return refuse(reading, XL_CONFIG_UNSUPPORTED, err, "%s",
			    advices[i].advice);
	}
	return refuse(reading, XL_CONFIG_UNSUPPORTED, err,
	    "assayd would have to ignore this");
}

static int
take_string(struct reading *reading, const struct taken_key *key,
    struct err *err)
{
	char *at = (char *)reading + key->offset;
	const char *value;

	if (xlu_cfg_get_string(reading->config, key->name, &value, 1) != 0)
		return refuse(reading, XL_CONFIG_VALUE_BAD, err,
		    "not a string");
	if (value[0] == '\0' || strlen(value) >= key->size)
		return refuse(reading, XL_CONFIG_VALUE_BAD, err,
		    "%s: not of 1 to %zu bytes", err_quote_str(value).text,
		    key->size - 1);
	for (size_t i = 0; value[i] != '\0'; i++) {
		if (value[i] <= ' ' || value[i] > '~')
			return refuse(reading, XL_CONFIG_VALUE_BAD, err,
			    "%s: not printable ASCII without blanks",
			    err_quote_str(value).text);
	}
	memcpy(at, value, strlen(value) + 1);
	return 0;
}

/* xl takes both cases, assayd the lower one. */
static int
take_uuid(struct reading *reading, const struct taken_key *key, struct err *err)
{
	char *at = (char *)reading + key->offset;

	TRY(take_string(reading, key, err));
	for (; *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
	return 0;
}

static int
take_number(struct reading *reading, const struct taken_key *key,
    struct err *err)
{
	int64_t *at = (int64_t *)(void *)((char *)reading + key->offset);
	long number;

	if (xlu_cfg_get_bounded_long(reading->config, key->name, 1,
		(long)key->max, &number, 1) != 0)
		return refuse(reading, XL_CONFIG_VALUE_BAD, err,
		    "not a number from 1 to %" PRId64, key->max);
	*at = number;
	return 0;
}

/* xl knows more of them: other names for what restarts, and dumps of memory. */
static int
take_action(struct reading *reading, const struct taken_key *key,
    struct err *err)
{
	const char *at = (const char *)reading + key->offset;

	TRY(take_string(reading, key, err));
	if (strcmp(at, "destroy") != 0 && strcmp(at, "restart") != 0 &&
	    strcmp(at, "preserve") != 0)
		return refuse(reading, XL_CONFIG_VALUE_BAD, err,
		    "assayd does \"destroy\", \"restart\" or "
		    "\"preserve\" only");
	return 0;
}

static int
take_type(struct reading *reading, const struct taken_key *key, struct err *err)
{
	const char *value;

	if (xlu_cfg_get_string(reading->config, key->name, &value, 1) != 0 ||
	    strcmp(value, "pv") != 0)
		return refuse(reading, XL_CONFIG_VALUE_BAD, err,
		    "assayd builds \"pv\" only");
	return 0;
}

/* Without vcpus, xl starts one. */
static int
compare(const struct reading *reading, struct err *err)
{
	const struct xl_answer *answer = &reading->answer;
	int64_t vcpus = answer->vcpus != 0 ? answer->vcpus : 1;

	if (reading->maxmem_mib != 0 &&
	    reading->maxmem_mib != answer->memory_mib)
		return err_set_field(err, XL_CONFIG_VALUE_BAD, "maxmem",
		    "%s: maxmem: not the same number as memory, and assayd "
		    "gives a domain no more memory later",
		    err_quote_str(reading->file).text);
	if (reading->maxvcpus != 0 && reading->maxvcpus != vcpus)
		return err_set_field(err, XL_CONFIG_VALUE_BAD, "maxvcpus",
		    "%s: maxvcpus: not the same number as vcpus, and assayd "
		    "gives a domain no more of them later",
		    err_quote_str(reading->file).text);
	return 0;
}

static int
refuse(const struct reading *reading, enum err_code code, struct err *err,
    const char *fmt, ...)
{
	struct err_quoted name =
	    err_quote(reading->key.name.ptr, reading->key.name.len);
	char why[160];
	va_list args;

	va_start(args, fmt);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is begun */
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	return err_set_field(err, code, name.text, "%s: line %u: %s: %s",
	    err_quote_str(reading->file).text, reading->key.line, name.text,
	    why);
}

static void
config_freep(XLU_Config **config)
{
	xlu_cfg_destroy(*config);
}

static void
closep_file(FILE **file)
{
	if (*file != NULL)
		fclose(*file);
}
