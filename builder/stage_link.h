/*
 * What is said to the stage, and what it answers. Nothing that comes from it is
 * believed: builder/verify/stage_client.h, builder/build/stage_pieces.h.
 */
#ifndef ASSAY_BUILDER_STAGE_LINK_H
#define ASSAY_BUILDER_STAGE_LINK_H

#include "builder/err_wire.h"
#include "builder/link_table.h"
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

/* The answer to a call: entries or pieces, one a record, and the last one. */
enum stage_answer_kind {
	STAGE_ENTRY = 1, /* `entry` */
	STAGE_PIECE,     /* the memory that comes along */
	STAGE_MEMORY,    /* likewise, all at once; the last one */
	STAGE_END,       /* the last one: how it went */
};

struct stage_answer {
	uint32_t kind;
	union {
		struct layout_entry entry;
		struct err_wire outcome; /* of both last ones */
	};
};

/* What is answered now: in which state it is. */
enum stage_asked {
	STAGE_ASKED,            /* for nothing but its end */
	STAGE_ASKED_FOR_LIST,   /* entries */
	STAGE_ASKED_FOR_PIECES, /* pieces */
	STAGE_ASKED_FOR_MEMORY, /* memory */
};

/* What it may answer. */
extern const struct link_table stage_answers;

/* Where it is asked. */
struct stage {
	int fd;          /* the link */
	bool owes_store; /* the answer to STAGE_OPEN is still to be read */
};

/* Ask, with a copy of `pass_fd` unless it is -1; the answer tells if that did
 * not work. `what` is for its error texts. */
void stage_ask(struct stage *stage, struct stage_call *call, const char *what,
    int pass_fd);

/* The next record; what is last has an outcome for err_wire_to(). *ret_fd is
 * owned by the caller, or -1; NULL: there can be none. Errors: STAGE_FAILED. */
int stage_receive(struct stage *stage, enum stage_asked asked,
    struct stage_answer *ret_answer, int *ret_fd, struct err *err);

#endif
