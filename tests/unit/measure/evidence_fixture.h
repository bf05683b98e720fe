/*
 * A host in memory for tests of evidence: a key that stands for one in a TPM,
 * registers, a log that assayd could have written, and a quote over them.
 *
 * Build the good case with fixture_new(), change something, and call the steps
 * after it again: fixture_log() packs the records, fixture_quote() signs.
 */
#ifndef ASSAY_TESTS_EVIDENCE_FIXTURE_H
#define ASSAY_TESTS_EVIDENCE_FIXTURE_H

#include "base_fixture.h"
#include "measure/verify/evidence_verify.h"
#include "measure_fixture.h"

struct record {
	uint32_t pcr;
	uint32_t type;
	uint8_t event[EVENT_BYTES];
	size_t len;
	struct pcr_digests digests;
};

struct fixture {
	EVP_PKEY *key;
	uint32_t attributes; /* of the public area */
	struct record records[128];
	size_t count;
	/* What the quote says. */
	uint32_t magic;
	uint16_t type;
	uint32_t selected[PCR_BANKS];
	uint64_t clock_msec;
	bool is_clock_safe;
	uint32_t reset_count;
	uint32_t restart_count; /* of both */
	uint16_t nv_offset;
	uint8_t nonce[32];
	struct digest context;
	uint8_t nv_name[TPM_NAME_BYTES];
	/* What the verifier has. */
	struct evidence evidence;
	struct prediction release;
	struct digest_list images;
	struct tpm_name nv_expected;
	struct evidence_reference reference;
};

/* cmocka setup and teardown. The good log: start, three builds, a destroy,
 * an abandoned build, a policy, as numbers 1 to 8. */
int fixture_new(void **state);
int fixture_free(void **state);

/* Log an event; nothing is extended. */
void fixture_record(struct fixture *fixture, const struct event *event);

/* Give the register what the records say, from zero. */
void fixture_extend(struct fixture *fixture);

/* The steps after a change; each makes its part of the evidence anew. */
void fixture_public(struct fixture *fixture);
void fixture_log(struct fixture *fixture);
void fixture_quote(struct fixture *fixture);
void fixture_nv(struct fixture *fixture, const struct pcr_digest *contents,
    uint32_t reset_count);

/* All of it after a change of the records. */
void fixture_remake(struct fixture *fixture);

/* A start event of a daemon that finds the register as it is. */
struct event fixture_start(const struct fixture *fixture);

/* An event of the good log: build number n of domain n. */
struct event fixture_build(unsigned n);

/* A destroy or abandon event of it, of which only the sequence is missing. */
struct event fixture_end(enum event_kind kind, unsigned n);

int fixture_verify(struct fixture *fixture, struct evidence_verdict *verdict);

/* Asserts the code, and that the verdict is untouched. */
void fixture_refused(struct fixture *fixture, int code);

/* Records to bytes: owned. */
struct evidence_part fixture_pack(const struct record *records, size_t count);

#endif
