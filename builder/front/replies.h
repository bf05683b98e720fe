/*
 * What the replies of assayd's methods hold, from an answer of the supervisor
 * and what came along with it. Format: assay-rpc(7).
 *
 * They are only written. What came along is of whole rows: see
 * method_check_attached().
 */
#ifndef ASSAY_BUILDER_FRONT_REPLIES_H
#define ASSAY_BUILDER_FRONT_REPLIES_H

#include "base/json_table.h"
#include "builder/front_link.h"

/* What they are made from. */
struct reply {
	struct front_answer answer;
	struct bytes attached;
};

extern const struct json_table reply_receipt;
extern const struct json_table reply_images;
extern const struct json_table reply_domains;
extern const struct json_table reply_domain;
extern const struct json_table reply_state;
extern const struct json_table reply_status;
extern const struct json_table reply_log;

#endif
