#include "builder/stage/stage_role.h"

#include <unistd.h>

#include <jansson.h>

#include "base/draft.h"
#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/sandbox.h"
#include "builder/stage_link.h"
#include "image-store/layout.h"
#include "image-store/unpack/kernel_unpack.h"

/* What the stage holds. */
struct shelf {
	int link;
	int store_fd;
	struct sealed *blob; /* the last one that was copied */
};

static int run(uint32_t user, int link, int parent_pid, struct err *err);
static void serve(int link) __attribute__((noreturn));
static int answer_call(struct shelf *shelf, const struct stage_call *call,
    int *fd, struct sealed **ret_sealed, struct err *err);
static int open_store(struct shelf *shelf, int *fd, struct err *err);
static int send_entries(const struct shelf *shelf, const char *name,
    struct err *err);
static int copy_blob(struct shelf *shelf, const struct stage_call *call,
    struct err *err);
static int unpack(struct shelf *shelf, uint64_t elf_bytes, struct err *err);
static int send_piece(void *link, int fd, struct err *err);

void
stage_role_run(uint32_t user, int parent_pid, int link)
{
	struct err err = {0};

	_exit(run(user, link, parent_pid, &err));
}

static int
run(uint32_t user, int link, int parent_pid, struct err *err)
{
	struct stage_answer refusal = {.is_last = true};
	int code;

	log_set_process("assayd[stage]");
	json_object_seed(0); /* while /dev/urandom can still be opened */
	TRY(sandbox_die_with_parent(parent_pid, err));
	code = sandbox_keep_only(&link, 1, err);
	if (code == 0)
		code = sandbox_enter(SANDBOX_STAGE, user, NULL, err);
	if (code == 0)
		serve(link);
	outcome_from(&refusal.outcome, code, err);
	return ipc_send(link, &refusal, sizeof(refusal), -1, err);
}

static void
serve(int link)
{
	struct shelf shelf = {.link = link, .store_fd = -1};

	for (;;) {
		CLEANUP(sealed_freep) struct sealed *sealed = NULL;
		CLEANUP(closep) int fd = -1;
		struct stage_answer answer = {.is_last = true};
		struct stage_call call;
		struct err err = {0};
		size_t count;
		bool is_end;
		int code =
		    ipc_receive(link, &call, sizeof(call), &fd, &is_end, &err);

		if (code != 0 || is_end)
			_exit(0);
		code = answer_call(&shelf, &call, &fd, &sealed, &err);
		outcome_from(&answer.outcome, code, &err);
		if (ipc_send(link, &answer, sizeof(answer),
			sealed != NULL ? sealed_fds(sealed, &count)[0] : -1,
			&err) != 0)
			_exit(1);
	}
}

/* *ret_sealed stays NULL but for what is handed over at once. */
static int
answer_call(struct shelf *shelf, const struct stage_call *call, int *fd,
    struct sealed **ret_sealed, struct err *err)
{
	switch (call->kind) {
	case STAGE_OPEN:
		return open_store(shelf, fd, err);
	case STAGE_LIST:
		return send_entries(shelf,
		    call->name[0] != '\0' ? call->name : NULL, err);
	case STAGE_BLOB:
		return copy_blob(shelf, call, err);
	case STAGE_BLOB_MAX:
		return layout_copy_blob_max(shelf->store_fd, &call->digest,
		    call->size_bytes, call->what, ret_sealed, err);
	case STAGE_STORE_INDEX:
		return layout_copy_store_index(shelf->store_fd, ret_sealed,
		    err);
	case STAGE_UNPACK:
		return unpack(shelf, call->size_bytes, err);
	default:
		return err_set(err, BUG, "stage call %u", call->kind);
	}
}

/* Once: by then nothing foreign was read, and from then on nothing beside the
 * store is. */
static int
open_store(struct shelf *shelf, int *fd, struct err *err)
{
	if (shelf->store_fd >= 0)
		return err_set(err, BUG, "stage: a second store");
	shelf->store_fd = take_fd(fd);
	TRY(sandbox_read_beneath(shelf->store_fd, err));
	return layout_check(shelf->store_fd, err);
}

static int
send_entries(const struct shelf *shelf, const char *name, struct err *err)
{
	CLEANUP(layout_list_done) struct layout_list list = {0};

	TRY(layout_read(shelf->store_fd, name, &list, err));
	for (size_t i = 0; i < list.count; i++) {
		struct stage_answer answer = {.entry = list.entries[i]};

		TRY(ipc_send(shelf->link, &answer, sizeof(answer), -1, err));
	}
	return 0;
}

static int
copy_blob(struct shelf *shelf, const struct stage_call *call, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	CLEANUP(draft_freep) struct draft *draft = NULL;
	struct piece_watcher sender = {send_piece, &shelf->link};

	sealed_freep(&shelf->blob);
	TRY(layout_open_exact(shelf->store_fd, &call->digest, call->size_bytes,
	    call->what, &fd, err));
	TRY(draft_new(call->what, call->size_bytes, &draft, err));
	draft_watch(draft, &sender);
	TRY(draft_copy(draft, fd, call->what, err));
	return draft_seal(take_ptr(&draft), &shelf->blob, err);
}

static int
unpack(struct shelf *shelf, uint64_t elf_bytes, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *elf = NULL;
	struct piece_watcher sender = {send_piece, &shelf->link};

	if (shelf->blob == NULL)
		return err_set(err, BUG, "stage: no kernel was asked for");
	return kernel_unpack(sealed_bytes(shelf->blob), elf_bytes, &sender,
	    &elf, err);
}

static int
send_piece(void *link, int fd, struct err *err)
{
	struct stage_answer piece = {0};

	return ipc_send(*(int *)link, &piece, sizeof(piece), fd, err);
}
