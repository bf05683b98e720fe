#include "measure/verify/started_domains.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"

/* In the tree is the newest of one uuid and domid, which knows the others. */
struct started {
	uint8_t uuid[UUID_BYTES];
	uint32_t domid;
	size_t number;
	struct started *older; /* owned */
};

static struct started *find(const struct started_domains *domains,
    const uint8_t uuid[UUID_BYTES], uint32_t domid);
static int compare(const void *one, const void *other);
static void free_started(void *node);

void
started_domains_done(struct started_domains *domains)
{
	tdestroy(domains->tree, free_started);
	domains->tree = NULL;
}

int
started_domains_add(struct started_domains *domains,
    const uint8_t uuid[UUID_BYTES], uint32_t domid, size_t number,
    struct err *err)
{
	CLEANUP(freep) struct started *started = malloc(sizeof(*started));
	struct started **node;

	if (started == NULL)
		return err_set(err, NO_MEMORY, "domains that run");
	*started = (struct started){.domid = domid, .number = number};
	memcpy(started->uuid, uuid, UUID_BYTES);
	node = tsearch(started, &domains->tree, compare);
	if (node == NULL)
		return err_set(err, NO_MEMORY, "domains that run");
	if (*node != started) {
		started->older = *node;
		*node = started;
	}
	take_ptr(&started);
	return 0;
}

bool
started_domains_has(const struct started_domains *domains,
    const uint8_t uuid[UUID_BYTES], uint32_t domid)
{
	return find(domains, uuid, domid) != NULL;
}

bool
started_domains_find(const struct started_domains *domains,
    const uint8_t uuid[UUID_BYTES], uint32_t domid, size_t *ret_number)
{
	const struct started *started = find(domains, uuid, domid);

	if (started == NULL)
		return false;
	*ret_number = started->number;
	return true;
}

bool
started_domains_end(struct started_domains *domains,
    const uint8_t uuid[UUID_BYTES], uint32_t domid, size_t *ret_number)
{
	CLEANUP(freep) struct started *started = find(domains, uuid, domid);

	if (started == NULL)
		return false;
	*ret_number = started->number;
	if (started->older != NULL) {
		struct started **node = tfind(started, &domains->tree, compare);

		*node = started->older;
	} else {
		tdelete(started, &domains->tree, compare);
	}
	return true;
}

static struct started *
find(const struct started_domains *domains, const uint8_t uuid[UUID_BYTES],
    uint32_t domid)
{
	struct started key = {.domid = domid};
	struct started **node;

	memcpy(key.uuid, uuid, UUID_BYTES);
	node = tfind(&key, &domains->tree, compare);
	return node != NULL ? *node : NULL;
}

static int
compare(const void *one, const void *other)
{
	const struct started *a = one;
	const struct started *b = other;
	int order = memcmp(a->uuid, b->uuid, UUID_BYTES);

	if (order != 0)
		return order;
	return (a->domid > b->domid) - (a->domid < b->domid);
}

static void
free_started(void *node)
{
	struct started *started = node;

	while (started != NULL) {
		struct started *older = started->older;

		free(started);
		started = older;
	}
}
