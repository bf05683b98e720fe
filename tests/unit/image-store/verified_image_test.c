#include "store_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "base/utc.h"
#include "image-store/image_pieces.h"
#include "image-store/image_shape.h"
#include "image-store/verified_manifest.h"
#include "keys/dsse.h"
#include "image-store/pack/blob_check.h"

/* A small kernel and a ramdisk, and a manifest that names them. */
struct image {
	struct buffer elf;
	struct buffer ramdisk;
	struct manifest manifest;
};

static void
image_done(struct image *image)
{
	buffer_done(&image->elf);
	buffer_done(&image->ramdisk);
}

static struct blob
blob_of(const struct buffer *data)
{
	struct blob blob = {.size_bytes = data->len};
	struct err err;

	assert_code(digest_of(buffer_bytes(data), &blob.digest, &err), 0);
	return blob;
}

static struct image
good_image(void)
{
	struct image image = {
	    .elf = make_elf(&good_elf),
	    .manifest = good_manifest(),
	};

	buffer_add(&image.ramdisk, "070701 ramdisk", 14);
	image.manifest.elf = blob_of(&image.elf);
	image.manifest.ramdisk = blob_of(&image.ramdisk);
	return image;
}

static int
verify(enum signer signer, const struct manifest *manifest, const char *name,
    int64_t floor, struct verified_manifest **ret_verified)
{
	CLEANUP(trust_freep) struct trust_policy *policy = make_policy(floor);
	CLEANUP(freep) char *text = sign_manifest(signer, manifest);
	CLEANUP(sealed_freep)
	struct sealed *envelope = sealed_of(bytes_of_str(text));
	struct verified_manifest *verified = UNTOUCHED;
	struct err err;
	int code = verified_manifest_new(policy, name, envelope, FRESH_BUDGET,
	    &verified, &err);

	if (code != 0)
		assert_ptr_equal(verified, UNTOUCHED);
	else
		*ret_verified = verified;
	return code;
}

/* Refused, or verified and dropped. */
static int
try_verify(enum signer signer, const struct manifest *manifest,
    const char *name, int64_t floor)
{
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *verified = NULL;

	return verify(signer, manifest, name, floor, &verified);
}

static int
try_verify_bytes(struct bytes raw)
{
	CLEANUP(trust_freep) struct trust_policy *policy = make_policy(0);
	CLEANUP(sealed_freep) struct sealed *envelope = sealed_of(raw);
	struct verified_manifest *verified = UNTOUCHED;
	struct err err;
	int code = verified_manifest_new(policy, NULL, envelope, FRESH_BUDGET,
	    &verified, &err);

	if (code == 0)
		verified_manifest_freep(&verified);
	else
		assert_ptr_equal(verified, UNTOUCHED);
	return code;
}

static int
try_verify_text(const char *text)
{
	return try_verify_bytes(bytes_of_str(text));
}

static void
verified_manifest_tells_who_signed_what(void **state)
{
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *verified = NULL;
	CLEANUP(trust_freep) struct trust_policy *policy = make_policy(17);
	struct manifest manifest = good_manifest();
	CLEANUP(freep) char *text = sign_manifest(SIGNER_PROD, &manifest);
	CLEANUP(freep) char *payload = NULL;
	CLEANUP(sealed_freep)
	struct sealed *envelope = sealed_of(bytes_of_str(text));
	struct digest digest;
	size_t signers = 0;
	struct err err;

	(void)state;
	assert_code(verified_manifest_new(policy, "web-frontend", envelope,
			FRESH_BUDGET, &verified, &err),
	    0);
	assert_memory_equal(verified_manifest_get(verified), &manifest,
	    sizeof(manifest));
	assert_string_equal(verified_manifest_role(verified), "prod");
	assert_true(digest_equal(verified_manifest_signers(verified, &signers),
	    trust_key_id(policy, 0)));
	assert_int_equal(signers, 1);
	digest_of(bytes_of_str(text), &digest, &err);
	assert_true(
	    digest_equal(verified_manifest_envelope(verified), &digest));
	manifest_encode(&manifest, &payload, &err);
	digest_of(bytes_of_str(payload), &digest, &err);
	assert_true(digest_equal(verified_manifest_payload(verified), &digest));
}

static void
verified_manifest_accepts_any_name_if_none_is_asked_for(void **state)
{
	struct manifest manifest = good_manifest();

	(void)state;
	assert_code(try_verify(SIGNER_PROD, &manifest, NULL, 0), 0);
}

static void
verified_manifest_refuses_another_name(void **state)
{
	struct manifest manifest = good_manifest();

	(void)state;
	assert_code(try_verify(SIGNER_PROD, &manifest, "web", 0),
	    IMAGE_NAME_MISMATCH);
	assert_code(try_verify(SIGNER_PROD, &manifest, "web-frontend2", 0),
	    IMAGE_NAME_MISMATCH);
	assert_code(try_verify(SIGNER_PROD, &manifest, "", 0),
	    IMAGE_NAME_MISMATCH);
}

static void
verified_manifest_refuses_a_role_that_does_not_own_the_name(void **state)
{
	struct manifest manifest = good_manifest();

	(void)state;
	assert_code(try_verify(SIGNER_LAB, &manifest, NULL, 0),
	    ROLE_NOT_ALLOWED);
	manifest.is_debug = true;
	assert_code(try_verify(SIGNER_LAB, &manifest, NULL, 0), 0);
	assert_code(try_verify(SIGNER_PROD, &manifest, NULL, 0),
	    ROLE_NOT_ALLOWED);
	manifest.is_debug = false;
	strcpy(manifest.name, "db");
	assert_code(try_verify(SIGNER_PROD, &manifest, NULL, 0),
	    ROLE_NOT_ALLOWED);
}

/* Nobody told the policy of the fixture to believe a clock. */
static void
verified_manifest_refuses_dates_without_a_clock(void **state)
{
	struct manifest manifest = good_manifest();

	(void)state;
	manifest.not_after = UTC_MAX_SECONDS;
	assert_code(try_verify(SIGNER_PROD, &manifest, NULL, 0),
	    CLOCK_NOT_TRUSTED);
	manifest.not_after = UTC_NONE;
	manifest.not_before = 1;
	assert_code(try_verify(SIGNER_PROD, &manifest, NULL, 0),
	    CLOCK_NOT_TRUSTED);
}

static void
verified_manifest_refuses_an_image_below_the_floor(void **state)
{
	struct manifest manifest = good_manifest();

	(void)state;
	assert_code(try_verify(SIGNER_PROD, &manifest, NULL, 17), 0);
	assert_code(try_verify(SIGNER_PROD, &manifest, NULL, 18),
	    IMAGE_ROLLBACK);
}

static void
verified_manifest_refuses_a_stranger(void **state)
{
	struct manifest manifest = good_manifest();

	(void)state;
	assert_code(try_verify(SIGNER_STRANGER, &manifest, NULL, 0),
	    KEY_UNKNOWN);
}

static void
verified_manifest_refuses_another_payload_type(void **state)
{
	CLEANUP(freep)
	char *text = sign_payload(SIGNER_PROD,
	    "application/vnd.assay.store-index.v1+json", "{}");

	(void)state;
	assert_code(try_verify_text(text), PAYLOAD_TYPE_UNKNOWN);
}

static void
verified_manifest_refuses_a_signed_manifest_that_is_malformed(void **state)
{
	CLEANUP(freep)
	char *text = sign_payload(SIGNER_PROD, DSSE_IMAGE_PAYLOAD_TYPE, "{}");

	(void)state;
	assert_code(try_verify_text(text), MANIFEST_MALFORMED);
}

/* The payload is broken and the signature too: the signature is seen first. */
static void
verified_manifest_verifies_before_it_parses(void **state)
{
	CLEANUP(freep)
	char *signed_by_stranger =
	    sign_payload(SIGNER_STRANGER, DSSE_IMAGE_PAYLOAD_TYPE, "{");

	(void)state;
	assert_code(try_verify_text(signed_by_stranger), KEY_UNKNOWN);
}

static void
verified_manifest_refuses_each_flipped_bit_of_what_was_signed(void **state)
{
	struct manifest manifest = good_manifest();
	CLEANUP(freep) char *text = sign_manifest(SIGNER_PROD, &manifest);
	CLEANUP(trust_freep) struct trust_policy *policy = make_policy(0);
	char *payload = strstr(text, "\"payload\":\"");
	size_t len = strcspn(payload + 11, "\"");

	(void)state;
	payload += 11;
	for (size_t i = 0; i < len; i++) {
		CLEANUP(sealed_freep) struct sealed *envelope = NULL;
		struct verified_manifest *verified = UNTOUCHED;
		struct err err;
		char was = payload[i];

		/* The next letter of base64, of which A and B are two. */
		payload[i] = was == 'A' ? 'B' : 'A';
		envelope = sealed_of(bytes_of_str(text));
		payload[i] = was;
		assert_true(verified_manifest_new(policy, NULL, envelope,
				FRESH_BUDGET, &verified, &err) != 0);
		assert_true(err.code == IMAGE_SIGNATURE_BAD ||
			    err.code == ENVELOPE_MALFORMED);
		assert_ptr_equal(verified, UNTOUCHED);
	}
}

static void
verified_manifest_refuses_broken_envelopes(void **state)
{
	struct manifest manifest = good_manifest();
	CLEANUP(freep) char *text = sign_manifest(SIGNER_PROD, &manifest);
	CLEANUP(freep) char *large = calloc(1, LIMIT_ENVELOPE_BYTES + 2);
	json_t *tree = json_loads(text, 0, NULL);
	CLEANUP(freep) char *unsigned_text = NULL;

	(void)state;
	assert_code(try_verify_bytes(
			bytes_of(text, (size_t)(strrchr(text, '}') - text))),
	    ENVELOPE_MALFORMED);
	assert_code(try_verify_bytes(bytes_of(text, 0)), ENVELOPE_MALFORMED);
	json_array_clear(json_object_get(tree, "signatures"));
	unsigned_text = tree_text(tree);
	assert_code(try_verify_text(unsigned_text), IMAGE_UNSIGNED);
	memset(large, ' ', LIMIT_ENVELOPE_BYTES + 1);
	memcpy(large, text, strlen(text));
	assert_code(try_verify_text(large), ENVELOPE_TOO_LARGE);
	json_decref(tree);
}

static void
blob_check_refuses_other_sizes_and_bytes(void **state)
{
	CLEANUP(image_done) struct image image = good_image();
	const struct blob *blob = &image.manifest.elf;
	struct err err;

	(void)state;
	for (size_t i = 0; i < image.elf.len * 8; i += 101) {
		CLEANUP(sealed_freep) struct sealed *flipped = NULL;

		image.elf.ptr[i / 8] ^= (uint8_t)(1 << i % 8);
		flipped = sealed_of(buffer_bytes(&image.elf));
		image.elf.ptr[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_code(blob_check(blob, flipped, "kernel", &err),
		    IMAGE_DIGEST_MISMATCH);
	}
	for (size_t less = 0; less < 3; less++) {
		CLEANUP(sealed_freep) struct sealed *other = NULL;

		other =
		    sealed_of(bytes_of(image.elf.ptr, image.elf.len - less));
		assert_code(blob_check(blob, other, "kernel", &err),
		    less == 0 ? 0 : IMAGE_SIZE_MISMATCH);
	}
	buffer_add(&image.elf, "", 1);
	CLEANUP(sealed_freep)
	struct sealed *grown = sealed_of(buffer_bytes(&image.elf));
	assert_code(blob_check(blob, grown, "kernel", &err),
	    IMAGE_SIZE_MISMATCH);
}

/* --- verified before -------------------------------------------------- */

/* What a first verification leaves for the next. */
static struct trust_verdict
verdict_on(const struct trust_policy *policy, const struct sealed *envelope)
{
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *verified = NULL;
	struct err err;

	assert_code(verified_manifest_new(policy, NULL, envelope, FRESH_BUDGET,
			&verified, &err),
	    0);
	return *verified_manifest_verdict(verified);
}

static int
try_again(const struct trust_policy *policy, const struct trust_verdict *known,
    const char *name, const struct sealed *envelope)
{
	struct verified_manifest *verified = UNTOUCHED;
	struct err err;
	int code = verified_manifest_again(policy, known, name, envelope,
	    FRESH_BUDGET, &verified, &err);

	if (code == 0)
		verified_manifest_freep(&verified);
	else
		assert_ptr_equal(verified, UNTOUCHED);
	return code;
}

static struct sealed *
signed_envelope(enum signer signer, const struct manifest *manifest)
{
	CLEANUP(freep) char *text = sign_manifest(signer, manifest);

	return sealed_of(bytes_of_str(text));
}

static void
verified_manifest_again_takes_a_verdict_on_these_bytes(void **state)
{
	CLEANUP(trust_freep) struct trust_policy *policy = make_policy(17);
	struct manifest manifest = good_manifest();
	CLEANUP(sealed_freep)
	struct sealed *envelope = signed_envelope(SIGNER_PROD, &manifest);
	struct trust_verdict known = verdict_on(policy, envelope);

	(void)state;
	assert_code(try_again(policy, &known, "web-frontend", envelope), 0);
	/* It is the verdict that counts: nobody signed, it says. */
	known.roles = 0;
	assert_code(try_again(policy, &known, "web-frontend", envelope),
	    ROLE_NOT_ALLOWED);
}

static void
verified_manifest_again_checks_everything_else(void **state)
{
	CLEANUP(trust_freep) struct trust_policy *policy = make_policy(17);
	CLEANUP(trust_freep) struct trust_policy *later = make_policy(18);
	struct manifest manifest = good_manifest();
	CLEANUP(sealed_freep)
	struct sealed *envelope = signed_envelope(SIGNER_PROD, &manifest);
	struct trust_verdict known = verdict_on(policy, envelope);

	(void)state;
	assert_code(try_again(policy, &known, "other", envelope),
	    IMAGE_NAME_MISMATCH);
	assert_code(try_again(later, &known, "web-frontend", envelope),
	    IMAGE_ROLLBACK);
}

static void
verified_manifest_again_ignores_a_verdict_on_other_bytes(void **state)
{
	CLEANUP(trust_freep) struct trust_policy *policy = make_policy(17);
	struct manifest manifest = good_manifest();
	CLEANUP(sealed_freep)
	struct sealed *good = signed_envelope(SIGNER_PROD, &manifest);
	CLEANUP(sealed_freep)
	struct sealed *strange = signed_envelope(SIGNER_STRANGER, &manifest);
	struct trust_verdict known = verdict_on(policy, good);
	struct trust_verdict empty = {.roles = UINT32_MAX};

	(void)state;
	assert_code(try_again(policy, &known, NULL, strange), KEY_UNKNOWN);
	assert_code(try_again(policy, &empty, NULL, strange), KEY_UNKNOWN);
	known.roles = 0;
	known.envelope.bytes[31] ^= 1;
	assert_code(try_again(policy, &known, NULL, good), 0);
}

/* --- a blob in pieces ------------------------------------------------- */

/* Give copies of the first `count` pieces to a receiver, and finish it. */
static int
take_in(const struct blob *blob, const struct sealed *raw, size_t count,
    struct checked_blob **ret_checked)
{
	CLEANUP(blob_receiver_freep) struct blob_receiver *receiver = NULL;
	size_t all;
	const int *fds = sealed_fds(raw, &all);
	struct err err;

	assert_code(blob_receiver_new(blob, "kernel", &receiver, &err), 0);
	for (size_t i = 0; i < count; i++)
		TRY(blob_receiver_add(receiver, dup(fds[i]), &err));
	return blob_receiver_finish(take_ptr(&receiver), ret_checked, &err);
}

static void
blob_intake_proves_what_came_in_pieces(void **state)
{
	CLEANUP(buffer_done) struct buffer data = {0};
	CLEANUP(sealed_freep) struct sealed *raw = NULL;
	CLEANUP(sealed_freep) struct sealed *flipped = NULL;
	CLEANUP(checked_blob_freep) struct checked_blob *blob = NULL;
	struct checked_blob *none = UNTOUCHED;
	static uint8_t block[LIMIT_MIB(5) / 40];
	struct blob says;
	size_t count;

	(void)state;
	for (uint32_t i = 0; i < LIMIT_MIB(5) / sizeof(block); i++) {
		memset(block, (int)i, sizeof(block));
		buffer_add(&data, block, sizeof(block));
	}
	says = blob_of(&data);
	raw = sealed_of(buffer_bytes(&data));
	sealed_fds(raw, &count);
	assert_int_equal(count, 3);
	assert_code(take_in(&says, raw, 3, &blob), 0);
	assert_true(bytes_equal(sealed_bytes(checked_blob_sealed(blob)),
	    buffer_bytes(&data)));

	assert_code(take_in(&says, raw, 2, &none), STAGE_FAILED);
	for (size_t at = 0; at < data.len; at += (1 << 20) + 4321) {
		data.ptr[at] ^= 0x10;
		sealed_freep(&flipped);
		flipped = sealed_of(buffer_bytes(&data));
		data.ptr[at] ^= 0x10;
		assert_code(take_in(&says, flipped, 3, &none),
		    IMAGE_DIGEST_MISMATCH);
	}
	says.size_bytes--;
	assert_code(take_in(&says, raw, 3, &none), STAGE_FAILED);
	assert_ptr_equal(none, UNTOUCHED);
}

static struct checked_blob *
checked(const struct buffer *data)
{
	struct blob blob = blob_of(data);
	struct checked_blob *checked = NULL;
	struct err err;

	assert_code(checked_blob_new(&blob, sealed_of(buffer_bytes(data)),
			"test", &checked, &err),
	    0);
	return checked;
}

static void
checked_blob_is_made_only_of_the_right_bytes(void **state)
{
	CLEANUP(image_done) struct image image = good_image();
	struct checked_blob *blob = UNTOUCHED;
	struct err err;

	(void)state;
	image.elf.ptr[5000] ^= 1;
	assert_code(checked_blob_new(&image.manifest.elf,
			sealed_of(buffer_bytes(&image.elf)), "kernel", &blob,
			&err),
	    IMAGE_DIGEST_MISMATCH);
	assert_ptr_equal(blob, UNTOUCHED);
	assert_code(checked_blob_new(&image.manifest.ramdisk,
			sealed_of(buffer_bytes(&image.elf)), "ramdisk", &blob,
			&err),
	    IMAGE_SIZE_MISMATCH);
	assert_ptr_equal(blob, UNTOUCHED);
	assert_code(checked_blob_from_cache(&image.manifest.ramdisk,
			sealed_of(buffer_bytes(&image.elf)), "ramdisk", &blob,
			&err),
	    IMAGE_SIZE_MISMATCH);
	assert_ptr_equal(blob, UNTOUCHED);
	image.elf.ptr[5000] ^= 1;
	assert_code(checked_blob_from_cache(&image.manifest.elf,
			sealed_of(buffer_bytes(&image.elf)), "kernel", &blob,
			&err),
	    0);
	assert_int_equal(sealed_bytes(checked_blob_sealed(blob)).len,
	    image.elf.len);
	checked_blob_freep(&blob);
}

/* `elf` and `ramdisk` need not be the ones that the manifest names. */
static int
make(const struct manifest *manifest, const struct buffer *elf,
    const struct buffer *ramdisk, struct image_pieces **ret_pieces)
{
	const struct image_shape shape = image_shape_of(manifest);
	struct err err;

	return image_pieces_new(&shape, checked(elf),
	    ramdisk == NULL ? NULL : checked(ramdisk), ret_pieces, &err);
}

static void
assert_not_made(const struct manifest *manifest, const struct buffer *elf,
    const struct buffer *ramdisk, enum err_code code)
{
	struct image_pieces *pieces = UNTOUCHED;

	assert_code(make(manifest, elf, ramdisk, &pieces), (int)code);
	assert_ptr_equal(pieces, UNTOUCHED);
}

static void
image_pieces_holds_what_was_signed(void **state)
{
	CLEANUP(image_pieces_freep) struct image_pieces *pieces = NULL;
	CLEANUP(image_done) struct image good = good_image();

	(void)state;
	assert_code(make(&good.manifest, &good.elf, &good.ramdisk, &pieces), 0);
	assert_true(
	    bytes_equal(image_pieces_elf(pieces), buffer_bytes(&good.elf)));
	assert_true(bytes_equal(image_pieces_ramdisk(pieces),
	    buffer_bytes(&good.ramdisk)));
}

static void
image_pieces_may_have_no_ramdisk(void **state)
{
	CLEANUP(image_pieces_freep) struct image_pieces *pieces = NULL;
	CLEANUP(image_done) struct image good = good_image();

	(void)state;
	good.manifest.has_ramdisk = false;
	assert_code(make(&good.manifest, &good.elf, NULL, &pieces), 0);
	assert_int_equal(image_pieces_ramdisk(pieces).len, 0);
}

/* Each blob is as good as any, but it belongs to another image. */
static void
image_pieces_refuses_the_blobs_of_another_image(void **state)
{
	CLEANUP(image_done) struct image good = good_image();
	struct elf_recipe recipe = good_elf;
	CLEANUP(buffer_done) struct buffer other_elf = {0};
	CLEANUP(buffer_done) struct buffer other_ramdisk = {0};

	(void)state;
	recipe.has_hypercall_page = false;
	other_elf = make_elf(&recipe);
	buffer_add(&other_ramdisk, "070701 rAmdisk", 14);
	assert_not_made(&good.manifest, &other_elf, &good.ramdisk,
	    IMAGE_DIGEST_MISMATCH);
	assert_not_made(&good.manifest, &good.elf, &other_ramdisk,
	    IMAGE_DIGEST_MISMATCH);
	assert_not_made(&good.manifest, &good.ramdisk, &good.elf,
	    IMAGE_DIGEST_MISMATCH);
}

static void
image_pieces_refuses_a_ramdisk_too_many_or_too_few(void **state)
{
	CLEANUP(image_done) struct image good = good_image();

	(void)state;
	assert_not_made(&good.manifest, &good.elf, NULL, IMAGE_DIGEST_MISMATCH);
	good.manifest.has_ramdisk = false;
	assert_not_made(&good.manifest, &good.elf, &good.ramdisk,
	    IMAGE_DIGEST_MISMATCH);
}

static void
image_pieces_refuses_a_signed_kernel_that_is_no_x86_64_elf(void **state)
{
	CLEANUP(image_done) struct image good = good_image();

	(void)state;
	good.elf.ptr[0x12] = 3; /* EM_386 */
	good.manifest.elf = blob_of(&good.elf);
	assert_not_made(&good.manifest, &good.elf, &good.ramdisk,
	    KERNEL_FORMAT_UNKNOWN);
}

static void
image_pieces_refuses_a_signed_ramdisk_that_would_be_unpacked(void **state)
{
	CLEANUP(image_done) struct image good = good_image();

	(void)state;
	buffer_done(&good.ramdisk);
	buffer_add(&good.ramdisk, "\x1f\x8b\x08......\x05\0\0\0", 13);
	good.manifest.ramdisk = blob_of(&good.ramdisk);
	assert_not_made(&good.manifest, &good.elf, &good.ramdisk,
	    RAMDISK_UNPACKABLE);
}

static int
teardown(void **state)
{
	(void)state;
	signers_done();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(verified_manifest_tells_who_signed_what),
	    cmocka_unit_test(
		verified_manifest_accepts_any_name_if_none_is_asked_for),
	    cmocka_unit_test(verified_manifest_refuses_another_name),
	    cmocka_unit_test(
		verified_manifest_refuses_a_role_that_does_not_own_the_name),
	    cmocka_unit_test(verified_manifest_refuses_dates_without_a_clock),
	    cmocka_unit_test(
		verified_manifest_refuses_an_image_below_the_floor),
	    cmocka_unit_test(verified_manifest_refuses_a_stranger),
	    cmocka_unit_test(verified_manifest_refuses_another_payload_type),
	    cmocka_unit_test(
		verified_manifest_refuses_a_signed_manifest_that_is_malformed),
	    cmocka_unit_test(verified_manifest_verifies_before_it_parses),
	    cmocka_unit_test(
		verified_manifest_refuses_each_flipped_bit_of_what_was_signed),
	    cmocka_unit_test(verified_manifest_refuses_broken_envelopes),
	    cmocka_unit_test(blob_check_refuses_other_sizes_and_bytes),
	    cmocka_unit_test(
		verified_manifest_again_takes_a_verdict_on_these_bytes),
	    cmocka_unit_test(verified_manifest_again_checks_everything_else),
	    cmocka_unit_test(
		verified_manifest_again_ignores_a_verdict_on_other_bytes),
	    cmocka_unit_test(blob_intake_proves_what_came_in_pieces),
	    cmocka_unit_test(checked_blob_is_made_only_of_the_right_bytes),
	    cmocka_unit_test(image_pieces_holds_what_was_signed),
	    cmocka_unit_test(image_pieces_may_have_no_ramdisk),
	    cmocka_unit_test(image_pieces_refuses_the_blobs_of_another_image),
	    cmocka_unit_test(
		image_pieces_refuses_a_ramdisk_too_many_or_too_few),
	    cmocka_unit_test(
		image_pieces_refuses_a_signed_kernel_that_is_no_x86_64_elf),
	    cmocka_unit_test(
		image_pieces_refuses_a_signed_ramdisk_that_would_be_unpacked),
	};

	return cmocka_run_group_tests_name("verified_image", tests, NULL,
	    teardown);
}
