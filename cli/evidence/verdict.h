/*
 * The verdict over a host, for a person and as JSON: what was checked, what
 * that proves, what ran, and what it does not prove.
 */
#ifndef ASSAY_CLI_EVIDENCE_VERDICT_H
#define ASSAY_CLI_EVIDENCE_VERDICT_H

#include <jansson.h>

#include "measure/verify/enrolment.h"
#include "measure/verify/evidence_verify.h"

/* All borrowed. */
struct verdict_context {
	const struct evidence_verdict *verdict;
	const struct evidence_demand *demand;
	bool has_configurations; /* that were expected */
	const struct pcr_values *values;
	const struct prediction *release; /* that fits */
	const char *release_path;
	const struct enrolment *enrolment; /* or only the name of a key */
	const struct digest *bound_to;     /* or evidence_no_context */
	bool is_ek_certified;              /* by an authority that was given */
};

void verdict_print(const struct verdict_context *context);

/* Returns owned; NULL if memory is short. */
json_t *verdict_encode(const struct verdict_context *context);

/*
 * Registers, as bits, of whatever runs after firmware, that were extended and
 * are not in the reference: nothing here explains them. Firmware's own, 0 to 7,
 * are never blank; those of a launch by TXT are in the reference if there was
 * one.
 */
uint32_t verdict_others(const struct verdict_context *context);

#endif
