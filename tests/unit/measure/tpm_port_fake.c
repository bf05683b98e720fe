#include "tpm_port_fake.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/scope.h"

static bool note(struct tpm_fake *fake, const char *operation, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));
static int fail(const struct tpm_fake *fake, const char *operation,
    struct err *err);
static int require(const struct tpm_fake *fake, bool is_there, struct err *err);
static void put(struct tpm_blob *blob, const char *what,
    const struct digest *extra);

/* Note the call; fail it now, unless it is to fail after its effect. */
#define BEGIN(fake, operation, ...)                        \
	bool fails = note(fake, operation, __VA_ARGS__);   \
	do {                                               \
		if (fails && !(fake)->fails_after)         \
			return fail(fake, operation, err); \
	} while (0)

#define END(fake, operation) return fails ? fail(fake, operation, err) : 0

static int
fake_pcr_read(void *tpm, struct pcr_values *ret_values, struct err *err)
{
	struct tpm_fake *fake = tpm;
	BEGIN(fake, "pcr_read", "%s", "");

	if (!fails)
		*ret_values = fake->values;
	END(fake, "pcr_read");
}

static int
fake_pcr_extend(void *tpm, unsigned int pcr, const struct pcr_digests *digests,
    struct err *err)
{
	struct tpm_fake *fake = tpm;
	char hex[PCR_HEX_SIZE];

	pcr_digest_hex(PCR_SHA256, &digests->bank[PCR_SHA256], hex);
	BEGIN(fake, "pcr_extend", "%u %s", pcr, hex);
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		TRY(pcr_extend(bank, &digests->bank[bank],
		    &fake->values.value[bank][pcr], err));
	END(fake, "pcr_extend");
}

static int
fake_log_extend(void *tpm, const struct digest *data, struct err *err)
{
	struct tpm_fake *fake = tpm;
	struct pcr_digest digest = {{0}};
	char hex[DIGEST_HEX_SIZE];

	digest_hex(data, hex);
	BEGIN(fake, "log_extend", "%s", hex);
	TRY(require(fake, fake->has_log, err));
	if (!fake->is_launched)
		return err_set(err, TPM_POLICY_UNMET, "fake: not launched");
	memcpy(digest.bytes, data->bytes, sizeof(data->bytes));
	TRY(pcr_extend(PCR_SHA256, &digest, &fake->log, err));
	END(fake, "log_extend");
}

static int
fake_log_read(void *tpm, struct pcr_digest *ret_value, struct err *err)
{
	struct tpm_fake *fake = tpm;
	BEGIN(fake, "log_read", "%s", "");

	TRY(require(fake, fake->has_log, err));
	if (!fails)
		*ret_value = fake->log;
	END(fake, "log_read");
}

static int
fake_counter_read(void *tpm, uint64_t *ret_value, struct err *err)
{
	struct tpm_fake *fake = tpm;
	BEGIN(fake, "counter_read", "%s", "");

	TRY(require(fake, true, err));
	if (!fails)
		*ret_value = fake->counter;
	END(fake, "counter_read");
}

static int
fake_counter_increment(void *tpm, struct err *err)
{
	struct tpm_fake *fake = tpm;
	BEGIN(fake, "counter_increment", "%s", "");

	TRY(require(fake, true, err));
	fake->counter++;
	END(fake, "counter_increment");
}

static int
fake_quote(void *tpm, const struct digest *extra, struct tpm_quote *ret_quote,
    struct err *err)
{
	struct tpm_fake *fake = tpm;
	char hex[DIGEST_HEX_SIZE];

	digest_hex(extra, hex);
	BEGIN(fake, "quote", "%s", hex);
	TRY(require(fake, true, err));
	if (!fails) {
		ret_quote->values = fake->values;
		put(&ret_quote->attestation.attest, "quote", extra);
		put(&ret_quote->attestation.signature, "signature", extra);
	}
	END(fake, "quote");
}

static int
fake_log_certify(void *tpm, const struct digest *extra,
    struct tpm_attestation *ret_attestation, struct err *err)
{
	struct tpm_fake *fake = tpm;
	char hex[DIGEST_HEX_SIZE];

	digest_hex(extra, hex);
	BEGIN(fake, "log_certify", "%s", hex);
	TRY(require(fake, fake->has_log, err));
	if (!fails) {
		put(&ret_attestation->attest, "log", extra);
		put(&ret_attestation->signature, "signature", extra);
	}
	END(fake, "log_certify");
}

static int
fake_public_read(void *tpm, enum tpm_key key, struct tpm_blob *ret_public,
    struct err *err)
{
	static const struct digest nothing;
	struct tpm_fake *fake = tpm;
	const char *name = key == TPM_AK ? "ak" : "ek";
	BEGIN(fake, "public_read", "%s", name);

	TRY(require(fake, true, err));
	if (!fails)
		put(ret_public, name, &nothing);
	END(fake, "public_read");
}

static int
fake_ek_certificate_read(void *tpm, struct tpm_blob *ret_certificate,
    struct err *err)
{
	struct tpm_fake *fake = tpm;
	BEGIN(fake, "ek_certificate_read", "%s", "");

	TRY(require(fake, true, err));
	if (!fails)
		ret_certificate->len = 0;
	END(fake, "ek_certificate_read");
}

static void
fake_time_limit(void *tpm, int seconds)
{
	struct tpm_fake *fake = tpm;

	fake->limit_seconds = seconds;
	fake->limit_count++;
}

static void
fake_close(void *tpm)
{
	struct tpm_fake *fake = tpm;

	note(fake, "close", "%s", "");
	fake->is_closed = true;
}

static const struct tpm_ops ops = {
    .pcr_read = fake_pcr_read,
    .pcr_extend = fake_pcr_extend,
    .log_extend = fake_log_extend,
    .log_read = fake_log_read,
    .counter_read = fake_counter_read,
    .counter_increment = fake_counter_increment,
    .quote = fake_quote,
    .log_certify = fake_log_certify,
    .public_read = fake_public_read,
    .ek_certificate_read = fake_ek_certificate_read,
    .time_limit = fake_time_limit,
    .close = fake_close,
};

struct tpm_fake *
tpm_fake_new(void)
{
	struct tpm_fake *fake = mmap(NULL, sizeof(*fake),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (fake == MAP_FAILED)
		abort();
	fake->has_identity = true;
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		fake->values.known[bank] = (1u << PCR_COUNT) - 1;
	return fake;
}

void
tpm_fake_free(struct tpm_fake *fake)
{
	munmap(fake, sizeof(*fake));
}

struct tpm_port
tpm_fake_port(struct tpm_fake *fake)
{
	return (struct tpm_port){.ops = &ops, .tpm = fake};
}

/* True if the call is one that fails. */
static bool
note(struct tpm_fake *fake, const char *operation, const char *fmt, ...)
{
	char *line = fake->calls[fake->call_count % FAKE_TPM_CALLS];
	size_t size = sizeof(fake->calls[0]);
	int len = snprintf(line, size, "%s ", operation);
	va_list args;

	fake->call_count++;
	va_start(args, fmt);
	vsnprintf(line + len, size - (size_t)len, fmt, args);
	va_end(args);
	while (strcmp((const char *)fake->hang_operation, operation) == 0) {
		poll(NULL, 0, 5); /* which its role may call */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	}
	if (fake->fail_at > 0 && --fake->fail_at == 0)
		return true;
	if (strcmp(fake->fail_operation, operation) != 0 &&
	    strcmp(fake->fail_operation, FAKE_TPM_ALL) != 0)
		return false;
	if (fake->fail_times > 0 && --fake->fail_times == 0)
		fake->fail_operation[0] = '\0';
	return true;
}

static int
fail(const struct tpm_fake *fake, const char *operation, struct err *err)
{
	return err_set(err,
	    fake->fail_code != ERR_NONE ? fake->fail_code : TPM_FAILED,
	    "fake: %s fails", operation);
}

static int
require(const struct tpm_fake *fake, bool is_there, struct err *err)
{
	if (!fake->has_identity || !is_there)
		return err_set(err, TPM_NOT_PROVISIONED, "fake");
	return 0;
}

static void
put(struct tpm_blob *blob, const char *what, const struct digest *extra)
{
	blob->len = strlen(what) + sizeof(extra->bytes);
	memcpy(blob->bytes, what, strlen(what));
	memcpy(blob->bytes + strlen(what), extra->bytes, sizeof(extra->bytes));
}
