#include "measure/evidence_nonce.h"

#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "base/scope.h"

static const char purpose[] = "assay-evidence/1";

const struct digest evidence_no_context = {
    {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8,
	0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c,
	0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55}};

bool
evidence_nonce_from_hex(const char *hex,
    uint8_t ret_nonce[EVIDENCE_NONCE_MAX_BYTES], size_t *ret_len)
{
	size_t len = strlen(hex) / 2;

	if (len < EVIDENCE_NONCE_MIN_BYTES || len > EVIDENCE_NONCE_MAX_BYTES ||
	    !hex_decode(hex, len, ret_nonce))
		return false;
	*ret_len = len;
	return true;
}

int
evidence_nonce_bind(struct bytes nonce, const struct digest *context,
    struct digest *ret_extra_data, struct err *err)
{
	uint8_t all[sizeof(purpose) + EVIDENCE_NONCE_MAX_BYTES + DIGEST_BYTES];
	size_t len = sizeof(purpose) - 1;

	bug_unless(nonce.len <= EVIDENCE_NONCE_MAX_BYTES);
	memcpy(all, purpose, len);
	memcpy(all + len, nonce.ptr, nonce.len);
	len += nonce.len;
	memcpy(all + len, context->bytes, DIGEST_BYTES);
	len += DIGEST_BYTES;
	return digest_of(bytes_of(all, len), ret_extra_data, err);
}
