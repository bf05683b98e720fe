#include "builder/xenstore_batch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "base/scope.h"

/* As libxenstore finds it: xs.c xs_open. */
static const char daemon_socket[] = "/var/run/xenstored/socket";
static const char kernel_device[] = "/dev/xen/xenbus";

/* About two seconds in all; pauses of up to 65 ms. */
enum { ATTEMPTS = 64, DOUBLINGS = 6 };

static int commit(struct xenstore_batch *batch, const struct xen_node *nodes,
    uint32_t count, bool *ret_collided, struct err *err);
static void pause_after(unsigned int attempt);
static int send_nodes(const struct xenstore_batch *batch,
    const struct xen_node *nodes, uint32_t count, struct err *err);
static void receive_replies(const struct xenstore_batch *batch,
    const struct xen_node *nodes, uint32_t count, struct err *refusal);
static int start_transaction(int fd, uint32_t *ret_transaction,
    struct err *err);
static int send_node(int fd, uint32_t transaction, const struct xen_node *node,
    struct err *err);
static int send_access(int fd, uint32_t transaction,
    const struct xen_node *node, struct err *err);
static int end_transaction(int fd, uint32_t transaction, bool is_commit,
    bool *ret_collided, struct err *err);
static int send_request(int fd, uint32_t type, uint32_t transaction,
    const struct iovec payload[2], struct err *err);
static int receive_reply(int fd, char ret_payload[XENSTORE_PAYLOAD_MAX + 1],
    const char *what, struct err *err);
static int read_all(int fd, void *into, size_t len, struct err *err);

int
xenstore_batch_open(struct xenstore_batch *ret_batch, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, daemon_socket, sizeof(daemon_socket));
	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		closep(&fd);
		fd = open(kernel_device, O_RDWR | O_CLOEXEC);
	}
	if (fd < 0)
		return err_set_errno(err, XENSTORE_FAILED, "%s and %s",
		    daemon_socket, kernel_device);
	*ret_batch = (struct xenstore_batch){.fd = take_fd(&fd)};
	return 0;
}

void
xenstore_batch_close(struct xenstore_batch *batch)
{
	closep(&batch->fd);
}

int
xenstore_batch_begin(struct xenstore_batch *batch, const struct xen_node *nodes,
    uint32_t count, struct err *err)
{
	TRY(start_transaction(batch->fd, &batch->transaction, err));
	batch->is_begun = true;
	batch->nodes = nodes;
	batch->count = count;
	return send_nodes(batch, nodes, count, err);
}

int
xenstore_batch_write(struct xenstore_batch *batch, const struct xen_node *nodes,
    uint32_t count, struct err *err)
{
	const struct xen_node *sent = batch->is_begun ? batch->nodes : NULL;
	uint32_t sent_count = batch->is_begun ? batch->count : 0;

	for (unsigned int attempt = 0; attempt < ATTEMPTS; attempt++) {
		bool collided = false;

		if (!batch->is_begun)
			TRY(xenstore_batch_begin(batch, sent, sent_count, err));
		TRY(commit(batch, nodes, count, &collided, err));
		if (!collided)
			return 0;
		pause_after(attempt);
	}
	return err_set(err, XENSTORE_FAILED,
	    "the transaction collided %d times in a row", ATTEMPTS);
}

/* *ret_collided: nothing was written. */
static int
commit(struct xenstore_batch *batch, const struct xen_node *nodes,
    uint32_t count, bool *ret_collided, struct err *err)
{
	struct err refusal = {0};

	batch->is_begun = false;
	TRY(send_nodes(batch, nodes, count, err));
	receive_replies(batch, batch->nodes, batch->count, &refusal);
	receive_replies(batch, nodes, count, &refusal);
	TRY(end_transaction(batch->fd, batch->transaction,
	    refusal.code == ERR_NONE, ret_collided, err));
	if (refusal.code != ERR_NONE)
		*err = refusal;
	return (int)refusal.code;
}

/* Longer from time to time, and for each process another while: those who
 * collided once would do it again and again. */
static void
pause_after(unsigned int attempt)
{
	unsigned int doublings = attempt < DOUBLINGS ? attempt : DOUBLINGS;
	struct timespec pause;

	clock_gettime(CLOCK_MONOTONIC, &pause);
	pause.tv_sec = 0;
	pause.tv_nsec = 1000000L + pause.tv_nsec % (1000000L << doublings);
	nanosleep(&pause, NULL);
}

static int
send_nodes(const struct xenstore_batch *batch, const struct xen_node *nodes,
    uint32_t count, struct err *err)
{
	for (uint32_t i = 0; i < count; i++)
		TRY(send_node(batch->fd, batch->transaction, &nodes[i], err));
	return 0;
}

/* All are read; the first refusal is kept. */
static void
receive_replies(const struct xenstore_batch *batch,
    const struct xen_node *nodes, uint32_t count, struct err *refusal)
{
	char payload[XENSTORE_PAYLOAD_MAX + 1];

	for (uint32_t i = 0; i < count; i++) {
		int replies = nodes[i].access == XEN_NODE_INHERIT ? 1 : 2;

		while (replies-- > 0) {
			struct err later;

			receive_reply(batch->fd, payload, nodes[i].path,
			    refusal->code == ERR_NONE ? refusal : &later);
		}
	}
}

static int
start_transaction(int fd, uint32_t *ret_transaction, struct err *err)
{
	const struct iovec payload[2] = {{(void *)(uintptr_t) "", 1}, {0}};
	char reply[XENSTORE_PAYLOAD_MAX + 1];

	TRY(send_request(fd, XS_TRANSACTION_START, 0, payload, err));
	TRY(receive_reply(fd, reply, "transaction", err));
	*ret_transaction = (uint32_t)strtoul(reply, NULL, 10);
	return 0;
}

static int
send_node(int fd, uint32_t transaction, const struct xen_node *node,
    struct err *err)
{
	/* The path with its NUL, the value without. */
	const struct iovec payload[2] = {
	    {(void *)(uintptr_t)node->path, strlen(node->path) + 1},
	    {(void *)(uintptr_t)node->value, strlen(node->value)},
	};

	TRY(send_request(fd, XS_WRITE, transaction, payload, err));
	if (node->access != XEN_NODE_INHERIT)
		TRY(send_access(fd, transaction, node, err));
	return 0;
}

/* "n<owner>" and, if there is one, "r<reader>", each with its NUL. */
static int
send_access(int fd, uint32_t transaction, const struct xen_node *node,
    struct err *err)
{
	char perms[2 * 16];
	uint32_t owner = node->access == XEN_NODE_PRIVATE ? 0 : node->owner;
	int len = snprintf(perms, sizeof(perms), "n%u", owner) + 1;
	struct iovec payload[2] = {
	    {(void *)(uintptr_t)node->path, strlen(node->path) + 1},
	    {perms, 0},
	};

	if (node->access == XEN_NODE_OWNED &&
	    node->reader != XEN_NODE_NO_READER)
		len += snprintf(perms + len, sizeof(perms) - (size_t)len, "r%u",
			   node->reader) +
		       1;
	payload[1].iov_len = (size_t)len;
	return send_request(fd, XS_SET_PERMS, transaction, payload, err);
}

static int
end_transaction(int fd, uint32_t transaction, bool is_commit,
    bool *ret_collided, struct err *err)
{
	const struct iovec payload[2] = {
	    {(void *)(uintptr_t)(is_commit ? "T" : "F"), 2}, {0}};
	char reply[XENSTORE_PAYLOAD_MAX + 1] = "";
	int code;

	TRY(send_request(fd, XS_TRANSACTION_END, transaction, payload, err));
	code = receive_reply(fd, reply, "transaction", err);
	*ret_collided = code != 0 && strcmp(reply, "EAGAIN") == 0;
	return *ret_collided ? 0 : code;
}

/* One write a message: the kernel's device takes them no other way. */
static int
send_request(int fd, uint32_t type, uint32_t transaction,
    const struct iovec payload[2], struct err *err)
{
	struct xsd_sockmsg header = {
	    .type = type,
	    .tx_id = transaction,
	    .len = (uint32_t)(payload[0].iov_len + payload[1].iov_len),
	};
	const struct iovec parts[3] = {{&header, sizeof(header)}, payload[0],
	    payload[1]};
	ssize_t len = (ssize_t)(sizeof(header) + header.len);

	if (header.len > XENSTORE_PAYLOAD_MAX)
		return err_set(err, XENSTORE_FAILED, "a request of %u bytes",
		    header.len);
	if (writev(fd, parts, countof(parts)) != len)
		return err_set_errno(err, XENSTORE_FAILED, "write");
	return 0;
}

/* On a refusal the payload is its name, such as "EACCES". */
static int
receive_reply(int fd, char ret_payload[XENSTORE_PAYLOAD_MAX + 1],
    const char *what, struct err *err)
{
	struct xsd_sockmsg header;

	TRY(read_all(fd, &header, sizeof(header), err));
	if (header.len > XENSTORE_PAYLOAD_MAX)
		return err_set(err, XENSTORE_FAILED, "a reply of %u bytes",
		    header.len);
	TRY(read_all(fd, ret_payload, header.len, err));
	ret_payload[header.len] = '\0';
	if (header.type == XS_ERROR)
		return err_set(err, XENSTORE_FAILED, "%s: %s", what,
		    err_quote_str(ret_payload).text);
	return 0;
}

static int
read_all(int fd, void *into, size_t len, struct err *err)
{
	char *at = into;

	while (len > 0) {
		ssize_t n = read(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set_errno(err, XENSTORE_FAILED, "read");
		at += n;
		len -= (size_t)n;
	}
	return 0;
}
