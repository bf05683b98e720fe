#include "cli/evidence/context.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "measure/evidence_nonce.h"

int
context_read(const char *path, struct digest *ret_context, struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	size_t len = 0;

	if (path == NULL) {
		*ret_context = evidence_no_context;
		return 0;
	}
	TRY(file_read(path, LIMIT_CONTEXT_BYTES, &text, &len, err));
	if (len == 0)
		return err_set(err, REFERENCE_MALFORMED,
		    "%s: an empty context binds to nothing",
		    err_quote_str(path).text);
	return digest_of(bytes_of(text, len), ret_context, err);
}
