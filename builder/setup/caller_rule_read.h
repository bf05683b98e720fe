/* The member "callers" of assayd.conf(5), which is JSON. */
#ifndef ASSAY_BUILDER_SETUP_CALLER_RULE_READ_H
#define ASSAY_BUILDER_SETUP_CALLER_RULE_READ_H

#include "base/json_table.h"

/* Into a struct daemon_config. Errors: the place's code. */
extern const struct json_kind caller_rules_kind;

struct daemon_config;

/* Once all of it was read: is anybody meant twice? Errors: likewise. */
int caller_rules_check(const struct json_at *root,
    const struct daemon_config *config, struct err *err);

#endif
