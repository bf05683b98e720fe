#include "measure/open_builds.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/scope.h"

static size_t find(const struct open_builds *builds,
    const uint8_t uuid[UUID_BYTES]);

void
open_builds_done(struct open_builds *builds)
{
	freep(&builds->uuids);
	builds->count = builds->size = 0;
}

int
open_builds_reserve(struct open_builds *builds, struct err *err)
{
	size_t size = builds->size == 0 ? 64 : 2 * builds->size;
	void *grown;

	if (builds->count < builds->size)
		return 0;
	grown = realloc(builds->uuids, size * sizeof(*builds->uuids));
	if (grown == NULL)
		return err_set(err, NO_MEMORY, "%zu open builds",
		    builds->count);
	builds->uuids = grown;
	builds->size = size;
	return 0;
}

void
open_builds_add(struct open_builds *builds, const uint8_t uuid[UUID_BYTES])
{
	bug_unless(builds->count < builds->size);
	memcpy(builds->uuids[builds->count++], uuid, UUID_BYTES);
}

void
open_builds_end(struct open_builds *builds, const uint8_t uuid[UUID_BYTES])
{
	size_t at = find(builds, uuid);

	if (at < builds->count)
		memmove(builds->uuids[at], builds->uuids[--builds->count],
		    UUID_BYTES);
}

bool
open_builds_has(const struct open_builds *builds,
    const uint8_t uuid[UUID_BYTES])
{
	return find(builds, uuid) < builds->count;
}

/* Their number if it is none of them. */
static size_t
find(const struct open_builds *builds, const uint8_t uuid[UUID_BYTES])
{
	size_t at = 0;

	while (at < builds->count &&
	       memcmp(builds->uuids[at], uuid, UUID_BYTES) != 0)
		at++;
	return at;
}
