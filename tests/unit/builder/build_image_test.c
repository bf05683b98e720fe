/*
 * The image of a build, with a real store, real signatures and a real stage
 * process: which of several it is, every way in which it is refused before Xen
 * is asked, the cache, and the listing.
 */
#include "builder/supervisor/verdict_keep.h"
#include "story_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/build_link.h"
#include "builder/verify_link.h"
#include "base/json.h"
#include "base/utc.h"
#include "builder/front_link.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "image-store/unpack/kernel_unpack.h"
#include "image-store/pack/layout_add.h"
#include "image-store/pack/layout_write.h"
#include "keys/dsse.h"

/* --- the envelope --------------------------------------------------------- */

static void
build_refuses_an_image_that_is_not_there(void **state)
{
	struct fixture *fixture = *state;
	struct err err;

	set_image(fixture, "web-other");
	err = assert_refused_before_xen(fixture, IMAGE_UNKNOWN);
	assert_string_equal(err.field, "image");
}

static void
build_refuses_a_manifest_digest_that_is_not_there(void **state)
{
	struct fixture *fixture = *state;
	struct err err;

	fixture->request.has_manifest = true;
	memset(fixture->request.manifest.bytes, 0x77, DIGEST_BYTES);
	err = assert_refused_before_xen(fixture, IMAGE_UNKNOWN);
	assert_string_equal(err.field, "manifest");
}

static void
build_refuses_an_envelope_that_was_changed(void **state)
{
	struct fixture *fixture = *state;
	struct digest envelope = digest_of_file("dir-web-1/manifest.dsse");
	CLEANUP(buffer_done)
	struct buffer text = read_file("dir-web-1/manifest.dsse");
	char path[128];
	char *payload;

	stored_path(&envelope, path);
	buffer_add(&text, "", 1);
	payload = strstr((char *)text.ptr, "\"payload\":\"");
	assert_non_null(payload);
	payload[40] = payload[40] == 'A' ? 'B' : 'A';
	write_file(path, bytes_of(text.ptr, text.len - 1));
	assert_refused_before_xen(fixture, IMAGE_SIGNATURE_BAD);
}

static void
build_refuses_another_envelope_in_the_place_of_the_one_named(void **state)
{
	struct fixture *fixture = *state;
	struct digest old = digest_of_file("dir-web-1/manifest.dsse");
	struct digest new = add_image(SIGNER_PROD, "web", "2", 18);
	CLEANUP(buffer_done) struct buffer file = {0};
	char path[128];

	/* A thief puts the old image where the new one should be. */
	stored_path(&old, path);
	file = read_file(path);
	stored_path(&new, path);
	write_file(path, buffer_bytes(&file));
	fixture->request.has_manifest = true;
	fixture->request.manifest = new;
	assert_refused_before_xen(fixture, IMAGE_DIGEST_MISMATCH);
}

static void
build_refuses_an_image_of_a_strangers_key(void **state)
{
	struct fixture *fixture = *state;

	add_image(SIGNER_STRANGER, "webfoot", "1", 17);
	set_image(fixture, "webfoot");
	assert_refused_before_xen(fixture, KEY_UNKNOWN);
}

static void
build_refuses_an_image_whose_role_may_not_sign_it(void **state)
{
	struct fixture *fixture = *state;

	add_image(SIGNER_LAB, "weblab", "1", 17);
	set_image(fixture, "weblab");
	assert_refused_before_xen(fixture, ROLE_NOT_ALLOWED);
}

static void
build_refuses_an_image_below_the_floor(void **state)
{
	struct fixture *fixture = *state;

	fixture_take_policy(fixture, make_policy(18));
	assert_refused_before_xen(fixture, IMAGE_ROLLBACK);
}

/* What somebody can make of an envelope whose signatures stay good. */
enum way {
	AS_IT_WAS,
	WITH_WHITE_SPACE,
	IN_ANOTHER_ORDER_OF_MEMBERS,
	IN_ANOTHER_ORDER_OF_SIGNATURES,
	WITH_ONE_SIGNATURE_MORE,
	WITHOUT_KEYIDS,
	WAYS,
};

static json_t *
two_signatures(const char *envelope, enum signer other)
{
	CLEANUP(json_freep) json_t *tree = json_loads(envelope, 0, NULL);
	CLEANUP(json_freep) json_t *second = NULL;
	CLEANUP(freep) char *text = NULL;
	CLEANUP(buffer_done)
	struct buffer payload = read_file("dir-web-1/manifest.json");

	buffer_add(&payload, "", 1);
	text =
	    sign_payload(other, DSSE_IMAGE_PAYLOAD_TYPE, (char *)payload.ptr);
	second = json_loads(text, 0, NULL);
	json_array_append(json_object_get(tree, "signatures"),
	    json_array_get(json_object_get(second, "signatures"), 0));
	return json_incref(tree);
}

static char *
rewritten(const char *envelope, enum way way)
{
	CLEANUP(json_freep) json_t *tree = NULL;
	json_t *signatures;

	if (way == WITH_ONE_SIGNATURE_MORE)
		tree = two_signatures(envelope, SIGNER_STRANGER);
	else if (way == IN_ANOTHER_ORDER_OF_SIGNATURES)
		tree = two_signatures(envelope, SIGNER_LAB);
	else
		tree = json_loads(envelope, 0, NULL);
	signatures = json_object_get(tree, "signatures");
	if (way == IN_ANOTHER_ORDER_OF_SIGNATURES) {
		json_array_insert(signatures, 0, json_array_get(signatures, 1));
		json_array_remove(signatures, 2);
	}
	if (way == WITHOUT_KEYIDS)
		json_object_del(json_array_get(signatures, 0), "keyid");
	if (way == IN_ANOTHER_ORDER_OF_MEMBERS)
		return json_dumps(tree, JSON_SORT_KEYS);
	return json_dumps(tree, way == WITH_WHITE_SPACE ? JSON_INDENT(2) : 0);
}

/* Into the store in the place of what is there, and good but for what a policy
 * says. */
static void
store_rewritten(const struct trust_policy *policy, const char *envelope,
    enum way way)
{
	CLEANUP(freep)
	char *text =
	    way == AS_IT_WAS ? strdup(envelope) : rewritten(envelope, way);
	CLEANUP(sealed_freep)
	struct sealed *sealed = sealed_of(bytes_of_str(text));
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *manifest = NULL;
	struct err err;

	if (way != AS_IT_WAS)
		assert_string_not_equal(text, envelope);
	assert_code(verified_manifest_new(policy, "web", sealed, FRESH_BUDGET,
			&manifest, &err),
	    0);
	write_file("dir-web-1/manifest.dsse", bytes_of_str(text));
	assert_code(layout_add("store", "dir-web-1", true, &err), 0);
}

static void
build_refuses_a_revoked_payload_in_every_envelope_of_it(void **state)
{
	struct fixture *fixture = *state;
	struct digest payload = digest_of_file("dir-web-1/manifest.json");
	CLEANUP(buffer_done)
	struct buffer envelope = read_file("dir-web-1/manifest.dsse");
	CLEANUP(trust_freep)
	struct trust_policy *revoking = make_policy_that_revokes(&payload);

	buffer_add(&envelope, "", 1);
	for (enum way way = 0; way < WAYS; way++) {
		store_rewritten(fixture->policy, (char *)envelope.ptr, way);
		fixture->held.root = revoking;
		assert_refused_before_xen(fixture, IMAGE_REVOKED);
		fixture->request.has_manifest = true;
		fixture->request.manifest = payload;
		assert_refused_before_xen(fixture, IMAGE_REVOKED);
		fixture->request.has_manifest = false;
		fixture->held.root = fixture->policy;
	}
}

/* --- the blobs ------------------------------------------------------------ */

/* The blob of the kernel, as it is stored. */
static void
kernel_path(char ret_path[128])
{
	struct digest digest = digest_of_file("dir-web-1/kernel");

	stored_path(&digest, ret_path);
}

static void
build_refuses_a_kernel_that_was_changed(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(buffer_done) struct buffer kernel = {0};
	char path[128];

	kernel_path(path);
	kernel = read_file(path);
	kernel.ptr[kernel.len / 2] ^= 1;
	write_file(path, buffer_bytes(&kernel));
	assert_refused_before_xen(fixture, IMAGE_DIGEST_MISMATCH);
	/* Not a byte of it was unpacked. */
	assert_int_equal(story_calls.unpack, 0);
}

static void
build_refuses_a_kernel_of_another_size(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(buffer_done) struct buffer kernel = {0};
	char path[128];

	kernel_path(path);
	kernel = read_file(path);
	write_file(path, bytes_of(kernel.ptr, kernel.len - 1));
	assert_refused_before_xen(fixture, IMAGE_SIZE_MISMATCH);
	buffer_add(&kernel, "x", 1);
	write_file(path, buffer_bytes(&kernel));
	assert_refused_before_xen(fixture, IMAGE_SIZE_MISMATCH);
	assert_int_equal(unlink(path), 0);
	assert_refused_before_xen(fixture, STORE_IO);
}

static void
build_refuses_a_ramdisk_that_was_changed(void **state)
{
	struct fixture *fixture = *state;
	struct digest digest = digest_of_file("dir-web-1/ramdisk");
	CLEANUP(buffer_done) struct buffer ramdisk = {0};
	char path[128];

	stored_path(&digest, path);
	ramdisk = read_file(path);
	ramdisk.ptr[0] ^= 1;
	write_file(path, buffer_bytes(&ramdisk));
	assert_refused_before_xen(fixture, IMAGE_DIGEST_MISMATCH);
}

static void
build_refuses_a_store_that_is_broken(void **state)
{
	struct fixture *fixture = *state;

	write_file("store/index.json", bytes_of_str("{}"));
	assert_refused_before_xen(fixture, STORE_MALFORMED);
}

static void
build_refuses_when_the_stage_is_dead(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(kill(fixture->stage_pid, SIGKILL), 0);
	assert_refused_before_xen(fixture, STAGE_FAILED);
}

static void
replace_the_kernel(void)
{
	char path[128];

	kernel_path(path);
	write_file(path, bytes_of_str("evil"));
}

static void
build_does_not_see_a_store_that_changes_after_the_check(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	struct fixture *fixture = *state;
	struct receipt receipt;
	struct digest digest;
	struct err err;

	story_before_unpack = replace_the_kernel;
	assert_built(fixture, &receipt);
	assert_int_equal(story_calls.unpack, 1);
	assert_code(digest_of(buffer_bytes(&elf), &digest, &err), 0);
	assert_true(digest_equal(
	    &xen_fake_domain(fixture->fake, receipt.domid)->elf, &digest));
	/* The next one does. */
	fixture->request.guest.uuid[0]++;
	strcpy(fixture->request.guest.name, "guest2");
	assert_code(fixture_build(fixture, &receipt, &err),
	    IMAGE_SIZE_MISMATCH);
}

/* --- a stage that was taken over ------------------------------------- */

/* What it unpacks every kernel to, if not empty; not so who packs them. */
static struct buffer lie;
static pid_t packer;

int __real_kernel_unpack(struct bytes kernel, uint64_t elf_size_bytes,
    const struct piece_watcher *watcher, struct sealed **ret_elf,
    struct err *err);
int __wrap_kernel_unpack(struct bytes kernel, uint64_t elf_size_bytes,
    const struct piece_watcher *watcher, struct sealed **ret_elf,
    struct err *err);

int
__wrap_kernel_unpack(struct bytes kernel, uint64_t elf_size_bytes,
    const struct piece_watcher *watcher, struct sealed **ret_elf,
    struct err *err)
{
	bool lies = lie.len > 0 && getpid() != packer;

	return __real_kernel_unpack(lies ? buffer_bytes(&lie) : kernel,
	    elf_size_bytes, watcher, ret_elf, err);
}

/* The stage is forked here, and takes the lie with it. */
static int
lying_setup(void **state)
{
	int code;

	packer = getpid();
	lie = make_elf(&good_elf);
	lie.ptr[lie.len - 1] ^= 1;
	code = story_setup(state);
	buffer_done(&lie);
	return code;
}

static void
build_refuses_a_kernel_that_the_stage_made_up(void **state)
{
	struct fixture *fixture = *state;
	struct err err =
	    assert_refused_before_xen(fixture, IMAGE_DIGEST_MISMATCH);

	assert_has(err.text, "kernel ELF");
	assert_int_equal(story_calls.unpack, 1);
}

/* --- which of several images ---------------------------------------------- */

static void
build_chooses_the_highest_rollback_index(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;

	add_image(SIGNER_PROD, "web", "2", 30);
	add_image(SIGNER_PROD, "web", "3", 20);
	assert_built(fixture, &receipt);
	assert_string_equal(receipt.image.version, "2");
}

static void
build_refuses_a_tie_of_the_highest(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;
	struct err err;

	add_image(SIGNER_PROD, "web", "2", 30);
	add_image(SIGNER_PROD, "web", "3", 30);
	err = assert_refused_before_xen(fixture, IMAGE_AMBIGUOUS);
	assert_string_equal(err.field, "manifest");
	/* A tie below the highest is none. */
	add_image(SIGNER_PROD, "web", "4", 31);
	assert_built(fixture, &receipt);
	assert_string_equal(receipt.image.version, "4");
}

static void
build_refuses_a_tie_wherever_the_lower_ones_are_listed(void **state)
{
	struct fixture *fixture = *state;

	/* web:0 and web:9 frame the tie in the sorted index. */
	add_image(SIGNER_PROD, "web", "0", 5);
	add_image(SIGNER_PROD, "web", "2", 17);
	add_image(SIGNER_PROD, "web", "9", 4);
	assert_refused_before_xen(fixture, IMAGE_AMBIGUOUS);
}

/* One more of them would have been verified. */
static void
build_has_one_budget_for_all_candidates(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;

	add_image(SIGNER_PROD, "web", "2", 30);
	add_image(SIGNER_PROD, "web", "3", 20);
	fixture->budget.max_verifications = 2;
	assert_refused_before_xen(fixture, VERIFY_BUDGET_SPENT);
	fixture->budget.max_verifications = 3;
	fixture->budget.max_envelope_bytes = LIMIT_ENVELOPE_BYTES + 4096;
	assert_refused_before_xen(fixture, VERIFY_BUDGET_SPENT);
	fixture->budget.max_envelope_bytes += 4096;
	assert_built(fixture, &receipt);
	assert_string_equal(receipt.image.version, "2");
}

static void
build_compares_no_indexes_of_several_locations(void **state)
{
	struct fixture *fixture = *state;
	struct pack_request request = good_request();
	struct err err;

	strcpy(request.manifest.name, "web");
	strcpy(request.manifest.version, "2");
	strcpy(request.manifest.rollback_location, "elsewhere");
	request.manifest.rollback_index = 30;
	add_packed(SIGNER_PROD, &request);
	err = assert_refused_before_xen(fixture, IMAGE_AMBIGUOUS);
	assert_has(err.text, "several rollback locations");
}

/* Two MiB of ramdisk, whatever the kernel takes. */
static void
build_refuses_memory_that_the_image_alone_would_fill(void **state)
{
	struct fixture *fixture = *state;
	struct pack_request request = good_request();
	CLEANUP(freep) char *ramdisk = calloc(1, LIMIT_MIB(2));
	struct receipt receipt;
	struct err err;

	assert_non_null(ramdisk);
	strcpy(request.manifest.name, "web-large");
	request.manifest.memory_mib.min = 1;
	write_file("ramdisk.in", bytes_of(ramdisk, LIMIT_MIB(2)));
	add_packed(SIGNER_PROD, &request);
	set_image(fixture, "web-large");
	fixture->request.guest.memory_mib = 2;
	err = assert_refused_before_xen(fixture, LIMIT_EXCEEDED);
	assert_string_equal(err.field, "memory_mib");
	assert_has(err.text, "too little");
	fixture->request.guest.memory_mib = 3;
	assert_built(fixture, &receipt);
}

static void
build_takes_the_one_that_is_named_by_digest(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;

	fixture->request.has_manifest = true;
	fixture->request.manifest = digest_of_file("dir-web-1/manifest.dsse");
	add_image(SIGNER_PROD, "web", "2", 30);
	assert_built(fixture, &receipt);
	assert_string_equal(receipt.image.version, "1");
}

/* The digest of what was signed, which is the one that is printed; what else
 * has the name is not even verified. */
static void
build_takes_the_one_that_is_named_by_its_payload(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;
	struct digest bad = add_image(SIGNER_PROD, "web", "0", 30);
	char path[128];

	add_image(SIGNER_STRANGER, "web", "2", 31);
	stored_path(&bad, path);
	write_file(path, bytes_of_str("{}"));
	fixture->request.has_manifest = true;
	fixture->request.manifest = digest_of_file("dir-web-1/manifest.json");
	assert_built(fixture, &receipt);
	assert_string_equal(receipt.image.version, "1");
	assert_true(
	    digest_equal(&receipt.image.payload, &fixture->request.manifest));
}

static void
build_verifies_the_one_that_is_named_by_its_payload(void **state)
{
	struct fixture *fixture = *state;

	add_image(SIGNER_STRANGER, "web", "2", 31);
	fixture->request.has_manifest = true;
	fixture->request.manifest = digest_of_file("dir-web-2/manifest.json");
	assert_refused_before_xen(fixture, KEY_UNKNOWN);
}

static void
build_does_not_take_a_digest_under_another_name(void **state)
{
	struct fixture *fixture = *state;

	fixture->request.has_manifest = true;
	fixture->request.manifest = add_image(SIGNER_PROD, "web2", "1", 17);
	assert_refused_before_xen(fixture, IMAGE_UNKNOWN);
	fixture->request.manifest = digest_of_file("dir-web2-1/manifest.json");
	assert_refused_before_xen(fixture, IMAGE_UNKNOWN);
}

/* The index says web, the signature says web2. */
static void
build_refuses_an_index_that_lies_about_the_name(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(buffer_done) struct buffer index = {0};
	char *name;

	add_image(SIGNER_PROD, "web2", "1", 40);
	index = read_file("store/index.json");
	buffer_add(&index, "", 1);
	name = strstr((char *)index.ptr, "\"web2:1\"");
	assert_non_null(name);
	memcpy(name, "\"web:10\"", 8);
	write_file("store/index.json", bytes_of(index.ptr, index.len - 1));
	assert_refused_before_xen(fixture, IMAGE_NAME_MISMATCH);
}

/* --- what the policy does not let run ------------------------------------- */

/* A request that builds once more. */
static void
ask_again(struct fixture *fixture)
{
	fixture->request.guest.uuid[0]++;
	fixture->request.guest.name[0]++;
}

static void
assert_passed_over(const struct receipt *receipt, const char *version,
    enum err_code code)
{
	assert_int_equal(receipt->passed_over.count, 1);
	assert_string_equal(receipt->passed_over.images[0].version, version);
	assert_int_equal(receipt->passed_over.images[0].code, code);
}

/* By the digest that each command prints: the one before it goes on. */
static void
build_passes_over_a_revoked_release(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;
	struct digest payload;

	add_image(SIGNER_PROD, "web", "2", 30);
	assert_built(fixture, &receipt);
	assert_string_equal(receipt.image.version, "2");
	assert_int_equal(receipt.passed_over.count, 0);
	payload = digest_of_file("dir-web-2/manifest.json");
	fixture_take_policy(fixture, make_policy_that_revokes(&payload));
	ask_again(fixture);
	assert_built(fixture, &receipt);
	assert_string_equal(receipt.image.version, "1");
	assert_passed_over(&receipt, "2", IMAGE_REVOKED);
	/* Who asks for that very one is told no. */
	ask_again(fixture);
	fixture->request.has_manifest = true;
	fixture->request.manifest = payload;
	memset(&receipt, 0, sizeof(receipt));
	assert_code(fixture_build(fixture, &receipt, &(struct err){0}),
	    IMAGE_REVOKED);
}

static void
build_passes_over_a_release_below_the_floor(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;

	add_image(SIGNER_PROD, "web", "2", 18);
	fixture_take_policy(fixture, make_policy(18));
	assert_built(fixture, &receipt);
	assert_string_equal(receipt.image.version, "2");
	assert_passed_over(&receipt, "1", IMAGE_ROLLBACK);
}

/* Nor does it matter to which location that one belonged. */
static void
build_passes_over_what_another_role_signed(void **state)
{
	struct fixture *fixture = *state;
	struct pack_request request = good_request();
	struct receipt receipt;

	strcpy(request.manifest.name, "web");
	strcpy(request.manifest.version, "2");
	strcpy(request.manifest.rollback_location, "elsewhere");
	request.manifest.rollback_index = 30;
	add_packed(SIGNER_LAB, &request);
	assert_built(fixture, &receipt);
	assert_string_equal(receipt.image.version, "1");
	assert_passed_over(&receipt, "2", ROLE_NOT_ALLOWED);
}

static void
build_passes_over_dates_that_are_not_now(void **state)
{
	struct fixture *fixture = *state;
	struct pack_request request = good_request();
	struct receipt receipt;

	strcpy(request.manifest.name, "web");
	strcpy(request.manifest.version, "2");
	strcpy(request.manifest.rollback_location, "web");
	request.manifest.rollback_index = 30;
	request.manifest.not_after = 1000000000;
	add_packed(SIGNER_PROD, &request);
	/* Where nobody knows the time, nobody knows that it has passed. */
	assert_refused_before_xen(fixture, CLOCK_NOT_TRUSTED);
	fixture_take_policy(fixture, make_policy_with_clock(1));
	assert_built(fixture, &receipt);
	assert_string_equal(receipt.image.version, "1");
	assert_passed_over(&receipt, "2", IMAGE_EXPIRED);
	strcpy(request.manifest.version, "3");
	request.manifest.rollback_index = 31;
	request.manifest.not_after = UTC_NONE;
	request.manifest.not_before = UTC_MAX_SECONDS;
	add_packed(SIGNER_PROD, &request);
	ask_again(fixture);
	assert_built(fixture, &receipt);
	assert_string_equal(receipt.image.version, "1");
	assert_int_equal(receipt.passed_over.count, 2);
	assert_int_equal(receipt.passed_over.images[1].code,
	    IMAGE_NOT_YET_VALID);
}

static void
build_refuses_when_no_release_may_run(void **state)
{
	struct fixture *fixture = *state;
	struct err err;

	add_image(SIGNER_PROD, "web", "2", 18);
	fixture_take_policy(fixture, make_policy(40));
	err = assert_refused_before_xen(fixture, IMAGE_ROLLBACK);
	assert_has(err.text, "none of 2 may run: 1: ");
}

/* Two of them, and one may not run: no tie. */
static void
build_counts_no_tie_with_what_may_not_run(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;
	struct digest payload;

	add_image(SIGNER_PROD, "web", "2", 17);
	assert_refused_before_xen(fixture, IMAGE_AMBIGUOUS);
	payload = digest_of_file("dir-web-1/manifest.json");
	fixture_take_policy(fixture, make_policy_that_revokes(&payload));
	assert_built(fixture, &receipt);
	assert_string_equal(receipt.image.version, "2");
}

/* Else who can break the newest brings the old one back. */
static void
build_does_not_fall_back_when_one_of_two_is_bad(void **state)
{
	struct fixture *fixture = *state;
	struct digest newest = add_image(SIGNER_PROD, "web", "2", 30);
	char path[128];

	stored_path(&newest, path);
	write_file(path, bytes_of_str("{}"));
	assert_refused_before_xen(fixture, ENVELOPE_MALFORMED);
	assert_int_equal(unlink(path), 0);
	assert_refused_before_xen(fixture, STORE_IO);
}

static void
build_does_not_pass_over_a_bad_older_one(void **state)
{
	struct fixture *fixture = *state;

	add_image(SIGNER_STRANGER, "web", "0", 1);
	assert_refused_before_xen(fixture, KEY_UNKNOWN);
}

/* --- the cache ------------------------------------------------------------ */

/* Links that what is reported comes over: who decides, and who builds. */
struct links {
	int verify[2];
	int build[2];
};

static struct links
give_links(struct fixture *fixture)
{
	struct links links;
	struct err err;

	assert_code(ipc_pair(links.verify, &err), 0);
	assert_code(ipc_pair(links.build, &err), 0);
	fixture->decide.link = links.verify[1];
	fixture->env.pieces.link = links.build[1];
	fixture->env.place.link = links.build[1];
	return links;
}

/* Does what the supervisor does with a build's reports. */
static unsigned int
keep_what_was_reported(struct fixture *fixture, struct links *links,
    uint32_t *ret_domid)
{
	struct verify_report said;
	unsigned int blobs = 0;
	size_t size;
	struct err err;
	bool is_end;

	fixture->decide.link = -1;
	fixture->env.pieces.link = -1;
	fixture->env.place.link = -1;
	closep(&links->verify[1]);
	closep(&links->build[1]);
	for (;;) {
		struct ipc_fds none;

		assert_code(ipc_receive_some(links->verify[0], &said,
				sizeof(said), &size, &none, &is_end, &err),
		    0);
		if (is_end)
			break;
		assert_int_equal(said.kind, VERIFY_VERDICT);
		verdict_keep(&fixture->verdicts, &said.known.policy,
		    &said.known.verdict);
	}
	for (;;) {
		CLEANUP(sealed_freep) struct sealed *sealed = NULL;
		struct build_report report;
		struct ipc_fds fds;

		assert_code(ipc_receive_some(links->build[0], &report,
				sizeof(report), &size, &fds, &is_end, &err),
		    0);
		if (is_end)
			break;
		if (report.kind == BUILD_MADE)
			*ret_domid = report.domid;
		if (report.kind != BUILD_BLOB)
			continue;
		assert_code(ipc_take_sealed(&fds, LIMIT_KERNEL_BYTES, "blob",
				&sealed, &err),
		    0);
		kept_blobs_add(&fixture->kept, &report.digest,
		    take_ptr(&sealed));
		blobs++;
	}
	closep(&links->verify[0]);
	closep(&links->build[0]);
	return blobs;
}

static void
build_of_a_cached_image_fetches_no_blob(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;
	struct receipt again;
	uint32_t domid = 0;
	struct links links = give_links(fixture);

	story_calls.blob = story_calls.unpack = story_calls.verify = 0;
	assert_built(fixture, &receipt);
	assert_int_equal(story_calls.verify, 1);
	assert_int_equal(story_calls.blob, 2);
	assert_int_equal(story_calls.unpack, 1);
	assert_false(receipt.was_cached);
	assert_int_equal(keep_what_was_reported(fixture, &links, &domid), 2);
	assert_int_equal(domid, receipt.domid);

	fixture->request.guest.uuid[0]++;
	strcpy(fixture->request.guest.name, "guest2");
	story_calls.blob = story_calls.unpack = story_calls.envelope =
	    story_calls.verify = 0;
	assert_built(fixture, &again);
	assert_true(again.was_cached);
	assert_int_equal(story_calls.blob, 0);
	assert_int_equal(story_calls.unpack, 0);
	/* The envelope is read each time, and its bytes are the same. */
	assert_int_equal(story_calls.envelope, 1);
	assert_int_equal(story_calls.verify, 0);
	assert_true(
	    digest_equal(&xen_fake_domain(fixture->fake, again.domid)->elf,
		&xen_fake_domain(fixture->fake, receipt.domid)->elf));
	assert_true(
	    digest_equal(&xen_fake_domain(fixture->fake, again.domid)->ramdisk,
		&xen_fake_domain(fixture->fake, receipt.domid)->ramdisk));
}

/* The store may be gone or changed: what was verified is used. */
static void
build_of_a_cached_image_does_not_care_about_stored_blobs(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;
	uint32_t domid;
	char path[128];
	struct links links = give_links(fixture);

	assert_built(fixture, &receipt);
	keep_what_was_reported(fixture, &links, &domid);
	kernel_path(path);
	write_file(path, bytes_of_str("evil"));
	fixture->request.guest.uuid[0]++;
	strcpy(fixture->request.guest.name, "guest2");
	assert_built(fixture, &receipt);
	assert_true(receipt.was_cached);
}

/* --- listing -------------------------------------------------------------- */

static const struct image_row *
find_row(const struct sealed *rows, const char *name)
{
	const struct image_row *all = (const void *)sealed_bytes(rows).ptr;

	for (size_t i = 0; i < sealed_bytes(rows).len / sizeof(*all); i++) {
		if (strcmp(all[i].name, name) == 0)
			return &all[i];
	}
	fail_msg("no row of %s", name);
	return NULL;
}

static void
listing_verifies_each_image_and_says_why_not(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(sealed_freep) struct sealed *rows = NULL;
	const struct image_row *row;
	struct image_source source;
	struct err err = {0};
	struct digest payload = digest_of_file("dir-web-1/manifest.json");

	add_image(SIGNER_STRANGER, "web-bad", "2", 9);
	/* That of the request is for its index; each image has another. */
	fixture->budget = (struct verify_budget){0};
	source = fixture_source(fixture);
	assert_code(image_choose_rows(&source, &rows, &err), 0);
	assert_int_equal(sealed_bytes(rows).len, 2 * sizeof(*row));

	row = find_row(rows, "web");
	assert_code(row->outcome.code, 0);
	assert_string_equal(row->version, "1");
	assert_string_equal(row->role, "prod");
	assert_true(digest_equal(&row->payload, &payload));
	assert_int_equal(row->rollback_index, 17);
	assert_int_equal(row->memory_min_mib, 128);
	assert_int_equal(row->memory_max_mib, 4096);
	assert_int_equal(row->vcpus_min, 1);
	assert_int_equal(row->vcpus_max, 8);

	row = find_row(rows, "web-bad");
	assert_code(row->outcome.code, KEY_UNKNOWN);
	assert_string_equal(row->role, "");
}

/* No rows are an answer too. */
static void
listing_of_an_empty_store_has_no_rows(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(sealed_freep) struct sealed *rows = NULL;
	struct image_source source = fixture_source(fixture);
	struct err err = {0};

	write_file("store/index.json",
	    bytes_of_str("{\"schemaVersion\":2,\"manifests\":[]}"));
	if (image_choose_rows(&source, &rows, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(sealed_bytes(rows).len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    story_test(build_refuses_an_image_that_is_not_there),
	    story_test(build_refuses_a_manifest_digest_that_is_not_there),
	    story_test(build_refuses_an_envelope_that_was_changed),
	    story_test(
		build_refuses_another_envelope_in_the_place_of_the_one_named),
	    story_test(build_refuses_an_image_of_a_strangers_key),
	    story_test(build_refuses_an_image_whose_role_may_not_sign_it),
	    story_test(build_refuses_an_image_below_the_floor),
	    story_test(build_refuses_a_revoked_payload_in_every_envelope_of_it),
	    story_test(build_refuses_a_kernel_that_was_changed),
	    story_test(build_refuses_a_kernel_of_another_size),
	    story_test(build_refuses_a_ramdisk_that_was_changed),
	    story_test(build_refuses_a_store_that_is_broken),
	    story_test(build_refuses_when_the_stage_is_dead),
	    story_test(build_does_not_see_a_store_that_changes_after_the_check),
	    cmocka_unit_test_setup_teardown(
		build_refuses_a_kernel_that_the_stage_made_up, lying_setup,
		fixture_teardown),
	    story_test(build_chooses_the_highest_rollback_index),
	    story_test(build_refuses_a_tie_of_the_highest),
	    story_test(build_refuses_a_tie_wherever_the_lower_ones_are_listed),
	    story_test(build_compares_no_indexes_of_several_locations),
	    story_test(build_refuses_memory_that_the_image_alone_would_fill),
	    story_test(build_has_one_budget_for_all_candidates),
	    story_test(build_takes_the_one_that_is_named_by_digest),
	    story_test(build_takes_the_one_that_is_named_by_its_payload),
	    story_test(build_verifies_the_one_that_is_named_by_its_payload),
	    story_test(build_does_not_take_a_digest_under_another_name),
	    story_test(build_refuses_an_index_that_lies_about_the_name),
	    story_test(build_passes_over_a_revoked_release),
	    story_test(build_passes_over_a_release_below_the_floor),
	    story_test(build_passes_over_what_another_role_signed),
	    story_test(build_passes_over_dates_that_are_not_now),
	    story_test(build_refuses_when_no_release_may_run),
	    story_test(build_counts_no_tie_with_what_may_not_run),
	    story_test(build_does_not_fall_back_when_one_of_two_is_bad),
	    story_test(build_does_not_pass_over_a_bad_older_one),
	    story_test(build_of_a_cached_image_fetches_no_blob),
	    story_test(
		build_of_a_cached_image_does_not_care_about_stored_blobs),
	    story_test(listing_verifies_each_image_and_says_why_not),
	    story_test(listing_of_an_empty_store_has_no_rows),
	};

	return cmocka_run_group_tests_name("build_image", tests, NULL, NULL);
}
