#include "cli/store/store_row.h"

#include <stdbool.h>

#include "image-store/pack/image_claims.h"

json_t *
store_row_new(int store_fd, const struct layout_entry *entry)
{
	char envelope[DIGEST_TEXT_SIZE];
	char payload[DIGEST_TEXT_SIZE];
	struct digest digest;
	struct err ignored;
	bool is_known =
	    image_claims_payload(store_fd, entry, &digest, &ignored) == 0;

	digest_text(&entry->envelope, envelope);
	if (is_known)
		digest_text(&digest, payload);
	return json_pack("{s:s, s:s, s:s, s:s?}", "name", entry->claimed_name,
	    "version", entry->claimed_version, "envelope_digest", envelope,
	    "payload_digest", is_known ? payload : NULL);
}
