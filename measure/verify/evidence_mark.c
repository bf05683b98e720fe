#include "measure/verify/evidence_mark.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/scope.h"

enum { VERDICT_JSON_DEPTH = 8 };

static int decode_mark(const struct json_at *at, struct evidence_mark *mark,
    struct err *err);
static int decode_key(const struct json_at *at, struct tpm_name *ret_ak,
    struct err *err);
static int decode_tpm(const struct json_at *at, struct evidence_mark *mark,
    struct err *err);
static int decode_register(const struct json_at *at, struct evidence_mark *mark,
    struct err *err);
static int decode_rules(const struct json_at *at, struct event_rules *rules,
    struct err *err);

json_t *
evidence_mark_encode(const struct evidence_mark *mark)
{
	char ak[TPM_NAME_HEX_SIZE], value[PCR_HEX_SIZE],
	    trust[DIGEST_TEXT_SIZE], store[DIGEST_TEXT_SIZE];
	const struct event_rules *rules = &mark->rules;

	tpm_name_hex(&mark->ak, ak);
	pcr_digest_hex(PCR_SHA256, &mark->value, value);
	digest_text(&rules->trust, trust);
	digest_text(&rules->store, store);
	return json_pack(
	    "{s:s, s:I, s:I, s:I, s:I, s:s, s:I, s:s, s:I, s:s?, s:o}", "ak",
	    ak, "clock_msec", (json_int_t)mark->clock_msec, "reset_count",
	    (json_int_t)mark->reset_count, "restart_count",
	    (json_int_t)mark->restart_count, "register", (json_int_t)mark->pcr,
	    "value", value, "events", (json_int_t)mark->event_count, "trust",
	    trust, "trust_version", (json_int_t)rules->trust_version, "store",
	    rules->has_store ? store : NULL, "epoch",
	    rules->has_store ? json_integer((json_int_t)rules->epoch)
			     : json_null());
}

int
evidence_mark_decode(struct bytes verdict, struct evidence_mark *ret_mark,
    struct err *err)
{
	CLEANUP(json_freep) json_t *document = NULL;
	struct evidence_mark mark = {.event_count = 0};
	struct json_at root, at;

	if (verdict.len > LIMIT_VERDICT_BYTES)
		return err_set(err, REFERENCE_MALFORMED,
		    "verdict: over %zu bytes", LIMIT_VERDICT_BYTES);
	TRY(json_parse_many(verdict, VERDICT_JSON_DEPTH, LIMIT_VERDICT_VALUES,
	    "verdict", REFERENCE_MALFORMED, &document, err));
	root = json_root(document, REFERENCE_MALFORMED);
	TRY(json_literal_in(&root, "schema", VERDICT_SCHEMA, err));
	TRY(json_literal_in(&root, "verdict", "verified", err));
	TRY(json_object_in(&root, "mark", &at, err));
	TRY(decode_mark(&at, &mark, err));
	*ret_mark = mark;
	return 0;
}

static int
decode_mark(const struct json_at *at, struct evidence_mark *mark,
    struct err *err)
{
	static const char *const known[] = {"ak", "clock_msec", "reset_count",
	    "restart_count", "register", "value", "events", "trust",
	    "trust_version", "store", "epoch", NULL};

	TRY(json_known(at, known, err));
	TRY(decode_key(at, &mark->ak, err));
	TRY(decode_tpm(at, mark, err));
	TRY(decode_register(at, mark, err));
	return decode_rules(at, &mark->rules, err);
}

static int
decode_key(const struct json_at *at, struct tpm_name *ret_ak, struct err *err)
{
	const char *hex;

	TRY(json_string_in(at, "ak", TPM_NAME_HEX_SIZE - 1, &hex, err));
	if (!tpm_name_from_hex(hex, ret_ak))
		return json_refuse(at, "ak", err,
		    "not 68 lower-case hex digits that begin with 000b");
	return 0;
}

static int
decode_tpm(const struct json_at *at, struct evidence_mark *mark,
    struct err *err)
{
	int64_t clock_msec, reset_count, restart_count;

	TRY(json_integer_in(at, "clock_msec", 0, INT64_MAX, &clock_msec, err));
	TRY(json_integer_in(at, "reset_count", 0, UINT32_MAX, &reset_count,
	    err));
	TRY(json_integer_in(at, "restart_count", 0, UINT32_MAX, &restart_count,
	    err));
	mark->clock_msec = (uint64_t)clock_msec;
	mark->reset_count = (uint32_t)reset_count;
	mark->restart_count = (uint32_t)restart_count;
	return 0;
}

static int
decode_register(const struct json_at *at, struct evidence_mark *mark,
    struct err *err)
{
	int64_t pcr, events;
	const char *hex;

	TRY(json_integer_in(at, "register", 0, PCR_COUNT - 1, &pcr, err));
	TRY(json_string_in(at, "value", PCR_HEX_SIZE - 1, &hex, err));
	if (!pcr_digest_from_hex(PCR_SHA256, hex, &mark->value))
		return json_refuse(at, "value", err,
		    "not 64 lower-case hex digits");
	TRY(json_integer_in(at, "events", 1, INT64_MAX, &events, err));
	mark->pcr = (unsigned)pcr;
	mark->event_count = (uint64_t)events;
	return 0;
}

static int
decode_rules(const struct json_at *at, struct event_rules *rules,
    struct err *err)
{
	int64_t epoch;

	TRY(json_digest_in(at, "trust", &rules->trust, err));
	TRY(json_integer_in(at, "trust_version", 1, INT64_MAX,
	    &rules->trust_version, err));
	rules->has_store = json_has(at, "store");
	if (!rules->has_store) {
		TRY(json_null_in(at, "store", err));
		return json_null_in(at, "epoch", err);
	}
	TRY(json_digest_in(at, "store", &rules->store, err));
	TRY(json_integer_in(at, "epoch", 0, INT64_MAX, &epoch, err));
	rules->epoch = (uint64_t)epoch;
	return 0;
}
