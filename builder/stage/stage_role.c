#include "builder/stage/stage_role.h"

#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/sealing.h"
#include "base/json.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/stage_link.h"
#include "image-store/layout.h"
#include "image-store/unpack/kernel_unpack.h"
#include "builder/stage/stage_sandbox.h"

/* What the stage holds. */
struct stage_work {
	int link;
	int store_fd;
	struct sealed *blob;   /* the last one that was copied */
	struct sealed *answer; /* goes with the last record of an answer */
};

static int run(uint32_t user, int link, int parent_pid, struct err *err);
static int warm_up(struct err *err);
static void serve(int link) __attribute__((noreturn));
static void answer(struct stage_work *work, int code, const struct err *why);
static link_take take_store;
static link_take list_images;
static link_take copy_blob;
static link_take copy_blob_max;
static link_take copy_store_index;
static link_take unpack;
static bool is_call(const struct stage_call *call);
static int send_piece(void *link, int fd, struct err *err);

/* One store, before anything else: by then nothing foreign was read. */
#define CALL(state, times, after, fds, take)             \
	{                                                \
		LINK_BIT(state), times, after, fds, fds, \
		    sizeof(struct stage_call), take      \
	}

static const struct link_rule rules[] = {
    [STAGE_OPEN] = CALL(STAGE_EMPTY, LINK_ONCE, 0, 1, take_store),
    [STAGE_LIST] = CALL(STAGE_FILLED, LINK_OFTEN, 0, 0, list_images),
    [STAGE_BLOB] = CALL(STAGE_FILLED, LINK_OFTEN, 0, 0, copy_blob),
    [STAGE_BLOB_MAX] = CALL(STAGE_FILLED, LINK_OFTEN, 0, 0, copy_blob_max),
    [STAGE_UNPACK] =
	CALL(STAGE_FILLED, LINK_OFTEN, LINK_BIT(STAGE_BLOB), 0, unpack),
    [STAGE_STORE_INDEX] =
	CALL(STAGE_FILLED, LINK_OFTEN, 0, 0, copy_store_index),
};

const struct link_table stage_calls = {"a call", rules, countof(rules), NULL};

void
stage_role_run(uint32_t user, int parent_pid, int link)
{
	struct err err = {0};

	_exit(run(user, link, parent_pid, &err));
}

static int
run(uint32_t user, int link, int parent_pid, struct err *err)
{
	struct stage_answer refusal = {.kind = STAGE_END};
	int code;

	log_set_process("assayd[stage]");
	json_object_seed(0); /* while /dev/urandom can still be opened */
	TRY(sandbox_die_with_parent(parent_pid, err));
	code = sandbox_keep_only(&link, 1, err);
	if (code == 0)
		code = sandbox_enter(&stage_sandbox, user, err);
	if (code == 0)
		code = warm_up(err);
	if (code == 0)
		serve(link);
	err_wire_from(&refusal.outcome, code, err);
	return ipc_send(link, &refusal, LINK_BYTES(stage_answer, outcome), -1,
	    err);
}

/* What libraries do at first costs no build its time. */
static int
warm_up(struct err *err)
{
	static const char text[] = "{\"a\":[1]}";
	CLEANUP(json_freep) json_t *document = NULL;
	struct digest ignored;

	TRY(digest_of(bytes_of_str(text), &ignored, err));
	return json_parse(bytes_of_str(text), 4, "nothing", BUG, &document,
	    err);
}

/* Until nobody asks any more, or somebody asks what may not be asked. */
static void
serve(int link)
{
	struct stage_work work = {.link = link, .store_fd = -1};
	struct link_place place = {0};

	for (;;) {
		struct err err = {0};

		switch (link_serve(&stage_calls, link,
		    work.store_fd < 0 ? STAGE_EMPTY : STAGE_FILLED, &place,
		    &work, &err)) {
		case LINK_TAKEN:
			answer(&work, 0, NULL);
			break;
		case LINK_FAILED:
			answer(&work, (int)err.code, &err);
			break;
		case LINK_END:
		case LINK_UNREADABLE:
			_exit(0);
		case LINK_REFUSED:
			log_line("failed code=%s detail=\"%s\"",
			    err_name(err.code), log_quote(err.text).text);
			_exit(1);
		}
	}
}

/* The last record of one. */
static void
answer(struct stage_work *work, int code, const struct err *why)
{
	struct stage_answer last = {.kind = STAGE_END};
	struct err ignored;
	size_t count;
	int fd = -1;

	if (work->answer != NULL) {
		last.kind = STAGE_MEMORY;
		fd = sealed_fds(work->answer, &count)[0];
	}
	err_wire_from(&last.outcome, code, why);
	if (ipc_send(work->link, &last, LINK_BYTES(stage_answer, outcome), fd,
		&ignored) != 0)
		_exit(1);
	sealed_freep(&work->answer);
}

/* From then on nothing beside it is read. */
static int
take_store(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct stage_work *work = owner;

	(void)record;
	work->store_fd = fds->fd[0];
	fds->count = 0;
	TRY(sandbox_read_beneath(work->store_fd, err));
	return layout_check(work->store_fd, err);
}

static int
list_images(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	CLEANUP(layout_list_done) struct layout_list list = {0};
	const struct stage_work *work = owner;
	const struct stage_call *call = record;

	(void)fds;
	if (!is_call(call))
		return err_set(err, BUG, "stage: a text without an end");
	TRY(layout_read(work->store_fd,
	    call->name[0] != '\0' ? call->name : NULL, &list, err));
	for (size_t i = 0; i < list.count; i++) {
		struct stage_answer entry = {
		    .kind = STAGE_ENTRY,
		    .entry = list.entries[i],
		};

		TRY(ipc_send(work->link, &entry,
		    LINK_BYTES(stage_answer, entry), -1, err));
	}
	return 0;
}

static int
copy_blob(void *owner, const void *record, struct ipc_fds *fds, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	CLEANUP(sealing_freep) struct sealing *sealing = NULL;
	struct stage_work *work = owner;
	const struct stage_call *call = record;
	struct piece_watcher sender = {send_piece, &work->link};

	(void)fds;
	if (!is_call(call))
		return err_set(err, BUG, "stage: a text without an end");
	sealed_freep(&work->blob);
	TRY(layout_open_exact(work->store_fd, &call->digest, call->size_bytes,
	    call->what, &fd, err));
	TRY(sealing_new(call->what, call->size_bytes, &sealing, err));
	sealing_watch(sealing, &sender);
	TRY(sealing_copy(sealing, fd, call->what, err));
	return sealing_seal(take_ptr(&sealing), &work->blob, err);
}

static int
copy_blob_max(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct stage_work *work = owner;
	const struct stage_call *call = record;

	(void)fds;
	if (!is_call(call))
		return err_set(err, BUG, "stage: a text without an end");
	return layout_copy_blob_max(work->store_fd, &call->digest,
	    call->size_bytes, call->what, &work->answer, err);
}

static int
copy_store_index(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct stage_work *work = owner;

	(void)record;
	(void)fds;
	return layout_copy_store_index(work->store_fd, &work->answer, err);
}

/* The blob could not be copied, if there is none. */
static int
unpack(void *owner, const void *record, struct ipc_fds *fds, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *elf = NULL;
	struct stage_work *work = owner;
	const struct stage_call *call = record;
	struct piece_watcher sender = {send_piece, &work->link};

	(void)fds;
	if (work->blob == NULL)
		return err_set(err, BUG, "stage: no kernel was asked for");
	return kernel_unpack(sealed_bytes(work->blob), call->size_bytes,
	    &sender, &elf, err);
}

/* One role asks, and is not the one that we know to be honest. */
static bool
is_call(const struct stage_call *call)
{
	return memchr(call->name, '\0', sizeof(call->name)) != NULL &&
	       memchr(call->what, '\0', sizeof(call->what)) != NULL;
}

static int
send_piece(void *link, int fd, struct err *err)
{
	struct stage_answer piece = {.kind = STAGE_PIECE};

	return ipc_send(*(int *)link, &piece, LINK_KIND_BYTES, fd, err);
}
