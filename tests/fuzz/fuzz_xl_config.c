/*
 * Files for xl(1): what libxlutil takes has the keys that are found in it, and
 * none besides of those that a guest would be started with.
 */
#include <errno.h>
#include <libxlutil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/xl/xl_config.h"
#include "cli/xl/xl_keys.h"
#include "tests/fuzz/fuzz.h"

static void compare_keys(const XLU_Config *config, struct bytes text);
static bool is_found(struct bytes text, const char *name);
static bool is_set(const XLU_Config *config, const char *name);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static FILE *report;
	struct bytes text = bytes_of(data, len);
	struct xl_answer answer;
	struct err err;
	XLU_Config *config;

	if (len > LIMIT_XL_CONFIG_BYTES)
		return 0;
	(void)xl_config_read(text, "fuzz.cfg", &answer, &err);
	/* As there: no text with zero bytes gets to libxlutil. */
	if (memchr(data, '\0', len) != NULL)
		return 0;
	if (report == NULL)
		report = fopen("/dev/null", "w");
	config = xlu_cfg_init(report, "fuzz.cfg");
	if (config != NULL &&
	    xlu_cfg_readdata(config, (const char *)data, (int)len) == 0)
		compare_keys(config, text);
	xlu_cfg_destroy(config);
	return 0;
}

static void
compare_keys(const XLU_Config *config, struct bytes text)
{
	static const char *const names[] = {"name", "kernel", "ramdisk",
	    "extra", "root", "disk", "vif", "memory", "vcpus", "on_crash"};
	struct xl_keys keys = {text, 1};
	struct xl_key key;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		bug_unless(
		    is_set(config, names[i]) == is_found(text, names[i]));
	while (xl_keys_next(&keys, &key)) {
		char *name = strndup((const char *)key.name.ptr, key.name.len);

		bug_unless(name != NULL && is_set(config, name));
		free(name);
	}
}

static bool
is_found(struct bytes text, const char *name)
{
	struct xl_keys keys = {text, 1};
	struct xl_key key;

	while (xl_keys_next(&keys, &key)) {
		if (bytes_equal(key.name, bytes_of_str(name)))
			return true;
	}
	return false;
}

static bool
is_set(const XLU_Config *config, const char *name)
{
	const char *value;

	return xlu_cfg_get_string(config, name, &value, 1) != ESRCH;
}
