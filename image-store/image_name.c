#include "image-store/image_name.h"

#include <string.h>

#include "base/limits.h"

#define NAME_FIRST    "abcdefghijklmnopqrstuvwxyz0123456789"
#define NAME_REST     NAME_FIRST "._-"
#define VERSION_FIRST NAME_FIRST "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define VERSION_REST  VERSION_FIRST "._+-"

static bool is_word(const char *text, size_t max_bytes, const char *first_set,
    const char *rest_set);

bool
image_name_is_valid(const char *name)
{
	return is_word(name, LIMIT_NAME_BYTES, NAME_FIRST, NAME_REST);
}

bool
image_version_is_valid(const char *version)
{
	return is_word(version, LIMIT_VERSION_BYTES, VERSION_FIRST,
	    VERSION_REST);
}

static bool
is_word(const char *text, size_t max_bytes, const char *first_set,
    const char *rest_set)
{
	size_t len = strlen(text);

	return len > 0 && len <= max_bytes && strspn(text, first_set) > 0 &&
	       strspn(text, rest_set) == len;
}
