/*
 * Evidence as files: its own form, and the parts as tpm2-tools take them.
 */
#ifndef ASSAY_CLI_EVIDENCE_ATTEST_FILES_H
#define ASSAY_CLI_EVIDENCE_ATTEST_FILES_H

#include "base/file.h"
#include "measure/verify/evidence.h"

/*
 * Write `path` and, if `tools_dir` is not NULL, quote.msg, quote.sig, pcrs,
 * ak.pub, log and qualification in that directory, which is made if it is not
 * there. All or nothing.
 * Errors: FILE_EXISTS; STORE_IO; NO_MEMORY.
 */
int attest_files_write(const struct evidence *evidence, const char *path,
    const char *tools_dir, enum file_if_there if_there, struct err *err);

/* Print how tpm2-tools check the files of `tools_dir`, which a key that signs
 * with this hash quoted. */
void attest_files_explain(const char *tools_dir, enum pcr_bank hash);

#endif
