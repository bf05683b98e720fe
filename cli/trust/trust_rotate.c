#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/seen.h"
#include "cli/signing.h"
#include "keys/dsse.h"
#include "keys/trust_chain.h"
#include "keys/sign/trust_difference.h"
#include "keys/sign/trust_edit.h"

struct options {
	const char *root;
	const char *updates;
	const char *draft;
	struct seen seen;
	struct signing signing;
};

static int read_options(int argc, char **argv, struct options *options);
static int rotate(const struct options *options, const char *path,
    struct err *err);
static int show(const struct options *options,
    const struct trust_policy *current, struct bytes payload, struct err *err);
static int make_payload(const struct options *options,
    const struct trust_policy *current, const char *path, char **ret_text,
    size_t *ret_len, struct err *err);
static int next_version(const char *path, const struct trust_policy *current,
    char **ret_text, size_t *ret_len, struct err *err);
static int old_payload(const char *path, const struct trust_policy *current,
    char **ret_text, size_t *ret_len, struct err *err);
static int check_payload(struct bytes payload,
    const struct trust_policy *current, struct err *err);
static int read_text(const char *path, size_t max_bytes,
    enum err_code too_large, char **ret_text, size_t *ret_len, struct err *err);
static int report(const struct trust_policy *current, const char *path,
    struct err *err);

static int
run(int argc, char **argv)
{
	struct options options = {.root = NULL};
	struct err err = {0};
	int status = read_options(argc, argv, &options);

	if (status != ARGUMENTS_READ)
		return status;
	if (rotate(&options, argv[1], &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int
read_options(int argc, char **argv, struct options *options)
{
	const struct argument known[] = {
	    {"root", required_argument, .is_needed = true,
		.text = &options->root},
	    {"updates", required_argument, .text = &options->updates},
	    {"draft", required_argument, .text = &options->draft},
	    SEEN_ARGUMENTS(&options->seen),
	    SIGNING_ARGUMENTS(&options->signing),
	};
	int status = arguments_read(&command_trust_rotate, known,
	    countof(known), &argc, argv);

	if (status == ARGUMENTS_READ)
		status = seen_check_options(&command_trust_rotate,
		    &options->seen, &options->signing);
	return status;
}

static int
rotate(const struct options *options, const char *path, struct err *err)
{
	CLEANUP(trust_freep) struct trust_policy *current = NULL;
	CLEANUP(freep) char *payload = NULL;
	size_t len = 0;

	TRY(trust_load_chain(options->root, options->updates, &current, err));
	TRY(make_payload(options, current, path, &payload, &len, err));
	TRY(show(options, current, bytes_of(payload, len), err));
	if (options->seen.show_only)
		return 0;
	TRY(seen_check(&options->seen, bytes_of(payload, len),
	    options->draft != NULL, err));
	TRY(signing_run(&options->signing, DSSE_TRUST_PAYLOAD_TYPE,
	    bytes_of(payload, len), path, err));
	if (options->signing.pae_only)
		return 0;
	return report(current, path, err);
}

/* What is signed is what is shown: both are these bytes. */
static int
show(const struct options *options, const struct trust_policy *current,
    struct bytes payload, struct err *err)
{
	CLEANUP(trust_freep) struct trust_policy *next = NULL;
	CLEANUP(freep) char *difference = NULL;
	FILE *stream = seen_stream(&options->signing);
	char digest[DIGEST_TEXT_SIZE];

	TRY(trust_decode(payload, &next, err));
	TRY(trust_difference(current, next, &difference, err));
	digest_text(trust_digest(next), digest);
	fprintf(stream, "version %lld, to follow %lld\nsigns   %s\n%s",
	    (long long)trust_version(next), (long long)trust_version(current),
	    digest, difference);
	return 0;
}

/* From the draft; or what is in the envelope, when another person signs it. */
static int
make_payload(const struct options *options, const struct trust_policy *current,
    const char *path, char **ret_text, size_t *ret_len, struct err *err)
{
	if (options->draft != NULL)
		return next_version(options->draft, current, ret_text, ret_len,
		    err);
	return old_payload(path, current, ret_text, ret_len, err);
}

/* Whatever its version says: the next one is what it shall be. */
static int
next_version(const char *path, const struct trust_policy *current,
    char **ret_text, size_t *ret_len, struct err *err)
{
	CLEANUP(trust_edit_freep) struct trust_edit *edit = NULL;
	CLEANUP(freep) char *text = NULL;
	size_t len;

	if (trust_version(current) == INT64_MAX)
		return err_set(err, TRUST_EDIT_REFUSED,
		    "version: there is none after %lld",
		    (long long)trust_version(current));
	TRY(read_text(path, LIMIT_TRUST_BYTES, TRUST_TOO_LARGE, &text, &len,
	    err));
	if (trust_edit_open(bytes_of(text, len), &edit, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	TRY(trust_edit_finish(edit, trust_version(current) + 1,
	    trust_digest(current), ret_text, err));
	*ret_len = strlen(*ret_text);
	return 0;
}

static int
old_payload(const char *path, const struct trust_policy *current,
    char **ret_text, size_t *ret_len, struct err *err)
{
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	CLEANUP(freep) char *text = NULL;
	struct bytes payload;
	size_t len;

	TRY(read_text(path, LIMIT_TRUST_ENVELOPE_BYTES, ENVELOPE_TOO_LARGE,
	    &text, &len, err));
	if (dsse_decode_max(bytes_of(text, len), LIMIT_TRUST_ENVELOPE_BYTES,
		&envelope, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	payload = dsse_raw_payload(envelope);
	if (check_payload(payload, current, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	*ret_text = malloc(payload.len + 1);
	if (*ret_text == NULL)
		return err_set(err, NO_MEMORY, "%zu bytes", payload.len);
	memcpy(*ret_text, payload.ptr, payload.len);
	*ret_len = payload.len;
	return 0;
}

/* Sign no version but the next: another could be put into a chain later. */
static int
check_payload(struct bytes payload, const struct trust_policy *current,
    struct err *err)
{
	CLEANUP(trust_freep) struct trust_policy *next = NULL;

	TRY(trust_decode(payload, &next, err));
	return trust_check_follows(current, next, err);
}

static int
read_text(const char *path, size_t max_bytes, enum err_code too_large,
    char **ret_text, size_t *ret_len, struct err *err)
{
	int code = file_read(path, max_bytes, ret_text, ret_len, err);

	if (code == IMAGE_TOO_LARGE)
		err->code = too_large;
	return code != 0 ? (int)err->code : 0;
}

/* Is it a step now? That it is not yet is no failure: others may sign. */
static int
report(const struct trust_policy *current, const char *path, struct err *err)
{
	CLEANUP(trust_freep) struct trust_policy *next = NULL;
	CLEANUP(freep) char *text = NULL;
	struct verify_budget budget;
	struct err why = {0};
	size_t len;

	verify_budget_init(&budget);
	TRY(read_text(path, LIMIT_TRUST_ENVELOPE_BYTES, ENVELOPE_TOO_LARGE,
	    &text, &len, err));
	if (trust_chain_step(current, bytes_of(text, len), &budget, &next,
		&why) == 0)
		printf("complete: version %lld may be appended to the chain\n",
		    (long long)trust_version(next));
	else
		printf("not complete: %s: %s\n", err_name(why.code), why.text);
	return 0;
}

const struct command command_trust_rotate = {"trust", "rotate",
    "--root FILE [--updates CHAIN] [--draft POLICY] " SEEN_USAGE
    " " SIGNING_USAGE,
    "STEP", "sign the next version of a trust policy, or add signatures", run};
