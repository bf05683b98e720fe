#include "xenstored_script.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "base_fixture.h"

enum { CONNECTIONS = 4, TOO_LONG = 60 /* seconds, for a whole test */ };

struct script *script;
static pid_t servers[CONNECTIONS];
static int clients[CONNECTIONS]; /* which a later server must not keep open */
static unsigned int connected;

static void serve(int fd);
static void note_request(const struct xsd_sockmsg *request,
    const char *payload);
static void reply_to(int fd, const struct xsd_sockmsg *request);
static const struct twist *find_twist(void);
static void reply_twisted(int fd, struct xsd_sockmsg header,
    const struct twist *twist);
static void reply(int fd, struct xsd_sockmsg header, const char *text);
static bool read_whole(int fd, void *into, size_t len);

void
script_start(void)
{
	script = mmap(NULL, sizeof(*script), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(script, MAP_FAILED);
	signal(SIGPIPE, SIG_IGN);
	alarm(TOO_LONG);
	connected = 0;
}

/* The clients' ends are closed by now, so that the servers end. */
void
script_stop(void)
{
	for (unsigned int i = 0; i < connected; i++)
		assert_int_equal(waitpid(servers[i], NULL, 0), servers[i]);
	alarm(0);
	assert_int_equal(munmap(script, sizeof(*script)), 0);
}

int
script_connect(void)
{
	int ends[2];

	assert_true(connected < CONNECTIONS);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	servers[connected] = fork();
	if (servers[connected] == 0) {
		close(ends[0]);
		for (unsigned int i = 0; i < connected; i++)
			close(clients[i]);
		serve(ends[1]);
		_exit(0);
	}
	close(ends[1]);
	clients[connected++] = ends[0];
	return ends[0];
}

void
assert_requests_are(unsigned int from, const char *const *expected,
    unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		assert_string_equal(script->seen[from + i], expected[i]);
	assert_int_equal(script->count, from + count);
}

static void
serve(int fd)
{
	char payload[XENSTORE_PAYLOAD_MAX];
	struct xsd_sockmsg request;

	while (read_whole(fd, &request, sizeof(request))) {
		if (request.len > sizeof(payload) ||
		    !read_whole(fd, payload, request.len))
			_exit(1);
		note_request(&request, payload);
		reply_to(fd, &request);
	}
}

static void
note_request(const struct xsd_sockmsg *request, const char *payload)
{
	char *line = script->seen[script->count];
	int len = snprintf(line, sizeof(script->seen[0]), "%u tx=%u ",
	    request->type, request->tx_id);

	for (uint32_t i = 0; i < request->len; i++)
		line[len++] = payload[i] == '\0' ? '|' : payload[i];
	line[len] = '\0';
	script->ids[script->count++] = request->req_id;
}

static void
reply_to(int fd, const struct xsd_sockmsg *request)
{
	const struct twist *twist = find_twist();
	struct xsd_sockmsg header = *request;

	if (twist != NULL)
		reply_twisted(fd, header, twist);
	else if (request->type == XS_TRANSACTION_START)
		reply(fd, header, "5");
	else if (request->type == XS_TRANSACTION_END &&
		 script->collisions > 0) {
		script->collisions--;
		header.type = XS_ERROR;
		reply(fd, header, "EAGAIN");
	} else
		reply(fd, header, "OK");
}

static const struct twist *
find_twist(void)
{
	for (unsigned int i = 0; i < SCRIPT_TWISTS; i++) {
		if (script->twists[i].kind != TWIST_NONE &&
		    script->twists[i].at == script->count)
			return &script->twists[i];
	}
	return NULL;
}

static void
reply_twisted(int fd, struct xsd_sockmsg header, const struct twist *twist)
{
	const char *text = twist->text != NULL ? twist->text : "OK";

	switch (twist->kind) {
	case TWIST_NONE:
	case TWIST_SAY:
		break;
	case TWIST_REFUSE:
		header.type = XS_ERROR;
		break;
	case TWIST_HANG_UP:
		_exit(0);
	case TWIST_HALF_CLOSE:
		shutdown(fd, SHUT_WR);
		return;
	case TWIST_TOO_LONG:
		header.len = XENSTORE_PAYLOAD_MAX + 1;
		(void)!write(fd, &header, sizeof(header));
		return;
	case TWIST_OTHER_ID:
		header.req_id++;
		break;
	case TWIST_OLD_ID:
		header.req_id--;
		break;
	case TWIST_OTHER_TYPE:
		header.type = XS_WATCH_EVENT;
		break;
	case TWIST_SHORT_HEADER:
		(void)!write(fd, &header, sizeof(header) / 2);
		_exit(0);
	}
	reply(fd, header, text);
}

/* With its NUL, as xenstored sends all but values. */
static void
reply(int fd, struct xsd_sockmsg header, const char *text)
{
	header.len = (uint32_t)strlen(text) +
	             (header.type == XS_READ || text[0] == '\0' ? 0 : 1);
	(void)!write(fd, &header, sizeof(header));
	(void)!write(fd, text, header.len);
}

static bool
read_whole(int fd, void *into, size_t len)
{
	return recv(fd, into, len, MSG_WAITALL) == (ssize_t)len;
}
