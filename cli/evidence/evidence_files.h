/*
 * The files that a verifier of evidence reads; errors name the file.
 */
#ifndef ASSAY_CLI_EVIDENCE_EVIDENCE_FILES_H
#define ASSAY_CLI_EVIDENCE_EVIDENCE_FILES_H

#include "cli/arguments.h"
#include "keys/trust.h"
#include "measure/verify/endorsement.h"
#include "measure/verify/enrolment.h"
#include "measure/verify/evidence_verify.h"

/* Predictions of releases. `releases` is malloc'd. */
struct evidence_releases {
	struct prediction *releases;
	size_t count;
};

/* Certificates of authorities; they own their text. */
struct evidence_cas {
	struct endorsement_cas cas;
	char *text[ENDORSEMENT_CAS];
};

int evidence_files_evidence(const char *path, struct evidence *ret_evidence,
    struct err *err);

/* A whole small file. Returns owned. */
int evidence_files_read(const char *path, char **ret_text, size_t *ret_len,
    struct err *err);

/*
 * An attestation key: its Name in hex, a TPM2B_PUBLIC, or an enrolment record.
 * Of a Name alone `ak_len` is 0. A challenge is refused: it was not answered.
 */
int evidence_files_enrolment(const char *name_or_path,
    struct enrolment *ret_enrolment, struct err *err);

int evidence_files_releases(const struct argument_list *paths,
    struct evidence_releases *ret_releases, struct err *err);

/*
 * The same from a boot policy, whose signatures are checked. A register may
 * have one of several values in it: of those, the one in `found` is expected,
 * or else the first.
 */
int evidence_files_boot_policy(const char *path,
    const struct trust_policy *trust, const struct pcr_values *found,
    struct evidence_releases *ret_releases, struct err *err);

/* Of images, or of configurations. */
int evidence_files_digests(const char *path, struct digest_list *list,
    struct err *err);

/* Of the verdict in JSON in this file. */
int evidence_files_earlier(const char *path, struct evidence_mark *ret_mark,
    struct err *err);

/*
 * The images of a store of which a build would be allowed by this policy; the
 * others are left out. If it demands a signed index and there is none that is
 * good, and at least of `min_epoch`, the store is refused.
 */
int evidence_files_store(const char *store_path,
    const struct trust_policy *trust, int64_t min_epoch,
    struct digest_list *list, struct err *err);

/* Is the host's endorsement key on the list in this file? See ek_list_check().
 * No list, NULL, allows all. */
int evidence_files_check_ek(const char *path, struct enrolment *enrolment,
    struct err *err);

int evidence_files_cas(const struct argument_list *paths,
    struct evidence_cas *ret_cas, struct err *err);
void evidence_cas_done(struct evidence_cas *cas);

#endif
