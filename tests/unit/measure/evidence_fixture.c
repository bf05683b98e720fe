#include "evidence_fixture.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>

#include "base/scope.h"

/* Big and little endian bytes, one after the other. */
struct buffer {
	uint8_t bytes[65536];
	size_t len;
};

static void
put(struct buffer *buffer, const void *data, size_t len)
{
	assert_true(len <= sizeof(buffer->bytes) - buffer->len);
	memcpy(buffer->bytes + buffer->len, data, len);
	buffer->len += len;
}

static void
put_be(struct buffer *buffer, uint64_t value, size_t len)
{
	for (size_t i = len; i > 0; i--) {
		uint8_t byte = (uint8_t)(value >> 8 * (i - 1));

		put(buffer, &byte, 1);
	}
}

static void
put_le(struct buffer *buffer, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t byte = (uint8_t)(value >> 8 * i);

		put(buffer, &byte, 1);
	}
}

static void
put_sized(struct buffer *buffer, const void *data, size_t len)
{
	put_be(buffer, len, 2);
	put(buffer, data, len);
}

static void
keep(struct evidence_part *part, const struct buffer *buffer)
{
	free(part->ptr);
	part->ptr = malloc(buffer->len);
	assert_non_null(part->ptr);
	memcpy(part->ptr, buffer->bytes, buffer->len);
	part->len = buffer->len;
}

void
fixture_public(struct fixture *fixture)
{
	uint8_t point[65];
	struct buffer area = {.len = 0};
	struct buffer sized = {.len = 0};
	size_t len = 0;
	struct tpm_public public;
	struct err err;

	assert_int_equal(EVP_PKEY_get_octet_string_param(fixture->key,
			     OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point,
			     sizeof(point), &len),
	    1);
	put_be(&area, 0x0023000b, 4); /* ECC, SHA-256 */
	put_be(&area, fixture->attributes, 4);
	put_be(&area, 0, 2);              /* no policy */
	put_be(&area, 0x00100018000b, 6); /* ECDSA with SHA-256 */
	put_be(&area, 0x00030010, 4);     /* P-256, no KDF */
	put_sized(&area, point + 1, 32);
	put_sized(&area, point + 33, 32);
	put_sized(&sized, area.bytes, area.len);
	keep(&fixture->evidence.ak, &sized);
	assert_refused(
	    tpm_public_decode(evidence_part_bytes(&fixture->evidence.ak),
		&public, &err),
	    0);
	assert_refused(tpm_public_name(&public, &fixture->reference.ak, &err),
	    0);
}

void
fixture_record(struct fixture *fixture, const struct event *event)
{
	struct record *record = &fixture->records[fixture->count++];
	struct err err;

	assert_true(fixture->count <= countof(fixture->records));
	record->pcr = 13;
	record->type = 6;
	record->len = event_encode(event, record->event);
	assert_refused(pcr_digests_of(bytes_of(record->event, record->len),
			   &record->digests, &err),
	    0);
}

void
fixture_extend(struct fixture *fixture)
{
	struct pcr_values *pcrs = &fixture->evidence.pcrs;
	struct err err;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		memset(&pcrs->value[bank][13], 0, sizeof(pcrs->value[0][0]));
		for (size_t i = 0; i < fixture->count; i++)
			assert_refused(
			    pcr_extend(bank,
				&fixture->records[i].digests.bank[bank],
				&pcrs->value[bank][13], &err),
			    0);
	}
}

struct evidence_part
fixture_pack(const struct record *records, size_t count)
{
	struct evidence_part part = {NULL, 0};
	static struct buffer log;

	log.len = 0;
	put_le(&log, 0, 4);
	put_le(&log, 3, 4);
	put(&log, (uint8_t[20]){0}, 20);
	put_le(&log, 37, 4);
	put(&log, "Spec ID Event03", 16);
	put_le(&log, 0, 4);
	put(&log, "\0\2\0\2", 4);
	put_le(&log, 2, 4);
	put(&log, "\x0b\0\x20\0\x0c\0\x30\0", 9);
	for (size_t i = 0; i < count; i++) {
		const struct record *record = &records[i];

		put_le(&log, record->pcr, 4);
		put_le(&log, record->type, 4);
		put_le(&log, 2, 4);
		put_le(&log, 0x0b, 2);
		put(&log, record->digests.bank[PCR_SHA256].bytes, 32);
		put_le(&log, 0x0c, 2);
		put(&log, record->digests.bank[PCR_SHA384].bytes, 48);
		put_le(&log, record->len, 4);
		put(&log, record->event, record->len);
	}
	keep(&part, &log);
	return part;
}

void
fixture_log(struct fixture *fixture)
{
	free(fixture->evidence.log.ptr);
	fixture->evidence.log = fixture_pack(fixture->records, fixture->count);
}

static void
put_head(struct fixture *fixture, struct buffer *attest, uint16_t type,
    uint32_t reset_count)
{
	struct digest extra;
	struct err err;

	assert_refused(evidence_nonce_bind(bytes_of(fixture->nonce, 32),
			   &fixture->context, &extra, &err),
	    0);
	put_be(attest, fixture->magic, 4);
	put_be(attest, type, 2);
	put_sized(attest, fixture->reference.ak.bytes, TPM_NAME_BYTES);
	put_sized(attest, extra.bytes, DIGEST_BYTES);
	put_be(attest, fixture->clock_msec, 8);
	put_be(attest, reset_count, 4);
	put_be(attest, fixture->restart_count, 4);
	put_be(attest, fixture->is_clock_safe, 1);
	put_be(attest, 0x20191023, 8);
}

static void
sign(struct fixture *fixture, const struct buffer *attest,
    struct evidence_part *ret_signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[80], r[32], s[32];
	const uint8_t *at = der;
	size_t len = sizeof(der);
	struct buffer signature = {.len = 0};
	ECDSA_SIG *sig;

	assert_int_equal(
	    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, fixture->key), 1);
	assert_int_equal(
	    EVP_DigestSign(ctx, der, &len, attest->bytes, attest->len), 1);
	sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
	assert_non_null(sig);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), r, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), s, 32);
	put_be(&signature, 0x0018000b, 4);
	put_sized(&signature, r, 32);
	put_sized(&signature, s, 32);
	keep(ret_signature, &signature);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
}

static void
put_quoted(const struct fixture *fixture, struct buffer *attest)
{
	const struct pcr_values *pcrs = &fixture->evidence.pcrs;
	struct buffer all = {.len = 0};
	struct pcr_digest digest;
	struct err err;

	put_be(attest, fixture->selected[PCR_SHA384] != 0 ? 2 : 1, 4);
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		if (fixture->selected[bank] == 0)
			continue;
		put_be(attest, pcr_bank_algorithm(bank), 2);
		put_be(attest, 3, 1);
		put_le(attest, fixture->selected[bank], 3);
		for (unsigned pcr = 0; pcr < PCR_COUNT; pcr++) {
			if ((fixture->selected[bank] & 1u << pcr) != 0)
				put(&all, pcrs->value[bank][pcr].bytes,
				    pcr_bank_bytes(bank));
		}
	}
	assert_refused(pcr_digest_of(PCR_SHA256, bytes_of(all.bytes, all.len),
			   &digest, &err),
	    0);
	put_sized(attest, digest.bytes, 32);
}

void
fixture_quote(struct fixture *fixture)
{
	struct buffer attest = {.len = 0};

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		fixture->evidence.pcrs.known[bank] = fixture->selected[bank];
	put_head(fixture, &attest, fixture->type, fixture->reset_count);
	put_quoted(fixture, &attest);
	keep(&fixture->evidence.attest, &attest);
	sign(fixture, &attest, &fixture->evidence.signature);
}

void
fixture_nv(struct fixture *fixture, const struct pcr_digest *contents,
    uint32_t reset_count)
{
	struct evidence_nv *nv = &fixture->evidence.nv[0];
	struct buffer attest = {.len = 0};

	put_head(fixture, &attest, TPM_ST_ATTEST_NV, reset_count);
	put_sized(&attest, fixture->nv_name, sizeof(fixture->nv_name));
	put_be(&attest, fixture->nv_offset, 2);
	put_sized(&attest, contents->bytes, 32);
	keep(&nv->attest, &attest);
	sign(fixture, &attest, &nv->signature);
	nv->index = 0x01800102;
	fixture->evidence.nv_count = 1;
}

void
fixture_remake(struct fixture *fixture)
{
	fixture_extend(fixture);
	fixture_log(fixture);
	fixture_quote(fixture);
}

struct event
fixture_start(const struct fixture *fixture)
{
	struct event start = good_event(EVENT_START);

	start.as.start.nv_name_len = 0;
	memset(start.as.start.nv_name, 0, sizeof(start.as.start.nv_name));
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		start.as.start.found[bank] =
		    fixture->evidence.pcrs.value[bank][13];
	return start;
}

struct event
fixture_build(unsigned n)
{
	struct event event = good_event(EVENT_BUILD);

	event.sequence = n + 1;
	event.as.build.domid = n;
	event.as.build.uuid[15] = (uint8_t)n;
	return event;
}

struct event
fixture_end(enum event_kind kind, unsigned n)
{
	struct event event = good_event(kind);

	if (kind == EVENT_ABANDON) {
		event.as.abandon.domid = n;
		event.as.abandon.uuid[15] = (uint8_t)n;
	} else {
		event.as.destroy.domid = n;
		event.as.destroy.uuid[15] = (uint8_t)n;
	}
	return event;
}

static void
good_log(struct fixture *fixture)
{
	struct event start = fixture_start(fixture);
	struct event destroy = fixture_end(EVENT_DESTROY, 1);
	struct event abandon = fixture_end(EVENT_ABANDON, 2);
	struct event policy = good_event(EVENT_POLICY);

	fixture_record(fixture, &start);
	for (unsigned n = 1; n <= 3; n++) {
		struct event build = fixture_build(n);

		fixture_record(fixture, &build);
	}
	destroy.sequence = 5;
	fixture_record(fixture, &destroy);
	abandon.sequence = 6;
	fixture_record(fixture, &abandon);
	policy.sequence = 7;
	fixture_record(fixture, &policy);
}

int
fixture_new(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct pcr_digest four = {{4}}, seven = {{7}};
	struct event build = good_event(EVENT_BUILD);
	struct err err;

	assert_non_null(fixture);
	fixture->key = EVP_EC_gen("P-256");
	fixture->attributes = 0x00050072;
	fixture->magic = 0xff544347;
	fixture->type = TPM_ST_ATTEST_QUOTE;
	fixture->selected[PCR_SHA256] = 0xffffff;
	fixture->selected[PCR_SHA384] = 0xffffff;
	fixture->clock_msec = 123456;
	fixture->is_clock_safe = true;
	fixture->reset_count = 5;
	fixture->restart_count = 2;
	memset(fixture->nonce, 0xcd, sizeof(fixture->nonce));
	memset(fixture->nv_name, 0xbb, sizeof(fixture->nv_name));
	memcpy(fixture->nv_name, "\0\x0b", 2);
	fixture->evidence.pcrs.value[PCR_SHA256][4] = four;
	fixture->evidence.pcrs.value[PCR_SHA256][7] = seven;
	prediction_set(&fixture->release, PCR_SHA256, 4, &four, "the image");
	prediction_set(&fixture->release, PCR_SHA256, 7, &seven, "the keys");
	assert_refused(digest_list_add(&fixture->images,
			   &build.as.build.envelope, "web 1", &err),
	    0);
	fixture->reference = (struct evidence_reference){
	    .nonce = bytes_of(fixture->nonce, 32),
	    .context = evidence_no_context,
	    .pcr = 13,
	    .releases = &fixture->release,
	    .release_count = 1,
	    .images = &fixture->images,
	    .nv_names = &fixture->nv_expected,
	};
	memcpy(fixture->nv_expected.bytes, fixture->nv_name, TPM_NAME_BYTES);
	memcpy(fixture->evidence.nonce, fixture->nonce, 32);
	fixture->evidence.nonce_len = 32;
	fixture->evidence.context = evidence_no_context;
	fixture->context = evidence_no_context;
	good_log(fixture);
	fixture_public(fixture);
	fixture_extend(fixture);
	fixture_log(fixture);
	fixture_quote(fixture);
	*state = fixture;
	return 0;
}

int
fixture_free(void **state)
{
	struct fixture *fixture = *state;

	EVP_PKEY_free(fixture->key);
	evidence_done(&fixture->evidence);
	digest_list_done(&fixture->images);
	free(fixture);
	return 0;
}

int
fixture_verify(struct fixture *fixture, struct evidence_verdict *verdict)
{
	struct err err = {0};
	int code = evidence_verify(&fixture->evidence, &fixture->reference,
	    verdict, &err);

	if (code != 0)
		print_message("%s: %s\n", err_name(err.code), err.text);
	return code;
}

void
fixture_refused(struct fixture *fixture, int code)
{
	struct evidence_verdict verdict, before;

	memset(&verdict, 0x5c, sizeof(verdict));
	before = verdict;
	assert_refused(fixture_verify(fixture, &verdict), code);
	assert_memory_equal(&verdict, &before, sizeof(before));
}
