/*
 * What assayd can take of a file for xl(1): see xl.cfg(5).
 *
 * Refused is all that would not come true: what the signed image decides, what
 * assayd would have to ignore, a key that nobody knows, a key that is set
 * twice. xl ignores what it does not know; here a guest is what its file says,
 * or there is none.
 *
 * Not done: the rules for names and uuids, and the image's limits. assayd has
 * them.
 */
#ifndef ASSAY_CLI_XL_XL_CONFIG_H
#define ASSAY_CLI_XL_XL_CONFIG_H

#include "base/bytes.h"
#include "base/err.h"
#include "cli/xl/xl_answer.h"

/*
 * `file` is what errors call it: "guest.cfg: line 3: kernel: ...".
 * Errors: XL_CONFIG_MALFORMED (libxlutil says why), XL_CONFIG_IMAGE_HAS,
 * XL_CONFIG_UNSUPPORTED, XL_CONFIG_VALUE_BAD; field is the key.
 */
int xl_config_read(struct bytes text, const char *file,
    struct xl_answer *ret_answer, struct err *err);

#endif
