#include "base/uuid.h"

#include "base/hex.h"

void
uuid_text(const uint8_t uuid[UUID_BYTES], char ret_text[UUID_TEXT_SIZE])
{
	char *out = ret_text;

	for (size_t i = 0; i < UUID_BYTES; i++) {
		if (uuid_has_dash_before(i))
			*out++ = '-';
		hex_encode(bytes_of(uuid + i, 1), out);
		out += 2;
	}
}

bool
uuid_has_dash_before(size_t byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}
