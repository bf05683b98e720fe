#include "measure/tpm/setup/tpm_provision.h"

#include "base/scope.h"
#include "measure/tpm/setup/policy_digest.h"
#include "measure/tpm/tpm_esys.h"
#include "measure/tpm/setup/tpm_templates.h"

enum {
	SALT_HANDLE = 0x81000a50,
	AK_HANDLE = 0x81000a51,
	EK_HANDLE = 0x81000a52,
	COUNTER_HANDLE = 0x018a5500,
	LOG_HANDLE = 0x018a5501,
};

static int make_keys(struct tpm_esys *tpm, enum tpm_ek ek,
    struct tpm_identity *identity, struct err *err);
static int make_key(struct tpm_esys *tpm, ESYS_TR hierarchy,
    const TPM2B_PUBLIC *template, const char *what, struct tpm_object *key,
    struct err *err);
static int keep_key(struct tpm_esys *tpm, ESYS_TR made, const char *what,
    struct tpm_object *key, struct err *err);
static int persist(struct tpm_esys *tpm, ESYS_TR made, const char *what,
    uint32_t handle, struct err *err);
static int make_counter(struct tpm_esys *tpm,
    const struct tpm_provision *provision, struct tpm_identity *identity,
    struct err *err);
static int keep_counter(struct tpm_esys *tpm, ESYS_TR counter,
    const struct tpm_provision *provision, uint64_t *ret_base, struct err *err);
static int check_floor(uint64_t value, uint64_t base, int64_t epoch,
    struct err *err);
static int count_once(struct tpm_esys *tpm, ESYS_TR counter, struct err *err);
static int read_counter(struct tpm_esys *tpm, ESYS_TR counter,
    uint64_t *ret_value, struct err *err);
static int make_log(struct tpm_esys *tpm, const struct tpm_provision *provision,
    struct tpm_identity *identity, struct err *err);
static int keep_log(struct tpm_esys *tpm, const struct tpm_identity *known,
    struct tpm_identity *identity, struct err *err);
static int find_index(struct tpm_esys *tpm, const TPMS_NV_PUBLIC *index,
    const char *what, struct tpm_object *object, bool *ret_is_there,
    ESYS_TR *ret_index, struct err *err);
static int define_index(struct tpm_esys *tpm, const TPMS_NV_PUBLIC *index,
    const char *what, ESYS_TR *ret_index, struct err *err);
static int remove_index(struct tpm_esys *tpm, uint32_t handle, struct err *err);
static int refuse_stranger(const char *what, uint32_t handle, struct err *err);
static int compare(const struct tpm_identity *known,
    const struct tpm_identity *found, struct err *err);
static int compare_one(const struct tpm_object *known,
    const struct tpm_object *found, const char *what, struct err *err);

int
tpm_provision(const struct tpm_provision *provision,
    struct tpm_identity *ret_identity, struct err *err)
{
	CLEANUP(tpm_esys_freep) struct tpm_esys *tpm = NULL;
	struct tpm_identity identity = {.has_log = false};

	TRY(tpm_esys_open(provision->where, provision->timeout_ms, &tpm, err));
	TRY(make_keys(tpm, provision->ek, &identity, err));
	TRY(make_counter(tpm, provision, &identity, err));
	if (provision->launch != NULL)
		TRY(make_log(tpm, provision, &identity, err));
	else if (provision->known != NULL && provision->known->has_log)
		TRY(keep_log(tpm, provision->known, &identity, err));
	if (provision->known != NULL)
		TRY(compare(provision->known, &identity, err));
	*ret_identity = identity;
	return 0;
}

int
tpm_provision_log_policy(const struct pcr_values *launch,
    struct digest *ret_policy, struct err *err)
{
	struct pcr_values values = {.known = {0}};
	struct digest policy = POLICY_DIGEST_START;

	values.known[PCR_SHA256] = 1u << 17 | 1u << 18;
	memcpy(values.value[PCR_SHA256], launch->value[PCR_SHA256],
	    sizeof(values.value[PCR_SHA256]));
	TRY(policy_digest_pcr(&values, &policy, err));
	TRY(policy_digest_command(POLICY_COMMAND_NV_EXTEND, &policy, err));
	*ret_policy = policy;
	return 0;
}

/* The salt key first: all commands after it are in a session salted to it. */
static int
make_keys(struct tpm_esys *tpm, enum tpm_ek ek, struct tpm_identity *identity,
    struct err *err)
{
	identity->salt.handle = SALT_HANDLE;
	identity->ak.handle = AK_HANDLE;
	identity->ek.handle = EK_HANDLE;
	TRY(make_key(tpm, ESYS_TR_RH_OWNER, &tpm_template_salt, "salt key",
	    &identity->salt, err));
	TRY(tpm_esys_object(tpm, &identity->salt, "salt key", &tpm->salt, err));
	TRY(tpm_esys_session_start(tpm, err));
	TRY(make_key(tpm, ESYS_TR_RH_OWNER, &tpm_template_ak, "AK",
	    &identity->ak, err));
	return make_key(tpm, ESYS_TR_RH_ENDORSEMENT,
	    ek == TPM_EK_RSA ? &tpm_template_ek_rsa : &tpm_template_ek_ecc,
	    "EK", &identity->ek, err);
}

static int
make_key(struct tpm_esys *tpm, ESYS_TR hierarchy, const TPM2B_PUBLIC *template,
    const char *what, struct tpm_object *key, struct err *err)
{
	const TPM2B_SENSITIVE_CREATE nothing = {.size = 0};
	const TPM2B_DATA no_data = {.size = 0};
	const TPML_PCR_SELECTION no_registers = {.count = 0};
	ESYS_TR session = ESYS_TR_PASSWORD;
	ESYS_TR made = ESYS_TR_NONE;
	int code;

	if (tpm->session != ESYS_TR_NONE) {
		TRY(tpm_esys_session_use(tpm, 0, err));
		session = tpm->session;
	}
	TRY(tpm_esys_check(Esys_CreatePrimary(tpm->esys, hierarchy, session,
			       ESYS_TR_NONE, ESYS_TR_NONE, &nothing, template,
			       &no_data, &no_registers, &made, NULL, NULL, NULL,
			       NULL),
	    err, "make the %s", what));
	code = keep_key(tpm, made, what, key, err);
	tpm_esys_flush(tpm, &made);
	return code;
}

/* Is it there already? Then it must be this very key. */
static int
keep_key(struct tpm_esys *tpm, ESYS_TR made, const char *what,
    struct tpm_object *key, struct err *err)
{
	struct tpm_name there;
	ESYS_TR found;
	int code;

	TRY(tpm_esys_name(tpm, made, what, &key->name, err));
	code = tpm_esys_find(tpm, key->handle, what, &found, &there, err);
	if (code == TPM_NOT_PROVISIONED)
		return persist(tpm, made, what, key->handle, err);
	if (code != 0)
		return code;
	Esys_TR_Close(tpm->esys, &found);
	if (!tpm_name_equal(&there, &key->name))
		return refuse_stranger(what, key->handle, err);
	return 0;
}

static int
persist(struct tpm_esys *tpm, ESYS_TR made, const char *what, uint32_t handle,
    struct err *err)
{
	ESYS_TR session = ESYS_TR_PASSWORD;
	ESYS_TR persistent = ESYS_TR_NONE;

	if (tpm->session != ESYS_TR_NONE) {
		TRY(tpm_esys_session_use(tpm, 0, err));
		session = tpm->session;
	}
	TRY(tpm_esys_check(Esys_EvictControl(tpm->esys, ESYS_TR_RH_OWNER, made,
			       session, ESYS_TR_NONE, ESYS_TR_NONE, handle,
			       &persistent),
	    err, "keep the %s at 0x%08x", what, handle));
	Esys_TR_Close(tpm->esys, &persistent);
	return 0;
}

/* Its base is known only to who made it: nothing in the TPM tells. */
static int
make_counter(struct tpm_esys *tpm, const struct tpm_provision *provision,
    struct tpm_identity *identity, struct err *err)
{
	const TPMS_NV_PUBLIC wanted = tpm_template_counter(COUNTER_HANDLE);
	uint64_t value = 0;
	bool is_there;
	ESYS_TR counter;
	int code;

	TRY(find_index(tpm, &wanted, "counter", &identity->counter, &is_there,
	    &counter, err));
	if (is_there) {
		code = keep_counter(tpm, counter, provision,
		    &identity->counter_base, err);
		Esys_TR_Close(tpm->esys, &counter);
		return code;
	}
	TRY(define_index(tpm, &wanted, "counter", &counter, err));
	code = count_once(tpm, counter, err);
	if (code == 0)
		code = read_counter(tpm, counter, &value, err);
	Esys_TR_Close(tpm->esys, &counter);
	identity->counter_base = value;
	if (provision->epoch != NULL)
		identity->counter_base -= (uint64_t)*provision->epoch;
	return code;
}

/* With an epoch it stands for that from now on; its floor does not fall. */
static int
keep_counter(struct tpm_esys *tpm, ESYS_TR counter,
    const struct tpm_provision *provision, uint64_t *ret_base, struct err *err)
{
	const struct tpm_identity *known = provision->known;
	uint64_t value;

	if (provision->epoch == NULL && known == NULL)
		return err_set_field(err, TPM_HANDLE_TAKEN, "counter",
		    "counter: there is one at 0x%08x, but no identity that "
		    "has its base: bring the identity file back, or give the "
		    "fleet's epoch with --epoch",
		    COUNTER_HANDLE);
	if (provision->epoch == NULL) {
		*ret_base = known->counter_base;
		return 0;
	}
	TRY(read_counter(tpm, counter, &value, err));
	if (known != NULL)
		TRY(check_floor(value, known->counter_base, *provision->epoch,
		    err));
	*ret_base = value - (uint64_t)*provision->epoch;
	return 0;
}

static int
check_floor(uint64_t value, uint64_t base, int64_t epoch, struct err *err)
{
	if (value - base > INT64_MAX)
		return err_set(err, EPOCH_COUNTER_BAD,
		    "the counter is below the base in the identity file");
	if (epoch < (int64_t)(value - base))
		return err_set_field(err, STORE_ROLLBACK, "epoch",
		    "epoch %lld is below %lld, which this host has seen",
		    (long long)epoch, (long long)(value - base));
	return 0;
}

/* A new counter holds nothing until it was counted once. */
static int
count_once(struct tpm_esys *tpm, ESYS_TR counter, struct err *err)
{
	TRY(tpm_esys_session_use(tpm, 0, err));
	return tpm_esys_check(Esys_NV_Increment(tpm->esys, counter, counter,
				  tpm->session, ESYS_TR_NONE, ESYS_TR_NONE),
	    err, "count for the first time");
}

static int
read_counter(struct tpm_esys *tpm, ESYS_TR counter, uint64_t *ret_value,
    struct err *err)
{
	CLEANUP(freep) TPM2B_MAX_NV_BUFFER *data = NULL;
	uint64_t value = 0;

	TRY(tpm_esys_session_use(tpm, 0, err));
	TRY(tpm_esys_check(Esys_NV_Read(tpm->esys, counter, counter,
			       tpm->session, ESYS_TR_NONE, ESYS_TR_NONE,
			       sizeof(value), 0, &data),
	    err, "read the counter"));
	for (size_t i = 0; i < data->size && i < sizeof(value); i++)
		value = value << 8 | data->buffer[i];
	*ret_value = value;
	return 0;
}

static int
make_log(struct tpm_esys *tpm, const struct tpm_provision *provision,
    struct tpm_identity *identity, struct err *err)
{
	TPMS_NV_PUBLIC wanted;
	struct digest policy;
	bool is_there = false;
	ESYS_TR index;

	TRY(tpm_provision_log_policy(provision->launch, &policy, err));
	wanted = tpm_template_log(LOG_HANDLE, &policy);
	if (find_index(tpm, &wanted, "log index", &identity->log, &is_there,
		&index, err) != 0) {
		if (err->code != TPM_HANDLE_TAKEN || !provision->renew_log)
			return (int)err->code;
		TRY(remove_index(tpm, LOG_HANDLE, err));
	}
	if (!is_there)
		TRY(define_index(tpm, &wanted, "log index", &index, err));
	Esys_TR_Close(tpm->esys, &index);
	identity->has_log = true;
	return 0;
}

static int
keep_log(struct tpm_esys *tpm, const struct tpm_identity *known,
    struct tpm_identity *identity, struct err *err)
{
	ESYS_TR index;

	TRY(tpm_esys_object(tpm, &known->log, "log index", &index, err));
	Esys_TR_Close(tpm->esys, &index);
	identity->log = known->log;
	identity->has_log = true;
	return 0;
}

/* The name that the index has or will have goes into *object. */
static int
find_index(struct tpm_esys *tpm, const TPMS_NV_PUBLIC *index, const char *what,
    struct tpm_object *object, bool *ret_is_there, ESYS_TR *ret_index,
    struct err *err)
{
	struct tpm_name there;
	int code;

	object->handle = index->nvIndex;
	TRY(tpm_esys_index_name(index, &object->name, err));
	code = tpm_esys_find(tpm, index->nvIndex, what, ret_index, &there, err);
	*ret_is_there = code == 0;
	if (code == TPM_NOT_PROVISIONED)
		return 0;
	if (code == 0 && !tpm_name_equal(&there, &object->name)) {
		Esys_TR_Close(tpm->esys, ret_index);
		*ret_is_there = false;
		return refuse_stranger(what, index->nvIndex, err);
	}
	return code;
}

static int
define_index(struct tpm_esys *tpm, const TPMS_NV_PUBLIC *index,
    const char *what, ESYS_TR *ret_index, struct err *err)
{
	const TPM2B_NV_PUBLIC public = {.nvPublic = *index};
	const TPM2B_AUTH nothing = {.size = 0};

	TRY(tpm_esys_session_use(tpm, 0, err));
	return tpm_esys_check(Esys_NV_DefineSpace(tpm->esys, ESYS_TR_RH_OWNER,
				  tpm->session, ESYS_TR_NONE, ESYS_TR_NONE,
				  &nothing, &public, ret_index),
	    err, "make the %s at 0x%08x", what, index->nvIndex);
}

static int
remove_index(struct tpm_esys *tpm, uint32_t handle, struct err *err)
{
	struct tpm_name name;
	ESYS_TR index;

	TRY(tpm_esys_find(tpm, handle, "log index", &index, &name, err));
	TRY(tpm_esys_session_use(tpm, 0, err));
	return tpm_esys_check(Esys_NV_UndefineSpace(tpm->esys, ESYS_TR_RH_OWNER,
				  index, tpm->session, ESYS_TR_NONE,
				  ESYS_TR_NONE),
	    err, "remove the log index");
}

static int
refuse_stranger(const char *what, uint32_t handle, struct err *err)
{
	return err_set_field(err, TPM_HANDLE_TAKEN, what,
	    "%s: what is at 0x%08x was not made by this program for this "
	    "purpose",
	    what, handle);
}

static int
compare(const struct tpm_identity *known, const struct tpm_identity *found,
    struct err *err)
{
	TRY(compare_one(&known->salt, &found->salt, "salt key", err));
	TRY(compare_one(&known->ak, &found->ak, "AK", err));
	TRY(compare_one(&known->ek, &found->ek, "EK", err));
	return compare_one(&known->counter, &found->counter, "counter", err);
}

static int
compare_one(const struct tpm_object *known, const struct tpm_object *found,
    const char *what, struct err *err)
{
	if (known->handle == found->handle &&
	    tpm_name_equal(&known->name, &found->name))
		return 0;
	return err_set_field(err, TPM_KEY_NOT_PINNED, what,
	    "%s: the identity file has another one than this TPM makes", what);
}
