/*
 * The image manifest: what exactly may run, and within which limits.
 *
 * manifest_decode() is strict and must only see bytes that trust_verify_for()
 * accepted. manifest_encode() is deterministic: the same value gives the same
 * bytes everywhere.
 * Format: docs/man/assay-manifest.5, FORMATS §1.4.
 */
#ifndef ASSAY_IMAGE_STORE_MANIFEST_H
#define ASSAY_IMAGE_STORE_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"
#include "base/limits.h"

#define MANIFEST_SCHEMA "assay.image/1"

enum kernel_format {
	KERNEL_ELF,
	KERNEL_BZIMAGE,
};

/* A file by content. */
struct blob {
	struct digest digest;
	uint64_t size_bytes;
};

struct range {
	uint32_t min;
	uint32_t max;
};

/* Plain value; strings are NUL-terminated and non-empty unless said. */
struct manifest {
	char name[LIMIT_NAME_BYTES + 1];       /* [a-z0-9][a-z0-9._-]* */
	char version[LIMIT_VERSION_BYTES + 1]; /* [A-Za-z0-9][A-Za-z0-9._+-]* */
	bool is_debug;                         /* "class": "prod" or "debug" */
	char rollback_location[LIMIT_NAME_BYTES + 1];
	int64_t rollback_index;
	struct blob kernel; /* as stored: maybe compressed */
	enum kernel_format kernel_format;
	struct blob elf; /* unpacked; equal to `kernel` for KERNEL_ELF */
	bool has_ramdisk;
	struct blob ramdisk;
	char cmdline[LIMIT_CMDLINE_BYTES + 1]; /* printable ASCII, may be "" */
	struct range memory_mib;
	struct range vcpus;
	int64_t not_before; /* base/utc.h; UTC_NONE if there is none */
	int64_t not_after;
};

/*
 * Every member is required and no other is allowed:
 * {"schema":"assay.image/1","name","version","class":"prod"|"debug",
 *  "rollback":{"location","index"},"type":"pv","arch":"x86_64",
 *  "kernel":{"digest","size","format":"elf"|"bzimage","elf":{"digest","size"}},
 *  "ramdisk":{"digest","size"}|null,"cmdline",
 *  "limits":{"memory_mib":{"min","max"},"vcpus":{"min","max"}},
 *  "devices":{"vbd":[],"vif":{"max":0}},
 *  "xsm_label":null,
 *  "not_before":"2026-11-23T16:00:00Z"|null,"not_after":...|null}
 *
 * Order: size, JSON (depth, duplicates), schema, members, values.
 * Errors: those of json_parse(); MANIFEST_MALFORMED; MANIFEST_UNSUPPORTED
 * (schema, type, arch, non-null xsm_label, devices); IMAGE_TOO_LARGE (a signed
 * size is over its limit); CMDLINE_TOO_LONG.
 *
 * Not done: whether the image is valid now; see trust_check_validity().
 */
int manifest_decode(struct bytes text, struct manifest *ret_manifest,
    struct err *err);

/* The same for a manifest that is part of a document: the place's code is
 * MANIFEST_MALFORMED, and nothing but depth and duplicates was checked. */
int manifest_decode_at(const struct json_at *root,
    struct manifest *ret_manifest, struct err *err);

/*
 * What manifest_decode would refuse is not written. Compact, the members in
 * the order above, no newline. Returns owned text (malloc, NUL-terminated).
 * Errors: MANIFEST_VALUE_BAD; IMAGE_TOO_LARGE; NO_MEMORY.
 */
int manifest_encode(const struct manifest *manifest, char **ret_text,
    struct err *err);

#endif
