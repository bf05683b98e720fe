#include "builder/build/stage_pieces.h"

#include "base/scope.h"

void
stage_ask_blob(struct stage *stage, const struct digest *digest,
    uint64_t size_bytes, const char *what)
{
	struct stage_call call = {
	    .kind = STAGE_BLOB,
	    .digest = *digest,
	    .size_bytes = size_bytes,
	};

	stage_ask(stage, &call, what, -1);
}

void
stage_ask_unpack(struct stage *stage, uint64_t elf_bytes)
{
	struct stage_call call = {.kind = STAGE_UNPACK,
	    .size_bytes = elf_bytes};

	stage_ask(stage, &call, "kernel ELF", -1);
}

int
stage_next_piece(struct stage *stage, int *ret_fd, struct err *err)
{
	struct stage_answer answer;

	TRY(stage_receive(stage, STAGE_ASKED_FOR_PIECES, &answer, ret_fd, err));
	if (answer.kind == STAGE_PIECE)
		return 0;
	return err_wire_to(&answer.outcome, STAGE_FAILED, err);
}
