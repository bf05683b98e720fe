/*
 * The server's side of a channel. The client here is written after the header
 * of the format alone: an honest one in a process of its own, which moves
 * bytes through both rings at once, and a hostile one, which is the test.
 */
#include "builder_fixture.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/front/vchan.h"

enum { PATIENCE_SECONDS = 60, MANY_BYTES = 1 << 20 };

/* Where the format has what. */
enum {
	LEFT_CONS = 0,
	LEFT_PROD = 4,
	RIGHT_CONS = 8,
	RIGHT_PROD = 12,
	LEFT_ORDER = 16,
	RIGHT_ORDER = 18,
	CLI_LIVE = 20,
	SRV_LIVE = 21,
	CLI_NOTIFY = 22,
	SRV_NOTIFY = 23,
};

static uint8_t *page;
static struct vchan vchan;
static unsigned int rung; /* how often, where nobody listens */
static int to_client[2];  /* bells */
static int to_server[2];

static int
count_ring(void *context, struct err *err)
{
	(void)context;
	(void)err;
	rung++;
	return 0;
}

static int
ring_through_pipe(void *context, struct err *err)
{
	(void)context;
	if (write(to_client[1], "", 1) != 1)
		return err_set_errno(err, SYSTEM_FAILED, "bell");
	return 0;
}

static volatile uint32_t *
word(size_t at)
{
	return (volatile uint32_t *)(void *)(page + at);
}

static uint16_t
half(size_t at)
{
	uint16_t value;

	memcpy(&value, page + at, sizeof(value));
	return value;
}

static int
setup(void **state)
{
	(void)state;
	alarm(PATIENCE_SECONDS);
	page = mmap(NULL, VCHAN_PAGE_BYTES, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return -1;
	rung = 0;
	vchan_format(page);
	vchan_init(&vchan, page, count_ring, NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	return munmap(page, VCHAN_PAGE_BYTES);
}

static void
page_is_as_the_format_has_it(void **state)
{
	(void)state;
	assert_int_equal(*word(LEFT_CONS), 0);
	assert_int_equal(*word(LEFT_PROD), 0);
	assert_int_equal(*word(RIGHT_CONS), 0);
	assert_int_equal(*word(RIGHT_PROD), 0);
	assert_int_equal(half(LEFT_ORDER), 10);
	assert_int_equal(half(RIGHT_ORDER), 11);
	assert_int_equal(page[CLI_LIVE], 2);
	assert_int_equal(page[SRV_LIVE], 1);
	assert_int_equal(page[CLI_NOTIFY], 1);
	assert_int_equal(page[SRV_NOTIFY], 0);
	vchan_close(&vchan);
	assert_int_equal(page[SRV_LIVE], 0);
	assert_int_equal(rung, 1);
}

/* A client puts `count` bytes into its ring, as the format has it. */
static void
client_puts(const char *bytes, uint32_t count)
{
	uint32_t prod = *word(LEFT_PROD);

	for (uint32_t i = 0; i < count; i++)
		page[1024 + ((prod + i) & 1023)] = (uint8_t)bytes[i];
	*word(LEFT_PROD) = prod + count;
}

static void
bytes_come_across_the_end_of_a_ring(void **state)
{
	char text[700];
	char found[700];
	struct err err;
	size_t moved;

	(void)state;
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = (char)(round + (int)i);
		client_puts(text, sizeof(text));
		assert_code(
		    vchan_read(&vchan, found, sizeof(found), &moved, &err), 0);
		assert_int_equal(moved, sizeof(found));
		assert_memory_equal(found, text, sizeof(text));
		assert_int_equal(*word(LEFT_CONS), *word(LEFT_PROD));

		assert_code(
		    vchan_write(&vchan, text, sizeof(text), &moved, &err), 0);
		assert_int_equal(moved, sizeof(text));
		for (uint32_t i = 0; i < sizeof(text); i++)
			assert_int_equal(
			    (char)page[2048 + ((*word(RIGHT_CONS) + i) & 2047)],
			    text[i]);
		*word(RIGHT_CONS) = *word(RIGHT_PROD);
	}
}

static void
indices_may_pass_the_end_of_their_words(void **state)
{
	char text[100] = "x";
	struct err err;
	size_t moved;

	(void)state;
	vchan.in_cons = vchan.in_prod = UINT32_MAX - 10;
	vchan.out_cons = vchan.out_prod = UINT32_MAX - 10;
	*word(LEFT_PROD) = *word(LEFT_CONS) = UINT32_MAX - 10;
	*word(RIGHT_PROD) = *word(RIGHT_CONS) = UINT32_MAX - 10;
	client_puts(text, sizeof(text));
	assert_code(vchan_read(&vchan, text, sizeof(text), &moved, &err), 0);
	assert_int_equal(moved, sizeof(text));
	assert_code(vchan_write(&vchan, text, sizeof(text), &moved, &err), 0);
	assert_int_equal(moved, sizeof(text));
	assert_int_equal(*word(RIGHT_PROD), 89);
	*word(RIGHT_CONS) = 89;
	assert_code(vchan_write(&vchan, text, sizeof(text), &moved, &err), 0);
}

static void
no_more_is_moved_than_there_is_room(void **state)
{
	static char much[VCHAN_OUT_BYTES + 100];
	struct err err;
	size_t moved;

	(void)state;
	assert_code(vchan_write(&vchan, much, sizeof(much), &moved, &err), 0);
	assert_int_equal(moved, VCHAN_OUT_BYTES);
	assert_int_equal(page[CLI_NOTIFY], 1 | 2); /* tell us of room, too */
	assert_code(vchan_write(&vchan, much, 1, &moved, &err), 0);
	assert_int_equal(moved, 0);
	*word(RIGHT_CONS) += 3;
	assert_code(vchan_write(&vchan, much, 10, &moved, &err), 0);
	assert_int_equal(moved, 3);
	assert_code(vchan_read(&vchan, much, sizeof(much), &moved, &err), 0);
	assert_int_equal(moved, 0);
}

static void
client_is_told_what_it_asked_for_once(void **state)
{
	char text[8];
	struct err err;
	size_t moved;

	(void)state;
	assert_code(vchan_write(&vchan, "a", 1, &moved, &err), 0);
	assert_int_equal(rung, 0);
	page[SRV_NOTIFY] = 1 | 2;
	assert_code(vchan_write(&vchan, "b", 1, &moved, &err), 0);
	assert_int_equal(rung, 1);
	assert_int_equal(page[SRV_NOTIFY], 2);
	assert_code(vchan_write(&vchan, "c", 1, &moved, &err), 0);
	assert_int_equal(rung, 1);
	client_puts("d", 1);
	assert_code(vchan_read(&vchan, text, 1, &moved, &err), 0);
	assert_int_equal(rung, 2);
	assert_int_equal(page[SRV_NOTIFY], 0);
}

/* Of what is ours the page holds a copy for the client. */
static void
our_own_words_in_the_page_are_not_believed(void **state)
{
	char text[8];
	struct err err;
	size_t moved;

	(void)state;
	client_puts("one", 3);
	assert_code(vchan_read(&vchan, text, sizeof(text), &moved, &err), 0);
	*word(LEFT_CONS) = 0;
	*word(RIGHT_PROD) = 77;
	page[LEFT_ORDER] = page[RIGHT_ORDER] = 31;
	page[SRV_LIVE] = 0;
	assert_code(vchan_read(&vchan, text, sizeof(text), &moved, &err), 0);
	assert_int_equal(moved, 0);
	client_puts("two", 3);
	assert_code(vchan_read(&vchan, text, sizeof(text), &moved, &err), 0);
	assert_int_equal(moved, 3);
	assert_memory_equal(text, "two", 3);
	assert_int_equal(*word(LEFT_CONS), 6);
	assert_code(vchan_write(&vchan, "abc", 3, &moved, &err), 0);
	assert_int_equal(*word(RIGHT_PROD), 3);
}

static void
client_that_wrote_more_than_its_ring_holds_breaks_it(void **state)
{
	static const uint32_t lies[] = {1025, 1 << 30, UINT32_MAX};
	char text[8];
	struct err err;
	size_t moved;

	(void)state;
	for (size_t i = 0; i < countof(lies); i++) {
		*word(LEFT_PROD) = lies[i];
		assert_code(
		    vchan_read(&vchan, text, sizeof(text), &moved, &err),
		    VCHAN_RING_BROKEN);
		assert_int_equal(moved, 0);
		assert_int_equal(*word(LEFT_CONS), 0);
	}
}

static void
client_that_takes_bytes_back_breaks_it(void **state)
{
	char text[8];
	struct err err;
	size_t moved;

	(void)state;
	client_puts("12345678", 8);
	assert_code(vchan_read(&vchan, text, 2, &moved, &err), 0);
	*word(LEFT_PROD) = 4;
	assert_code(vchan_read(&vchan, text, 2, &moved, &err),
	    VCHAN_RING_BROKEN);
}

static void
client_that_read_what_was_not_written_breaks_it(void **state)
{
	static const uint32_t lies[] = {4, 1, UINT32_MAX};
	struct err err;
	size_t moved;

	(void)state;
	assert_code(vchan_write(&vchan, "abc", 3, &moved, &err), 0);
	*word(RIGHT_CONS) = 2;
	assert_code(vchan_write(&vchan, "d", 0, &moved, &err), 0);
	for (size_t i = 0; i < countof(lies); i++) {
		*word(RIGHT_CONS) = lies[i] == 4 ? 4 : lies[i];
		assert_code(vchan_write(&vchan, "d", 1, &moved, &err),
		    VCHAN_RING_BROKEN);
		assert_int_equal(*word(RIGHT_PROD), 3);
	}
}

static void
client_comes_once_and_goes_once(void **state)
{
	enum vchan_client client;
	struct err err;

	(void)state;
	assert_code(vchan_look(&vchan, &client, &err), 0);
	assert_int_equal(client, VCHAN_CLIENT_AWAITED);
	page[CLI_LIVE] = 1;
	assert_code(vchan_look(&vchan, &client, &err), 0);
	assert_int_equal(client, VCHAN_CLIENT_THERE);
	page[CLI_LIVE] = 2;
	assert_code(vchan_look(&vchan, &client, &err), VCHAN_RING_BROKEN);
	page[CLI_LIVE] = 3;
	assert_code(vchan_look(&vchan, &client, &err), VCHAN_RING_BROKEN);
	page[CLI_LIVE] = 0;
	assert_code(vchan_look(&vchan, &client, &err), 0);
	assert_int_equal(client, VCHAN_CLIENT_GONE);
	page[CLI_LIVE] = 1;
	assert_code(vchan_look(&vchan, &client, &err), VCHAN_RING_BROKEN);
}

/* Byte `i` of a stream. */
static uint8_t
byte_of(uint32_t i)
{
	return (uint8_t)(i * 2654435761u >> 24);
}

static void
wait_for(int fd)
{
	struct pollfd bell = {.fd = fd, .events = POLLIN};
	char bells[64];

	if (poll(&bell, 1, -1) == 1)
		(void)!read(fd, bells, sizeof(bells));
}

static void
ring_server(uint8_t what)
{
	uint8_t asked;

	asked = __atomic_fetch_and(&page[CLI_NOTIFY], (uint8_t)~what,
	    __ATOMIC_SEQ_CST);
	if (asked & what)
		(void)!write(to_server[1], "", 1);
}

/* Sends a stream in steps of odd sizes, and checks the one that comes. */
static int
be_an_honest_client(void)
{
	uint32_t sent = 0;
	uint32_t got = 0;

	page[CLI_LIVE] = 1;
	while (sent < MANY_BYTES || got < MANY_BYTES) {
		uint32_t ready;
		uint32_t space;

		__atomic_fetch_or(&page[SRV_NOTIFY], 1 | 2, __ATOMIC_SEQ_CST);
		space = 1024 - (sent - __atomic_load_n(word(LEFT_CONS),
					   __ATOMIC_SEQ_CST));
		ready =
		    __atomic_load_n(word(RIGHT_PROD), __ATOMIC_SEQ_CST) - got;
		if (space > MANY_BYTES - sent)
			space = MANY_BYTES - sent;
		if (space == 0 && ready == 0) {
			wait_for(to_client[0]);
			continue;
		}
		if (space > 0) {
			uint32_t step = 1 + sent % 997;

			for (step = step < space ? step : space; step > 0;
			     step--, sent++)
				page[1024 + (sent & 1023)] = byte_of(sent);
			__atomic_store_n(word(LEFT_PROD), sent,
			    __ATOMIC_SEQ_CST);
			ring_server(1);
		}
		for (uint32_t i = 0; i < ready; i++, got++) {
			if (page[2048 + (got & 2047)] != byte_of(~got))
				return 1;
		}
		__atomic_store_n(word(RIGHT_CONS), got, __ATOMIC_SEQ_CST);
		if (ready > 0)
			ring_server(2);
	}
	page[CLI_LIVE] = 0;
	(void)!write(to_server[1], "", 1);
	return 0;
}

static void
streams_go_both_ways_with_a_client_that_sleeps(void **state)
{
	enum vchan_client client = VCHAN_CLIENT_AWAITED;
	uint32_t sent = 0;
	uint32_t got = 0;
	uint8_t bytes[300];
	struct err err;
	size_t moved;
	int status;
	pid_t pid;

	(void)state;
	vchan_init(&vchan, page, ring_through_pipe, NULL);
	assert_int_equal(pipe(to_client), 0);
	assert_int_equal(pipe(to_server), 0);
	pid = fork();
	if (pid == 0)
		_exit(be_an_honest_client());
	/* What it wrote before it went is still there. */
	for (size_t any = 1; client != VCHAN_CLIENT_GONE || any > 0;) {
		any = 0;

		assert_code(vchan_look(&vchan, &client, &err), 0);
		assert_code(
		    vchan_read(&vchan, bytes, sizeof(bytes), &moved, &err), 0);
		any += moved;
		for (size_t i = 0; i < moved; i++, got++)
			assert_int_equal(bytes[i], byte_of(got));
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = byte_of(~(sent + (uint32_t)i));
		moved = MANY_BYTES - sent < sizeof(bytes) ? MANY_BYTES - sent
		                                          : sizeof(bytes);
		assert_code(vchan_write(&vchan, bytes, moved, &moved, &err), 0);
		sent += (uint32_t)moved;
		any += moved;
		if (any == 0 && client != VCHAN_CLIENT_GONE)
			wait_for(to_server[0]);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(got, MANY_BYTES);
	assert_int_equal(sent, MANY_BYTES);
}

int
main(void)
{
#define vchan_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    vchan_test(page_is_as_the_format_has_it),
	    vchan_test(bytes_come_across_the_end_of_a_ring),
	    vchan_test(indices_may_pass_the_end_of_their_words),
	    vchan_test(no_more_is_moved_than_there_is_room),
	    vchan_test(client_is_told_what_it_asked_for_once),
	    vchan_test(our_own_words_in_the_page_are_not_believed),
	    vchan_test(client_that_wrote_more_than_its_ring_holds_breaks_it),
	    vchan_test(client_that_takes_bytes_back_breaks_it),
	    vchan_test(client_that_read_what_was_not_written_breaks_it),
	    vchan_test(client_comes_once_and_goes_once),
	    vchan_test(streams_go_both_ways_with_a_client_that_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
