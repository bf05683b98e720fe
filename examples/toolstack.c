/*
 * A toolstack in one page: which images are there, build one, let it run,
 * destroy it.
 *
 *	cc -o toolstack toolstack.c \
 *	    $(pkg-config --cflags --libs libassay jansson)
 *	./toolstack web-frontend [ADDRESS]
 */
#include <assay/assay.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHORT_MS = 10 * 1000, BUILD_MS = 10 * 60 * 1000 };

/* Says why, with what can be done. */
static void
give_up(struct assay *assay)
{
	fprintf(stderr, "toolstack: %s: %s\n  %s\n", assay_error_name(assay),
	    assay_error_detail(assay), assay_error_remedy(assay));
	assay_free(assay);
	exit(EXIT_FAILURE);
}

/* As an event loop does it; here poll(2) has nothing else to wait for. */
static const char *
wait_for_reply(struct assay *assay)
{
	const char *reply;
	int result;

	while ((result = assay_process(assay, &reply)) == ASSAY_WAITING) {
		struct pollfd fd = {assay_fd(assay), assay_events(assay), 0};

		poll(&fd, 1, assay_wait_ms(assay));
	}
	if (result != ASSAY_DONE)
		give_up(assay);
	return reply;
}

int
main(int argc, char **argv)
{
	struct assay *assay = assay_new();
	const char *reply;
	json_t *receipt;
	char *text;

	if (argc < 2 || assay == NULL)
		return EXIT_FAILURE;
	if (assay_open(assay, argv[2], SHORT_MS) != ASSAY_DONE ||
	    assay_call(assay, "ListImages", NULL, SHORT_MS, &reply) !=
		ASSAY_DONE)
		give_up(assay);
	printf("images: %s\n", reply);

	text = json_dumps(json_pack("{s:s, s:s, s:i, s:i, s:b}", "image",
			      argv[1], "name", "example", "memory_mib", 256,
			      "vcpus", 1, "paused", 1),
	    JSON_COMPACT);
	if (text == NULL ||
	    assay_begin(assay, "BuildDomain", text, 0, BUILD_MS) != ASSAY_DONE)
		give_up(assay);
	receipt =
	    json_loads(wait_for_reply(assay), JSON_REJECT_DUPLICATES, NULL);
	receipt = json_object_get(receipt, "receipt");
	printf("built: domain %lld\n",
	    json_integer_value(json_object_get(receipt, "domid")));

	/* It is paused: attach devices here, and then let it run. */
	if (assay_call(assay, "UnpauseDomain", "{\"name\":\"example\"}",
		SHORT_MS, &reply) != ASSAY_DONE)
		give_up(assay);
	puts("runs");

	/* A real one leaves it, and destroys it when it is not needed. */
	if (assay_call(assay, "DestroyDomain", "{\"name\":\"example\"}",
		BUILD_MS, &reply) != ASSAY_DONE)
		give_up(assay);
	puts("destroyed");
	free(text);
	assay_free(assay);
	return EXIT_SUCCESS;
}
