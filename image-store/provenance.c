#include "image-store/provenance.h"

#include <string.h>

#include "base/scope.h"
#include "image-store/statement.h"
#include "keys/dsse.h"

/* What the statements of a demand are about, so far. */
enum {
	about_kernel = 1,
	about_ramdisk = 2,
	about_elf = 8, /* about the kernel, and as it is loaded */
	is_seen = 4,   /* one of the type, by the role; of whatever builder */
};

/* What is demanded, and of which image. */
struct demands {
	const struct trust_policy *policy;
	size_t role;
	const struct manifest *manifest;
};

static int examine(struct provenance_proof *proof,
    const struct demands *demands, const struct sealed *raw,
    struct verify_budget *budget, struct err *err);
static void meet(struct provenance_proof *proof, const struct demands *demands,
    size_t index, uint32_t roles, const struct statement *statement);
static bool is_by(const struct statement *statement, const char *builder_id);
static unsigned int files_of(const struct statement *statement,
    const struct manifest *manifest);
static int require_met(const struct provenance_proof *proof,
    const struct demands *demands, size_t index, struct err *err);

int
provenance_show(struct provenance_proof *proof,
    const struct trust_policy *policy, size_t role,
    const struct manifest *manifest, const struct sealed *raw,
    struct verify_budget *budget, struct err *err)
{
	const struct demands demands = {policy, role, manifest};

	if (examine(proof, &demands, raw, budget, &proof->why) !=
	    VERIFY_BUDGET_SPENT)
		return 0;
	*err = proof->why;
	return (int)err->code;
}

int
provenance_require(const struct provenance_proof *proof,
    const struct trust_policy *policy, size_t role,
    const struct manifest *manifest, struct err *err)
{
	const struct demands demands = {policy, role, manifest};

	for (size_t i = 0; i < trust_demand_count(policy, role); i++)
		TRY(require_met(proof, &demands, i, err));
	return 0;
}

bool
provenance_is_of_elf(const struct provenance_proof *proof,
    const struct trust_policy *policy, size_t role)
{
	for (size_t i = 0; i < trust_demand_count(policy, role); i++) {
		if ((proof->found[i] & about_elf) == 0)
			return false;
	}
	return true;
}

static int
examine(struct provenance_proof *proof, const struct demands *demands,
    const struct sealed *raw, struct verify_budget *budget, struct err *err)
{
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	CLEANUP(statement_done) struct statement statement = {.document = NULL};
	struct trust_verdict verdict;

	TRY(dsse_decode(sealed_bytes(raw), &envelope, err));
	TRY(trust_verify_for(demands->policy, TRUST_PROVENANCE,
	    sealed_bytes(raw), envelope, budget, &verdict, err));
	TRY(statement_decode(dsse_raw_payload(envelope), STATEMENT_MALFORMED,
	    &statement, err));
	for (size_t i = 0;
	     i < trust_demand_count(demands->policy, demands->role); i++)
		meet(proof, demands, i, verdict.roles, &statement);
	return 0;
}

static void
meet(struct provenance_proof *proof, const struct demands *demands,
    size_t index, uint32_t roles, const struct statement *statement)
{
	const struct trust_demand *demand =
	    trust_demand_at(demands->policy, demands->role, index);

	if ((roles >> demand->role & 1) == 0 ||
	    strcmp(statement->predicate_type, demand->predicate_type) != 0)
		return;
	proof->found[index] |= is_seen;
	if (is_by(statement, demand->builder_id))
		proof->found[index] |= files_of(statement, demands->manifest);
}

/* NULL: by any builder whose signature the role's is. */
static bool
is_by(const struct statement *statement, const char *builder_id)
{
	json_t *details =
	    json_object_get(statement->predicate.value, "runDetails");
	json_t *builder = json_object_get(
	    details != NULL ? details : statement->predicate.value, "builder");
	const char *id = json_string_value(json_object_get(builder, "id"));

	return builder_id == NULL ||
	       (id != NULL && strcmp(id, builder_id) == 0);
}

static unsigned int
files_of(const struct statement *statement, const struct manifest *manifest)
{
	unsigned int files = 0;

	if (statement_has_subject(statement, &manifest->kernel.digest))
		files |= about_kernel;
	if (statement_has_subject(statement, &manifest->elf.digest))
		files |= about_kernel | about_elf;
	if (manifest->has_ramdisk &&
	    statement_has_subject(statement, &manifest->ramdisk.digest))
		files |= about_ramdisk;
	return files;
}

static int
require_met(const struct provenance_proof *proof, const struct demands *demands,
    size_t index, struct err *err)
{
	const struct trust_demand *demand =
	    trust_demand_at(demands->policy, demands->role, index);
	unsigned int found = proof->found[index];
	const char *role = trust_role_name(demands->policy, demand->role);
	bool has_kernel = (found & about_kernel) != 0;

	if ((found & is_seen) == 0)
		return err_set(err, PROVENANCE_MISSING,
		    "no statement %s by role %s: %s",
		    err_quote_str(demand->predicate_type).text, role,
		    proof->why.code != 0 ? proof->why.text
					 : "none is attached");
	if (!has_kernel ||
	    (demands->manifest->has_ramdisk && (found & about_ramdisk) == 0))
		return err_set(err, PROVENANCE_MISMATCH,
		    "no statement %s by role %s is about the %s and by the "
		    "builder %s",
		    err_quote_str(demand->predicate_type).text, role,
		    has_kernel ? "ramdisk" : "kernel",
		    demand->builder_id != NULL
			? err_quote_str(demand->builder_id).text
			: "(any)");
	return 0;
}
