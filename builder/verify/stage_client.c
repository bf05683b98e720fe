#include "builder/verify/stage_client.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/stage_link.h"
#include "image-store/image_name.h"

static int ask_for_memory(struct stage *stage, struct stage_call *call,
    const char *what, size_t max_bytes, struct sealed **ret_raw,
    struct err *err);
static int check_entry(struct layout_entry *entry, struct err *err);

void
stage_give_store(struct stage *stage, int store_fd)
{
	struct stage_call call = {.kind = STAGE_OPEN};

	stage_ask(stage, &call, "store", store_fd);
	stage->owes_store = true;
}

int
stage_has_store(struct stage *stage, struct err *err)
{
	struct stage_answer answer;

	if (!stage->owes_store)
		return 0;
	stage->owes_store = false;
	TRY(stage_receive(stage, STAGE_ASKED, &answer, NULL, err));
	return err_wire_to(&answer.outcome, STAGE_FAILED, err);
}

int
stage_list(struct stage *stage, const char *name, struct layout_list *ret_list,
    struct err *err)
{
	CLEANUP(layout_list_done) struct layout_list list = {0};
	struct stage_call call = {.kind = STAGE_LIST};
	struct stage_answer answer;

	snprintf(call.name, sizeof(call.name), "%s", name != NULL ? name : "");
	list.entries = calloc(LIMIT_INDEX_IMAGES, sizeof(*list.entries));
	if (list.entries == NULL)
		return err_set(err, NO_MEMORY, "image list");
	stage_ask(stage, &call, "index", -1);
	TRY(stage_has_store(stage, err));
	for (;;) {
		TRY(stage_receive(stage, STAGE_ASKED_FOR_LIST, &answer, NULL,
		    err));
		if (answer.kind == STAGE_END)
			break;
		if (list.count == LIMIT_INDEX_IMAGES)
			return err_set(err, STAGE_FAILED, "too many images");
		TRY(check_entry(&answer.entry, err));
		list.entries[list.count++] = answer.entry;
	}
	TRY(err_wire_to(&answer.outcome, STAGE_FAILED, err));
	*ret_list = list;
	list = (struct layout_list){0};
	return 0;
}

int
stage_blob_max(struct stage *stage, const struct digest *digest,
    uint64_t max_bytes, const char *what, struct sealed **ret_raw,
    struct err *err)
{
	struct stage_call call = {
	    .kind = STAGE_BLOB_MAX,
	    .digest = *digest,
	    .size_bytes = max_bytes,
	};

	return ask_for_memory(stage, &call, what, max_bytes, ret_raw, err);
}

int
stage_store_index(struct stage *stage, struct sealed **ret_raw, struct err *err)
{
	struct stage_call call = {.kind = STAGE_STORE_INDEX};

	return ask_for_memory(stage, &call, "store index",
	    LIMIT_INDEX_ENVELOPE_BYTES, ret_raw, err);
}

static int
ask_for_memory(struct stage *stage, struct stage_call *call, const char *what,
    size_t max_bytes, struct sealed **ret_raw, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	struct stage_answer answer;

	bug_unless(max_bytes <= SEALED_PIECE_BYTES);
	stage_ask(stage, call, what, -1);
	TRY(stage_has_store(stage, err));
	TRY(stage_receive(stage, STAGE_ASKED_FOR_MEMORY, &answer, &fd, err));
	TRY(err_wire_to(&answer.outcome, STAGE_FAILED, err));
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
	if (!image_name_is_valid(entry->claimed_name) ||
	    !image_version_is_valid(entry->claimed_version))
		return err_set(err, STAGE_FAILED, "an illegal image name");
	if (entry->provenance_count > LIMIT_PROVENANCE)
		return err_set(err, STAGE_FAILED, "too many statements");
	return 0;
}
