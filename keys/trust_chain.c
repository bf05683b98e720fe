#include "keys/trust_chain.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "keys/trust_policy.h"

static int blame_size(const char *path, size_t max_bytes, struct err *err);
static int take_line(struct bytes *rest, size_t number, struct bytes *ret_line,
    struct err *err);
static int check_previous(const struct trust_policy *current,
    const struct trust_policy *next, struct err *err);
static int check_signers(const struct trust_policy *policy, struct bytes raw,
    const struct dsse_envelope *envelope, struct verify_budget *budget,
    struct err *err);

int
trust_load(const char *path, struct trust_policy **ret_policy, struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	size_t len;

	if (file_read(path, LIMIT_TRUST_BYTES, &text, &len, err) != 0)
		return blame_size(path, LIMIT_TRUST_BYTES, err);
	if (trust_decode(bytes_of(text, len), ret_policy, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

int
trust_load_chain(const char *root_path, const char *updates_path,
    struct trust_policy **ret_policy, struct err *err)
{
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;

	TRY(trust_load(root_path, &policy, err));
	if (updates_path != NULL && updates_path[0] != '\0')
		TRY(trust_apply_file(&policy, updates_path, err));
	*ret_policy = take_ptr(&policy);
	return 0;
}

int
trust_apply_file(struct trust_policy **policy, const char *path,
    struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	size_t len;

	TRY(trust_chain_read(path, &text, &len, err));
	if (trust_chain_apply(policy, bytes_of(text, len), err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

int
trust_chain_read(const char *path, char **ret_text, size_t *ret_len,
    struct err *err)
{
	if (file_read_regular(path, LIMIT_TRUST_CHAIN_BYTES, ret_text, ret_len,
		err) != 0)
		return blame_size(path, LIMIT_TRUST_CHAIN_BYTES, err);
	return 0;
}

int
trust_chain_read_open(int fd, const char *path, char **ret_text,
    size_t *ret_len, struct err *err)
{
	if (file_read_open(fd, path, LIMIT_TRUST_CHAIN_BYTES, ret_text, ret_len,
		err) != 0)
		return blame_size(path, LIMIT_TRUST_CHAIN_BYTES, err);
	return 0;
}

int
trust_chain_follow(const struct trust_policy *root, struct bytes chain,
    struct trust_policy **ret_newest, struct err *err)
{
	CLEANUP(trust_freep) struct trust_policy *newest = NULL;
	struct verify_budget budget;
	size_t number = 0;

	verify_budget_init(&budget);
	while (chain.len > 0) {
		struct trust_policy *next = NULL;
		struct bytes line = {.len = 0};

		number++;
		TRY(take_line(&chain, number, &line, err));
		if (trust_chain_step(newest != NULL ? newest : root, line,
			&budget, &next, err) != 0)
			return err_prefix(err, "line %zu", number);
		trust_freep(&newest);
		newest = next;
	}
	*ret_newest = take_ptr(&newest);
	return 0;
}

int
trust_chain_apply(struct trust_policy **policy, struct bytes chain,
    struct err *err)
{
	struct trust_policy *newest = NULL;

	TRY(trust_chain_follow(*policy, chain, &newest, err));
	if (newest == NULL)
		return 0;
	trust_freep(policy);
	*policy = newest;
	return 0;
}

int
trust_chain_step(const struct trust_policy *current, struct bytes raw,
    struct verify_budget *budget, struct trust_policy **ret_next,
    struct err *err)
{
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	CLEANUP(trust_freep) struct trust_policy *next = NULL;

	TRY(dsse_decode_max(raw, LIMIT_TRUST_ENVELOPE_BYTES, &envelope, err));
	TRY(check_signers(current, raw, envelope, budget, err));
	TRY(trust_decode(dsse_raw_payload(envelope), &next, err));
	TRY(trust_check_follows(current, next, err));
	TRY(check_signers(next, raw, envelope, budget, err));
	*ret_next = take_ptr(&next);
	return 0;
}

int
trust_check_follows(const struct trust_policy *current_policy,
    const struct trust_policy *next_policy, struct err *err)
{
	int64_t current = trust_version(current_policy);
	int64_t next = trust_version(next_policy);

	if (next == current)
		return err_set_field(err, TRUST_REPLAYED, "version",
		    "version %lld is in force already", (long long)next);
	if (next < current)
		return err_set_field(err, TRUST_DOWNGRADE, "version",
		    "version %lld, but %lld is in force", (long long)next,
		    (long long)current);
	if (next - current != 1)
		return err_set_field(err, TRUST_GAP, "version",
		    "version %lld does not follow %lld", (long long)next,
		    (long long)current);
	return check_previous(current_policy, next_policy, err);
}

/* The limits are not those of an image, and the remedy neither. */
static int
blame_size(const char *path, size_t max_bytes, struct err *err)
{
	if (err->code == IMAGE_TOO_LARGE)
		return err_set(err, TRUST_TOO_LARGE, "%s: over %zu bytes",
		    err_quote_str(path).text, max_bytes);
	return (int)err->code;
}

/* Without its end, which must be there: half a chain is no shorter chain. */
static int
take_line(struct bytes *rest, size_t number, struct bytes *ret_line,
    struct err *err)
{
	const uint8_t *end = memchr(rest->ptr, '\n', rest->len);
	size_t len;

	if (number > LIMIT_TRUST_STEPS)
		return err_set(err, TRUST_TOO_LARGE,
		    "trust chain: over %d lines", LIMIT_TRUST_STEPS);
	if (end == NULL)
		return err_set(err, TRUST_CHAIN_MALFORMED,
		    "line %zu does not end: the file was cut", number);
	len = (size_t)(end - rest->ptr);
	if (len == 0)
		return err_set(err, TRUST_CHAIN_MALFORMED, "line %zu is empty",
		    number);
	*ret_line = bytes_of(rest->ptr, len);
	*rest = bytes_of(end + 1, rest->len - len - 1);
	return 0;
}

/* The number alone fits each policy that another fleet, or another day, had. */
static int
check_previous(const struct trust_policy *current,
    const struct trust_policy *next, struct err *err)
{
	char text[DIGEST_TEXT_SIZE];

	if (!current->is_bound && !next->is_bound)
		return 0;
	if (next->has_previous &&
	    digest_equal(&next->previous, &current->digest))
		return 0;
	digest_text(&current->digest, text);
	return err_set_field(err, TRUST_OTHER_PREVIOUS, "previous",
	    "version %lld was not made to follow %s, which is in force",
	    (long long)next->version, text);
}

static int
check_signers(const struct trust_policy *policy, struct bytes raw,
    const struct dsse_envelope *envelope, struct verify_budget *budget,
    struct err *err)
{
	struct trust_verdict verdict;

	if (trust_verify_for(policy, TRUST_POLICY, raw, envelope, budget,
		&verdict, err) != 0)
		return err_prefix(err, "by the trust role of version %lld",
		    (long long)trust_version(policy));
	return 0;
}
