#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/evidence/attest_files.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/evidence/context.h"
#include "measure/verify/evidence_assemble.h"
#include "measure/verify/tpm_structs.h"

struct options {
	const char *nonce;
	const char *context;
	const char *out;
	const char *tools_dir;
	const char *socket;
	bool replace;
};

static int attest(const struct options *options, struct err *err);
static int ask(const struct options *options, const struct digest *context,
    struct evidence *ret_evidence, struct err *err);
static json_t *encode(const struct evidence_question *question);
static int read_log(const char *socket, size_t needed, uint8_t *log,
    size_t *ret_len, struct err *err);
static int read_piece(const char *socket, size_t offset, uint8_t **ret_piece,
    size_t *ret_len, struct err *err);
static int refuse_answer(struct err *err);

static int
run(int argc, char **argv)
{
	struct options options = {.socket = ASSAY_DEFAULT_ADDRESS};
	const struct argument known[] = {
	    {"nonce", required_argument, .is_needed = true,
		.text = &options.nonce},
	    {"context", required_argument, .text = &options.context},
	    {"out", required_argument, .is_needed = true, .text = &options.out},
	    {"tpm2-tools", required_argument, .text = &options.tools_dir},
	    {"socket", required_argument, .text = &options.socket},
	    {"replace", no_argument, .flag = &options.replace},
	};
	uint8_t nonce[EVIDENCE_NONCE_MAX_BYTES];
	struct err err = {0};
	size_t nonce_len;
	int status =
	    arguments_read(&command_attest, known, countof(known), &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (!evidence_nonce_from_hex(options.nonce, nonce, &nonce_len))
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
	struct tpm_public ak;
	struct digest context;

	TRY(context_read(options->context, &context, err));
	TRY(ask(options, &context, &evidence, err));
	if (tpm_public_decode(evidence_part_bytes(&evidence.ak), &ak, err) != 0)
		return refuse_answer(err);
	TRY(attest_files_write(&evidence, options->out, options->tools_dir,
	    options->replace ? FILE_REPLACE : FILE_REFUSE, err));
	if (options->tools_dir != NULL)
		attest_files_explain(options->tools_dir, ak.scheme_hash);
	return 0;
}

/* The log is read after the quote: it can only have grown. */
static int
ask(const struct options *options, const struct digest *context,
    struct evidence *ret_evidence, struct err *err)
{
	CLEANUP(json_freep) json_t *reply = NULL;
	CLEANUP(freep) uint8_t *log = NULL;
	const struct evidence_question question = {options->nonce, context};
	struct json_at root;
	size_t log_len = 0;
	int64_t needed;

	TRY(client_call(options->socket, "Attest", encode(&question), &reply,
	    err));
	root = json_root(reply, EVIDENCE_MALFORMED);
	if (json_integer_in(&root, "log_bytes", 1, LIMIT_EVENT_LOG_BYTES,
		&needed, err) != 0)
		return refuse_answer(err);
	log = malloc((size_t)needed);
	if (log == NULL)
		return err_set(err, NO_MEMORY, "event log");
	TRY(read_log(options->socket, (size_t)needed, log, &log_len, err));
	if (evidence_assemble(reply, bytes_of(log, log_len), &question,
		ret_evidence, err) != 0)
		return refuse_answer(err);
	return 0;
}

static json_t *
encode(const struct evidence_question *question)
{
	char context[DIGEST_TEXT_SIZE];

	digest_text(question->context, context);
	return json_pack("{s:s, s:s*}", "nonce", question->nonce, "context",
	    digest_equal(question->context, &evidence_no_context) ? NULL
								  : context);
}

/* Until it has what the quote is about, or the log is at its end. */
static int
read_log(const char *socket, size_t needed, uint8_t *log, size_t *ret_len,
    struct err *err)
{
	size_t len = 0;

	while (len < needed) {
		CLEANUP(freep) uint8_t *piece = NULL;
		size_t piece_len = 0;

		TRY(read_piece(socket, len, &piece, &piece_len, err));
		if (piece_len == 0)
			break;
		if (piece_len > needed - len)
			piece_len = needed - len;
		memcpy(log + len, piece, piece_len);
		len += piece_len;
	}
	*ret_len = len;
	return 0;
}

static int
read_piece(const char *socket, size_t offset, uint8_t **ret_piece,
    size_t *ret_len, struct err *err)
{
	static const char *const known[] = {"data", NULL};
	CLEANUP(json_freep) json_t *reply = NULL;
	struct json_at root;

	TRY(client_call(socket, "GetEventLog",
	    json_pack("{s:I}", "offset", (json_int_t)offset), &reply, err));
	root = json_root(reply, EVIDENCE_MALFORMED);
	if (json_known(&root, known, err) != 0 ||
	    json_base64_in(&root, "data", LIMIT_EVIDENCE_BYTES, ret_piece,
		ret_len, err) != 0)
		return refuse_answer(err);
	return 0;
}

/* What is no evidence, and no key of a TPM, is no answer of assayd's. */
static int
refuse_answer(struct err *err)
{
	struct err why = *err;

	if (why.code != EVIDENCE_MALFORMED &&
	    why.code != BASE64_ALPHABETS_MIXED &&
	    why.code != BASE64_WHITESPACE &&
	    why.code != TPM_STRUCTURE_MALFORMED)
		return (int)why.code;
	return err_set(err, DAEMON_UNREACHABLE,
	    "an answer that is not assayd's: %s", why.text);
}

const struct command command_attest = {NULL, "attest",
    "--nonce HEX [--context FILE] --out FILE [--tpm2-tools DIR] [--replace] "
    "[--socket ADDRESS]",
    "", "have a TPM say what this host booted and started", run};
