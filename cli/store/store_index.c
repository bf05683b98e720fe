#include <string.h>

#include "base/limits.h"
#include "base/scope.h"
#include "base/utc.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/seen.h"
#include "cli/signing.h"
#include "image-store/pack/layout_write.h"
#include "image-store/layout.h"
#include "image-store/pack/store_index_difference.h"
#include "image-store/pack/store_index_write.h"
#include "keys/dsse.h"
#include "keys/trust_chain.h"

struct options {
	const char *store_path;
	const char *expires_text;
	const char *epoch_text;
	bool is_next;
	bool may_leap;
	int64_t epoch; /* of what is signed; of "next", found when it is read */
	int64_t expires;
	const char *trust;
	const char *updates;
	struct seen seen;
	struct signing signing;
};

static int read_epoch(struct options *options);
static int index_store(struct options *options, struct err *err);
static int find_next(struct options *options, int store_fd, struct err *err);
static int refuse_leap(const struct options *options, int store_fd,
    struct bytes payload, struct err *err);
static int epoch_there(const struct options *options, int store_fd,
    struct bytes payload, int64_t *ret_epoch, struct err *err);
static int show(const struct options *options, int store_fd,
    struct bytes payload, struct err *err);
static int find_old(const struct options *options, int store_fd,
    struct store_index **ret_old, struct err *err);
static void print(FILE *stream, const struct store_index *old,
    const struct store_index *new);
static int sign(const struct options *options, struct bytes payload,
    struct err *err);
static int report(const struct options *options, int store_fd, struct err *err);

static int
run(int argc, char **argv)
{
	struct options options = {.expires = UTC_NONE};
	const struct argument known[] = {
	    {"epoch", required_argument, .is_needed = true,
		.text = &options.epoch_text},
	    {"leap", no_argument, .flag = &options.may_leap},
	    {"expires", required_argument, .text = &options.expires_text},
	    {"trust", required_argument, .text = &options.trust},
	    {"updates", required_argument, .text = &options.updates},
	    SEEN_ARGUMENTS(&options.seen),
	    SIGNING_ARGUMENTS(&options.signing),
	};
	struct err err = {0};
	int status = arguments_read(&command_store_index, known, countof(known),
	    &argc, argv);

	if (status == ARGUMENTS_READ)
		status = seen_check_options(&command_store_index, &options.seen,
		    &options.signing);
	if (status != ARGUMENTS_READ)
		return status;
	if (options.expires_text != NULL &&
	    !utc_from_text(options.expires_text, &options.expires))
		return command_usage(&command_store_index,
		    "--expires: %s is not a time like 2026-11-23T16:00:00Z",
		    err_quote_str(options.expires_text).text);
	status = read_epoch(&options);
	if (status != ARGUMENTS_READ)
		return status;
	if (options.updates != NULL && options.trust == NULL)
		return command_usage(&command_store_index,
		    "--updates needs --trust");
	options.store_path = argv[1];
	if (index_store(&options, &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int
read_epoch(struct options *options)
{
	options->is_next = strcmp(options->epoch_text, "next") == 0;
	if (options->is_next && options->trust == NULL)
		return command_usage(&command_store_index,
		    "--epoch next needs --trust: who else says which epoch is "
		    "in force?");
	if (!options->is_next && (!arguments_number(options->epoch_text,
				      INT64_MAX, &options->epoch) ||
				     options->epoch == 0))
		return command_usage(&command_store_index,
		    "--epoch: %s is not a number from 1, or next",
		    err_quote_str(options->epoch_text).text);
	return ARGUMENTS_READ;
}

/* The same store, epoch and end give the same payload: signers add up. */
static int
index_store(struct options *options, struct err *err)
{
	CLEANUP(freep) char *payload = NULL;
	CLEANUP(closep) int store_fd = -1;

	TRY(layout_open(options->store_path, &store_fd, err));
	if (options->is_next)
		TRY(find_next(options, store_fd, err));
	TRY(store_index_encode(store_fd, options->epoch, options->expires,
	    &payload, err));
	TRY(show(options, store_fd, bytes_of_str(payload), err));
	if (options->seen.show_only)
		return 0;
	TRY(seen_check(&options->seen, bytes_of_str(payload), false, err));
	TRY(refuse_leap(options, store_fd, bytes_of_str(payload), err));
	if (options->signing.pae_only)
		return signing_run(&options->signing,
		    DSSE_STORE_INDEX_PAYLOAD_TYPE, bytes_of_str(payload), "",
		    err);
	TRY(sign(options, bytes_of_str(payload), err));
	return options->trust != NULL ? report(options, store_fd, err) : 0;
}

/*
 * One above the index that the policy's roles signed. Of any other index nobody
 * knows who chose its epoch: one of 2^62 would take the fleet with it.
 */
static int
find_next(struct options *options, int store_fd, struct err *err)
{
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;
	CLEANUP(store_index_freep) struct store_index *old = NULL;
	CLEANUP(sealed_freep) struct sealed *raw = NULL;
	struct verify_budget budget;

	verify_budget_init(&budget);
	TRY(trust_load_chain(options->trust, options->updates, &policy, err));
	TRY(layout_copy_store_index(store_fd, &raw, err));
	TRY(store_index_verify(policy, raw, &budget, &old, err));
	if (old->epoch == INT64_MAX)
		return err_set(err, EPOCH_TOO_FAR, "there is no epoch left");
	options->epoch = old->epoch + 1;
	return 0;
}

/* Hosts do not count so far at once, and an epoch cannot be taken back. */
static int
refuse_leap(const struct options *options, int store_fd, struct bytes payload,
    struct err *err)
{
	int64_t old;

	if (options->may_leap)
		return 0;
	TRY(epoch_there(options, store_fd, payload, &old, err));
	if (options->epoch - old > LIMIT_EPOCH_STEPS)
		return err_set_field(err, EPOCH_TOO_FAR, "epoch",
		    "epoch %lld is over %d steps above %lld, which is in the "
		    "store; if hosts are there already, or shall be brought "
		    "there one by one: --leap",
		    (long long)options->epoch, LIMIT_EPOCH_STEPS,
		    (long long)old);
	return 0;
}

/*
 * 0 if there is no index, or with a policy none that its roles signed. Who adds
 * a signature to the very same list does not leap: the first signer did.
 */
static int
epoch_there(const struct options *options, int store_fd, struct bytes payload,
    int64_t *ret_epoch, struct err *err)
{
	CLEANUP(store_index_freep) struct store_index *old = NULL;
	CLEANUP(sealed_freep) struct sealed *raw = NULL;
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	int code = layout_copy_store_index(store_fd, &raw, err);

	*ret_epoch = 0;
	if (code == STORE_INDEX_MISSING)
		return 0;
	if (code != 0)
		return code;
	TRY(dsse_decode_max(sealed_bytes(raw), LIMIT_INDEX_ENVELOPE_BYTES,
	    &envelope, err));
	if (bytes_equal(dsse_raw_payload(envelope), payload)) {
		*ret_epoch = options->epoch;
		return 0;
	}
	if (options->trust != NULL)
		TRY(find_old(options, store_fd, &old, err));
	else
		TRY(store_index_decode(dsse_raw_payload(envelope), &old, err));
	if (old != NULL)
		*ret_epoch = old->epoch;
	return 0;
}

/* What is signed is what is shown: both are these bytes. */
static int
show(const struct options *options, int store_fd, struct bytes payload,
    struct err *err)
{
	CLEANUP(store_index_freep) struct store_index *old = NULL;
	CLEANUP(store_index_freep) struct store_index *new = NULL;
	CLEANUP(freep) char *difference = NULL;
	FILE *stream = seen_stream(&options->signing);
	char text[DIGEST_TEXT_SIZE];
	struct digest digest;

	TRY(store_index_decode(payload, &new, err));
	TRY(find_old(options, store_fd, &old, err));
	TRY(store_index_difference(old, new, &difference, err));
	TRY(digest_of(payload, &digest, err));
	digest_text(&digest, text);
	print(stream, old, new);
	fprintf(stream, "signs   %s\n%s", text, difference);
	return 0;
}

/* Only what the policy's roles signed is in force: else all images are new. */
static int
find_old(const struct options *options, int store_fd,
    struct store_index **ret_old, struct err *err)
{
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;

	*ret_old = NULL;
	if (options->trust == NULL)
		return 0;
	TRY(trust_load_chain(options->trust, options->updates, &policy, err));
	return store_index_in_force(store_fd, policy, ret_old, err);
}

static void
print(FILE *stream, const struct store_index *old,
    const struct store_index *new)
{
	char expires[UTC_TEXT_SIZE] = "never";

	if (new->expires != UTC_NONE)
		utc_text(new->expires, expires);
	if (old != NULL)
		fprintf(stream, "epoch   %lld, after %lld\n",
		    (long long)new->epoch, (long long)old->epoch);
	else
		fprintf(stream, "epoch   %lld\n", (long long)new->epoch);
	fprintf(stream, "expires %s\n", expires);
}

/* The store is locked throughout: of two signers at once neither is lost. */
static int
sign(const struct options *options, struct bytes payload, struct err *err)
{
	CLEANUP(closep) int dir_fd = -1; /* holds the lock */
	CLEANUP(freep) char *text = NULL;
	size_t old_len;

	TRY(layout_lock(options->store_path, &dir_fd, err));
	TRY(store_index_read_old(dir_fd, payload, &text, &old_len, err));
	TRY(signing_add(&options->signing, DSSE_STORE_INDEX_PAYLOAD_TYPE,
	    payload, &text, err));
	if (store_index_put_locked(dir_fd, bytes_of_str(text), err) != 0)
		return err_prefix(err, "%s",
		    err_quote_str(options->store_path).text);
	return 0;
}

/* Would a host take it now? That it would not yet is no failure: others may
 * sign, in a copy of the store that no host has. */
static int
report(const struct options *options, int store_fd, struct err *err)
{
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	CLEANUP(sealed_freep) struct sealed *raw = NULL;
	struct verify_budget budget;
	struct err why = {0};

	verify_budget_init(&budget);
	TRY(trust_load_chain(options->trust, options->updates, &policy, err));
	TRY(layout_copy_store_index(store_fd, &raw, err));
	if (store_index_verify(policy, raw, &budget, &index, &why) == 0 &&
	    store_index_check_expiry(policy, index, &why) == 0)
		printf("complete: hosts with this policy %stake the store\n",
		    options->may_leap ? "that are near this epoch " : "");
	else
		printf("not complete: %s: %s\n", err_name(why.code), why.text);
	return 0;
}

const struct command command_store_index = {"store", "index",
    "--epoch N|next [--leap] [--expires TIME] "
    "[--trust POLICY [--updates CHAIN]] " SEEN_USAGE " " SIGNING_USAGE,
    "STORE", "sign what a store holds, or add signatures", run};
