/*
 * Writing a new trust policy, for `assay trust init`.
 *
 * What comes out was read back by trust_decode(), so a policy that assayd would
 * refuse is never written.
 */
#ifndef ASSAY_KEYS_SIGN_TRUST_WRITE_H
#define ASSAY_KEYS_SIGN_TRUST_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "keys/public_key.h"

/* A policy of one role. Everything is borrowed. */
struct trust_draft {
	int64_t version;
	const char *role;
	int64_t threshold;
	const struct public_key *const *keys;
	size_t key_count;
	const char *const *patterns;
	size_t pattern_count;
	bool is_debug;
};

/*
 * The policy as JSON text, which ends in a newline. Nothing is revoked and no
 * floor is set. Deterministic: members, keys and patterns are sorted, so the
 * same draft gives the same text in whatever order they come.
 * Returns owned text (malloc, NUL-terminated).
 * Errors: TRUST_MALFORMED; NO_MEMORY.
 */
int trust_encode_new(const struct trust_draft *draft, char **ret_text,
    struct err *err);

#endif
