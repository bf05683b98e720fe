/*
 * What does assay add to the verification of an envelope? Three ECDSA P-384
 * signatures, verified by libcrypto alone, and by dsse_decode() and
 * trust_verify_for() out of the envelope's text. Rounds of both alternate, so
 * that what disturbs one disturbs the other; the medians are compared.
 *
 * usage: bench-envelope [ROUNDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/bytes.h"
#include "base/scope.h"
#include "keys/sign/dsse_sign.h"
#include "keys/trust.h"
#include "keys/sign/trust_write.h"

enum {
	signers = 3,
	per_round = 10,
	max_rounds = 10000,
};

static const char payload[] =
    "{\"schema\":\"assay.image/1\",\"name\":\"web-frontend\"}";

struct bench {
	struct trust_policy *policy;
	char *text; /* the envelope */
	uint8_t *pae;
	size_t pae_len;
	EVP_PKEY *pkeys[signers];
	struct dsse_envelope *envelope; /* for the signatures' bytes */
};

static double
now_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
must(int code, const struct err *err)
{
	if (code == 0)
		return;
	fprintf(stderr, "bench-envelope: %s\n", err->text);
	exit(1);
}

static EVP_PKEY *
pkey_of(const struct public_key *key)
{
	struct err err;
	char *pem;
	BIO *bio;
	EVP_PKEY *pkey;

	must(public_key_to_pem(key, &pem, &err), &err);
	bio = BIO_new_mem_buf(pem, -1);
	pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	BIO_free(bio);
	free(pem);
	return pkey;
}

static void
make_policy(struct bench *bench, const struct public_key *const *keys)
{
	static const char *const patterns[] = {"*"};
	const struct trust_draft draft = {
	    .version = 1,
	    .role = "prod",
	    .threshold = signers,
	    .keys = keys,
	    .key_count = signers,
	    .patterns = patterns,
	    .pattern_count = countof(patterns),
	};
	struct err err;
	char *text;

	must(trust_encode_new(&draft, &text, &err), &err);
	must(trust_decode(bytes_of_str(text), &bench->policy, &err), &err);
	free(text);
}

static void
prepare(struct bench *bench)
{
	struct private_key *keys[signers];
	const struct public_key *publics[signers];
	struct err err;

	for (size_t i = 0; i < signers; i++) {
		must(private_key_generate(ALGORITHM_ECDSA_P384_SHA384, &keys[i],
			 &err),
		    &err);
		publics[i] = private_key_public(keys[i]);
		bench->pkeys[i] = pkey_of(publics[i]);
	}
	make_policy(bench, publics);
	must(dsse_sign(DSSE_IMAGE_PAYLOAD_TYPE, bytes_of_str(payload),
		 bytes_of(NULL, 0), (const struct private_key *const *)keys,
		 signers, &bench->text, &err),
	    &err);
	must(dsse_decode(bytes_of_str(bench->text), &bench->envelope, &err),
	    &err);
	must(dsse_pae(DSSE_IMAGE_PAYLOAD_TYPE, bytes_of_str(payload),
		 &bench->pae, &bench->pae_len, &err),
	    &err);
	for (size_t i = 0; i < signers; i++)
		private_key_freep(&keys[i]);
}

static void
verify_bare(const struct bench *bench)
{
	for (size_t i = 0; i < signers; i++) {
		struct dsse_signature signature =
		    dsse_signature_at(bench->envelope, i);
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();

		if (EVP_DigestVerifyInit(ctx, NULL, EVP_sha384(), NULL,
			bench->pkeys[i]) != 1 ||
		    EVP_DigestVerify(ctx, signature.sig.ptr, signature.sig.len,
			bench->pae, bench->pae_len) != 1)
			abort();
		EVP_MD_CTX_free(ctx);
	}
}

static void
verify_assay(const struct bench *bench)
{
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	struct bytes raw = bytes_of_str(bench->text);
	struct trust_verdict verdict;
	struct verify_budget budget;
	struct err err;

	verify_budget_init(&budget);
	must(dsse_decode(raw, &envelope, &err), &err);
	must(trust_verify_for(bench->policy, TRUST_IMAGE, raw, envelope,
		 &budget, &verdict, &err),
	    &err);
}

static double
time_of(void (*verify)(const struct bench *bench), const struct bench *bench)
{
	double start = now_usec();

	for (size_t i = 0; i < per_round; i++)
		verify(bench);
	return (now_usec() - start) / (double)per_round;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

int
main(int argc, char **argv)
{
	static double bare[max_rounds], assay[max_rounds];
	struct bench bench = {.policy = NULL};
	size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 200;

	if (rounds == 0 || rounds > max_rounds) {
		fputs("usage: bench-envelope [ROUNDS, 1 to 10000]\n", stderr);
		return 2;
	}
	prepare(&bench);
	for (size_t i = 0; i < rounds; i++) {
		bare[i] = time_of(verify_bare, &bench);
		assay[i] = time_of(verify_assay, &bench);
	}
	printf("libcrypto alone  %8.1f us\n", median(bare, rounds));
	printf("assay            %8.1f us\n", median(assay, rounds));
	printf("ratio            %8.3f (of medians of %zu rounds of %d)\n",
	    median(assay, rounds) / median(bare, rounds), rounds, per_round);
	return 0;
}
