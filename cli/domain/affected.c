#include "cli/domain/affected.h"

#include "base/limits.h"
#include "base/scope.h"
#include "cli/client.h"
#include "keys/sign/trust_review.h"

static int review(const struct trust_policy *policy, json_t *domain,
    struct err *ret_verdict, struct err *err);
static int read_past(json_t *receipt, struct trust_past *ret_past,
    struct err *err);
static int read_signers(json_t *array,
    struct digest ret_signers[LIMIT_SIGNATURES], struct err *err);

int
affected_keep(const struct trust_policy *policy, json_t *domains,
    struct err *err)
{
	size_t i = 0;

	if (!json_is_array(domains))
		return client_refuse_reply("domains", err);
	while (i < json_array_size(domains)) {
		json_t *domain = json_array_get(domains, i);
		struct err verdict = {.code = ERR_NONE};

		TRY(review(policy, domain, &verdict, err));
		if (verdict.code == ERR_NONE) {
			json_array_remove(domains, i);
			continue;
		}
		json_object_set_new(domain, "affected",
		    json_pack("{s:s, s:s}", "code", err_name(verdict.code),
			"detail", verdict.text));
		i++;
	}
	return 0;
}

/* What is wrong with the image goes to *ret_verdict, with the reply to err. */
static int
review(const struct trust_policy *policy, json_t *domain,
    struct err *ret_verdict, struct err *err)
{
	json_t *receipt = json_object_get(domain, "receipt");
	struct digest signers[LIMIT_SIGNATURES];
	struct trust_past past = {.signers = signers};
	json_t *array = json_object_get(receipt, "signers");

	TRY(read_past(receipt, &past, err));
	TRY(read_signers(array, signers, err));
	past.signer_count = json_array_size(array);
	if (trust_review(policy, &past, ret_verdict) == 0)
		ret_verdict->code = ERR_NONE;
	return 0;
}

static int
read_past(json_t *receipt, struct trust_past *past, struct err *err)
{
	const char *envelope;
	const char *payload;
	json_int_t index;
	int is_debug;

	if (json_unpack(receipt, "{s:s, s:b, s:s, s:s, s:{s:s, s:I}}", "image",
		&past->image, "debug", &is_debug, "envelope_digest", &envelope,
		"payload_digest", &payload, "rollback", "location",
		&past->rollback_location, "index", &index) != 0 ||
	    !digest_from_text(envelope, &past->envelope) ||
	    !digest_from_text(payload, &past->payload))
		return client_refuse_reply("a member of a receipt", err);
	past->is_debug = is_debug != 0;
	past->rollback_index = index;
	return 0;
}

static int
read_signers(json_t *array, struct digest ret_signers[LIMIT_SIGNATURES],
    struct err *err)
{
	json_t *item;
	size_t i;

	if (!json_is_array(array) || json_array_size(array) > LIMIT_SIGNATURES)
		return client_refuse_reply("signers", err);
	json_array_foreach(array, i, item)
	{
		const char *hex = json_string_value(item);

		if (hex == NULL || !digest_from_hex(hex, &ret_signers[i]))
			return client_refuse_reply("signers", err);
	}
	return 0;
}
