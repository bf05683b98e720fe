/*
 * assayd.conf: where things are and who may call. Read once at start, from the
 * measured ramdisk; read-only afterwards. Format: assayd.conf(5).
 */
#ifndef ASSAY_BUILDER_DAEMON_CONFIG_H
#define ASSAY_BUILDER_DAEMON_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "builder/caller_rule.h"
#include "builder/sandbox.h"
#include "grant-preload/grant_plan.h"

#define CONFIG_SCHEMA    "assay.config/1"
#define CONFIG_PATH_SIZE 108 /* sun_path: the tightest of the paths */

/* How starts and builds are measured: the "measure" member. */
struct measure_config {
	bool is_set;
	char tpm[CONFIG_PATH_SIZE];         /* "device:/dev/tpmrm0" */
	char identity[CONFIG_PATH_SIZE];    /* assay-tpm-identity(5) */
	char boot_policy[CONFIG_PATH_SIZE]; /* assay-boot-policy(5) */
	char log[CONFIG_PATH_SIZE];         /* assay-event-log(5) */
	uint32_t pcr;
	bool has_dynamic_launch; /* the NV index is extended too */
};

/* Of the roles, and their groups. */
struct daemon_users {
	bool is_set;
	uint32_t of[SANDBOX_ROLES];
};

struct daemon_config {
	char store[CONFIG_PATH_SIZE];
	char trust[CONFIG_PATH_SIZE];
	char trust_updates[CONFIG_PATH_SIZE]; /* a chain, or "" */
	char socket[CONFIG_PATH_SIZE];
	char state[CONFIG_PATH_SIZE]; /* journal and receipts; root's alone */
	char libxl_dir[CONFIG_PATH_SIZE]; /* libxl's userdata, or "" for none */
	uint32_t allow_uids[LIMIT_ALLOWED_UIDS];
	uint32_t allow_uid_count;
	struct caller_rule callers[LIMIT_CALLERS]; /* builder/caller_rule.h */
	uint32_t caller_count;
	struct grant_daemons daemons;
	struct daemon_users users;
	uint32_t sandbox_uid;     /* older: one for all but who builds; or 0 */
	uint32_t build_seconds;   /* that a build, or a removal, may take */
	uint32_t builds_per_hour; /* of each caller */
	struct measure_config measure;
};

#endif
