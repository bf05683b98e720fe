#include "measure/verify/tpm_structs.h"

#include "base/scope.h"

/* Algorithm and curve ids: TCG Algorithm Registry, TPM 2.0 Part 2. */
enum {
	ALG_RSA = 0x0001,
	ALG_AES = 0x0006,
	ALG_NULL = 0x0010,
	ALG_RSASSA = 0x0014,
	ALG_RSAPSS = 0x0016,
	ALG_ECDSA = 0x0018,
	ALG_ECC = 0x0023,
	ALG_CFB = 0x0043,
	CURVE_P256 = 0x0003,
	CURVE_P384 = 0x0004,
};

#define MAGIC 0xff544347u /* TPM_GENERATED_VALUE */

/* Where reading is. After the first mistake everything reads as zero. */
struct cursor {
	const char *what;
	struct bytes raw;
	size_t at;
	struct err *err;
	int code;
};

static struct cursor begin(const char *what, struct bytes raw, struct err *err);
static void fail(struct cursor *c, enum err_code code, const char *why);
static int finish(struct cursor *c);
static struct bytes take(struct cursor *c, size_t len);
static uint8_t take_u8(struct cursor *c);
static uint16_t take_u16(struct cursor *c);
static uint32_t take_u32(struct cursor *c);
static uint64_t take_u64(struct cursor *c);
static struct bytes take_sized(struct cursor *c, size_t max);
static enum pcr_bank take_hash(struct cursor *c);
static void read_quote(struct cursor *c, struct tpm_attest *attest);
static void read_selection(struct cursor *c, struct tpm_attest *attest);
static void read_nv(struct cursor *c, struct tpm_attest *attest);
static void read_area(struct cursor *c, struct tpm_public *public);
static void read_symmetric(struct cursor *c, struct tpm_public *public);
static void read_scheme(struct cursor *c, struct tpm_public *public);
static void read_rsa(struct cursor *c, struct tpm_public *public);
static void read_ecc(struct cursor *c, struct tpm_public *public);
static bool scheme_of(uint16_t id, enum tpm_scheme *ret_scheme);

int
tpm_attest_decode(struct bytes raw, struct tpm_attest *ret_attest,
    struct err *err)
{
	struct cursor c = begin("attestation", raw, err);
	struct tpm_attest attest = {0};
	uint8_t safe;

	if (take_u32(&c) != MAGIC)
		fail(&c, EVIDENCE_NOT_A_QUOTE, "not made inside of a TPM");
	attest.type = take_u16(&c);
	if (attest.type != TPM_ST_ATTEST_QUOTE &&
	    attest.type != TPM_ST_ATTEST_NV)
		fail(&c, EVIDENCE_NOT_A_QUOTE,
		    "neither a quote nor an NV certification");
	attest.qualified_signer = take_sized(&c, 66);
	attest.extra_data = take_sized(&c, 64);
	attest.clock_msec = take_u64(&c);
	attest.reset_count = take_u32(&c);
	attest.restart_count = take_u32(&c);
	safe = take_u8(&c);
	if (safe > 1)
		fail(&c, TPM_STRUCTURE_MALFORMED, "neither yes nor no");
	attest.is_clock_safe = safe == 1;
	attest.firmware_version = take_u64(&c);
	if (attest.type == TPM_ST_ATTEST_QUOTE)
		read_quote(&c, &attest);
	else
		read_nv(&c, &attest);
	TRY(finish(&c));
	*ret_attest = attest;
	return 0;
}

int
tpm_signature_decode(struct bytes raw, struct tpm_signature *ret_signature,
    struct err *err)
{
	struct cursor c = begin("signature", raw, err);
	struct tpm_signature signature = {0};

	if (!scheme_of(take_u16(&c), &signature.scheme))
		fail(&c, TPM_ALGORITHM_UNSUPPORTED, "signature scheme");
	signature.hash = take_hash(&c);
	signature.r = take_sized(&c, TPM_KEY_MAX_BYTES);
	if (signature.scheme == TPM_ECDSA)
		signature.s = take_sized(&c, TPM_KEY_MAX_BYTES);
	TRY(finish(&c));
	*ret_signature = signature;
	return 0;
}

int
tpm_public_decode(struct bytes raw, struct tpm_public *ret_public,
    struct err *err)
{
	struct cursor c = begin("public area", raw, err);
	struct tpm_public public = {0};
	size_t len = take_u16(&c);

	if (len != raw.len - c.at)
		fail(&c, TPM_STRUCTURE_MALFORMED, "another size");
	public.area = bytes_of(raw.ptr + c.at, raw.len - c.at);
	read_area(&c, &public);
	TRY(finish(&c));
	*ret_public = public;
	return 0;
}

int
tpm_public_name(const struct tpm_public *public, struct tpm_name *ret_name,
    struct err *err)
{
	if (public->name_hash != PCR_SHA256)
		return err_set(err, TPM_ALGORITHM_UNSUPPORTED,
		    "public area: its Name is not over SHA-256");
	return tpm_name_of(public->area, ret_name, err);
}

static void
read_quote(struct cursor *c, struct tpm_attest *attest)
{
	uint32_t count = take_u32(c);

	if (count == 0 || count > PCR_BANKS)
		fail(c, TPM_STRUCTURE_MALFORMED, "number of banks");
	for (uint32_t i = 0; i < count && c->code == 0; i++)
		read_selection(c, attest);
	attest->pcr_digest = take_sized(c, 64);
}

static void
read_selection(struct cursor *c, struct tpm_attest *attest)
{
	enum pcr_bank bank = take_hash(c);
	struct bytes mask;

	if (take_u8(c) != PCR_COUNT / 8)
		fail(c, TPM_STRUCTURE_MALFORMED, "number of registers");
	mask = take(c, PCR_COUNT / 8);
	for (size_t i = 0; i < attest->bank_count; i++) {
		if (attest->banks[i] == bank)
			fail(c, TPM_STRUCTURE_MALFORMED, "a bank twice");
	}
	if (c->code != 0)
		return;
	attest->banks[attest->bank_count++] = bank;
	attest->selected[bank] = (uint32_t)mask.ptr[0] |
	                         (uint32_t)mask.ptr[1] << 8 |
	                         (uint32_t)mask.ptr[2] << 16;
}

static void
read_nv(struct cursor *c, struct tpm_attest *attest)
{
	attest->nv_name = take_sized(c, 66);
	attest->nv_offset = take_u16(c);
	attest->nv_contents = take_sized(c, 2048);
}

static void
read_area(struct cursor *c, struct tpm_public *public)
{
	uint16_t type = take_u16(c);

	public->is_rsa = type == ALG_RSA;
	if (type != ALG_RSA && type != ALG_ECC)
		fail(c, TPM_ALGORITHM_UNSUPPORTED, "neither RSA nor ECC");
	public->name_hash = take_hash(c);
	public->attributes = take_u32(c);
	public->policy = take_sized(c, 64);
	read_symmetric(c, public);
	read_scheme(c, public);
	if (public->is_rsa)
		read_rsa(c, public);
	else
		read_ecc(c, public);
}

static void
read_symmetric(struct cursor *c, struct tpm_public *public)
{
	uint16_t algorithm = take_u16(c);

	if (algorithm == ALG_NULL)
		return;
	public->symmetric_bits = take_u16(c);
	if (algorithm != ALG_AES || take_u16(c) != ALG_CFB ||
	    (public->symmetric_bits != 128 && public->symmetric_bits != 256))
		fail(c, TPM_ALGORITHM_UNSUPPORTED, "symmetric algorithm");
}

static void
read_scheme(struct cursor *c, struct tpm_public *public)
{
	uint16_t id = take_u16(c);

	if (id == ALG_NULL)
		return;
	public->has_scheme = true;
	if (!scheme_of(id, &public->scheme) ||
	    (public->scheme != TPM_ECDSA) != public->is_rsa)
		fail(c, TPM_ALGORITHM_UNSUPPORTED, "scheme of the key");
	public->scheme_hash = take_hash(c);
}

/* An exponent of zero means 65537. */
static void
read_rsa(struct cursor *c, struct tpm_public *public)
{
	uint32_t exponent;

	public->bits = take_u16(c);
	exponent = take_u32(c);
	public->exponent = exponent == 0 ? 65537 : exponent;
	public->x = take_sized(c, TPM_KEY_MAX_BYTES);
	if (public->exponent != 65537 ||
	    (public->bits != 2048 && public->bits != 3072 &&
		public->bits != 4096))
		fail(c, TPM_ALGORITHM_UNSUPPORTED, "RSA size or exponent");
	if (c->code == 0 &&
	    (public->x.len != public->bits / 8 || public->x.ptr[0] < 0x80))
		fail(c, TPM_STRUCTURE_MALFORMED, "modulus of another size");
}

static void
read_ecc(struct cursor *c, struct tpm_public *public)
{
	uint16_t curve = take_u16(c);

	public->bits = curve == CURVE_P256 ? 256 : 384;
	if ((curve != CURVE_P256 && curve != CURVE_P384) ||
	    take_u16(c) != ALG_NULL)
		fail(c, TPM_ALGORITHM_UNSUPPORTED, "curve, or a KDF");
	public->x = take_sized(c, public->bits / 8);
	public->y = take_sized(c, public->bits / 8);
}

static bool
scheme_of(uint16_t id, enum tpm_scheme *ret_scheme)
{
	if (id != ALG_ECDSA && id != ALG_RSASSA && id != ALG_RSAPSS)
		return false;
	*ret_scheme = id == ALG_ECDSA    ? TPM_ECDSA
	              : id == ALG_RSASSA ? TPM_RSASSA
	                                 : TPM_RSAPSS;
	return true;
}

static struct cursor
begin(const char *what, struct bytes raw, struct err *err)
{
	return (struct cursor){.what = what, .raw = raw, .err = err};
}

/* The first mistake is the one that is told. */
static void
fail(struct cursor *c, enum err_code code, const char *why)
{
	if (c->code == 0)
		c->code = err_set(c->err, code, "%s: before offset %zu: %s",
		    c->what, c->at, why);
}

static int
finish(struct cursor *c)
{
	if (c->at != c->raw.len)
		fail(c, TPM_STRUCTURE_MALFORMED, "trailing bytes");
	return c->code;
}

static struct bytes
take(struct cursor *c, size_t len)
{
	struct bytes part = {0};

	if (c->code != 0)
		return part;
	if (!bytes_part(c->raw, c->at, len, &part)) {
		fail(c, TPM_STRUCTURE_MALFORMED, "it does not end");
		return part;
	}
	c->at += len;
	return part;
}

static uint64_t
take_number(struct cursor *c, size_t len)
{
	struct bytes part = take(c, len);
	uint64_t number = 0;

	for (size_t i = 0; i < part.len; i++)
		number = number << 8 | part.ptr[i];
	return number;
}

static uint8_t
take_u8(struct cursor *c)
{
	return (uint8_t)take_number(c, 1);
}

static uint16_t
take_u16(struct cursor *c)
{
	return (uint16_t)take_number(c, 2);
}

static uint32_t
take_u32(struct cursor *c)
{
	return (uint32_t)take_number(c, 4);
}

static uint64_t
take_u64(struct cursor *c)
{
	return take_number(c, 8);
}

static struct bytes
take_sized(struct cursor *c, size_t max)
{
	uint16_t len = take_u16(c);

	if (len > max)
		fail(c, TPM_STRUCTURE_MALFORMED, "a size over its limit");
	return take(c, len);
}

static enum pcr_bank
take_hash(struct cursor *c)
{
	enum pcr_bank bank = PCR_SHA256;

	if (!pcr_bank_from_algorithm(take_u16(c), &bank))
		fail(c, TPM_ALGORITHM_UNSUPPORTED, "hash algorithm");
	return bank;
}
