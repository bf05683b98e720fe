#include <stdio.h>

#include "base/json.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "image-store/pack/image_claims.h"
#include "image-store/layout.h"
#include "keys/trust_chain.h"

static int check_against(const struct trust_policy *policy, const char *path,
    const char *store, struct err *err);
static int check_role(const struct trust_policy *policy, size_t role,
    const struct layout_list *images, struct err *err);
static void warn_of_weak(const struct trust_policy *policy, int store_fd,
    const struct layout_entry *image);
static int show(const struct trust_policy *policy, bool as_json);
static json_t *pack_role(const struct trust_policy *policy, size_t index);
static void print_role(const struct trust_policy *policy, size_t index);

static int
run(int argc, char **argv)
{
	bool as_json = false;
	const char *store = NULL;
	const struct argument known[] = {
	    {"store", required_argument, .text = &store},
	    {"json", no_argument, .flag = &as_json},
	};
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;
	struct err err = {0};
	int status = arguments_read(&command_trust_show, known, countof(known),
	    &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (trust_load(argv[1], &policy, &err) != 0)
		return command_failed(&err, as_json);
	if (store != NULL && check_against(policy, argv[1], store, &err) != 0)
		return command_failed(&err, as_json);
	return show(policy, as_json);
}

/* Is each pattern for something, and does each revocation hold? By what the
 * store claims. */
static int
check_against(const struct trust_policy *policy, const char *path,
    const char *store, struct err *err)
{
	CLEANUP(layout_list_done) struct layout_list images = {0};
	CLEANUP(closep) int store_fd = -1;

	TRY(layout_open_list(store, &store_fd, &images, err));
	for (size_t i = 0; i < trust_role_count(policy); i++) {
		if (check_role(policy, i, &images, err) != 0)
			return err_prefix(err, "%s", err_quote_str(path).text);
	}
	for (size_t i = 0; i < images.count; i++)
		warn_of_weak(policy, store_fd, &images.entries[i]);
	return 0;
}

/* Whoever can change the store can undo it. */
static void
warn_of_weak(const struct trust_policy *policy, int store_fd,
    const struct layout_entry *image)
{
	char text[DIGEST_TEXT_SIZE];
	struct digest payload;
	struct err ignored;

	if (trust_check_digest(policy, &image->envelope, "", &ignored) == 0 ||
	    image_claims_payload(store_fd, image, &payload, &ignored) != 0 ||
	    trust_check_digest(policy, &payload, "", &ignored) != 0)
		return;
	digest_text(&payload, text);
	fprintf(stderr,
	    "assay: warning: revoked.manifests names the envelope of %s:%s, "
	    "which one more signature\n  undoes: revoke its manifest, %s\n",
	    image->claimed_name, image->claimed_version, text);
}

static int
check_role(const struct trust_policy *policy, size_t role,
    const struct layout_list *images, struct err *err)
{
	size_t count;
	const char *const *patterns = trust_role_patterns(policy, role, &count);

	for (size_t i = 0; i < count; i++) {
		size_t n = 0;

		while (
		    n < images->count && !trust_pattern_matches(patterns[i],
					     images->entries[n].claimed_name))
			n++;
		if (n == images->count)
			return err_set_field(err, TRUST_PATTERN_UNUSED,
			    "images", "roles.%s.images: \"%s\" fits nothing",
			    trust_role_name(policy, role), patterns[i]);
	}
	return 0;
}

static int
show(const struct trust_policy *policy, bool as_json)
{
	CLEANUP(json_freep) json_t *roles = json_array();
	char digest[DIGEST_TEXT_SIZE];

	digest_text(trust_digest(policy), digest);
	for (size_t i = 0; i < trust_role_count(policy); i++)
		json_array_append_new(roles, pack_role(policy, i));
	if (as_json)
		return command_print_json(json_pack("{s:I, s:s, s:O}",
		    "version", (json_int_t)trust_version(policy), "digest",
		    digest, "roles", roles));
	printf("version %lld\ndigest  %s\n", (long long)trust_version(policy),
	    digest);
	for (size_t i = 0; i < trust_role_count(policy); i++)
		print_role(policy, i);
	return EXIT_DONE;
}

static json_t *
pack_role(const struct trust_policy *policy, size_t index)
{
	struct trust_role_summary role = trust_role_summary(policy, index);

	return json_pack("{s:s, s:s, s:i, s:i, s:b}", "name",
	    trust_role_name(policy, index), "signs",
	    trust_purpose_name(role.purpose), "threshold", role.threshold,
	    "keys", role.key_count, "debug", (int)role.is_debug);
}

static void
print_role(const struct trust_policy *policy, size_t index)
{
	struct trust_role_summary role = trust_role_summary(policy, index);

	printf("role    %s: %s%s, %d of %d\n", trust_role_name(policy, index),
	    role.is_debug ? "debug " : "", trust_purpose_name(role.purpose),
	    role.threshold, role.key_count);
}

const struct command command_trust_show = {"trust", "show",
    "[--store DIR] [--json]", "FILE", "check a trust policy and show its roles",
    run};
