#include "base/uuid_make.h"

#include <string.h>
#include <sys/random.h>

#include "base/hex.h"

bool
uuid_from_text(const char *text, uint8_t ret_uuid[UUID_BYTES])
{
	static const uint8_t zero[UUID_BYTES];
	uint8_t uuid[UUID_BYTES];

	for (size_t i = 0; i < UUID_BYTES; i++) {
		int high;
		int low;

		if (uuid_has_dash_before(i) && *text++ != '-')
			return false;
		high = hex_value(text[0]);
		low = high < 0 ? -1 : hex_value(text[1]);
		if (low < 0)
			return false;
		uuid[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	if (*text != '\0' || memcmp(uuid, zero, UUID_BYTES) == 0)
		return false;
	memcpy(ret_uuid, uuid, UUID_BYTES);
	return true;
}

int
uuid_random(uint8_t ret_uuid[UUID_BYTES], struct err *err)
{
	uint8_t uuid[UUID_BYTES];

	if (getrandom(uuid, sizeof(uuid), 0) != (ssize_t)sizeof(uuid))
		return err_set_errno(err, SYSTEM_FAILED, "getrandom");
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
	memcpy(ret_uuid, uuid, UUID_BYTES);
	return 0;
}
