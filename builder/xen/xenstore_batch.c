#include "builder/xen/xenstore_batch.h"

#include <stdio.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#include "base/scope.h"

static int commit(struct xenstore_batch *batch, const struct store_node *nodes,
    uint32_t count, bool *ret_collided, struct err *err);
static int send_nodes(struct xenstore_batch *batch,
    const struct store_node *nodes, uint32_t count, struct err *err);
static int send_node(struct xenstore_batch *batch,
    const struct store_node *node, struct err *err);
static int send_access(struct xenstore_batch *batch,
    const struct store_node *node, struct err *err);
static int send_request(struct xenstore_batch *batch,
    const struct xenstore_request *request, const char *path, struct err *err);
static int receive_replies(struct xenstore_batch *batch,
    const struct store_node *nodes, uint32_t count, struct err *err);
static int receive_reply(struct xenstore_batch *batch, uint32_t type,
    const char *path, struct err *err);

int
xenstore_batch_begin(struct xenstore_batch *batch,
    const struct store_node *nodes, uint32_t count, struct err *err)
{
	TRY(xenstore_link_begin(&batch->link, &batch->transaction, err));
	batch->is_begun = true;
	batch->nodes = nodes;
	batch->count = count;
	batch->refusal = (struct err){0};
	return send_nodes(batch, nodes, count, err);
}

int
xenstore_batch_write(struct xenstore_batch *batch,
    const struct store_node *nodes, uint32_t count, struct err *err)
{
	const struct store_node *sent = batch->is_begun ? batch->nodes : NULL;
	uint32_t sent_count = batch->is_begun ? batch->count : 0;

	for (unsigned int i = 0; i < XENSTORE_LINK_ATTEMPTS; i++) {
		bool collided = false;

		if (!batch->is_begun)
			TRY(xenstore_batch_begin(batch, sent, sent_count, err));
		TRY(commit(batch, nodes, count, &collided, err));
		if (!collided)
			return 0;
		xenstore_link_pause(i);
	}
	return err_set(err, XENSTORE_FAILED,
	    "the transaction collided %d times in a row",
	    XENSTORE_LINK_ATTEMPTS);
}

/* *ret_collided: nothing was written. */
static int
commit(struct xenstore_batch *batch, const struct store_node *nodes,
    uint32_t count, bool *ret_collided, struct err *err)
{
	struct err ignored;

	batch->is_begun = false;
	TRY(send_nodes(batch, nodes, count, err));
	TRY(receive_replies(batch, batch->nodes, batch->count, err));
	TRY(receive_replies(batch, nodes, count, err));
	if (batch->refusal.code == ERR_NONE)
		return xenstore_link_commit(&batch->link, batch->transaction,
		    ret_collided, err);
	xenstore_link_abort(&batch->link, batch->transaction, &ignored);
	*err = batch->refusal;
	return (int)err->code;
}

static int
send_nodes(struct xenstore_batch *batch, const struct store_node *nodes,
    uint32_t count, struct err *err)
{
	for (uint32_t i = 0; i < count; i++)
		TRY(send_node(batch, &nodes[i], err));
	return 0;
}

static int
send_node(struct xenstore_batch *batch, const struct store_node *node,
    struct err *err)
{
	/* The path with its NUL, the value without. */
	const struct xenstore_request request = {
	    .type = XS_WRITE,
	    .transaction = batch->transaction,
	    .parts = {bytes_of(node->path, strlen(node->path) + 1),
		bytes_of_str(node->value)},
	};

	TRY(send_request(batch, &request, node->path, err));
	if (node->access != STORE_INHERIT)
		TRY(send_access(batch, node, err));
	return 0;
}

/* "n<owner>" and, if there is one, "r<reader>", each with its NUL. */
static int
send_access(struct xenstore_batch *batch, const struct store_node *node,
    struct err *err)
{
	char owner[16];
	char reader[16] = "";
	struct xenstore_request request = {
	    .type = XS_SET_PERMS,
	    .transaction = batch->transaction,
	    .parts = {bytes_of(node->path, strlen(node->path) + 1)},
	};

	snprintf(owner, sizeof(owner), "n%u",
	    node->access == STORE_PRIVATE ? 0 : node->owner);
	request.parts[1] = bytes_of(owner, strlen(owner) + 1);
	if (node->access == STORE_OWNED && node->reader != STORE_NO_READER) {
		snprintf(reader, sizeof(reader), "r%u", node->reader);
		request.parts[2] = bytes_of(reader, strlen(reader) + 1);
	}
	return send_request(batch, &request, node->path, err);
}

static int
send_request(struct xenstore_batch *batch,
    const struct xenstore_request *request, const char *path, struct err *err)
{
	TRY(xenstore_link_send(&batch->link, request, err));
	if (batch->link.is_device)
		TRY(receive_reply(batch, request->type, path, err));
	return 0;
}

/* Those that nobody waited for. */
static int
receive_replies(struct xenstore_batch *batch, const struct store_node *nodes,
    uint32_t count, struct err *err)
{
	if (batch->link.is_device)
		return 0;
	for (uint32_t i = 0; i < count; i++) {
		const char *path = nodes[i].path;

		TRY(receive_reply(batch, XS_WRITE, path, err));
		if (nodes[i].access != STORE_INHERIT)
			TRY(receive_reply(batch, XS_SET_PERMS, path, err));
	}
	return 0;
}

static int
receive_reply(struct xenstore_batch *batch, uint32_t type, const char *path,
    struct err *err)
{
	struct xenstore_reply reply;

	TRY(xenstore_link_receive(&batch->link, type, &reply, err));
	if (reply.is_refusal && batch->refusal.code == ERR_NONE)
		xenstore_link_refuse(&reply, path, &batch->refusal);
	return 0;
}
