# Does -ftrivial-auto-var-init clear padding alone? gcc 12.2 forgets to count an
# array of structures without padding, and so zeroes bytes of a member that an
# initialiser has just copied: a wrong receipt. Such a compiler goes without.
include(CheckCSourceRuns)
set(CMAKE_REQUIRED_FLAGS -ftrivial-auto-var-init=zero)
check_c_source_runs([[
#include <string.h>
struct item { unsigned char bytes[32]; };
struct part { char first[2]; struct item items[16]; unsigned int last; };
struct whole { struct part part; long last; };
static struct part from;
static int (*volatile compare)(const void *, const void *, size_t) = memcmp;
int main(void)
{
	memset(&from, 7, sizeof(from));
	struct whole whole = {.part = from, .last = 1};
	return compare(&whole.part, &from, sizeof(from.first) +
		sizeof(from.items)) != 0;
}
]] ASSAY_AUTO_VAR_INIT_IS_RIGHT)
unset(CMAKE_REQUIRED_FLAGS)
