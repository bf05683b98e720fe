#include "base/digest.h"

#include <string.h>

#include "base/hex.h"

static const char prefix[] = "sha256:";

bool
digest_from_hex(const char *hex, struct digest *ret_digest)
{
	return hex_decode(hex, DIGEST_BYTES, ret_digest->bytes);
}

bool
digest_from_text(const char *text, struct digest *ret_digest)
{
	return strncmp(text, prefix, sizeof(prefix) - 1) == 0 &&
	       digest_from_hex(text + sizeof(prefix) - 1, ret_digest);
}
