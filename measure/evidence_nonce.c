#include "measure/evidence_nonce.h"

#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "base/scope.h"

static const char purpose[] = "assay-evidence/1";

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
evidence_nonce_bind(struct bytes nonce, struct bytes context,
    struct digest *ret_extra_data, struct err *err)
{
	uint8_t all[sizeof(purpose) + EVIDENCE_NONCE_MAX_BYTES + DIGEST_BYTES];
	struct digest of_context;
	size_t len = sizeof(purpose) - 1;

	bug_unless(nonce.len <= EVIDENCE_NONCE_MAX_BYTES);
	TRY(digest_of(context, &of_context, err));
	memcpy(all, purpose, len);
	memcpy(all + len, nonce.ptr, nonce.len);
	len += nonce.len;
	memcpy(all + len, of_context.bytes, DIGEST_BYTES);
	len += DIGEST_BYTES;
	return digest_of(bytes_of(all, len), ret_extra_data, err);
}
