#include "builder/config.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/scope.h"

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

static const char default_libxl_dir[] = "/var/lib/xen";

static int read_paths(const struct json_at *root, struct config *ret_config,
    struct err *err);
static int read_path(const struct json_at *root, const char *member,
    char ret_path[CONFIG_PATH_SIZE], struct err *err);
static int read_number(const struct json_at *root, const char *member,
    uint32_t max, uint32_t *number, struct err *err);
static int read_uids(const struct json_at *root, struct config *ret_config,
    struct err *err);
static int read_users(const struct json_at *root, struct config *config,
    struct err *err);
static int read_user(const struct json_at *users, const char *member,
    uint32_t ret_users[SANDBOX_ROLES], int role, struct err *err);
static int read_daemons(const struct json_at *root,
    struct grant_daemons *ret_daemons, struct err *err);
static int read_measure(const struct json_at *root,
    struct measure_config *ret_measure, struct err *err);

int
config_load(const char *path, struct config *ret_config, struct err *err)
{
	static const char *const known[] = {"schema", "store", "trust",
	    "socket", "state", "libxl_dir", "allow_uids", "xenstored_domid",
	    "xenconsoled_domid", "sandbox_uid", "users", "measure",
	    "trust_updates", "build_seconds", "builds_per_hour", NULL};
	CLEANUP(freep) char *text = NULL;
	CLEANUP(json_freep) json_t *document = NULL;
	struct config config = {
	    .build_seconds = LIMIT_BUILD_SECONDS,
	    .builds_per_hour = DEFAULT_BUILDS_PER_HOUR,
	};
	struct json_at root;
	size_t len;

	if (file_read(path, LIMIT_CONFIG_BYTES, &text, &len, err) != 0) {
		if (err->code == IMAGE_TOO_LARGE)
			err->code = CONFIG_BAD;
		return (int)err->code;
	}
	TRY(json_parse(bytes_of(text, len), 4, "configuration", CONFIG_BAD,
	    &document, err));
	root = json_root(document, CONFIG_BAD);
	TRY(json_known(&root, known, err));
	TRY(json_literal_in(&root, "schema", CONFIG_SCHEMA, err));
	TRY(read_paths(&root, &config, err));
	TRY(read_uids(&root, &config, err));
	TRY(read_daemons(&root, &config.daemons, err));
	TRY(read_number(&root, "sandbox_uid", UINT32_MAX - 1,
	    &config.sandbox_uid, err));
	TRY(read_users(&root, &config, err));
	TRY(read_number(&root, "build_seconds", MAX_BUILD_SECONDS,
	    &config.build_seconds, err));
	TRY(read_number(&root, "builds_per_hour", MAX_BUILDS_PER_HOUR,
	    &config.builds_per_hour, err));
	if (json_has(&root, "measure"))
		TRY(read_measure(&root, &config.measure, err));
	*ret_config = config;
	return 0;
}

bool
config_allows_uid(const struct config *config, uint32_t uid)
{
	for (uint32_t i = 0; i < config->allow_uid_count; i++) {
		if (config->allow_uids[i] == uid)
			return true;
	}
	return false;
}

static int
read_paths(const struct json_at *root, struct config *ret_config,
    struct err *err)
{
	TRY(read_path(root, "store", ret_config->store, err));
	TRY(read_path(root, "trust", ret_config->trust, err));
	if (json_has(root, "trust_updates"))
		TRY(read_path(root, "trust_updates", ret_config->trust_updates,
		    err));
	TRY(read_path(root, "socket", ret_config->socket, err));
	TRY(read_path(root, "state", ret_config->state, err));
	if (json_object_get(root->value, "libxl_dir") == NULL)
		memcpy(ret_config->libxl_dir, default_libxl_dir,
		    sizeof(default_libxl_dir));
	else if (json_has(root, "libxl_dir"))
		TRY(read_path(root, "libxl_dir", ret_config->libxl_dir, err));
	return 0;
}

/* From 1 to `max`; what is not there stays as it is. */
static int
read_number(const struct json_at *root, const char *member, uint32_t max,
    uint32_t *number, struct err *err)
{
	int64_t value;

	if (!json_has(root, member))
		return 0;
	TRY(json_integer_in(root, member, 1, max, &value, err));
	*number = (uint32_t)value;
	return 0;
}

static int
read_path(const struct json_at *root, const char *member,
    char ret_path[CONFIG_PATH_SIZE], struct err *err)
{
	const char *path;

	TRY(json_string_in(root, member, CONFIG_PATH_SIZE - 1, &path, err));
	if (path[0] != '/')
		return json_refuse(root, member, err, "not an absolute path");
	memcpy(ret_path, path, strlen(path) + 1);
	return 0;
}

static int
read_uids(const struct json_at *root, struct config *ret_config,
    struct err *err)
{
	struct json_at array;

	TRY(json_array_in(root, "allow_uids", LIMIT_ALLOWED_UIDS, &array, err));
	for (size_t i = 0; i < json_array_size(array.value); i++) {
		json_t *item = json_array_get(array.value, i);

		if (!json_is_integer(item) || json_integer_value(item) < 0 ||
		    json_integer_value(item) >= UINT32_MAX)
			return json_refuse(root, "allow_uids", err,
			    "item %zu is not a user id", i);
		ret_config->allow_uids[i] = (uint32_t)json_integer_value(item);
		ret_config->allow_uid_count++;
	}
	return 0;
}

/* One for each role, none of which can then reach another. */
static int
read_users(const struct json_at *root, struct config *config, struct err *err)
{
	static const char *const known[] = {"front", "stage", "verify", "build",
	    "tpm", NULL};
	struct json_at users;

	for (int role = 0; role < SANDBOX_ROLES; role++)
		config->users[role] =
		    config->sandbox_uid != 0 && role != SANDBOX_BUILD
			? config->sandbox_uid
			: FIRST_USER + (uint32_t)role;
	if (!json_has(root, "users"))
		return 0;
	if (config->sandbox_uid != 0)
		return json_refuse(root, "sandbox_uid", err,
		    "there are users too");
	TRY(json_object_in(root, "users", &users, err));
	TRY(json_known(&users, known, err));
	for (int role = 0; role < SANDBOX_ROLES; role++)
		TRY(read_user(&users, known[role], config->users, role, err));
	return 0;
}

static int
read_user(const struct json_at *users, const char *member,
    uint32_t ret_users[SANDBOX_ROLES], int role, struct err *err)
{
	int64_t user;

	TRY(json_integer_in(users, member, 1, UINT32_MAX - 1, &user, err));
	if (user == NOBODY)
		return json_refuse(users, member, err,
		    "nobody, which others are too");
	for (int i = 0; i < role; i++) {
		if (ret_users[i] == user)
			return json_refuse(users, member, err,
			    "the user of another role");
	}
	ret_users[role] = (uint32_t)user;
	return 0;
}

static int
read_daemons(const struct json_at *root, struct grant_daemons *ret_daemons,
    struct err *err)
{
	static const int64_t max = 0x7fef; /* DOMID_FIRST_RESERVED - 1 */
	int64_t xenstored;
	int64_t xenconsoled;

	TRY(json_integer_in(root, "xenstored_domid", 0, max, &xenstored, err));
	TRY(json_integer_in(root, "xenconsoled_domid", 0, max, &xenconsoled,
	    err));
	*ret_daemons = (struct grant_daemons){
	    .xenstored_domid = (uint16_t)xenstored,
	    .xenconsoled_domid = (uint16_t)xenconsoled,
	};
	return 0;
}

static int
read_measure(const struct json_at *root, struct measure_config *ret_measure,
    struct err *err)
{
	static const char *const known[] = {"tpm", "identity", "boot_policy",
	    "log", "pcr", "dynamic_launch", NULL};
	static const char device[] = "device:/";
	struct json_at measure;
	const char *tpm;
	int64_t pcr = DEFAULT_PCR;

	TRY(json_object_in(root, "measure", &measure, err));
	TRY(json_known(&measure, known, err));
	TRY(json_string_in(&measure, "tpm", CONFIG_PATH_SIZE - 1, &tpm, err));
	/* Its sandbox lets the tpm role open no socket. */
	if (strncmp(tpm, device, strlen(device)) != 0)
		return json_refuse(&measure, "tpm", err,
		    "not \"device:\" and an absolute path");
	memcpy(ret_measure->tpm, tpm, strlen(tpm) + 1);
	TRY(read_path(&measure, "identity", ret_measure->identity, err));
	TRY(read_path(&measure, "boot_policy", ret_measure->boot_policy, err));
	TRY(read_path(&measure, "log", ret_measure->log, err));
	if (json_has(&measure, "pcr"))
		TRY(json_integer_in(&measure, "pcr", FIRST_PCR, LAST_PCR, &pcr,
		    err));
	if (json_has(&measure, "dynamic_launch"))
		TRY(json_bool_in(&measure, "dynamic_launch",
		    &ret_measure->has_dynamic_launch, err));
	ret_measure->pcr = (uint32_t)pcr;
	ret_measure->is_set = true;
	return 0;
}
