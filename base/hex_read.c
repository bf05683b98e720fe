#include "base/hex.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

bool
hex_decode(const char *hex, size_t len, uint8_t *ret_bytes)
{
	if (strspn(hex, digits) != 2 * len || hex[2 * len] != '\0')
		return false;
	for (size_t i = 0; i < len; i++)
		ret_bytes[i] =
		    (uint8_t)((unsigned int)hex_value(hex[2 * i]) << 4 |
			      (unsigned int)hex_value(hex[2 * i + 1]));
	return true;
}

int
hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}
