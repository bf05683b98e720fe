#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/evidence/context.h"
#include "cli/evidence/evidence_files.h"
#include "cli/evidence/verdict.h"
#include "keys/trust_chain.h"
#include "measure/verify/nonce_file.h"

struct options {
	const char *nonce;
	const char *nonce_file;
	const char *context;
	const char *ak;
	struct argument_list references;
	const char *boot_policy;
	struct argument_list ek_cas;
	const char *ek_list;
	const char *images;
	const char *configurations;
	const char *store;
	const char *earlier;
	const char *trust;
	const char *updates;
	struct argument_list nv_names;
	int64_t pcr;
	int64_t min_trust_version;
	int64_t min_epoch;
	bool allow_development;
	bool allow_debug;
	bool as_json;
	const char *evidence;
};

/* What the files say, and what is needed of them. */
struct inputs {
	struct trust_policy *trust; /* NULL if none is needed */
	struct evidence evidence;
	struct digest_list images;
	struct digest_list configurations;
	struct evidence_mark earlier;
	struct evidence_releases releases;
	struct enrolment enrolment;
	struct tpm_name nv_names[ARGUMENTS_LIST_ITEMS];
	uint8_t nonce[EVIDENCE_NONCE_MAX_BYTES];
	struct evidence_reference reference;
};

static const char *find_contradiction(const struct options *options);
static int check(const struct options *options);
static int read_inputs(const struct options *options, struct inputs *inputs,
    struct err *err);
static int read_releases(const struct options *options, struct inputs *inputs,
    struct err *err);
static int check_listed(const char *ek_list, struct enrolment *enrolment,
    struct err *err);
static bool read_nv_names(const struct options *options, struct inputs *inputs);
static int read_evidence(const struct options *options, struct inputs *inputs,
    struct err *err);
static int use_nonce(const struct options *options, struct inputs *inputs,
    struct err *err);
static int check_endorsement(const struct options *options,
    const struct inputs *inputs, struct err *err);
static int report(const struct options *options, const struct inputs *inputs,
    const struct evidence_verdict *verdict);
static void inputs_done(struct inputs *inputs);

static int
run(int argc, char **argv)
{
	struct options options = {.pcr = 13};
	const struct argument known[] = {
	    {"nonce", required_argument, .text = &options.nonce},
	    {"nonce-file", required_argument, .text = &options.nonce_file},
	    {"context", required_argument, .text = &options.context},
	    {"ak", required_argument, .is_needed = true, .text = &options.ak},
	    {"reference", required_argument, .list = &options.references,
		.max = ARGUMENTS_LIST_ITEMS},
	    {"boot-policy", required_argument, .text = &options.boot_policy},
	    {"ek-ca", required_argument, .list = &options.ek_cas,
		.max = ENDORSEMENT_CAS},
	    {"ek-list", required_argument, .text = &options.ek_list},
	    {"images", required_argument, .text = &options.images},
	    {"configurations", required_argument,
		.text = &options.configurations},
	    {"earlier", required_argument, .text = &options.earlier},
	    {"store", required_argument, .text = &options.store},
	    {"trust", required_argument, .text = &options.trust},
	    {"updates", required_argument, .text = &options.updates},
	    {"nv-name", required_argument, .list = &options.nv_names,
		.max = ARGUMENTS_LIST_ITEMS},
	    {"register", required_argument, .number = &options.pcr, .min = 11,
		.max = 15},
	    {"min-trust-version", required_argument,
		.number = &options.min_trust_version, .min = 1,
		.max = INT64_MAX},
	    {"min-epoch", required_argument, .number = &options.min_epoch,
		.max = INT64_MAX},
	    {"allow-development", no_argument,
		.flag = &options.allow_development},
	    {"allow-debug", no_argument, .flag = &options.allow_debug},
	    {"json", no_argument, .flag = &options.as_json},
	};
	int status = arguments_read(&command_evidence_verify, known,
	    countof(known), &argc, argv);
	const char *why;

	if (status != ARGUMENTS_READ)
		return status;
	why = find_contradiction(&options);
	if (why != NULL)
		return command_usage(&command_evidence_verify, "%s", why);
	options.evidence = argv[1];
	return check(&options);
}

/* Between options, or what is missing; NULL if all is well. */
static const char *
find_contradiction(const struct options *options)
{
	if ((options->nonce == NULL) == (options->nonce_file == NULL))
		return "what was the host asked with? --nonce, or --nonce-file";
	if ((options->references.count == 0) == (options->boot_policy == NULL))
		return "which boots are good? --reference, or --boot-policy";
	if ((options->store != NULL || options->boot_policy != NULL) &&
	    options->trust == NULL)
		return "--store and --boot-policy need --trust";
	if (options->updates != NULL && options->trust == NULL)
		return "--updates needs --trust";
	if (options->images == NULL && options->store == NULL)
		return "which images are good? --images, or --store and "
		       "--trust";
	return NULL;
}

static int
check(const struct options *options)
{
	CLEANUP(inputs_done) struct inputs inputs = {.trust = NULL};
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 0};
	struct err err = {0};
	size_t nonce_len = 0;

	if (options->nonce != NULL &&
	    !evidence_nonce_from_hex(options->nonce, inputs.nonce, &nonce_len))
		return command_usage(&command_evidence_verify,
		    "--nonce: 16 to 64 bytes in lower-case hex");
	if (!read_nv_names(options, &inputs))
		return command_usage(&command_evidence_verify,
		    "--nv-name: 68 lower-case hex digits that begin with 000b");
	inputs.reference.nonce = bytes_of(inputs.nonce, nonce_len);
	if (read_inputs(options, &inputs, &err) != 0 ||
	    use_nonce(options, &inputs, &err) != 0 ||
	    evidence_verify(&inputs.evidence, &inputs.reference, &verdict,
		&err) != 0 ||
	    check_endorsement(options, &inputs, &err) != 0)
		return command_failed(&err, options->as_json);
	return report(options, &inputs, &verdict);
}

static int
read_inputs(const struct options *options, struct inputs *inputs,
    struct err *err)
{
	TRY(context_read(options->context, &inputs->reference.context, err));
	TRY(evidence_files_enrolment(options->ak, &inputs->enrolment, err));
	TRY(check_listed(options->ek_list, &inputs->enrolment, err));
	if (options->trust != NULL)
		TRY(trust_load_chain(options->trust, options->updates,
		    &inputs->trust, err));
	if (options->images != NULL)
		TRY(evidence_files_digests(options->images, &inputs->images,
		    err));
	if (options->configurations != NULL)
		TRY(evidence_files_digests(options->configurations,
		    &inputs->configurations, err));
	if (options->store != NULL)
		TRY(evidence_files_store(options->store, inputs->trust,
		    options->min_epoch, &inputs->images, err));
	if (options->earlier != NULL)
		TRY(evidence_files_earlier(options->earlier, &inputs->earlier,
		    err));
	TRY(read_evidence(options, inputs, err));
	TRY(read_releases(options, inputs, err));
	inputs->reference.ak = inputs->enrolment.ak_name;
	inputs->reference.pcr = (unsigned)options->pcr;
	inputs->reference.releases = inputs->releases.releases;
	inputs->reference.release_count = inputs->releases.count;
	inputs->reference.images = &inputs->images;
	if (options->configurations != NULL)
		inputs->reference.configurations = &inputs->configurations;
	if (options->earlier != NULL)
		inputs->reference.earlier = &inputs->earlier;
	inputs->reference.nv_names = inputs->nv_names;
	inputs->reference.nv_name_count = options->nv_names.count;
	inputs->reference.demand = (struct evidence_demand){
	    .trust = inputs->trust,
	    .min_trust_version = options->min_trust_version,
	    .min_epoch = options->min_epoch,
	};
	inputs->reference.allow_development = options->allow_development;
	inputs->reference.allow_debug = options->allow_debug;
	return 0;
}

static int
read_releases(const struct options *options, struct inputs *inputs,
    struct err *err)
{
	if (options->boot_policy != NULL)
		return evidence_files_boot_policy(options->boot_policy,
		    inputs->trust, &inputs->evidence.pcrs, &inputs->releases,
		    err);
	return evidence_files_releases(&options->references, &inputs->releases,
	    err);
}

static int
check_listed(const char *ek_list, struct enrolment *enrolment, struct err *err)
{
	if (ek_list != NULL && !enrolment->is_record)
		return err_set(err, EK_UNLISTED,
		    "--ek-list needs an enrolment record for --ak");
	return evidence_files_check_ek(ek_list, enrolment, err);
}

static bool
read_nv_names(const struct options *options, struct inputs *inputs)
{
	for (size_t i = 0; i < options->nv_names.count; i++) {
		if (!tpm_name_from_hex(options->nv_names.items[i],
			&inputs->nv_names[i]))
			return false;
	}
	return true;
}

/* An answer that is no evidence was the one answer all the same; a file that is
 * not there is none. */
static int
read_evidence(const struct options *options, struct inputs *inputs,
    struct err *err)
{
	struct err why = {.code = ERR_NONE};

	if (evidence_files_evidence(options->evidence, &inputs->evidence,
		&why) != 0 &&
	    why.code != STORE_IO)
		TRY(use_nonce(options, inputs, err));
	*err = why;
	return (int)why.code;
}

/* Before anything is said about the evidence, and whatever will be said: a
 * nonce has one answer. */
static int
use_nonce(const struct options *options, struct inputs *inputs, struct err *err)
{
	if (options->nonce_file == NULL)
		return 0;
	inputs->reference.nonce = bytes_of(inputs->nonce, KEPT_NONCE_BYTES);
	return nonce_file_use(options->nonce_file, inputs->nonce, err);
}

/* The certificate comes with the evidence; the key in it has to be the one
 * that the host was enrolled with. */
static int
check_endorsement(const struct options *options, const struct inputs *inputs,
    struct err *err)
{
	CLEANUP(evidence_cas_done) struct evidence_cas cas = {.cas.count = 0};
	CLEANUP(endorsement_done)
	struct endorsement endorsement = {.is_certified = false};

	if (options->ek_cas.count == 0)
		return 0;
	if (!inputs->enrolment.is_record)
		return err_set(err, EK_UNTRUSTED,
		    "--ek-ca needs an enrolment record for --ak");
	TRY(evidence_files_cas(&options->ek_cas, &cas, err));
	if (inputs->evidence.ek_cert.len == 0)
		return err_set(err, EK_UNTRUSTED,
		    "the evidence has no endorsement certificate");
	TRY(endorsement_read(evidence_part_bytes(&inputs->evidence.ek_cert),
	    &cas.cas, &endorsement, err));
	if (!digest_equal(&endorsement.digest, &inputs->enrolment.ek))
		return err_set(err, EK_UNTRUSTED,
		    "the certificate is of another key than the enrolled one");
	return 0;
}

static int
report(const struct options *options, const struct inputs *inputs,
    const struct evidence_verdict *verdict)
{
	const struct verdict_context context = {
	    .verdict = verdict,
	    .demand = &inputs->reference.demand,
	    .has_configurations = options->configurations != NULL,
	    .values = &inputs->evidence.pcrs,
	    .release = &inputs->releases.releases[verdict->release],
	    .release_path = options->boot_policy != NULL
	                        ? options->boot_policy
	                        : options->references.items[verdict->release],
	    .enrolment = &inputs->enrolment,
	    .bound_to = &inputs->reference.context,
	    .is_ek_certified =
		options->ek_cas.count > 0 || inputs->enrolment.is_ek_certified,
	};

	if (options->as_json)
		return command_print_json(verdict_encode(&context));
	verdict_print(&context);
	return EXIT_DONE;
}

static void
inputs_done(struct inputs *inputs)
{
	trust_freep(&inputs->trust);
	evidence_done(&inputs->evidence);
	digest_list_done(&inputs->images);
	digest_list_done(&inputs->configurations);
	freep(&inputs->releases.releases);
}

const struct command command_evidence_verify = {"evidence", "verify",
    "--nonce HEX|--nonce-file FILE [--context FILE] --ak NAME|FILE "
    "[--reference FILE]... "
    "[--boot-policy FILE] "
    "[--images FILE] [--store DIR] [--configurations FILE] "
    "[--earlier FILE] [--trust FILE [--updates CHAIN]] "
    "[--min-trust-version N] [--min-epoch N] [--register N] "
    "[--nv-name HEX]... [--ek-ca FILE]... [--ek-list FILE] "
    "[--allow-development] [--allow-debug] [--json]",
    "FILE", "check what a host booted and started", run};
