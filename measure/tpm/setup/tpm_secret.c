#include "measure/tpm/setup/tpm_secret.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/scope.h"
#include "measure/epoch.h"
#include "measure/tpm/setup/epoch_policy.h"
#include "measure/tpm/setup/policy_key.h"
#include "measure/tpm/setup/tpm_approval.h"
#include "measure/tpm/tpm_port_esys.h"
#include "measure/tpm/setup/tpm_sealed.h"

/* What goes into a register to cap it. */
#define CAP_TEXT "assay.cap/1"

/* What is unsealed with what. All borrowed. */
struct unsealing {
	const struct tpm_identity *identity;
	const struct tpm_sealed *sealed;
	const struct approvals *approvals;
	const struct approval *approval;
};

static int policy_of(const struct tpm_address *place,
    const struct tpm_secret_terms *terms, struct tpm_sealed *sealed,
    struct digest *ret_policy, struct err *err);
static int count_from(const struct tpm_address *place, int64_t from_epoch,
    struct tpm_sealed *sealed, struct err *err);
static int create(struct tpm_esys *tpm, const struct digest *policy,
    struct bytes secret, struct tpm_sealed *sealed, struct err *err);
static int open_pinned(const struct tpm_address *place,
    struct tpm_esys **ret_tpm, struct err *err);
static int find_approval(const struct tpm_address *place,
    const struct tpm_secret_opening *opening, const struct tpm_sealed *sealed,
    const struct approval **ret_approval, struct err *err);
static int check_epochs(const struct tpm_port *port,
    const struct tpm_sealed *sealed, int64_t until_epoch, struct err *err);
static int check_cap(const struct approval *approval,
    const struct pcr_values *values, unsigned int cap, struct err *err);
static int load_and_unseal(const struct tpm_address *place,
    const struct unsealing *unsealing, struct tpm_secret *ret_secret,
    struct err *err);
static int unseal(struct tpm_esys *tpm, ESYS_TR object,
    const struct unsealing *unsealing, struct tpm_secret *ret_secret,
    struct err *err);
static int satisfy(struct tpm_esys *tpm, ESYS_TR session,
    const struct unsealing *unsealing, struct err *err);
static int terms_of(const struct tpm_identity *identity,
    const struct tpm_sealed *sealed, const struct public_key *policy_key,
    const char *ref, struct epoch_policy_terms *ret_terms, struct err *err);
static int extend_cap(const struct tpm_address *place, unsigned int cap,
    struct err *err);
static int activate(struct tpm_esys *tpm, const struct tpm_identity *identity,
    ESYS_TR policy, const TPM2B_ID_OBJECT *blob,
    const TPM2B_ENCRYPTED_SECRET *encrypted, TPM2B_DIGEST **ret_secret,
    struct err *err);
static int refuse_foreign(int code, const char *what, struct err *err);
static void take_secret(const void *bytes, size_t len,
    struct tpm_secret *ret_secret);

int
tpm_secret_seal(const struct tpm_address *place,
    const struct tpm_secret_terms *terms, struct bytes secret, char **ret_text,
    struct err *err)
{
	CLEANUP(tpm_esys_freep) struct tpm_esys *tpm = NULL;
	struct tpm_sealed sealed = {.from_epoch = 0};
	struct digest policy;

	if (secret.len == 0 || secret.len > TPM_SECRET_BYTES)
		return err_set(err, SECRET_MALFORMED,
		    "secret: %zu bytes; a TPM seals 1 to %d", secret.len,
		    TPM_SECRET_BYTES);
	TRY(policy_of(place, terms, &sealed, &policy, err));
	TRY(open_pinned(place, &tpm, err));
	TRY(create(tpm, &policy, secret, &sealed, err));
	return tpm_sealed_encode(&sealed, ret_text, err);
}

int
tpm_secret_unseal(const struct tpm_address *place,
    const struct tpm_secret_opening *opening, struct tpm_secret *ret_secret,
    const struct approval **ret_approval, struct err *err)
{
	struct tpm_sealed sealed;
	struct unsealing unsealing = {.identity = place->identity,
	    .sealed = &sealed,
	    .approvals = opening->approvals};
	struct tpm_secret secret;
	int code = 0;

	TRY(tpm_sealed_decode(opening->sealed, &sealed, err));
	TRY(find_approval(place, opening, &sealed, &unsealing.approval, err));
	TRY(load_and_unseal(place, &unsealing, &secret, err));
	if (opening->cap != TPM_SECRET_NO_CAP)
		code = extend_cap(place, (unsigned int)opening->cap, err);
	if (code == 0) {
		*ret_secret = secret;
		*ret_approval = unsealing.approval;
	}
	explicit_bzero(&secret, sizeof(secret));
	return code;
}

int
tpm_secret_activate(const struct tpm_address *place, struct bytes credential,
    struct tpm_secret *ret_secret, struct err *err)
{
	CLEANUP(tpm_esys_freep) struct tpm_esys *tpm = NULL;
	CLEANUP(freep) TPM2B_DIGEST *secret = NULL;
	TPM2B_ENCRYPTED_SECRET encrypted;
	TPM2B_ID_OBJECT blob;
	ESYS_TR policy;
	int code;

	TRY(tpm_credential_decode(credential, &blob, &encrypted, err));
	TRY(open_pinned(place, &tpm, err));
	TRY(tpm_esys_policy_start(tpm, 0, &policy, err));
	code = activate(tpm, place->identity, policy, &blob, &encrypted,
	    &secret, err);
	/* One that was used is gone already. */
	if (code != 0)
		tpm_esys_flush(tpm, &policy);
	TRY(refuse_foreign(code, "the credential", err));
	take_secret(secret->buffer, secret->size, ret_secret);
	explicit_bzero(secret, sizeof(*secret));
	return 0;
}

static int
policy_of(const struct tpm_address *place, const struct tpm_secret_terms *terms,
    struct tpm_sealed *sealed, struct digest *ret_policy, struct err *err)
{
	CLEANUP(freep) struct epoch_policy *policy = NULL;
	struct epoch_policy_terms epochs;
	struct policy_key key;

	if (terms->from_epoch == 0) {
		TRY(policy_key_from(terms->policy_key, &key, err));
		return policy_digest_authorize(&key.name,
		    bytes_of_str(terms->ref), ret_policy, err);
	}
	TRY(count_from(place, terms->from_epoch, sealed, err));
	TRY(terms_of(place->identity, sealed, terms->policy_key, terms->ref,
	    &epochs, err));
	policy = calloc(1, sizeof(*policy));
	if (policy == NULL)
		return err_set(err, NO_MEMORY, "policy of epochs");
	TRY(epoch_policy_of(&epochs, terms->from_epoch, policy, err));
	*ret_policy = policy->policy;
	return 0;
}

/* The counter first: if somebody counts in between, approvals end early. */
static int
count_from(const struct tpm_address *place, int64_t from_epoch,
    struct tpm_sealed *sealed, struct err *err)
{
	CLEANUP(tpm_port_close) struct tpm_port port = {.ops = NULL};
	uint64_t counter;
	int64_t floor;

	TRY(tpm_port_esys_open(place->where, place->identity, place->timeout_ms,
	    &port, err));
	TRY(port.ops->counter_read(port.tpm, &counter, err));
	TRY(epoch_floor(&port, place->identity->counter_base, &floor, err));
	if (from_epoch < floor)
		return err_set(err, APPROVAL_UNFIT,
		    "epoch %" PRId64 ": this host is at %" PRId64
		    ", and approvals until then open nothing any more",
		    from_epoch, floor);
	if (counter == 0 || counter > EPOCH_POLICY_MAX ||
	    from_epoch - floor > EPOCH_POLICY_MAX - (int64_t)counter)
		return err_set(err, APPROVAL_UNFIT,
		    "epoch %" PRId64 ": no counter gets that far", from_epoch);
	sealed->from_epoch = from_epoch;
	sealed->from_counter = (int64_t)counter + (from_epoch - floor);
	return 0;
}

static int
create(struct tpm_esys *tpm, const struct digest *policy, struct bytes secret,
    struct tpm_sealed *sealed, struct err *err)
{
	const TPM2B_DATA no_data = {.size = 0};
	const TPML_PCR_SELECTION no_registers = {.count = 0};
	TPM2B_PUBLIC template = {
	    .publicArea = {.type = TPM2_ALG_KEYEDHASH,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = TPMA_OBJECT_FIXEDTPM |
	                            TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_NODA,
		.authPolicy.size = DIGEST_BYTES,
		.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL}};
	CLEANUP(freep) TPM2B_PUBLIC *public = NULL;
	CLEANUP(freep) TPM2B_PRIVATE *private = NULL;
	TPM2B_SENSITIVE_CREATE sensitive = {.size = 0};
	TSS2_RC rc;

	memcpy(template.publicArea.authPolicy.buffer, policy->bytes,
	    DIGEST_BYTES);
	TRY(tpm_esys_session_use(tpm,
	    TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT, err));
	sensitive.sensitive.data.size = (uint16_t)secret.len;
	memcpy(sensitive.sensitive.data.buffer, secret.ptr, secret.len);
	rc = Esys_Create(tpm->esys, tpm->salt, tpm->session, ESYS_TR_NONE,
	    ESYS_TR_NONE, &sensitive, &template, &no_data, &no_registers,
	    &private, &public, NULL, NULL, NULL);
	explicit_bzero(&sensitive, sizeof(sensitive));
	TRY(tpm_esys_check(rc, err, "seal"));
	sealed->public = *public;
	sealed->private = *private;
	return 0;
}

static int
open_pinned(const struct tpm_address *place, struct tpm_esys **ret_tpm,
    struct err *err)
{
	CLEANUP(tpm_esys_freep) struct tpm_esys *tpm = NULL;

	TRY(tpm_esys_open(place->where, place->timeout_ms, &tpm, err));
	TRY(tpm_esys_object(tpm, &place->identity->salt, "salt key", &tpm->salt,
	    err));
	TRY(tpm_esys_session_start(tpm, err));
	*ret_tpm = take_ptr(&tpm);
	return 0;
}

/* The TPM decides; this says why it would refuse. */
static int
find_approval(const struct tpm_address *place,
    const struct tpm_secret_opening *opening, const struct tpm_sealed *sealed,
    const struct approval **ret_approval, struct err *err)
{
	CLEANUP(tpm_port_close) struct tpm_port port = {.ops = NULL};
	struct pcr_values values;

	TRY(tpm_port_esys_open(place->where, place->identity, place->timeout_ms,
	    &port, err));
	TRY(check_epochs(&port, sealed, opening->approvals->until_epoch, err));
	TRY(port.ops->pcr_read(port.tpm, &values, err));
	TRY(approvals_find(opening->approvals, &values, ret_approval, err));
	if (opening->cap == TPM_SECRET_NO_CAP)
		return 0;
	return check_cap(*ret_approval, &values, (unsigned int)opening->cap,
	    err);
}

static int
check_epochs(const struct tpm_port *port, const struct tpm_sealed *sealed,
    int64_t until_epoch, struct err *err)
{
	int64_t from = sealed->from_epoch;
	uint64_t counter;

	if (from == 0 && until_epoch == 0)
		return 0;
	if (from == 0 || until_epoch == 0)
		return err_set(err, APPROVAL_UNFIT,
		    "only one of secret and approvals goes with epochs");
	if (until_epoch < from || until_epoch - from >= EPOCH_POLICY_EPOCHS)
		return err_set(err, APPROVAL_UNFIT,
		    "approvals until epoch %" PRId64 ": the secret opens with "
		    "those until %" PRId64 " to %" PRId64,
		    until_epoch, from, from + EPOCH_POLICY_EPOCHS - 1);
	TRY(port->ops->counter_read(port->tpm, &counter, err));
	if (counter > (uint64_t)(sealed->from_counter + (until_epoch - from)))
		return err_set(err, APPROVAL_UNFIT,
		    "approvals until epoch %" PRId64
		    ": this host is past it, the counter is %" PRIu64,
		    until_epoch, counter);
	return 0;
}

static int
check_cap(const struct approval *approval, const struct pcr_values *values,
    unsigned int cap, struct err *err)
{
	static const struct pcr_digest zeros;
	bool is_approved = false;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		if ((approval->registers[bank] >> cap & 1) == 0)
			continue;
		is_approved = true;
		if (!pcr_digest_equal(bank, &values->value[bank][cap], &zeros))
			return err_set(err, APPROVAL_UNFIT,
			    "register %u cannot be capped: something was "
			    "measured there",
			    cap);
	}
	if (!is_approved)
		return err_set(err, APPROVAL_UNFIT,
		    "register %u cannot be capped: release %s is approved "
		    "whatever it holds",
		    cap, approval->release);
	return 0;
}

static int
load_and_unseal(const struct tpm_address *place,
    const struct unsealing *unsealing, struct tpm_secret *ret_secret,
    struct err *err)
{
	CLEANUP(tpm_esys_freep) struct tpm_esys *tpm = NULL;
	const struct tpm_sealed *sealed = unsealing->sealed;
	ESYS_TR object;
	int code;

	TRY(open_pinned(place, &tpm, err));
	TRY(tpm_esys_session_use(tpm, 0, err));
	TRY(refuse_foreign(
	    tpm_esys_check(Esys_Load(tpm->esys, tpm->salt, tpm->session,
			       ESYS_TR_NONE, ESYS_TR_NONE, &sealed->private,
			       &sealed->public, &object),
		err, "load the secret"),
	    "the sealed secret", err));
	code = unseal(tpm, object, unsealing, ret_secret, err);
	tpm_esys_flush(tpm, &object);
	return code;
}

static int
unseal(struct tpm_esys *tpm, ESYS_TR object, const struct unsealing *unsealing,
    struct tpm_secret *ret_secret, struct err *err)
{
	CLEANUP(freep) TPM2B_SENSITIVE_DATA *data = NULL;
	ESYS_TR session;
	int code;

	TRY(tpm_esys_policy_start(tpm, TPMA_SESSION_ENCRYPT, &session, err));
	code = satisfy(tpm, session, unsealing, err);
	if (code == 0)
		code = tpm_esys_check(Esys_Unseal(tpm->esys, object, session,
					  ESYS_TR_NONE, ESYS_TR_NONE, &data),
		    err, "unseal");
	if (code != 0) {
		tpm_esys_flush(tpm, &session);
		return code;
	}
	take_secret(data->buffer, data->size, ret_secret);
	explicit_bzero(data, sizeof(*data));
	return 0;
}

static int
satisfy(struct tpm_esys *tpm, ESYS_TR session,
    const struct unsealing *unsealing, struct err *err)
{
	const struct approvals *approvals = unsealing->approvals;
	struct epoch_policy_terms epochs;

	TRY(tpm_approval_show(tpm, session, approvals, unsealing->approval,
	    err));
	if (unsealing->sealed->from_epoch == 0)
		return 0;
	TRY(terms_of(unsealing->identity, unsealing->sealed, approvals->key,
	    approvals->ref, &epochs, err));
	return tpm_approval_show_epoch(tpm, session,
	    &unsealing->identity->counter, &epochs, approvals->until_epoch,
	    err);
}

static int
terms_of(const struct tpm_identity *identity, const struct tpm_sealed *sealed,
    const struct public_key *policy_key, const char *ref,
    struct epoch_policy_terms *ret_terms, struct err *err)
{
	struct policy_key key;

	TRY(policy_key_from(policy_key, &key, err));
	*ret_terms = (struct epoch_policy_terms){.key = key.name,
	    .ref = ref,
	    .counter = identity->counter.name,
	    .from_epoch = sealed->from_epoch,
	    .from_counter = sealed->from_counter};
	return 0;
}
/* In a session: an answer that the TPM did not make is none. */
static int
extend_cap(const struct tpm_address *place, unsigned int cap, struct err *err)
{
	CLEANUP(tpm_port_close) struct tpm_port port = {.ops = NULL};
	struct pcr_digests digests;

	TRY(pcr_digests_of(bytes_of_str(CAP_TEXT), &digests, err));
	TRY(tpm_port_esys_open(place->where, place->identity, place->timeout_ms,
	    &port, err));
	return port.ops->pcr_extend(port.tpm, cap, &digests, err);
}

/* The EK may be used by who may use the endorsement hierarchy. */
static int
activate(struct tpm_esys *tpm, const struct tpm_identity *identity,
    ESYS_TR policy, const TPM2B_ID_OBJECT *blob,
    const TPM2B_ENCRYPTED_SECRET *encrypted, TPM2B_DIGEST **ret_secret,
    struct err *err)
{
	ESYS_TR ak;
	ESYS_TR ek;

	TRY(tpm_esys_object(tpm, &identity->ak, "AK", &ak, err));
	TRY(tpm_esys_object(tpm, &identity->ek, "EK", &ek, err));
	TRY(tpm_esys_session_use(tpm, 0, err));
	TRY(tpm_esys_check(Esys_PolicySecret(tpm->esys, ESYS_TR_RH_ENDORSEMENT,
			       policy, tpm->session, ESYS_TR_NONE, ESYS_TR_NONE,
			       NULL, NULL, NULL, 0, NULL, NULL),
	    err, "use the EK"));
	TRY(tpm_esys_session_use(tpm, TPMA_SESSION_ENCRYPT, err));
	return tpm_esys_check(Esys_ActivateCredential(tpm->esys, ak, ek,
				  tpm->session, policy, ESYS_TR_NONE, blob,
				  encrypted, ret_secret),
	    err, "open the credential");
}

/* A TPM says in many ways that something was not made for it. */
static int
refuse_foreign(int code, const char *what, struct err *err)
{
	char text[sizeof(err->text)];

	if (code != TPM_FAILED)
		return code;
	memcpy(text, err->text, sizeof(text));
	return err_set(err, SECRET_MALFORMED, "%s is not for this TPM: %.200s",
	    what, text);
}

static void
take_secret(const void *bytes, size_t len, struct tpm_secret *ret_secret)
{
	*ret_secret = (struct tpm_secret){.len = len};
	if (len > sizeof(ret_secret->bytes))
		ret_secret->len = sizeof(ret_secret->bytes);
	memcpy(ret_secret->bytes, bytes, ret_secret->len);
}
