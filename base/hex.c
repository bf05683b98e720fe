#include "base/hex.h"

static const char digits[] = "0123456789abcdef";

void
hex_encode(struct bytes data, char *ret_hex)
{
	for (size_t i = 0; i < data.len; i++) {
		*ret_hex++ = digits[data.ptr[i] >> 4];
		*ret_hex++ = digits[data.ptr[i] & 0x0f];
	}
	*ret_hex = '\0';
}
