#include "keys/sign/trust_write.h"

#include "base/limits.h"
#include "base/scope.h"
#include "keys/sign/trust_edit.h"

static int check_counts(const struct trust_draft *draft, struct err *err);
static int fill(struct trust_edit *edit, const struct trust_draft *draft,
    struct err *err);

int
trust_encode_new(const struct trust_draft *draft, char **ret_text,
    struct err *err)
{
	CLEANUP(trust_edit_freep) struct trust_edit *edit = NULL;

	TRY(check_counts(draft, err));
	TRY(trust_edit_new(&edit, err));
	TRY(fill(edit, draft, err));
	return trust_edit_finish(edit, draft->version, NULL, ret_text, err);
}

static int
check_counts(const struct trust_draft *draft, struct err *err)
{
	if (draft->version < 1)
		return err_set_field(err, TRUST_MALFORMED, "version",
		    "version: %lld is below 1", (long long)draft->version);
	if (draft->key_count > LIMIT_TRUST_KEYS)
		return err_set_field(err, TRUST_MALFORMED, "keys",
		    "%zu keys, limit %d", draft->key_count, LIMIT_TRUST_KEYS);
	if (draft->pattern_count > LIMIT_ROLE_PATTERNS)
		return err_set_field(err, TRUST_MALFORMED, "images",
		    "%zu patterns, limit %d", draft->pattern_count,
		    LIMIT_ROLE_PATTERNS);
	return 0;
}

/* A key that comes twice is listed once, and then refused in the role. */
static int
fill(struct trust_edit *edit, const struct trust_draft *draft, struct err *err)
{
	struct digest ids[LIMIT_TRUST_KEYS];
	struct trust_role_draft role = {
	    .name = draft->role,
	    .purpose = TRUST_IMAGE,
	    .threshold = draft->threshold,
	    .key_ids = ids,
	    .key_count = draft->key_count,
	    .patterns = draft->patterns,
	    .pattern_count = draft->pattern_count,
	    .is_debug = draft->is_debug,
	};

	for (size_t i = 0; i < draft->key_count; i++) {
		ids[i] = *public_key_id(draft->keys[i]);
		if (!trust_edit_has_key(edit, &ids[i]))
			TRY(trust_edit_add_key(edit, draft->keys[i], err));
	}
	return trust_edit_set_role(edit, &role, err);
}
