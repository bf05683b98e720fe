/*
 * What is said to the stage, and what it answers. Nothing that comes from it is
 * believed: builder/stage_client.h.
 */
#ifndef ASSAY_BUILDER_STAGE_LINK_H
#define ASSAY_BUILDER_STAGE_LINK_H

#include "builder/outcome.h"
#include "image-store/layout_list.h"

enum stage_call_kind {
	STAGE_OPEN = 1, /* the descriptor that comes along is the store */
	STAGE_LIST,
	STAGE_BLOB,        /* exactly `size_bytes`, in pieces */
	STAGE_BLOB_MAX,    /* up to `size_bytes`, at once */
	STAGE_UNPACK,      /* the last blob, in pieces */
	STAGE_STORE_INDEX, /* at once */
};

struct stage_call {
	uint32_t kind;
	char name[LIMIT_NAME_BYTES + 1]; /* "" for all */
	struct digest digest;
	uint64_t size_bytes;
	char what[32];
};

/* The answer to a call: entries or pieces (one a record), then the last
 * record. A piece is the descriptor that comes along. */
struct stage_answer {
	bool is_last;
	struct outcome outcome;
	struct layout_entry entry;
};

#endif
