#include "builder/setup/daemon_config_load.h"

#include <string.h>

#include "base/file.h"
#include "base/json_table.h"
#include "base/scope.h"
#include "builder/setup/caller_rule_read.h"

/*
 * Five numbers that nobody else has: Debian reserves 65000 to 65533 and gives
 * none of them away (Debian Policy 9.2.2), and of these systemd uses none above
 * 65519 (systemd, UIDS-GIDS). Not nobody, who is whatever else could not get a
 * user of its own.
 */
enum { FIRST_USER = 65520, NOBODY = 65534 };

/* A log of 32 MiB holds some 36,000 builds and their ends. */
enum { DEFAULT_BUILDS_PER_HOUR = 600, MAX_BUILDS_PER_HOUR = 100000 };
enum { MAX_BUILD_SECONDS = 3600 };

/* Registers that neither firmware nor Xen nor IMA extends, and that nobody can
 * reset. Spec: TCG PC Client PFP, "PCR Usage". */
enum { FIRST_PCR = 11, DEFAULT_PCR = 13, LAST_PCR = 15 };

/* Below DOMID_FIRST_RESERVED. */
enum { MAX_DOMID = 0x7fef };

static int decode(const char *text, size_t len,
    struct daemon_config *ret_config, struct err *err);
static bool is_device(const char *address);
static int read_uids(const struct json_at *root,
    const struct json_member *member, void *ret_value, struct err *err);
static int choose_users(const struct json_at *root,
    struct daemon_config *config, struct err *err);
static void choose_defaults(struct daemon_config *config);
static bool is_absolute(const char *path);

static const struct json_kind uids_kind = {"[]int", read_uids, NULL};

#define PATH(name, type, field)                                    \
	MEMBER_STRING(name, type, field), .is_valid = is_absolute, \
					  .text = "not an absolute path"

static const struct json_member measure_members[] = {
    {MEMBER_STRING("tpm", struct measure_config, tpm), .is_valid = is_device,
	.text = "not \"device:\" and an absolute path"},
    {PATH("identity", struct measure_config, identity)},
    {PATH("boot_policy", struct measure_config, boot_policy)},
    {PATH("log", struct measure_config, log)},
    {MEMBER_INTEGER("pcr", struct measure_config, pcr, FIRST_PCR, LAST_PCR),
	.presence = JSON_OPTIONAL},
    {MEMBER_BOOL("dynamic_launch", struct measure_config, has_dynamic_launch),
	.presence = JSON_OPTIONAL},
};
static const struct json_table measure_table = {JSON_MEMBERS(measure_members)};

#define USER(name, role) \
	MEMBER_INTEGER(name, struct daemon_users, of[role], 1, UINT32_MAX - 1)

static const struct json_member users_members[] = {
    {USER("front", SANDBOX_FRONT)},
    {USER("stage", SANDBOX_STAGE)},
    {USER("verify", SANDBOX_VERIFY)},
    {USER("build", SANDBOX_BUILD)},
    {USER("tpm", SANDBOX_TPM)},
};
static const struct json_table users_table = {JSON_MEMBERS(users_members)};

static const struct json_member members[] = {
    {PATH("store", struct daemon_config, store)},
    {PATH("trust", struct daemon_config, trust)},
    {PATH("trust_updates", struct daemon_config, trust_updates),
	.presence = JSON_OPTIONAL},
    {PATH("socket", struct daemon_config, socket)},
    {PATH("state", struct daemon_config, state)},
    {PATH("libxl_dir", struct daemon_config, libxl_dir),
	.presence = JSON_OPTIONAL},
    {MEMBER_OF_ALL("allow_uids", uids_kind)},
    {MEMBER_OF_ALL("callers", caller_rules_kind), .presence = JSON_OPTIONAL},
    {MEMBER_INTEGER("xenstored_domid", struct daemon_config,
	daemons.xenstored_domid, 0, MAX_DOMID)},
    {MEMBER_INTEGER("xenconsoled_domid", struct daemon_config,
	daemons.xenconsoled_domid, 0, MAX_DOMID)},
    {MEMBER_INTEGER("sandbox_uid", struct daemon_config, sandbox_uid, 1,
	 UINT32_MAX - 1),
	.presence = JSON_OPTIONAL},
    {MEMBER_OBJECT("users", struct daemon_config, users, users_table),
	.presence = JSON_OPTIONAL,
	MEMBER_HAS(struct daemon_config, users.is_set)},
    {MEMBER_INTEGER("build_seconds", struct daemon_config, build_seconds, 1,
	 MAX_BUILD_SECONDS),
	.presence = JSON_OPTIONAL},
    {MEMBER_INTEGER("builds_per_hour", struct daemon_config, builds_per_hour, 1,
	 MAX_BUILDS_PER_HOUR),
	.presence = JSON_OPTIONAL},
    {MEMBER_OBJECT("measure", struct daemon_config, measure, measure_table),
	.presence = JSON_OPTIONAL,
	MEMBER_HAS(struct daemon_config, measure.is_set)},
};
static const struct json_table config_table = {JSON_MEMBERS(members),
    .schema = CONFIG_SCHEMA};

int
daemon_config_load(const char *path, struct daemon_config *ret_config,
    struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	size_t len;

	if (file_read(path, LIMIT_CONFIG_BYTES, &text, &len, err) != 0) {
		if (err->code == IMAGE_TOO_LARGE)
			err->code = CONFIG_BAD;
		return (int)err->code;
	}
	if (decode(text, len, ret_config, err) != 0)
		return err_prefix(err, "%s", path);
	return 0;
}

static int
decode(const char *text, size_t len, struct daemon_config *ret_config,
    struct err *err)
{
	CLEANUP(json_freep) json_t *document = NULL;
	struct daemon_config config = {
	    .build_seconds = LIMIT_BUILD_SECONDS,
	    .builds_per_hour = DEFAULT_BUILDS_PER_HOUR,
	    .libxl_dir = "/var/lib/xen",
	};
	struct json_at root;

	TRY(json_parse(bytes_of(text, len), 4, "configuration", CONFIG_BAD,
	    &document, err));
	root = json_root(document, CONFIG_BAD);
	TRY(json_table_read(&root, &config_table, &config, err));
	TRY(caller_rules_check(&root, &config, err));
	TRY(choose_users(&root, &config, err));
	/* Null, which is not the default: no userdata of libxl's. */
	if (json_is_null(json_object_get(document, "libxl_dir")))
		config.libxl_dir[0] = '\0';
	if (config.measure.is_set && config.measure.pcr == 0)
		config.measure.pcr = DEFAULT_PCR;
	*ret_config = config;
	return 0;
}

/* Its sandbox lets the tpm role open no socket. */
static bool
is_device(const char *address)
{
	static const char device[] = "device:/";

	return strncmp(address, device, strlen(device)) == 0;
}

static int
read_uids(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err)
{
	struct daemon_config *config = ret_value;
	struct json_at array;

	TRY(json_array_in(root, member->name, LIMIT_ALLOWED_UIDS, &array, err));
	for (size_t i = 0; i < json_array_size(array.value); i++) {
		json_t *item = json_array_get(array.value, i);

		if (!json_is_integer(item) || json_integer_value(item) < 0 ||
		    json_integer_value(item) >= UINT32_MAX)
			return json_refuse(root, member->name, err,
			    "item %zu is not a user id", i);
		config->allow_uids[i] = (uint32_t)json_integer_value(item);
		config->allow_uid_count++;
	}
	return 0;
}

/* One for each role, none of which can then reach another. */
static int
choose_users(const struct json_at *root, struct daemon_config *config,
    struct err *err)
{
	uint32_t *of = config->users.of;

	if (!config->users.is_set) {
		choose_defaults(config);
		return 0;
	}
	if (config->sandbox_uid != 0)
		return json_refuse(root, "sandbox_uid", err,
		    "there are users too");
	for (uint32_t role = 0; role < SANDBOX_ROLES; role++) {
		if (of[role] == NOBODY)
			return json_refuse(root, "users", err,
			    "nobody, which others are too");
		for (uint32_t other = 0; other < role; other++) {
			if (of[other] == of[role])
				return json_refuse(root, "users", err,
				    "two roles are user %u", of[role]);
		}
	}
	return 0;
}

static void
choose_defaults(struct daemon_config *config)
{
	for (uint32_t role = 0; role < SANDBOX_ROLES; role++)
		config->users.of[role] =
		    config->sandbox_uid != 0 && role != SANDBOX_BUILD
			? config->sandbox_uid
			: FIRST_USER + role;
}

static bool
is_absolute(const char *path)
{
	return path[0] == '/';
}
