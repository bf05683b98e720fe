/*
 * Good kernels, manifests, envelopes, image directories and stores for the
 * tests of image-store/, each in one call, so that a test breaks one thing.
 *
 * Everything is synthetic: no kernel of a distribution is needed. Kernels are
 * made with the compressors of the libraries that image-store/ decompresses
 * with, but all framing (bzImage, legacy LZ4, ELF notes) is written here anew.
 */
#ifndef ASSAY_TESTS_STORE_FIXTURE_H
#define ASSAY_TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sealed.h"
#include "image-store/pack/image_dir.h"
#include "image-store/manifest.h"
#include "keys/trust.h"

/* The code is asserted by name, so that a failure can be read. */
#define assert_code(result, code) \
	assert_code_at(result, code, __FILE__, __LINE__)
void assert_code_at(int result, int code, const char *file, int line);

/* What an output pointer holds before a call that must not touch it. */
#define UNTOUCHED ((void *)untouched)
extern char untouched[1];

/* For a call whose work is not what the test is about. */
#define FRESH_BUDGET                                                       \
	(&(struct verify_budget){.max_verifications = LIMIT_VERIFICATIONS, \
	    .max_envelope_bytes = LIMIT_REQUEST_ENVELOPE_BYTES})

/* --- bytes and files ------------------------------------------------- */

/* Bytes of the fixture's own; free with buffer_done(). */
struct buffer {
	uint8_t *ptr;
	size_t len;
};

void buffer_done(struct buffer *buffer);
void buffer_add(struct buffer *buffer, const void *data, size_t len);
void buffer_add_le32(struct buffer *buffer, uint32_t value);
struct bytes buffer_bytes(const struct buffer *buffer);
void put_le16(uint8_t *at, uint16_t value);
void put_le32(uint8_t *at, uint32_t value);

/*
 * cmocka setup and teardown: a fresh directory that is the working directory,
 * removed with all that is in it.
 */
int enter_directory(void **state);
int leave_directory(void **state);

void write_file(const char *path, struct bytes data);
struct buffer read_file(const char *path);
void assert_same_file(const char *one, const char *other);
void assert_file_missing(const char *path);
void assert_mode(const char *path, unsigned int mode);
/* Names in a directory but "." and "..". */
size_t count_files(const char *path);

struct sealed *sealed_of(struct bytes data);

/* --- kernels --------------------------------------------------------- */

/* What the ELF notes say. NULL leaves a note out. */
struct elf_recipe {
	const char *xen_version;
	const char *loader;
	bool has_entry;
	bool has_hypercall_page;
	size_t content_bytes; /* of the segment, besides the notes */
};

extern const struct elf_recipe good_elf;

struct buffer make_elf(const struct elf_recipe *recipe);

enum compression {
	GZIP,
	XZ,
	LZ4,
	ZSTD,
	COMPRESSIONS,
};

extern const char *const compression_names[COMPRESSIONS];

struct buffer compress_bytes(enum compression compression, struct bytes data);

/*
 * A bzImage around a payload that is a stream and, but for gzip, the claimed
 * size; protocol 2.15, two setup sectors.
 */
struct buffer wrap_stream(enum compression compression, struct bytes stream,
    uint32_t claimed_size);
struct buffer wrap_payload(struct bytes payload);

/* Compress and wrap, with the true size. */
struct buffer make_bzimage(enum compression compression, struct bytes elf);

/* Where wrap_payload() puts the payload. */
#define PAYLOAD_AT ((1 + 2) * 512 + 64)

/* --- manifests ------------------------------------------------------- */

/* A bzImage kernel and a ramdisk that do not exist. */
struct manifest good_manifest(void);

/* As a tree, in which a test breaks one thing. */
json_t *good_manifest_tree(void);

/* "limits.vcpus" in a tree; the tree itself for "". */
json_t *tree_at(json_t *tree, const char *path);

/* JSON text of a tree. Returns owned. */
char *tree_text(const json_t *tree);

/* --- signatures ------------------------------------------------------ */

/*
 * Role "prod": one Ed25519 key, images "web*"; role "lab": another one, debug
 * images "web*". The floor of location "web" is `floor`.
 */
struct trust_policy *make_policy(int64_t floor);

/* The first, and the system's clock. */
struct trust_policy *make_policy_with_clock(int64_t floor);

/* The first, and this digest is among its revoked manifests. */
struct trust_policy *make_policy_that_revokes(const struct digest *digest);

/* The first, and a role "index" of the stranger's key, which signs store
 * indexes, and the system's clock. */
struct trust_policy *make_policy_with_index(int64_t floor);
/* The same for boot policies. */
struct trust_policy *make_policy_with_boot(int64_t floor);
/* The same for provenance, which role "prod" demands: "urn:built" by builder
 * "urn:ci". */
struct trust_policy *make_policy_with_provenance(int64_t floor);
/* The same, with as many keys as a policy can have; the others are of ECDSA
 * P-256, and in no role. */
struct trust_policy *make_policy_with_many_keys(int64_t floor);

/* The same for the next version of the policy, which is 5. */
struct trust_policy *make_policy_with_trust(int64_t floor);

/* The text of one of those, of the last few that were made. Borrowed. */
const char *policy_text(const struct trust_policy *policy);

enum signer { SIGNER_PROD, SIGNER_LAB, SIGNER_STRANGER, SIGNERS };

/* A line of a chain over it: that policy in another version, which revokes a
 * key (SIGNERS: none), signed by the stranger. Returns owned text. */
char *make_trust_step(int64_t version, int64_t floor, enum signer revoked);

/* An envelope over the payload. Returns owned text. */
char *sign_payload(enum signer signer, const char *payload_type,
    const char *payload);

/* The same, over a manifest. */
char *sign_manifest(enum signer signer, const struct manifest *manifest);

void signers_done(void);

/* --- image directories ----------------------------------------------- */

/* Write files "kernel.in" and "ramdisk.in" and say what to pack of them. */
struct pack_request good_request(void);

/* Pack and sign it, as NAME:VERSION, into a directory. */
void make_image_dir(const char *dir, const char *name, const char *version);

#endif
