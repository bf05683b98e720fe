/*
 * Certificates of endorsement keys, made here: the good one in one call, and
 * each with one thing that makes it another certificate. Those of a real
 * program are in tests/cli/evidence.
 */
#include "base_fixture.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "measure/verify/endorsement.h"

#define EK_PURPOSE       "2.23.133.8.1"
#define PLATFORM_PURPOSE "2.23.133.8.2"
/* The names of a TPM: manufacturer, model, version; openssl.cnf(5) ignores what
 * stands before the first dot. */
#define TPM_NAMES                           \
	"critical,dirName:names\n[names]\n" \
	"1.2.23.133.2.1=id:00001014\n"      \
	"2.2.23.133.2.2=swtpm\n"            \
	"3.2.23.133.2.3=id:20191023\n"

/* Extensions as openssl.cnf(5) has them; NULL: without it. */
struct form {
	bool is_rsa;
	bool is_old;  /* X.509 version 1 */
	bool is_weak; /* signed over SHA-1 */
	const char *constraints;
	const char *use;
	const char *purpose;
	const char *names;
	const char *more; /* OID of one that cannot be read */
};

static EVP_PKEY *authority_key;
static X509 *authority;

static struct form
good_form(bool is_rsa)
{
	return (struct form){
	    .is_rsa = is_rsa,
	    .constraints = "critical,CA:FALSE",
	    .use =
		is_rsa ? "critical,keyEncipherment" : "critical,keyAgreement",
	    .purpose = EK_PURPOSE,
	    .names = TPM_NAMES,
	};
}

static void
extend(X509 *certificate, int nid, const char *value)
{
	CONF *conf = NCONF_new(NULL);
	BIO *bio;
	const char *sections;
	X509_EXTENSION *extension;
	char first[256];
	X509V3_CTX ctx;
	long line;

	if (value == NULL) {
		NCONF_free(conf);
		return;
	}
	sections = strchr(value, '\n');
	snprintf(first, sizeof(first), "%.*s",
	    sections != NULL ? (int)(sections - value) : (int)strlen(value),
	    value);
	bio = BIO_new_mem_buf(sections != NULL ? sections : "\n", -1);
	assert_int_equal(NCONF_load_bio(conf, bio, &line), 1);
	X509V3_set_ctx(&ctx, NULL, certificate, NULL, NULL, 0);
	X509V3_set_nconf(&ctx, conf);
	extension = X509V3_EXT_nconf_nid(conf, &ctx, nid, first);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
	X509_EXTENSION_free(extension);
	NCONF_free(conf);
	BIO_free(bio);
}

/* Critical, and nothing that libcrypto could read. */
static void
extend_unknown(X509 *certificate, const char *oid)
{
	ASN1_OBJECT *object;
	ASN1_OCTET_STRING *data;
	X509_EXTENSION *extension;

	if (oid == NULL)
		return;
	object = OBJ_txt2obj(oid, 1);
	data = ASN1_OCTET_STRING_new();
	assert_int_equal(
	    ASN1_OCTET_STRING_set(data, (const unsigned char *)"\x05", 2), 1);
	extension = X509_EXTENSION_create_by_OBJ(NULL, object, 1, data);
	assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(data);
	ASN1_OBJECT_free(object);
}

static X509 *
begin(EVP_PKEY *key, long version)
{
	X509 *certificate = X509_new();

	assert_non_null(certificate);
	X509_set_version(certificate, version);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	assert_int_equal(X509_set_pubkey(certificate, key), 1);
	X509_NAME_add_entry_by_txt(X509_get_issuer_name(certificate), "CN",
	    MBSTRING_ASC, (const unsigned char *)"maker", -1, -1, 0);
	return certificate;
}

/* DER of an endorsement certificate of this form; OPENSSL_free. */
static uint8_t *
make(const struct form *form, size_t *ret_len)
{
	EVP_PKEY *key = form->is_rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	X509 *certificate =
	    begin(key, form->is_old ? X509_VERSION_1 : X509_VERSION_3);
	uint8_t *der = NULL;

	extend(certificate, NID_basic_constraints, form->constraints);
	extend(certificate, NID_key_usage, form->use);
	extend(certificate, NID_ext_key_usage, form->purpose);
	extend(certificate, NID_subject_alt_name, form->names);
	extend_unknown(certificate, form->more);
	assert_true(X509_sign(certificate, authority_key,
			form->is_weak ? EVP_sha1() : EVP_sha256()) > 0);
	*ret_len = (size_t)i2d_X509(certificate, &der);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return der;
}

/* The code; with an authority, or asked about no one. */
static int
read_form(const struct form *form, bool with_authority, struct err *err)
{
	size_t len;
	uint8_t *der = make(form, &len);
	struct endorsement_cas cas = {.count = 0};
	struct endorsement endorsement;
	struct endorsement before;
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;
	int code;

	assert_int_equal(PEM_write_bio_X509(bio, authority), 1);
	cas.pem[0].len = (size_t)BIO_get_mem_data(bio, &pem);
	cas.pem[0].ptr = (const uint8_t *)pem;
	cas.count = with_authority;
	memset(&endorsement, 0x5a, sizeof(endorsement));
	before = endorsement;
	code = endorsement_read(bytes_of(der, len), &cas, &endorsement, err);
	if (code != 0)
		assert_memory_equal(&endorsement, &before, sizeof(before));
	else {
		assert_int_equal(endorsement.is_certified, with_authority);
		endorsement_done(&endorsement);
	}
	BIO_free(bio);
	OPENSSL_free(der);
	return code;
}

static void
a_certificate_of_the_profile_is_taken(void **state)
{
	(void)state;
	for (int is_rsa = 0; is_rsa < 2; is_rsa++) {
		struct form form = good_form(is_rsa);
		struct err err = {0};

		if (read_form(&form, true, &err) != 0 ||
		    read_form(&form, false, &err) != 0)
			fail_msg("%s", err.text);
		form.use = is_rsa ? "digitalSignature,keyEncipherment"
		                  : "digitalSignature,keyAgreement";
		form.purpose = "serverAuth," EK_PURPOSE;
		form.constraints = "CA:FALSE";
		form.names = NULL;
		if (read_form(&form, true, &err) != 0)
			fail_msg("%s", err.text);
	}
}

/* An authority is asked, or not: it is no endorsement certificate. */
static void
assert_refused_for(const struct form *form, const char *why)
{
	struct err err = {0};

	assert_refused(read_form(form, false, &err), EK_UNTRUSTED);
	if (strstr(err.text, why) == NULL)
		fail_msg("%s: not %s", err.text, why);
	assert_refused(read_form(form, true, &err), EK_UNTRUSTED);
}

#define REFUSED(is_rsa, change, why)               \
	do {                                       \
		struct form f = good_form(is_rsa); \
		change;                            \
		assert_refused_for(&f, why);       \
	} while (0)

static void
a_certificate_of_something_else_is_refused(void **state)
{
	(void)state;
	REFUSED(true, f.purpose = NULL, "without tcg-kp-EKCertificate");
	REFUSED(true, f.purpose = PLATFORM_PURPOSE, "tcg-kp-EKCertificate");
	REFUSED(false, f.purpose = "anyExtendedKeyUsage",
	    "tcg-kp-EKCertificate");
	REFUSED(true, f.constraints = "critical,CA:TRUE", "an authority's");
	REFUSED(false, f.constraints = NULL, "no basic constraints");
}

static void
a_certificate_for_another_use_is_refused(void **state)
{
	(void)state;
	REFUSED(true, f.use = NULL, "no key usage");
	REFUSED(true, f.use = "critical,digitalSignature",
	    "without keyEncipherment");
	REFUSED(true, f.use = "critical,keyAgreement",
	    "without keyEncipherment");
	REFUSED(false, f.use = "critical,keyEncipherment",
	    "without keyAgreement");
}

/* Whoever finds two texts of one SHA-1 has one of them signed. */
static void
a_certificate_that_is_signed_weakly_is_refused(void **state)
{
	struct form form = good_form(true);
	struct err err;

	(void)state;
	form.is_weak = true;
	assert_refused(read_form(&form, true, &err), EK_UNTRUSTED);
	assert_has(err.text, "too weak");
}

/* The code for a TPM2B_PUBLIC with these attributes, else as TCG's template for
 * P-256 has it. */
static int
read_area(uint32_t attributes)
{
	static const uint8_t head[] = {0, 122, 0, 0x23, 0, 0x0b};
	static const uint8_t symmetric[] = {0, 6, 0, 128, 0, 0x43, 0, 0x10, 0,
	    3, 0, 0x10};
	const struct endorsement_cas nobody = {.count = 0};
	EVP_PKEY *key = EVP_EC_gen("P-256");
	uint8_t area[124] = {0};
	uint8_t point[65];
	uint8_t *at = area;
	struct endorsement endorsement;
	struct err err;
	size_t len;
	int code;

	assert_int_equal(EVP_PKEY_get_octet_string_param(key,
			     OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point,
			     sizeof(point), &len),
	    1);
	EVP_PKEY_free(key);
	at = mempcpy(at, head, sizeof(head));
	for (int shift = 24; shift >= 0; shift -= 8)
		*at++ = (uint8_t)(attributes >> shift);
	*at++ = 0;
	*at++ = 32; /* a policy */
	at = mempcpy(at + 32, symmetric, sizeof(symmetric));
	for (int half = 0; half < 2; half++) {
		*at++ = 0;
		*at++ = 32;
		at = mempcpy(at, point + 1 + 32 * half, 32);
	}
	assert_ptr_equal(at, area + sizeof(area));
	code = endorsement_read(bytes_of(area, sizeof(area)), &nobody,
	    &endorsement, &err);
	if (code == 0)
		endorsement_done(&endorsement);
	return code;
}

/* Whoever could sign with it, or take it elsewhere, would be any TPM. */
static void
a_key_that_is_no_endorsement_key_is_refused(void **state)
{
	const uint32_t template =
	    TPM_OBJECT_FIXED_TPM | TPM_OBJECT_FIXED_PARENT | TPM_OBJECT_ORIGIN |
	    1u << 7 | TPM_OBJECT_RESTRICTED | TPM_OBJECT_DECRYPT;
	static const uint32_t needed[] = {TPM_OBJECT_FIXED_TPM,
	    TPM_OBJECT_FIXED_PARENT, TPM_OBJECT_RESTRICTED, TPM_OBJECT_DECRYPT};

	(void)state;
	assert_refused(read_area(template), 0);
	assert_refused(read_area(template | TPM_OBJECT_SIGN),
	    TPM_ALGORITHM_UNSUPPORTED);
	for (size_t i = 0; i < countof(needed); i++)
		assert_refused(read_area(template & ~needed[i]),
		    TPM_ALGORITHM_UNSUPPORTED);
}

/* Another certificate, or anything, that nobody would look at. */
static void
bytes_behind_a_certificate_are_refused(void **state)
{
	const struct endorsement_cas nobody = {.count = 0};
	struct form form = good_form(true);
	struct endorsement endorsement;
	struct err err;
	size_t len;
	uint8_t *der = make(&form, &len);
	uint8_t *more = malloc(len + 1);

	(void)state;
	memcpy(more, der, len);
	more[len] = 0;
	assert_refused(
	    endorsement_read(bytes_of(more, len), &nobody, &endorsement, &err),
	    0);
	endorsement_done(&endorsement);
	assert_refused(endorsement_read(bytes_of(more, len + 1), &nobody,
			   &endorsement, &err),
	    TPM_STRUCTURE_MALFORMED);
	free(more);
	OPENSSL_free(der);
}

static void
a_certificate_that_is_not_understood_is_refused(void **state)
{
	(void)state;
	/* A key usage that is no bit string. */
	REFUSED(true, (f.use = NULL, f.more = "2.5.29.15"),
	    "an extension that cannot be read");
	REFUSED(true, f.more = "1.3.6.1.4.1.99999.1",
	    "a critical extension that is unknown");
	/* Without extensions: newer libcryptos sign those as version 3 only. */
	REFUSED(true, (f = (struct form){.is_rsa = true, .is_old = true}),
	    "not of X.509 version 3");
}

/* A PEM block of an endorsement certificate, "head" in it; BIO_free. */
static BIO *
pem_of(const char *head)
{
	struct form form = good_form(true);
	size_t len;
	uint8_t *der = make(&form, &len);
	BIO *bio = BIO_new(BIO_s_mem());

	assert_true(
	    PEM_write_bio(bio, "CERTIFICATE", head, der, (long)len) > 0);
	OPENSSL_free(der);
	return bio;
}

static struct bytes
text_of(BIO *bio)
{
	char *text;
	long len = BIO_get_mem_data(bio, &text);

	return bytes_of(text, (size_t)len);
}

/* An encrypted block: libcrypto would ask the one who verifies. */
#define ENCRYPTED                  \
	"Proc-Type: 4,ENCRYPTED\n" \
	"DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n"

typedef int read_fn(struct bytes raw, const struct endorsement_cas *cas,
    struct endorsement *ret_endorsement, struct err *err);

/* How many bytes of "secret\n" in standard input were left alone. */
static size_t
left_of_input(read_fn *read_it, struct bytes raw,
    const struct endorsement_cas *cas, enum err_code code)
{
	struct endorsement endorsement;
	struct err err;
	char rest[16];
	ssize_t left;
	int old = dup(STDIN_FILENO);
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "secret\n", 7), 7);
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	clearerr(stdin);
	assert_refused(read_it(raw, cas, &endorsement, &err), code);
	left = read(STDIN_FILENO, rest, sizeof(rest));
	dup2(old, STDIN_FILENO);
	close(old);
	return (size_t)left;
}

/* Without a terminal libcrypto reads standard input instead. */
static void
leave_the_terminal(void)
{
	pid_t child = fork();
	int status = 0;

	assert_true(child >= 0);
	if (child > 0) {
		assert_int_equal(waitpid(child, &status, 0), child);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	assert_true(setsid() > 0);
}

static void
no_certificate_makes_anybody_be_asked(void **state)
{
	struct endorsement_cas none = {.count = 0};
	struct endorsement_cas cas = {.count = 1};
	BIO *encrypted = pem_of(ENCRYPTED);
	struct form form = good_form(true);
	size_t len;
	uint8_t *der = make(&form, &len);

	(void)state;
	assert_int_equal(left_of_input(endorsement_read, text_of(encrypted),
			     &none, TPM_STRUCTURE_MALFORMED),
	    7);
	assert_int_equal(left_of_input(endorsement_read_file,
			     text_of(encrypted), &none,
			     TPM_STRUCTURE_MALFORMED),
	    7);
	cas.pem[0] = text_of(encrypted);
	assert_int_equal(left_of_input(endorsement_read, bytes_of(der, len),
			     &cas, EK_UNTRUSTED),
	    7);
	OPENSSL_free(der);
	BIO_free(encrypted);
}

static void
pem_is_for_files_that_a_person_names(void **state)
{
	struct endorsement_cas none = {.count = 0};
	struct endorsement endorsement;
	BIO *bio = pem_of("");
	struct err err;

	(void)state;
	assert_refused(
	    endorsement_read(text_of(bio), &none, &endorsement, &err),
	    TPM_STRUCTURE_MALFORMED);
	assert_int_equal(
	    endorsement_read_file(text_of(bio), &none, &endorsement, &err), 0);
	endorsement_done(&endorsement);
	BIO_puts(bio, "and more\n");
	assert_refused(
	    endorsement_read_file(text_of(bio), &none, &endorsement, &err),
	    BYTES_TRAILING);
	BIO_free(bio);
}

/* What an authority's file holds behind its certificates is not passed over. */
static void
an_authoritys_file_is_read_to_its_end(void **state)
{
	struct endorsement_cas cas = {.count = 1};
	struct endorsement endorsement;
	struct form form = good_form(true);
	size_t len;
	uint8_t *der = make(&form, &len);
	BIO *bio = BIO_new(BIO_s_mem());
	struct err err;

	(void)state;
	assert_int_equal(PEM_write_bio_X509(bio, authority), 1);
	BIO_puts(bio, "-----BEGIN CERTIFICATE-----\nAAAA\n"
		      "-----END CERTIFICATE-----\n");
	cas.pem[0] = text_of(bio);
	assert_refused(
	    endorsement_read(bytes_of(der, len), &cas, &endorsement, &err),
	    EK_UNTRUSTED);
	assert_non_null(strstr(err.text, "more than PEM certificates"));
	OPENSSL_free(der);
	BIO_free(bio);
}

static int
make_authority(void **state)
{
	(void)state;
	authority_key = EVP_EC_gen("P-256");
	authority = begin(authority_key, X509_VERSION_3);
	X509_set_subject_name(authority, X509_get_issuer_name(authority));
	extend(authority, NID_basic_constraints, "critical,CA:TRUE");
	extend(authority, NID_key_usage, "critical,keyCertSign");
	return X509_sign(authority, authority_key, EVP_sha256()) > 0 ? 0 : -1;
}

static int
drop_authority(void **state)
{
	(void)state;
	X509_free(authority);
	EVP_PKEY_free(authority_key);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_certificate_of_the_profile_is_taken),
	    cmocka_unit_test(a_certificate_of_something_else_is_refused),
	    cmocka_unit_test(a_certificate_for_another_use_is_refused),
	    cmocka_unit_test(a_certificate_that_is_signed_weakly_is_refused),
	    cmocka_unit_test(a_key_that_is_no_endorsement_key_is_refused),
	    cmocka_unit_test(bytes_behind_a_certificate_are_refused),
	    cmocka_unit_test(a_certificate_that_is_not_understood_is_refused),
	    cmocka_unit_test(no_certificate_makes_anybody_be_asked),
	    cmocka_unit_test(pem_is_for_files_that_a_person_names),
	    cmocka_unit_test(an_authoritys_file_is_read_to_its_end),
	};

	leave_the_terminal();
	return cmocka_run_group_tests_name("endorsement", tests, make_authority,
	    drop_authority);
}
