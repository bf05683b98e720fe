/*
 * Signatures made by the openssl command verify here, and ours there: the
 * lines that a build pipeline runs instead of `assay image sign`.
 */
#include "keys_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/scope.h"
#include "keys/dsse.h"
#include "keys/sign/private_key.h"

#define TYPE DSSE_IMAGE_PAYLOAD_TYPE

enum { skipped = 77 };

struct scheme_commands {
	const char *generate;
	const char *sign;
	const char *verify;
};

/* By algorithm; run in the directory of the test. */
/* clang-format off */
static const struct scheme_commands commands[] = {
	[ALGORITHM_ECDSA_P256_SHA256] = {
		"genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 "
		"-out key",
		"dgst -sha256 -sign key -out sig pae",
		"dgst -sha256 -verify pub -signature sig pae",
	},
	[ALGORITHM_ECDSA_P384_SHA384] = {
		"ecparam -name secp384r1 -genkey -noout -out key",
		"dgst -sha384 -sign key -out sig pae",
		"dgst -sha384 -verify pub -signature sig pae",
	},
	[ALGORITHM_ED25519] = {
		"genpkey -algorithm ed25519 -out key",
		"pkeyutl -sign -rawin -inkey key -in pae -out sig",
		"pkeyutl -verify -rawin -pubin -inkey pub -in pae "
		"-sigfile sig",
	},
	[ALGORITHM_RSA_PSS_SHA256] = {
		"genrsa -out key 3072",
		"dgst -sha256 -sigopt rsa_padding_mode:pss "
		"-sigopt rsa_pss_saltlen:digest -sign key -out sig pae",
		"dgst -sha256 -sigopt rsa_padding_mode:pss "
		"-sigopt rsa_pss_saltlen:digest -verify pub -signature sig pae",
	},
};
/* clang-format on */

static char directory[] = "/tmp/assay-openssl.XXXXXX";

static int
enter_directory(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(directory));
	return chdir(directory);
}

static int
leave_directory(void **state)
{
	(void)state;
	assert_int_equal(chdir("/"), 0);
	return rmdir(directory);
}

static int
remove_files(void **state)
{
	(void)state;
	unlink("key");
	unlink("pub");
	unlink("pae");
	unlink("sig");
	return 0;
}

static int
run(const char *command)
{
	char line[512];

	snprintf(line, sizeof(line), "openssl %s >/dev/null 2>&1", command);
	return system(line);
}

static void
put_file(const char *name, struct bytes data)
{
	struct err err;

	assert_code(file_write(name, data, 0600, FILE_REPLACE, &err), ERR_NONE);
}

static char *
get_file(const char *name, size_t *ret_len)
{
	char *text = NULL;
	struct err err;

	assert_code(file_read(name, 65536, &text, ret_len, &err), ERR_NONE);
	return text;
}

static void
put_pae(void)
{
	struct err err;
	uint8_t *pae;
	size_t len;

	assert_code(dsse_pae(TYPE, bytes_of_str(PAYLOAD), &pae, &len, &err),
	    ERR_NONE);
	put_file("pae", bytes_of(pae, len));
	free(pae);
}

/* Key and PAE by openssl; signature by openssl; all read by us. */
static void
signatures_of_openssl_are_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(commands); i++) {
		struct public_key *key = NULL;
		size_t len, sig_len, pae_len;
		char *pem, *sig, *pae;
		struct err err;

		put_pae();
		assert_int_equal(run(commands[i].generate), 0);
		assert_int_equal(run("pkey -in key -pubout -out pub"), 0);
		assert_int_equal(run(commands[i].sign), 0);
		pem = get_file("pub", &len);
		pae = get_file("pae", &pae_len);
		sig = get_file("sig", &sig_len);
		assert_code(public_key_from_pem(bytes_of(pem, len), &key, &err),
		    ERR_NONE);
		assert_int_equal(public_key_algorithm(key), i);
		assert_true(public_key_accepts(key, bytes_of(pae, pae_len),
		    bytes_of(sig, sig_len)));
		sig[sig_len / 2] ^= 1;
		assert_false(public_key_accepts(key, bytes_of(pae, pae_len),
		    bytes_of(sig, sig_len)));
		public_key_freep(&key);
		free(sig);
		free(pae);
		free(pem);
	}
}

/* Key by openssl; loaded and signed by us; verified by openssl. */
static void
our_signatures_are_accepted_by_openssl(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(commands); i++) {
		struct private_key *key = NULL;
		size_t pae_len, sig_len;
		struct err err;
		uint8_t *sig;
		char *pae;

		put_pae();
		assert_int_equal(run(commands[i].generate), 0);
		assert_int_equal(run("pkey -in key -pubout -out pub"), 0);
		assert_code(private_key_load("key", &key, &err), ERR_NONE);
		pae = get_file("pae", &pae_len);
		assert_code(private_key_sign(key, bytes_of(pae, pae_len), &sig,
				&sig_len, &err),
		    ERR_NONE);
		put_file("sig", bytes_of(sig, sig_len));
		assert_int_equal(run(commands[i].verify), 0);
		sig[sig_len / 2] ^= 1;
		put_file("sig", bytes_of(sig, sig_len));
		assert_int_not_equal(run(commands[i].verify), 0);
		private_key_freep(&key);
		free(sig);
		free(pae);
	}
}

/* Key by us, saved by us; used by openssl. */
static void
our_keys_are_read_by_openssl(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(commands); i++) {
		struct private_key *key = NULL;
		size_t sig_len, pae_len;
		char *sig, *pae;
		struct err err;

		put_pae();
		unlink("key");
		assert_code(private_key_generate((enum algorithm)i, &key, &err),
		    ERR_NONE);
		assert_code(private_key_save(key, "key", &err), ERR_NONE);
		assert_int_equal(run(commands[i].sign), 0);
		pae = get_file("pae", &pae_len);
		sig = get_file("sig", &sig_len);
		assert_true(public_key_accepts(private_key_public(key),
		    bytes_of(pae, pae_len), bytes_of(sig, sig_len)));
		private_key_freep(&key);
		free(sig);
		free(pae);
	}
}

/* `openssl dgst` without the two -sigopt makes PKCS#1 v1.5. */
static void
rsa_signatures_of_openssl_without_pss_are_refused(void **state)
{
	struct public_key *key = NULL;
	size_t len, sig_len, pae_len;
	char *pem, *sig, *pae;
	struct err err;

	(void)state;
	put_pae();
	assert_int_equal(run(commands[ALGORITHM_RSA_PSS_SHA256].generate), 0);
	assert_int_equal(run("pkey -in key -pubout -out pub"), 0);
	assert_int_equal(run("dgst -sha256 -sign key -out sig pae"), 0);
	pem = get_file("pub", &len);
	pae = get_file("pae", &pae_len);
	sig = get_file("sig", &sig_len);
	assert_code(public_key_from_pem(bytes_of(pem, len), &key, &err),
	    ERR_NONE);
	assert_false(public_key_accepts(key, bytes_of(pae, pae_len),
	    bytes_of(sig, sig_len)));
	public_key_freep(&key);
	free(sig);
	free(pae);
	free(pem);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(signatures_of_openssl_are_accepted,
		remove_files),
	    cmocka_unit_test_teardown(our_signatures_are_accepted_by_openssl,
		remove_files),
	    cmocka_unit_test_teardown(our_keys_are_read_by_openssl,
		remove_files),
	    cmocka_unit_test_teardown(
		rsa_signatures_of_openssl_without_pss_are_refused,
		remove_files),
	};

	if (run("version") != 0) {
		fprintf(stderr, "skipped: there is no openssl command\n");
		return skipped;
	}
	return cmocka_run_group_tests_name("openssl_cli", tests,
	    enter_directory, leave_directory);
}
