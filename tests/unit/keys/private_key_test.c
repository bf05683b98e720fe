#include "keys_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/limits.h"
#include "base/scope.h"
#include "keys/sign/private_key.h"

#define MESSAGE bytes_of_str("message")

static const enum algorithm all[] = {ALGORITHM_ECDSA_P256_SHA256,
    ALGORITHM_ECDSA_P384_SHA384, ALGORITHM_ED25519, ALGORITHM_RSA_PSS_SHA256};

static char directory[] = "/tmp/assay-private-key.XXXXXX";
static char path[64];

static int
make_directory(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/key.pem", directory);
	return 0;
}

static int
remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

static int
remove_file(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static void
put_file(struct bytes data)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(data.ptr, 1, data.len, file), data.len);
	fclose(file);
}

static void
expect_load_refused(enum err_code code)
{
	struct private_key *key = UNTOUCHED;
	struct err err;

	assert_code(private_key_load(path, &key, &err), code);
	assert_int_equal(err.code, code);
	assert_ptr_equal(key, UNTOUCHED);
	assert_int_equal(ERR_peek_error(), 0);
}

static void
expect_text_refused(const char *text, enum err_code code)
{
	put_file(bytes_of_str(text));
	expect_load_refused(code);
}

enum form { PKCS8, TRADITIONAL };

/* Returns owned. `cipher` may be NULL. */
static char *
private_pem(EVP_PKEY *pkey, enum form form, const EVP_CIPHER *cipher)
{
	static const unsigned char phrase[] = "passphrase";
	int len = cipher == NULL ? 0 : (int)sizeof(phrase) - 1;
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	char *pem;
	long text_len;

	if (form == PKCS8)
		assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, pkey,
				     cipher, cipher ? "passphrase" : NULL, len,
				     NULL, NULL),
		    1);
	else
		assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, pkey,
				     cipher, cipher ? phrase : NULL, len, NULL,
				     NULL),
		    1);
	text_len = BIO_get_mem_data(bio, &text);
	pem = strndup(text, (size_t)text_len);
	BIO_free(bio);
	return pem;
}

/* Takes the key. */
static void
expect_key_refused(EVP_PKEY *pkey, enum form form, enum err_code code)
{
	char *pem = private_pem(pkey, form, NULL);

	expect_text_refused(pem, code);
	free(pem);
	EVP_PKEY_free(pkey);
}

static struct private_key *
load(void)
{
	struct private_key *key = NULL;
	struct err err;

	assert_code(private_key_load(path, &key, &err), ERR_NONE);
	return key;
}

static void
private_key_generate_makes_keys_that_sign(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(all); i++) {
		struct private_key *key = NULL;
		const struct public_key *public;
		struct err err;
		uint8_t *sig;
		size_t len;

		assert_code(private_key_generate(all[i], &key, &err), ERR_NONE);
		public = private_key_public(key);
		assert_int_equal(public_key_algorithm(public), all[i]);
		assert_code(private_key_sign(key, MESSAGE, &sig, &len, &err),
		    ERR_NONE);
		assert_true(
		    public_key_accepts(public, MESSAGE, bytes_of(sig, len)));
		assert_false(public_key_accepts(public, bytes_of_str("other"),
		    bytes_of(sig, len)));
		free(sig);
		private_key_freep(&key);
		assert_null(key);
	}
}

static void
private_key_generate_makes_another_key_each_time(void **state)
{
	struct private_key *a = NULL;
	struct private_key *b = NULL;
	struct err err;

	(void)state;
	assert_code(private_key_generate(ALGORITHM_ED25519, &a, &err),
	    ERR_NONE);
	assert_code(private_key_generate(ALGORITHM_ED25519, &b, &err),
	    ERR_NONE);
	assert_false(digest_equal(public_key_id(private_key_public(a)),
	    public_key_id(private_key_public(b))));
	private_key_freep(&a);
	private_key_freep(&b);
}

static void
private_key_save_writes_what_load_reads(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(all); i++) {
		struct private_key *key = NULL;
		struct private_key *again;
		struct err err;

		assert_code(private_key_generate(all[i], &key, &err), ERR_NONE);
		assert_code(private_key_save(key, path, &err), ERR_NONE);
		again = load();
		assert_true(digest_equal(public_key_id(private_key_public(key)),
		    public_key_id(private_key_public(again))));
		private_key_freep(&again);
		private_key_freep(&key);
		unlink(path);
	}
}

static void
private_key_save_writes_for_the_owner_only(void **state)
{
	struct private_key *key = NULL;
	mode_t old = umask(0);
	struct stat st;
	struct err err;

	(void)state;
	assert_code(private_key_generate(ALGORITHM_ED25519, &key, &err),
	    ERR_NONE);
	assert_code(private_key_save(key, path, &err), ERR_NONE);
	umask(old);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	private_key_freep(&key);
}

static void
private_key_save_refuses_an_existing_file(void **state)
{
	struct private_key *key = NULL;
	char text[8] = "";
	struct err err;
	FILE *file;

	(void)state;
	put_file(bytes_of_str("old"));
	assert_code(private_key_generate(ALGORITHM_ED25519, &key, &err),
	    ERR_NONE);
	assert_code(private_key_save(key, path, &err), FILE_EXISTS);
	private_key_freep(&key);
	file = fopen(path, "r");
	assert_int_equal(fread(text, 1, sizeof(text), file), 3);
	fclose(file);
	assert_string_equal(text, "old");
}

static void
private_key_save_refuses_a_symbolic_link(void **state)
{
	struct private_key *key = NULL;
	struct stat st;
	struct err err;

	(void)state;
	assert_int_equal(symlink("elsewhere", path), 0);
	assert_code(private_key_generate(ALGORITHM_ED25519, &key, &err),
	    ERR_NONE);
	assert_code(private_key_save(key, path, &err), FILE_EXISTS);
	private_key_freep(&key);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

static void
private_key_save_tells_of_a_directory_that_is_not_there(void **state)
{
	struct private_key *key = NULL;
	char nowhere[80];
	struct err err;

	(void)state;
	snprintf(nowhere, sizeof(nowhere), "%s/none/key.pem", directory);
	assert_code(private_key_generate(ALGORITHM_ED25519, &key, &err),
	    ERR_NONE);
	assert_code(private_key_save(key, nowhere, &err), STORE_IO);
	private_key_freep(&key);
}

static void
private_key_load_reads_pkcs8_and_traditional_pem(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(all); i++) {
		const struct fixture_key *made = fixture_key(all[i], 0);
		int forms = all[i] == ALGORITHM_ED25519 ? 1 : 2;

		for (int form = 0; form < forms; form++) {
			char *pem =
			    private_pem(made->pkey, (enum form)form, NULL);
			char hex[DIGEST_HEX_SIZE];
			struct private_key *key;

			put_file(bytes_of_str(pem));
			key = load();
			digest_hex(public_key_id(private_key_public(key)), hex);
			assert_string_equal(hex, made->id);
			private_key_freep(&key);
			free(pem);
		}
	}
}

static void
private_key_load_tells_of_a_file_that_is_not_there(void **state)
{
	(void)state;
	expect_load_refused(STORE_IO);
}

static void
private_key_load_refuses_a_file_over_the_limit(void **state)
{
	char *text = calloc(1, LIMIT_PEM_BYTES + 2);

	(void)state;
	memset(text, '\n', LIMIT_PEM_BYTES + 1);
	expect_text_refused(text, KEY_MALFORMED);
	free(text);
}

static void
private_key_load_refuses_what_is_no_private_key(void **state)
{
	(void)state;
	expect_text_refused("", KEY_MALFORMED);
	expect_text_refused("nonsense", KEY_MALFORMED);
	expect_text_refused(fixture_key(ALGORITHM_ED25519, 0)->pem,
	    KEY_MALFORMED);
	expect_text_refused(
	    "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
	    KEY_MALFORMED);
}

/*
 * With a terminal of its own libcrypto would ask there for the passphrase.
 * Refused before libcrypto sees it; a test that waits here is a failure too.
 */
static void
private_key_load_refuses_encrypted_keys_without_asking(void **state)
{
	EVP_PKEY *pkey = fixture_key(ALGORITHM_ECDSA_P384_SHA384, 0)->pkey;

	(void)state;
	for (int form = 0; form < 2; form++) {
		char *pem =
		    private_pem(pkey, (enum form)form, EVP_aes_256_cbc());
		struct private_key *key = UNTOUCHED;
		struct err err;

		put_file(bytes_of_str(pem));
		assert_code(private_key_load(path, &key, &err), KEY_MALFORMED);
		assert_non_null(strstr(err.text, "encrypted"));
		assert_ptr_equal(key, UNTOUCHED);
		free(pem);
	}
}

/* Replace a label in both boundary lines. Returns owned. */
static char *
relabel(const char *pem, const char *from, const char *to)
{
	const char *second = strstr(strstr(pem, from) + 1, from);
	const char *first = strstr(pem, from);
	char *text;

	assert_true(asprintf(&text, "%.*s%s%.*s%s%s", (int)(first - pem), pem,
			to, (int)(second - first - (long)strlen(from)),
			first + strlen(from), to, second + strlen(from)) > 0);
	return text;
}

static void
private_key_load_refuses_an_encrypted_key_under_a_false_label(void **state)
{
	static const char *const labels[] = {"PRIVATE KEY", "EC PRIVATE KEY",
	    "RSA PRIVATE KEY"};
	EVP_PKEY *pkey = fixture_key(ALGORITHM_ECDSA_P384_SHA384, 0)->pkey;
	char *pem = private_pem(pkey, PKCS8, EVP_aes_256_cbc());

	(void)state;
	for (size_t i = 0; i < countof(labels); i++) {
		char *changed =
		    relabel(pem, "ENCRYPTED PRIVATE KEY", labels[i]);

		expect_text_refused(changed, KEY_MALFORMED);
		free(changed);
	}
	free(pem);
}

static void
private_key_load_refuses_text_around_the_block(void **state)
{
	EVP_PKEY *pkey = fixture_key(ALGORITHM_ED25519, 0)->pkey;
	char *pem = private_pem(pkey, PKCS8, NULL);
	char text[1024];

	(void)state;
	snprintf(text, sizeof(text), "key\n%s", pem);
	expect_text_refused(text, KEY_MALFORMED);
	snprintf(text, sizeof(text), "%s%s", pem, pem);
	expect_text_refused(text, BYTES_TRAILING);
	snprintf(text, sizeof(text), "%s%s", pem,
	    fixture_key(ALGORITHM_ED25519, 0)->pem);
	expect_text_refused(text, BYTES_TRAILING);
	free(pem);
}

static void
private_key_load_refuses_trailing_der(void **state)
{
	EVP_PKEY *pkey = fixture_key(ALGORITHM_ED25519, 0)->pkey;
	uint8_t der[64] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03,
	    0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
	size_t len = 32;
	struct private_key *key;
	char *pem;

	(void)state;
	assert_int_equal(EVP_PKEY_get_raw_private_key(pkey, der + 16, &len), 1);
	pem = fixture_pem_of_der("PRIVATE KEY", bytes_of(der, 48));
	put_file(bytes_of_str(pem));
	free(pem);
	key = load();
	private_key_freep(&key);
	pem = fixture_pem_of_der("PRIVATE KEY", bytes_of(der, 49));
	expect_text_refused(pem, KEY_MALFORMED);
	free(pem);
}

static void
private_key_load_refuses_keys_that_are_not_fit(void **state)
{
	EVP_PKEY *compressed =
	    EVP_PKEY_dup(fixture_key(ALGORITHM_ECDSA_P256_SHA256, 0)->pkey);
	size_t bits = 2048;

	(void)state;
	expect_key_refused(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521"), PKCS8,
	    KEY_CURVE_WRONG);
	expect_key_refused(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1"),
	    TRADITIONAL, KEY_CURVE_WRONG);
	expect_key_refused(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits), PKCS8,
	    KEY_TOO_SHORT);
	expect_key_refused(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), PKCS8,
	    KEY_UNSUPPORTED);
	EVP_PKEY_set_utf8_string_param(compressed,
	    OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed");
	expect_key_refused(compressed, PKCS8, KEY_UNSUPPORTED);
}

/* One key's secret with another's public point would sign for nobody. */
static void
private_key_load_refuses_halves_of_two_keys(void **state)
{
	EVP_PKEY *a = fixture_key(ALGORITHM_ECDSA_P256_SHA256, 0)->pkey;
	EVP_PKEY *b = fixture_key(ALGORITHM_ECDSA_P256_SHA256, 1)->pkey;
	unsigned char *der = NULL;
	unsigned char *spki = NULL;
	int len = i2d_PrivateKey(a, &der);
	int spki_len = i2d_PUBKEY(b, &spki);
	char *pem;

	(void)state;
	/* Both end in the 64 bytes of the point. */
	memcpy(der + len - 64, spki + spki_len - 64, 64);
	pem = fixture_pem_of_der("EC PRIVATE KEY", bytes_of(der, (size_t)len));
	expect_text_refused(pem, KEY_MALFORMED);
	free(pem);
	OPENSSL_free(der);
	OPENSSL_free(spki);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(private_key_generate_makes_keys_that_sign,
		remove_file),
	    cmocka_unit_test_teardown(
		private_key_generate_makes_another_key_each_time, remove_file),
	    cmocka_unit_test_teardown(private_key_save_writes_what_load_reads,
		remove_file),
	    cmocka_unit_test_teardown(
		private_key_save_writes_for_the_owner_only, remove_file),
	    cmocka_unit_test_teardown(private_key_save_refuses_an_existing_file,
		remove_file),
	    cmocka_unit_test_teardown(private_key_save_refuses_a_symbolic_link,
		remove_file),
	    cmocka_unit_test_teardown(
		private_key_save_tells_of_a_directory_that_is_not_there,
		remove_file),
	    cmocka_unit_test_teardown(
		private_key_load_reads_pkcs8_and_traditional_pem, remove_file),
	    cmocka_unit_test_teardown(
		private_key_load_tells_of_a_file_that_is_not_there,
		remove_file),
	    cmocka_unit_test_teardown(
		private_key_load_refuses_a_file_over_the_limit, remove_file),
	    cmocka_unit_test_teardown(
		private_key_load_refuses_what_is_no_private_key, remove_file),
	    cmocka_unit_test_teardown(
		private_key_load_refuses_encrypted_keys_without_asking,
		remove_file),
	    cmocka_unit_test_teardown(
		private_key_load_refuses_an_encrypted_key_under_a_false_label,
		remove_file),
	    cmocka_unit_test_teardown(
		private_key_load_refuses_text_around_the_block, remove_file),
	    cmocka_unit_test_teardown(private_key_load_refuses_trailing_der,
		remove_file),
	    cmocka_unit_test_teardown(
		private_key_load_refuses_keys_that_are_not_fit, remove_file),
	    cmocka_unit_test_teardown(
		private_key_load_refuses_halves_of_two_keys, remove_file),
	};

	return cmocka_run_group_tests_name("private_key", tests, make_directory,
	    remove_directory);
}
