#include "builder/stage.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "base/draft.h"
#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/outcome.h"
#include "builder/sandbox.h"
#include "image-store/kernel_unpack.h"

enum call_kind {
	CALL_OPEN = 1, /* the descriptor that comes along is the store */
	CALL_LIST,
	CALL_BLOB,        /* exactly `size_bytes`, in pieces */
	CALL_BLOB_MAX,    /* up to `size_bytes`, at once */
	CALL_UNPACK,      /* the last blob, in pieces */
	CALL_STORE_INDEX, /* at once */
};

struct call {
	uint32_t kind;
	char name[LIMIT_NAME_BYTES + 1]; /* "" for all */
	struct digest digest;
	uint64_t size_bytes;
	char what[32];
};

/* The answer to a call: entries or pieces (one a record), then the last
 * record. A piece is the descriptor that comes along. */
struct answer {
	bool is_last;
	struct outcome outcome;
	struct layout_entry entry;
};

/* What the stage holds. */
struct shelf {
	int link;
	int store_fd;
	struct sealed *blob; /* the last one that was copied */
};

static int start_child(uint32_t sandbox_uid, int link, int parent_pid,
    struct err *err);
static void serve(int link) __attribute__((noreturn));
static int answer_call(struct shelf *shelf, const struct call *call, int *fd,
    struct sealed **ret_sealed, struct err *err);
static int send_entries(const struct shelf *shelf, const char *name,
    struct err *err);
static int copy_blob(struct shelf *shelf, const struct call *call,
    struct err *err);
static int unpack(struct shelf *shelf, uint64_t elf_bytes, struct err *err);
static int send_piece(void *link, int fd, struct err *err);
static void ask(struct stage *stage, struct call *call, const char *what,
    int pass_fd);
static int receive_answer(struct stage *stage, struct answer *ret_answer,
    int *ret_fd, struct err *err);
static int ask_for_memory(struct stage *stage, struct call *call,
    const char *what, size_t max_bytes, struct sealed **ret_raw,
    struct err *err);
static int check_entry(struct layout_entry *entry, struct err *err);

/* The build child's side */

int
stage_start(uint32_t sandbox_uid, struct stage *ret_stage, struct err *err)
{
	int parent_pid = getpid();
	int link;
	pid_t pid;

	TRY(ipc_fork(&link, &pid, err));
	if (pid == 0)
		_exit(start_child(sandbox_uid, link, parent_pid, err));
	*ret_stage = (struct stage){.fd = link, .pid = pid};
	return 0;
}

void
stage_stop(struct stage *stage)
{
	if (stage->fd < 0)
		return;
	closep(&stage->fd);
	kill(stage->pid, SIGKILL);
	waitpid(stage->pid, NULL, 0);
}

int
stage_open_store(struct stage *stage, const char *path, struct err *err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct call call = {.kind = CALL_OPEN};
	struct answer answer;

	if (fd < 0)
		return err_set_errno(err, STORE_IO, "store %s", path);
	ask(stage, &call, "store", fd);
	TRY(receive_answer(stage, &answer, NULL, err));
	return outcome_to(&answer.outcome, STAGE_FAILED, err);
}

int
stage_list(struct stage *stage, const char *name, struct layout_list *ret_list,
    struct err *err)
{
	CLEANUP(layout_list_done) struct layout_list list = {0};
	struct call call = {.kind = CALL_LIST};
	struct answer answer;

	snprintf(call.name, sizeof(call.name), "%s", name != NULL ? name : "");
	list.entries = calloc(LIMIT_INDEX_IMAGES, sizeof(*list.entries));
	if (list.entries == NULL)
		return err_set(err, NO_MEMORY, "image list");
	ask(stage, &call, "index", -1);
	for (;;) {
		TRY(receive_answer(stage, &answer, NULL, err));
		if (answer.is_last)
			break;
		if (list.count == LIMIT_INDEX_IMAGES)
			return err_set(err, STAGE_FAILED, "too many images");
		TRY(check_entry(&answer.entry, err));
		list.entries[list.count++] = answer.entry;
	}
	TRY(outcome_to(&answer.outcome, STAGE_FAILED, err));
	*ret_list = list;
	list = (struct layout_list){0};
	return 0;
}

int
stage_blob_max(struct stage *stage, const struct digest *digest,
    uint64_t max_bytes, const char *what, struct sealed **ret_raw,
    struct err *err)
{
	struct call call = {
	    .kind = CALL_BLOB_MAX,
	    .digest = *digest,
	    .size_bytes = max_bytes,
	};

	return ask_for_memory(stage, &call, what, max_bytes, ret_raw, err);
}

void
stage_ask_blob(struct stage *stage, const struct digest *digest,
    uint64_t size_bytes, const char *what)
{
	struct call call = {
	    .kind = CALL_BLOB,
	    .digest = *digest,
	    .size_bytes = size_bytes,
	};

	ask(stage, &call, what, -1);
}

int
stage_store_index(struct stage *stage, struct sealed **ret_raw, struct err *err)
{
	struct call call = {.kind = CALL_STORE_INDEX};

	return ask_for_memory(stage, &call, "store index",
	    LIMIT_INDEX_ENVELOPE_BYTES, ret_raw, err);
}

void
stage_ask_unpack(struct stage *stage, uint64_t elf_bytes)
{
	struct call call = {.kind = CALL_UNPACK, .size_bytes = elf_bytes};

	ask(stage, &call, "kernel ELF", -1);
}

int
stage_next_piece(struct stage *stage, int *ret_fd, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	struct answer answer;

	TRY(receive_answer(stage, &answer, &fd, err));
	if (answer.is_last)
		TRY(outcome_to(&answer.outcome, STAGE_FAILED, err));
	if (answer.is_last == (fd >= 0))
		return err_set(err, STAGE_FAILED,
		    answer.is_last ? "an unexpected descriptor"
				   : "a piece without memory");
	*ret_fd = take_fd(&fd);
	return 0;
}

/* A stage that cannot be asked has left its reason behind: the answer tells. */
static void
ask(struct stage *stage, struct call *call, const char *what, int pass_fd)
{
	struct err ignored;

	snprintf(call->what, sizeof(call->what), "%s", what);
	ipc_send(stage->fd, call, sizeof(*call), pass_fd, &ignored);
}

static int
receive_answer(struct stage *stage, struct answer *ret_answer, int *ret_fd,
    struct err *err)
{
	bool is_end;

	TRY(ipc_receive(stage->fd, ret_answer, sizeof(*ret_answer), ret_fd,
	    &is_end, err));
	if (is_end)
		return err_set(err, STAGE_FAILED, "the stage died");
	if (!ipc_is_bool(&ret_answer->is_last))
		return err_set(err, STAGE_FAILED, "an answer of no kind");
	return 0;
}

static int
ask_for_memory(struct stage *stage, struct call *call, const char *what,
    size_t max_bytes, struct sealed **ret_raw, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	struct answer answer;

	bug_unless(max_bytes <= SEALED_PIECE_BYTES);
	ask(stage, call, what, -1);
	TRY(receive_answer(stage, &answer, &fd, err));
	TRY(outcome_to(&answer.outcome, STAGE_FAILED, err));
	if (fd < 0)
		return err_set(err, STAGE_FAILED, "%s: no memory came", what);
	return sealed_from_fds(&(int){take_fd(&fd)}, 1, max_bytes, what,
	    ret_raw, err);
}

static int
check_entry(struct layout_entry *entry, struct err *err)
{
	entry->claimed_name[sizeof(entry->claimed_name) - 1] = '\0';
	entry->claimed_version[sizeof(entry->claimed_version) - 1] = '\0';
	if (!manifest_name_is_valid(entry->claimed_name) ||
	    !manifest_version_is_valid(entry->claimed_version))
		return err_set(err, STAGE_FAILED, "an illegal image name");
	if (entry->provenance_count > LIMIT_PROVENANCE)
		return err_set(err, STAGE_FAILED, "too many statements");
	return 0;
}

/* The stage's side */

static int
start_child(uint32_t sandbox_uid, int link, int parent_pid, struct err *err)
{
	struct answer refusal = {.is_last = true};
	int code;

	log_set_role("assayd[stage]");
	json_object_seed(0); /* while /dev/urandom can still be opened */
	TRY(sandbox_die_with_parent(parent_pid, err));
	code = sandbox_keep_only(&link, 1, err);
	if (code == 0)
		code = sandbox_enter(SANDBOX_STAGE, sandbox_uid, err);
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
		struct answer answer = {.is_last = true};
		struct call call;
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
answer_call(struct shelf *shelf, const struct call *call, int *fd,
    struct sealed **ret_sealed, struct err *err)
{
	switch (call->kind) {
	case CALL_OPEN:
		closep(&shelf->store_fd);
		shelf->store_fd = take_fd(fd);
		return layout_check(shelf->store_fd, err);
	case CALL_LIST:
		return send_entries(shelf,
		    call->name[0] != '\0' ? call->name : NULL, err);
	case CALL_BLOB:
		return copy_blob(shelf, call, err);
	case CALL_BLOB_MAX:
		return layout_copy_blob_max(shelf->store_fd, &call->digest,
		    call->size_bytes, call->what, ret_sealed, err);
	case CALL_STORE_INDEX:
		return layout_copy_store_index(shelf->store_fd, ret_sealed,
		    err);
	case CALL_UNPACK:
		return unpack(shelf, call->size_bytes, err);
	default:
		return err_set(err, BUG, "stage call %u", call->kind);
	}
}

static int
send_entries(const struct shelf *shelf, const char *name, struct err *err)
{
	CLEANUP(layout_list_done) struct layout_list list = {0};

	TRY(layout_read(shelf->store_fd, name, &list, err));
	for (size_t i = 0; i < list.count; i++) {
		struct answer answer = {.entry = list.entries[i]};

		TRY(ipc_send(shelf->link, &answer, sizeof(answer), -1, err));
	}
	return 0;
}

static int
copy_blob(struct shelf *shelf, const struct call *call, struct err *err)
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
	struct answer piece = {0};

	return ipc_send(*(int *)link, &piece, sizeof(piece), fd, err);
}
