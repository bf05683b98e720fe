/*
 * Every limit on foreign input, in one place. A size is checked against its
 * limit before anything is allocated or read.
 */
#ifndef ASSAY_BASE_LIMITS_H
#define ASSAY_BASE_LIMITS_H

#define LIMIT_KIB(n) ((size_t)(n) << 10)
#define LIMIT_MIB(n) ((size_t)(n) << 20)

/* Signed envelopes: FORMATS "strict profile". */
#define LIMIT_ENVELOPE_BYTES      LIMIT_KIB(64)
#define LIMIT_SIGNATURES          16
#define LIMIT_SIGNATURE_BYTES     LIMIT_KIB(8)
#define LIMIT_KEYID_BYTES         128
#define LIMIT_PAYLOAD_TYPE_BYTES  128
#define LIMIT_ENVELOPE_JSON_DEPTH 8

/*
 * One request, or one trust chain. The dearest signature is ECDSA P-384, at 0.7
 * to 1.1 ms by openssl speed, OpenSSL 3.0: 4 s for all. P-256 takes a tenth.
 * An envelope with keyids costs one verification a signature. Without them 16
 * signatures under 64 keys cost 64 + 63 + ... + 49 = 904, so a store index, a
 * manifest and two statements fit, each of the worst kind. Of 256 statements
 * with one signature and no keyid 2288 / 64 = 35 fit besides a store index and
 * a manifest of the worst kind. A chain of 64 steps, each signed by 16 old and
 * new keys together, costs 64 * 2 * 16 = 2048.
 */
#define LIMIT_VERIFICATIONS 4096

/* Of one request: a store index of 2 MiB, a manifest and 256 statements of
 * 64 KiB each are 18.1 MiB. */
#define LIMIT_REQUEST_ENVELOPE_BYTES LIMIT_MIB(20)

/* in-toto statements. SLSA provenance nests deeper than our own documents. */
#define LIMIT_STATEMENT_JSON_DEPTH 16
#define LIMIT_PROVENANCE           256
#define LIMIT_SUBJECTS             64
#define LIMIT_TYPE_URI_BYTES       256

/* Trust policy */
#define LIMIT_TRUST_BYTES     LIMIT_KIB(256)
#define LIMIT_TRUST_KEYS      64
#define LIMIT_TRUST_ROLES     16
#define LIMIT_TRUST_DEMANDS   8
#define LIMIT_ROLE_PATTERNS   64
#define LIMIT_REVOCATIONS     1024
#define LIMIT_ROLLBACK_FLOORS 256
#define LIMIT_PEM_BYTES       LIMIT_KIB(16)
#define LIMIT_TRUST_STEPS     64 /* of a chain */

/* Long documents that are signed: base64 of them, and the signatures. */
#define LIMIT_TRUST_ENVELOPE_BYTES LIMIT_KIB(512)
#define LIMIT_INDEX_ENVELOPE_BYTES LIMIT_MIB(2)
#define LIMIT_TRUST_CHAIN_BYTES    LIMIT_MIB(4)

/* Images. The kernel limit is for the unpacked ELF too. */
#define LIMIT_NAME_BYTES          63
#define LIMIT_VERSION_BYTES       63
#define LIMIT_CMDLINE_BYTES       1023 /* MAX_GUEST_CMDLINE 1024 with NUL */
#define LIMIT_KERNEL_CONFIG_BYTES LIMIT_MIB(1)
#define LIMIT_KERNEL_BYTES        LIMIT_MIB(256)
#define LIMIT_RAMDISK_BYTES       LIMIT_MIB(1024)
#define LIMIT_MEMORY_MIB          (1u << 20)
#define LIMIT_VCPUS               128u
#define LIMIT_DEVICES             16

/* Store */
#define LIMIT_INDEX_BYTES        LIMIT_MIB(4)
#define LIMIT_INDEX_IMAGES       4096
#define LIMIT_INDEX_VALUES       131072 /* an image has about ten */
#define LIMIT_OCI_MANIFEST_BYTES LIMIT_KIB(64)
#define LIMIT_PASSED_OVER        4 /* told of a build by name */

/* Event log and evidence */
#define LIMIT_EVENT_LOG_BYTES LIMIT_MIB(32)
#define LIMIT_EVENT_LOG_KEPT_BYTES \
	LIMIT_KIB(64) /* starts, policies; not builds */
#define LIMIT_FIRMWARE_LOG_BYTES  LIMIT_MIB(1)
#define LIMIT_EVIDENCE_BYTES      LIMIT_MIB(48)
/* Without a log of over a MiB. */
#define LIMIT_EVIDENCE_REST_BYTES LIMIT_MIB(4)
#define LIMIT_CONTEXT_BYTES       LIMIT_MIB(1)
/* A verdict over a log of 32 MiB: at most 52,000 builds, of 1.3 KB each with
 * the longest names, or 124,000 policies of 9 values. */
#define LIMIT_VERDICT_BYTES       LIMIT_MIB(96)
#define LIMIT_VERDICT_VALUES      1310720
#define LIMIT_EK_LIST_BYTES       LIMIT_MIB(16)
#define LIMIT_EK_LIST_LINES       65536

/* Payload of a signed store index: an image has at most 330 bytes. */
#define LIMIT_STORE_INDEX_BYTES LIMIT_KIB(1536)

/* What hosts take of a store's epoch at once. Each step is a write to the TPM's
 * memory, which bears some 100,000 of them: more is a mistake, not an update.
 */
#define LIMIT_EPOCH_STEPS 1000

/* RPC */
#define LIMIT_RPC_MESSAGE_BYTES LIMIT_KIB(256)
#define LIMIT_RPC_JSON_DEPTH    16
#define LIMIT_RPC_CONNECTIONS   32
#define LIMIT_RPC_IDLE_SECONDS  30
#define LIMIT_CLIENTS           16 /* domains that may call */
#define LIMIT_BUILDS            8
#define LIMIT_WAIT_SECONDS      86400
#define LIMIT_BUILD_SECONDS     120
#define LIMIT_DOMAINS           1024

/* Booting */
#define LIMIT_PREDICTION_BYTES   LIMIT_KIB(64)
#define LIMIT_XEN_BYTES          LIMIT_MIB(64)
#define LIMIT_EFI_STORE_BYTES    LIMIT_MIB(4)
#define LIMIT_GRUB_CONFIG_BYTES  LIMIT_KIB(64)
#define LIMIT_RAMDISK_LIST_BYTES LIMIT_MIB(1)
#define LIMIT_RAMDISK_ENTRIES    65536
#define LIMIT_BOOT_OPTIONS_BYTES 2000 /* COMMAND_LINE_SIZE of Linux is 2048 */

/* TPM */
#define LIMIT_IDENTITY_BYTES LIMIT_KIB(4)
#define LIMIT_SEALED_BYTES   LIMIT_KIB(8)

/* Time for all that one call of the tpm role asks of the TPM; for what is left
 * to do when its supervisor is gone; how long its successor waits for the log,
 * which is both and some more; until its first answer, that included. */
#define LIMIT_TPM_SECONDS          20
#define LIMIT_TPM_END_SECONDS      10
#define LIMIT_TPM_HANDOVER_SECONDS 35
#define LIMIT_TPM_START_SECONDS    55

/* Boot policy */
#define LIMIT_BOOT_RELEASES  16
#define LIMIT_BOOT_VALUES    8
#define LIMIT_APPROVAL_BYTES LIMIT_KIB(64)
#define LIMIT_APPROVALS      64

/* Configuration */
#define LIMIT_CONFIG_BYTES    LIMIT_KIB(64)
#define LIMIT_ALLOWED_UIDS    64
#define LIMIT_CALLERS         32 /* rules for others than those */
#define LIMIT_CALLER_PATTERNS 16

/* A file for xl(1), and what its reader says of it. */
#define LIMIT_XL_CONFIG_BYTES LIMIT_KIB(256)
#define LIMIT_XL_ANSWER_BYTES LIMIT_KIB(8)

#endif
