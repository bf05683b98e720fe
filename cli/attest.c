#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/files.h"
#include "measure/evidence_assemble.h"

struct options {
	const char *socket;
	const char *nonce;
	const char *out;
	const char *tools;
	bool replace;
};

static int attest(const struct options *options, struct err *err);
static int read_log(const char *socket, json_t *answer, json_t **ret_log,
    struct err *err);
static int add_piece(json_t *reply, uint8_t *log, size_t len, size_t *at,
    struct err *err);
static json_t *for_evidence(json_t *answer, json_t *log);
static json_t *sized(json_t *answer, const char *name);
static json_t *attestation(json_t *of);
static json_t *log_indices(json_t *answer);
static json_t *member(json_t *of, const char *name);
static int write_evidence(const struct options *options,
    const struct evidence *evidence, struct err *err);
static int write_for_tools(const struct options *options,
    const struct evidence *evidence, struct err *err);
static int write_part(const char *dir, const char *name, struct bytes data,
    struct err *err);

static int
run(int argc, char **argv)
{
	struct options options = {.socket = CLIENT_DEFAULT_SOCKET};
	const struct argument known[] = {
	    {"socket", required_argument, .text = &options.socket},
	    {"nonce", required_argument, .is_needed = true,
		.text = &options.nonce},
	    {"out", required_argument, .is_needed = true, .text = &options.out},
	    {"tpm2-tools", required_argument, .text = &options.tools},
	    {"replace", no_argument, .flag = &options.replace},
	};
	uint8_t nonce[EVIDENCE_NONCE_MAX_BYTES];
	struct err err = {0};
	size_t len;
	int status =
	    arguments_read(&command_attest, known, countof(known), &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (!evidence_nonce_from_hex(options.nonce, nonce, &len))
		return command_usage(&command_attest,
		    "--nonce: 16 to 64 bytes in lower-case hex");
	if (attest(&options, &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int
attest(const struct options *options, struct err *err)
{
	CLEANUP(evidence_done) struct evidence evidence = {.nonce_len = 0};
	CLEANUP(json_freep) json_t *answer = NULL;
	CLEANUP(json_freep) json_t *reply = NULL;
	json_t *log;

	TRY(client_call(options->socket, "Attest",
	    json_pack("{s:s}", "nonce", options->nonce), &answer, err));
	TRY(read_log(options->socket, answer, &log, err));
	reply = for_evidence(answer, log);
	if (reply == NULL)
		return client_refuse_reply("evidence", err);
	TRY(evidence_assemble(reply, options->nonce, &evidence, err));
	if (options->tools != NULL)
		TRY(write_for_tools(options, &evidence, err));
	return write_evidence(options, &evidence, err);
}

/* As long as it was when the quote was made: what came later is not in it. */
static int
read_log(const char *socket, json_t *answer, json_t **ret_log, struct err *err)
{
	json_int_t len =
	    json_integer_value(json_object_get(answer, "log_bytes"));
	CLEANUP(freep) uint8_t *log = NULL;
	CLEANUP(freep) char *text = NULL;
	size_t at = 0;

	if (len < 0 || (uint64_t)len > LIMIT_EVENT_LOG_BYTES)
		return client_refuse_reply("log_bytes", err);
	log = malloc((size_t)len + 1);
	if (log == NULL)
		return err_set(err, NO_MEMORY, "event log");
	while (at < (size_t)len) {
		CLEANUP(json_freep) json_t *reply = NULL;

		TRY(client_call(socket, "GetEventLog",
		    json_pack("{s:I}", "offset", (json_int_t)at), &reply, err));
		TRY(add_piece(reply, log, (size_t)len, &at, err));
	}
	text = base64_encode(bytes_of(log, at));
	*ret_log = text != NULL ? json_string(text) : NULL;
	return *ret_log != NULL ? 0 : err_set(err, NO_MEMORY, "event log");
}

static int
add_piece(json_t *reply, uint8_t *log, size_t len, size_t *at, struct err *err)
{
	const char *text = json_string_value(json_object_get(reply, "data"));
	CLEANUP(freep) uint8_t *piece = NULL;
	size_t bytes;
	const char *why;

	if (text == NULL || !base64_decode(text, &piece, &bytes, &why) ||
	    bytes == 0)
		return client_refuse_reply("data", err);
	if (bytes > len - *at)
		bytes = len - *at;
	memcpy(log + *at, piece, bytes);
	*at += bytes;
	return 0;
}

/* Takes the log. NULL if the answer is not one of assayd's, or for want of
 * memory. */
static json_t *
for_evidence(json_t *answer, json_t *log)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "quote",
	    attestation(json_object_get(answer, "quote")), "pcrs",
	    member(answer, "pcrs"), "ak", sized(answer, "ak"), "ek",
	    sized(answer, "ek"), "ek_cert", member(answer, "ek_certificate"),
	    "nv", log_indices(answer), "log", log);
}

/* A TPMT_PUBLIC in base64 as a TPM2B_PUBLIC, which says its size first. */
static json_t *
sized(json_t *answer, const char *name)
{
	const char *text = json_string_value(json_object_get(answer, name));
	CLEANUP(freep) uint8_t *key = NULL;
	CLEANUP(freep) uint8_t *whole = NULL;
	CLEANUP(freep) char *encoded = NULL;
	const char *why;
	size_t len;

	if (text == NULL || !base64_decode(text, &key, &len, &why) ||
	    len > UINT16_MAX || (whole = malloc(len + 2)) == NULL)
		return NULL;
	whole[0] = (uint8_t)(len >> 8);
	whole[1] = (uint8_t)len;
	memcpy(whole + 2, key, len);
	encoded = base64_encode(bytes_of(whole, len + 2));
	return encoded != NULL ? json_string(encoded) : NULL;
}

static json_t *
attestation(json_t *of)
{
	return json_pack("{s:o, s:o}", "attest", member(of, "attest"), "sig",
	    member(of, "signature"));
}

static json_t *
log_indices(json_t *answer)
{
	json_t *index = json_object_get(answer, "log_index");
	const char *handle = json_string_value(json_object_get(index, "index"));

	if (handle == NULL)
		return json_array();
	return json_pack("[{s:I, s:o, s:o}]", "index",
	    (json_int_t)strtoul(handle, NULL, 16), "attest",
	    member(index, "attest"), "sig", member(index, "signature"));
}

/* What is missing is null, which evidence_assemble() judges. */
static json_t *
member(json_t *of, const char *name)
{
	json_t *value = json_object_get(of, name);

	return value != NULL ? json_incref(value) : json_null();
}

static int
write_evidence(const struct options *options, const struct evidence *evidence,
    struct err *err)
{
	CLEANUP(json_freep) json_t *document = evidence_encode(evidence);
	CLEANUP(freep) char *text = NULL;

	text = document != NULL ? json_dumps(document, JSON_COMPACT) : NULL;
	if (text == NULL)
		return err_set(err, NO_MEMORY, "evidence");
	return file_write(options->out, bytes_of_str(text), 0644,
	    options->replace ? FILE_REPLACE : FILE_REFUSE, err);
}

/* Arguments of tpm2_checkquote(1) and tpm2_eventlog(1), one a file. */
static int
write_for_tools(const struct options *options, const struct evidence *evidence,
    struct err *err)
{
	struct bytes nonce = bytes_of(evidence->nonce, evidence->nonce_len);
	CLEANUP(freep) uint8_t *pcrs = NULL;
	struct digest extra;
	char hex[DIGEST_HEX_SIZE];
	size_t len;

	if (mkdir(options->tools, 0755) != 0 && errno != EEXIST)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(options->tools).text);
	TRY(evidence_nonce_bind(nonce, bytes_of(NULL, 0), &extra, err));
	digest_hex(&extra, hex);
	pcrs = evidence_encode_pcrs(&evidence->pcrs, &len);
	if (pcrs == NULL)
		return err_set(err, NO_MEMORY, "register values");
	TRY(write_part(options->tools, "quote.msg",
	    evidence_part_bytes(&evidence->attest), err));
	TRY(write_part(options->tools, "quote.sig",
	    evidence_part_bytes(&evidence->signature), err));
	TRY(write_part(options->tools, "pcrs", bytes_of(pcrs, len), err));
	TRY(write_part(options->tools, "ak.pub",
	    evidence_part_bytes(&evidence->ak), err));
	TRY(write_part(options->tools, "qualification", bytes_of_str(hex),
	    err));
	return write_part(options->tools, "log",
	    evidence_part_bytes(&evidence->log), err);
}

static int
write_part(const char *dir, const char *name, struct bytes data,
    struct err *err)
{
	char path[FILES_PATH_SIZE];

	TRY(files_join(dir, name, path, err));
	return file_write(path, data, 0644, FILE_REFUSE, err);
}

const struct command command_attest = {NULL, "attest",
    "--nonce HEX [--socket PATH] [--tpm2-tools DIR] [--replace] --out FILE", "",
    "ask assayd to prove what this host booted and started", run};
