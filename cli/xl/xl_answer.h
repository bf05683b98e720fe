/*
 * What assay-xl-config says of a file, between that program and `assay`: one
 * document by one table, or the object of an error, see command_failed().
 */
#ifndef ASSAY_CLI_XL_XL_ANSWER_H
#define ASSAY_CLI_XL_XL_ANSWER_H

#include "base/json_table.h"
#include "base/limits.h"
#include "base/uuid.h"

#define XL_ANSWER_SCHEMA "assay.xl-config/1"

enum { LIFE_ACTION_SIZE = 16 }; /* "preserve" */

/* What the file does not have is "" or 0. */
struct xl_answer {
	char name[LIMIT_NAME_BYTES + 1];
	char uuid[UUID_TEXT_SIZE]; /* in lower case */
	char image[LIMIT_NAME_BYTES + 1];
	int64_t memory_mib;
	int64_t vcpus;
	char on_poweroff[LIFE_ACTION_SIZE];
	char on_reboot[LIFE_ACTION_SIZE];
	char on_crash[LIFE_ACTION_SIZE];
};

extern const struct json_table xl_answer_table;

#endif
