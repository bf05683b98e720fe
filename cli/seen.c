#include "cli/seen.h"

#include <string.h>

#include "base/digest.h"
#include "base/scope.h"

int
seen_check_options(const struct command *command, const struct seen *seen,
    const struct signing *signing)
{
	if (!seen->show_only)
		return signing_check(command, signing);
	if (seen->expect != NULL || signing_is_asked(signing))
		return command_usage(command,
		    "--show signs nothing: it takes no keys and no digest");
	return ARGUMENTS_READ;
}

FILE *
seen_stream(const struct signing *signing)
{
	return signing->pae_only ? stderr : stdout;
}

int
seen_check(const struct seen *seen, struct bytes payload, bool has_own,
    struct err *err)
{
	char text[DIGEST_TEXT_SIZE];
	struct digest digest;

	TRY(digest_of(payload, &digest, err));
	digest_text(&digest, text);
	if (seen->expect == NULL && !has_own)
		return err_set(err, PAYLOAD_UNSEEN,
		    "%s would be signed, and --expect does not name it", text);
	if (seen->expect != NULL && strcmp(seen->expect, text) != 0)
		return err_set(err, PAYLOAD_UNSEEN,
		    "%s would be signed, and --expect names %s", text,
		    digest_from_text(seen->expect, &digest)
			? seen->expect
			: err_quote_str(seen->expect).text);
	return 0;
}
