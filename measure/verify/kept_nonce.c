#include "measure/verify/kept_nonce.h"

#include "base/hex.h"
#include "base/scope.h"

static const char schema[] = "assay.nonce/1";

int
kept_nonce_decode(struct bytes text, struct kept_nonce *ret_nonce,
    struct err *err)
{
	static const char *const known[] = {"schema", "nonce", "made",
	    "expires", "used", NULL};
	CLEANUP(json_freep) json_t *document = NULL;
	struct kept_nonce nonce;
	struct json_at root;
	const char *hex;

	TRY(json_parse(text, 2, "nonce", REFERENCE_MALFORMED, &document, err));
	root = json_root(document, REFERENCE_MALFORMED);
	TRY(json_literal_in(&root, "schema", schema, err));
	TRY(json_known(&root, known, err));
	TRY(json_string_in(&root, "nonce", 2 * KEPT_NONCE_BYTES, &hex, err));
	if (!hex_decode(hex, KEPT_NONCE_BYTES, nonce.nonce))
		return json_refuse(&root, "nonce", err,
		    "not %d bytes as lower-case hex", KEPT_NONCE_BYTES);
	TRY(once_decode(&root, &nonce.once, err));
	*ret_nonce = nonce;
	return 0;
}

json_t *
kept_nonce_encode(const struct kept_nonce *nonce)
{
	char hex[2 * KEPT_NONCE_BYTES + 1];
	CLEANUP(json_freep) json_t *document = NULL;

	hex_encode(bytes_of(nonce->nonce, KEPT_NONCE_BYTES), hex);
	document = json_pack("{s:s, s:s}", "schema", schema, "nonce", hex);
	if (document == NULL || !once_encode(&nonce->once, document))
		return NULL;
	return take_ptr(&document);
}
