#include "cli/evidence/attest_files.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/scope.h"
#include "cli/file_set.h"
#include "cli/files.h"
#include "measure/verify/evidence_assemble.h"

enum { MODE = 0644, DIRECTORY_MODE = 0755, TOOLS_FILES = 6 };

/* In a directory for tpm2-tools. */
struct tools_files {
	char paths[TOOLS_FILES][FILES_PATH_SIZE];
	char qualification[DIGEST_HEX_SIZE];
	uint8_t *pcrs;
};

static int add_tools_files(const struct evidence *evidence, const char *dir,
    struct tools_files *files, struct file_set *set, struct err *err);
static int qualify(const struct evidence *evidence,
    char ret_hex[DIGEST_HEX_SIZE], struct err *err);
static void tools_files_done(struct tools_files *files);

int
attest_files_write(const struct evidence *evidence, const char *path,
    const char *tools_dir, enum file_if_there if_there, struct err *err)
{
	CLEANUP(json_freep) json_t *document = evidence_encode(evidence);
	CLEANUP(tools_files_done) struct tools_files files = {.pcrs = NULL};
	CLEANUP(freep) char *text = NULL;
	struct file_set set = {.count = 1};

	text = document != NULL ? json_dumps(document, JSON_COMPACT) : NULL;
	if (text == NULL)
		return err_set(err, NO_MEMORY, "evidence");
	set.files[0] = (struct file_set_file){path, bytes_of_str(text), MODE};
	if (tools_dir == NULL)
		return file_set_write(&set, if_there, err);
	TRY(add_tools_files(evidence, tools_dir, &files, &set, err));
	return file_set_write_in(tools_dir, DIRECTORY_MODE, &set, if_there,
	    err);
}

void
attest_files_explain(const char *tools_dir, enum pcr_bank hash)
{
	printf("in %s:\n"
	       "  tpm2_checkquote -u ak.pub -m quote.msg -s quote.sig -f pcrs "
	       "-g %s -q \"$(cat qualification)\"\n"
	       "  tpm2_eventlog log\n",
	    tools_dir, pcr_bank_name(hash));
}

static int
add_tools_files(const struct evidence *evidence, const char *dir,
    struct tools_files *files, struct file_set *set, struct err *err)
{
	static const char *const names[TOOLS_FILES] = {"quote.msg", "quote.sig",
	    "pcrs", "ak.pub", "log", "qualification"};
	struct bytes data[TOOLS_FILES];
	size_t pcrs_len;

	TRY(qualify(evidence, files->qualification, err));
	files->pcrs = evidence_encode_pcrs(&evidence->pcrs, &pcrs_len);
	if (files->pcrs == NULL)
		return err_set(err, NO_MEMORY, "registers");
	data[0] = evidence_part_bytes(&evidence->attest);
	data[1] = evidence_part_bytes(&evidence->signature);
	data[2] = bytes_of(files->pcrs, pcrs_len);
	data[3] = evidence_part_bytes(&evidence->ak);
	data[4] = evidence_part_bytes(&evidence->log);
	data[5] = bytes_of_str(files->qualification);
	for (size_t i = 0; i < TOOLS_FILES; i++) {
		TRY(files_join(dir, names[i], files->paths[i], err));
		set->files[set->count++] =
		    (struct file_set_file){files->paths[i], data[i], MODE};
	}
	return 0;
}

/* What the TPM was given for the nonce. */
static int
qualify(const struct evidence *evidence, char ret_hex[DIGEST_HEX_SIZE],
    struct err *err)
{
	struct digest extra;

	TRY(evidence_nonce_bind(bytes_of(evidence->nonce, evidence->nonce_len),
	    &evidence->context, &extra, err));
	digest_hex(&extra, ret_hex);
	return 0;
}

static void
tools_files_done(struct tools_files *files)
{
	free(files->pcrs);
}
