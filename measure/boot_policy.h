/*
 * The boot policy: which register values a host may have booted into.
 *
 * {"schema":"assay.boot-policy/1","version":4,
 *  "releases":[{"name":"2026.11",
 *    "registers":{"sha256":{"4":["<hex>"],"7":["<hex>","<hex>"]}}}, ...]}
 *
 * Several releases stand side by side, so that a host may boot the old one or
 * the new one while it is upgraded. All registers of one release must fit; a
 * register that is not named may hold anything.
 *
 * Trust: it lies beside the image that it is about, where anybody may change
 * it, and is parsed only after its signatures were checked by the trust policy
 * that was measured. Format: docs/man/assay-boot-policy.5.
 */
#ifndef ASSAY_MEASURE_BOOT_POLICY_H
#define ASSAY_MEASURE_BOOT_POLICY_H

#include "base/digest.h"
#include "base/limits.h"
#include "keys/trust.h"
#include "measure/pcr.h"

#define BOOT_POLICY_SCHEMA "assay.boot-policy/1"

/* The values that one register may have; count 0: it is not named. */
struct boot_register {
	size_t count;
	struct pcr_digest values[LIMIT_BOOT_VALUES];
};

struct boot_release {
	char name[LIMIT_NAME_BYTES + 1];
	struct boot_register registers[PCR_BANKS][PCR_COUNT];
};

struct boot_policy {
	int64_t version;
	size_t release_count;
	struct boot_release releases[LIMIT_BOOT_RELEASES];
	struct digest envelope; /* of boot_policy_verify(); else zero */
};

/*
 * From an envelope as it came: is it signed by a role for boot policies, then
 * what does it say. This is all that assayd calls before boot_policy_check().
 * Returns owned (freep).
 * Errors: those of dsse_decode(), trust_verify_for() and boot_policy_decode().
 */
int boot_policy_verify(const struct trust_policy *trust, struct bytes raw,
    struct boot_policy **ret_policy, struct err *err);

/*
 * Strict: members as above and no others; 1 to LIMIT_BOOT_RELEASES releases of
 * different names ([a-z0-9][a-z0-9._-]*); of each registers that tell what was
 * booted, see boot_registers_refuse(); 1 to
 * LIMIT_BOOT_VALUES values each, lower-case hex, none twice, none of all 00 or
 * all ff. Returns owned (freep).
 * Errors: BOOT_POLICY_MALFORMED; those of json_parse(); NO_MEMORY.
 */
int boot_policy_decode(struct bytes payload, struct boot_policy **ret_policy,
    struct err *err);

/* [a-z0-9][a-z0-9._-]*, at most LIMIT_NAME_BYTES. */
bool boot_release_name_is_valid(const char *name);

/* Is `value` one of those that a release allows for a register? */
bool boot_register_allows(const struct boot_register *allowed,
    enum pcr_bank bank, const struct pcr_digest *value);

/*
 * Why these registers do not tell what a host booted, or NULL if they do.
 * A boot is in 4 (what the firmware started), in 8 with 9 (what GRUB did), or
 * in 17 (what a dynamic launch started: all of it after SKINIT; TXT has some of
 * it in 18). Keys, settings or later measurements alone fit any boot.
 * Registers that show nothing may not be named at all: assayd extends 13
 * itself, and any program resets 16 and 23, or 20 to 22 after a launch.
 * Spec: TCG PC Client Platform TPM Profile, "PCR Attributes".
 */
const char *boot_registers_refuse(uint32_t registers);

/*
 * Do these registers name the boot image (4) and leave open what a boot entry
 * adds to its options? Register 7 says whether Secure Boot was on, with which
 * no option is added; 1 has the boot entries; 8 is what a GRUB booted; 17 to 19
 * are a dynamic launch with its options. docs/boot-uefi.md has the whole.
 */
bool boot_registers_leave_options_open(uint32_t registers);

/* What the check found, for logs, status and measurement. */
struct boot_verdict {
	bool is_trusted;
	/* The release that fits, or of which most registers do. */
	char release[LIMIT_NAME_BYTES + 1];
	/* If none fits: the first register of that release that does not. */
	enum pcr_bank bank;
	unsigned int pcr;
	struct pcr_digest expected; /* the first of the values it may have */
	struct pcr_digest found;    /* zero if the TPM has no such register */
};

/*
 * Is this a state that some release allows?
 * *ret_verdict is filled on success and on both refusals.
 * Errors: PLATFORM_NOT_MEASURED (the register that should say it is all 00 or
 * all ff, or the TPM does not have it); PLATFORM_NOT_TRUSTED.
 */
int boot_policy_check(const struct boot_policy *policy,
    const struct pcr_values *found, struct boot_verdict *ret_verdict,
    struct err *err);

#endif
