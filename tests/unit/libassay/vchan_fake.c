#include "vchan_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <xenstore.h>

enum { EVENT_PORT = 9 };

struct vchan_fake vchan;

void
vchan_setup(void)
{
	memset(&vchan, 0, sizeof(vchan));
	vchan.ring.left_order = 10;
	vchan.ring.right_order = 11;
	vchan.ring.srv_live = 1;
	vchan.ring.cli_live = 2;
	vchan.ring.cli_notify = VCHAN_NOTIFY_WRITE;
	vchan.own_domid = "7";
	vchan.event = eventfd(0, EFD_CLOEXEC);
	assert_int_not_equal(vchan.event, -1);
}

void
vchan_teardown(void)
{
	assert_null(vchan.client);
	close(vchan.event);
}

void
vchan_put(const void *data, size_t len)
{
	struct ring_shared *right = &vchan.ring.right;

	assert_true(right->prod - right->cons + len <= VCHAN_RIGHT_BYTES);
	for (size_t i = 0; i < len; i++)
		vchan.page[2048 + right->prod++ % VCHAN_RIGHT_BYTES] =
		    ((const uint8_t *)data)[i];
}

void
vchan_event(void)
{
	assert_int_equal(eventfd_write(vchan.event, 1), 0);
}

size_t
vchan_take(char *ret_data, size_t size)
{
	struct ring_shared *left = &vchan.ring.left;
	size_t len = 0;

	vchan.ring.cli_notify |= VCHAN_NOTIFY_WRITE;
	while (left->cons != left->prod && len < size)
		ret_data[len++] =
		    (char)vchan.page[1024 + left->cons++ % VCHAN_LEFT_BYTES];
	return len;
}

/* --- instead of libxenvchan, where it would ask Xen ----------------------- */

struct libxenvchan *
libxenvchan_client_init(struct xentoollog_logger *logger, int domain,
    const char *xs_path)
{
	struct libxenvchan *client = malloc(sizeof(*client));

	vchan.has_quiet_logger = logger != NULL;
	vchan.domain = domain;
	snprintf(vchan.path, sizeof(vchan.path), "%s", xs_path);
	assert_non_null(client);
	if (vchan.is_absent) {
		free(client);
		return NULL;
	}
	if (vchan.used > 0) {
		vchan.ring.left.prod = vchan.ring.left.cons = 9;
		vchan.ring.srv_live = --vchan.used % 2 == 0;
	} else if (vchan.ring.left.prod == 9) {
		vchan.ring.left.prod = vchan.ring.left.cons = 0;
		vchan.ring.srv_live = 1;
	}
	memset(client, 0xff, sizeof(*client));
	client->is_server = 0;
	client->ring = &vchan.ring;
	client->event_port = EVENT_PORT;
	client->write.shr = &vchan.ring.left;
	client->write.buffer = vchan.page + 1024;
	client->write.order = vchan.ring.left_order;
	client->read.shr = &vchan.ring.right;
	client->read.buffer = vchan.page + 2048;
	client->read.order = vchan.ring.right_order;
	vchan.ring.cli_live = 1;
	vchan.ring.srv_notify = VCHAN_NOTIFY_WRITE;
	vchan.client = client;
	return client;
}

void
libxenvchan_close(struct libxenvchan *client)
{
	assert_ptr_equal(client, vchan.client);
	vchan.ring.cli_live = 0;
	vchan.client = NULL;
	free(client);
}

int
xenevtchn_fd(xenevtchn_handle *handle)
{
	(void)handle;
	return vchan.event;
}

xenevtchn_port_or_error_t
xenevtchn_pending(xenevtchn_handle *handle)
{
	eventfd_t count;

	(void)handle;
	return eventfd_read(vchan.event, &count) == 0 ? EVENT_PORT : -1;
}

int
xenevtchn_unmask(xenevtchn_handle *handle, evtchn_port_t port)
{
	(void)handle;
	assert_int_equal(port, EVENT_PORT);
	return 0;
}

int
xenevtchn_notify(xenevtchn_handle *handle, evtchn_port_t port)
{
	(void)handle;
	assert_int_equal(port, EVENT_PORT);
	vchan.notified++;
	return 0;
}

/* --- instead of libxenstore ------------------------------------------------
 */

struct xs_handle *
xs_open(unsigned long flags)
{
	static char handle;

	(void)flags;
	return (struct xs_handle *)&handle;
}

void
xs_close(struct xs_handle *xs)
{
	assert_non_null(xs);
}

void *
xs_read(struct xs_handle *xs, xs_transaction_t t, const char *path,
    unsigned int *len)
{
	(void)xs, (void)t, (void)len;
	assert_string_equal(path, "domid");
	return vchan.own_domid != NULL ? strdup(vchan.own_domid) : NULL;
}
