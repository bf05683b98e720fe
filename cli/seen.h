/*
 * Nobody signs blind: what a document changes is shown, and signed only by who
 * names the digest of what was shown. For documents that lie where others put
 * them, as a step of a trust chain or what a store holds: the files that a
 * person reads beside them may say something else.
 */
#ifndef ASSAY_CLI_SEEN_H
#define ASSAY_CLI_SEEN_H

#include "base/bytes.h"
#include "cli/arguments.h"
#include "cli/signing.h"

struct seen {
	const char *expect; /* "sha256:<hex>" of the payload, or NULL */
	bool show_only;
};

/* clang-format off */
#define SEEN_ARGUMENTS(seen) \
	{"expect", required_argument, .text = &(seen)->expect}, \
	{"show", no_argument, .flag = &(seen)->show_only}
/* clang-format on */
#define SEEN_USAGE "[--show | --expect DIGEST]"

/*
 * As signing_check(), but who only looks gives no key. ARGUMENTS_READ, or
 * EXIT_USAGE after saying what does not fit.
 */
int seen_check_options(const struct command *command, const struct seen *seen,
    const struct signing *signing);

/* Where what is to be seen goes: standard output, unless bytes go there. */
FILE *seen_stream(const struct signing *signing);

/*
 * Does the signer name this payload? If none is named, only who `has_own` copy
 * of it may sign.
 * Errors: PAYLOAD_UNSEEN, whose text has the digest to be named.
 */
int seen_check(const struct seen *seen, struct bytes payload, bool has_own,
    struct err *err);

#endif
