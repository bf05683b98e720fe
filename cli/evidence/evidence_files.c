#include "cli/evidence/evidence_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/files.h"
#include "cli/store_manifest.h"
#include "measure/boot_policy.h"
#include "measure/verify/ek_list.h"

static void expect_release(const struct boot_release *release, int64_t version,
    const struct pcr_values *found, struct prediction *prediction);
static const struct pcr_digest *expected_value(
    const struct boot_register *allowed, enum pcr_bank bank,
    const struct pcr_digest *found);
static int add_entry(const struct store_source *source,
    const struct layout_entry *entry, struct digest_list *list,
    struct err *err);

int
evidence_files_evidence(const char *path, struct evidence *ret_evidence,
    struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	size_t len = 0;

	TRY(file_read(path, LIMIT_EVIDENCE_BYTES, &text, &len, err));
	if (evidence_decode(bytes_of(text, len), ret_evidence, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

int
evidence_files_read(const char *path, char **ret_text, size_t *ret_len,
    struct err *err)
{
	return file_read(path, LIMIT_TRUST_BYTES, ret_text, ret_len, err);
}

int
evidence_files_enrolment(const char *name_or_path,
    struct enrolment *ret_enrolment, struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	struct enrolment enrolment = {.ak_len = 0};
	size_t len = 0;
	int code;

	if (tpm_name_from_hex(name_or_path, &enrolment.ak_name)) {
		*ret_enrolment = enrolment;
		return 0;
	}
	TRY(evidence_files_read(name_or_path, &text, &len, err));
	code = text[0] == '{'
	           ? enrolment_decode(bytes_of(text, len), &enrolment, err)
	           : enrolment_set_ak(&enrolment, bytes_of(text, len), err);
	if (code != 0)
		return err_prefix(err, "%s", err_quote_str(name_or_path).text);
	if (enrolment.is_challenge)
		return err_set(err, REFERENCE_MALFORMED,
		    "%s: a challenge, not the record of an answer",
		    err_quote_str(name_or_path).text);
	*ret_enrolment = enrolment;
	return 0;
}

int
evidence_files_releases(const struct argument_list *paths,
    struct evidence_releases *ret_releases, struct err *err)
{
	CLEANUP(freep)
	struct prediction *releases = calloc(paths->count, sizeof(*releases));

	if (releases == NULL)
		return err_set(err, NO_MEMORY, "references");
	for (size_t i = 0; i < paths->count; i++) {
		CLEANUP(freep) char *text = NULL;
		size_t len = 0;

		TRY(evidence_files_read(paths->items[i], &text, &len, err));
		if (prediction_decode(bytes_of(text, len), &releases[i], err) !=
		    0)
			return err_prefix(err, "%s",
			    err_quote_str(paths->items[i]).text);
	}
	ret_releases->count = paths->count;
	ret_releases->releases = take_ptr(&releases);
	return 0;
}

int
evidence_files_boot_policy(const char *path, const struct trust_policy *trust,
    const struct pcr_values *found, struct evidence_releases *ret_releases,
    struct err *err)
{
	CLEANUP(freep) struct boot_policy *policy = NULL;
	CLEANUP(freep) struct prediction *releases = NULL;
	CLEANUP(freep) char *raw = NULL;
	size_t len = 0;

	TRY(file_read(path, LIMIT_ENVELOPE_BYTES, &raw, &len, err));
	if (boot_policy_verify(trust, bytes_of(raw, len), &policy, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	releases = calloc(policy->release_count, sizeof(*releases));
	if (releases == NULL)
		return err_set(err, NO_MEMORY, "boot policy");
	for (size_t i = 0; i < policy->release_count; i++)
		expect_release(&policy->releases[i], policy->version, found,
		    &releases[i]);
	ret_releases->count = policy->release_count;
	ret_releases->releases = take_ptr(&releases);
	return 0;
}

static void
expect_release(const struct boot_release *release, int64_t version,
    const struct pcr_values *found, struct prediction *prediction)
{
	char covers[PREDICTION_COVERS_BYTES + 1];

	snprintf(covers, sizeof(covers), "release %s of boot policy %lld",
	    release->name, (long long)version);
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		for (unsigned pcr = 0; pcr < PCR_COUNT; pcr++) {
			const struct boot_register *allowed =
			    &release->registers[bank][pcr];

			if (allowed->count > 0)
				prediction_set(prediction, bank, pcr,
				    expected_value(allowed, bank,
					&found->value[bank][pcr]),
				    covers);
		}
	}
}

/* A register that the evidence lacks differs from all. */
static const struct pcr_digest *
expected_value(const struct boot_register *allowed, enum pcr_bank bank,
    const struct pcr_digest *found)
{
	for (size_t i = 0; i < allowed->count; i++) {
		if (pcr_digest_equal(bank, &allowed->values[i], found))
			return &allowed->values[i];
	}
	return &allowed->values[0];
}

int
evidence_files_digests(const char *path, struct digest_list *list,
    struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	size_t len = 0;

	TRY(file_read(path, LIMIT_INDEX_BYTES, &text, &len, err));
	if (digest_list_read(bytes_of(text, len), list, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

int
evidence_files_earlier(const char *path, struct evidence_mark *ret_mark,
    struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	size_t len = 0;

	TRY(file_read(path, LIMIT_VERDICT_BYTES, &text, &len, err));
	if (evidence_mark_decode(bytes_of(text, len), ret_mark, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

int
evidence_files_store(const char *store_path, const struct trust_policy *trust,
    int64_t min_epoch, struct digest_list *list, struct err *err)
{
	CLEANUP(layout_list_done) struct layout_list entries = {0};
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	CLEANUP(closep) int store_fd = -1;
	struct store_source source = {.policy = trust};

	TRY(layout_open_list(store_path, &store_fd, &entries, err));
	if (store_manifest_index(trust, store_fd, min_epoch, &index, err) != 0)
		return err_prefix(err, "%s", err_quote_str(store_path).text);
	source.index = index;
	source.store_fd = store_fd;
	for (size_t i = 0; i < entries.count; i++)
		TRY(add_entry(&source, &entries.entries[i], list, err));
	return 0;
}

/* What a build would be refused is no reference. */
static int
add_entry(const struct store_source *source, const struct layout_entry *entry,
    struct digest_list *list, struct err *err)
{
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *verified = NULL;
	const struct manifest *manifest;
	char name[DIGEST_LIST_NAME_BYTES + 1];
	struct err why;

	if (store_manifest_verify(source, entry, &verified, &why) != 0)
		return 0;
	manifest = verified_manifest_get(verified);
	snprintf(name, sizeof(name), "%s %s", manifest->name,
	    manifest->version);
	return digest_list_add(list, verified_manifest_payload(verified), name,
	    err);
}

int
evidence_files_check_ek(const char *path, struct enrolment *enrolment,
    struct err *err)
{
	CLEANUP(ek_list_done) struct ek_list list = {.count = 0};
	CLEANUP(freep) char *text = NULL;
	size_t len = 0;

	if (path == NULL)
		return 0;
	TRY(file_read(path, LIMIT_EK_LIST_BYTES, &text, &len, err));
	if (ek_list_read(bytes_of(text, len), &list, err) != 0 ||
	    ek_list_check(&list, enrolment, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

int
evidence_files_cas(const struct argument_list *paths,
    struct evidence_cas *ret_cas, struct err *err)
{
	for (size_t i = 0; i < paths->count; i++) {
		size_t len = 0;

		TRY(evidence_files_read(paths->items[i], &ret_cas->text[i],
		    &len, err));
		ret_cas->cas.pem[i] = bytes_of(ret_cas->text[i], len);
		ret_cas->cas.count++;
	}
	return 0;
}

void
evidence_cas_done(struct evidence_cas *cas)
{
	for (size_t i = 0; i < ENDORSEMENT_CAS; i++)
		freep(&cas->text[i]);
	cas->cas.count = 0;
}
