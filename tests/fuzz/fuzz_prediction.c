/*
 * Predicted and reference registers: what was read can be written, and reads
 * the same again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/scope.h"
#include "measure/predict/prediction.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(json_freep) json_t *document = NULL;
	CLEANUP(freep) char *text = NULL;
	struct prediction before;
	struct prediction after;
	struct err err;

	if (prediction_decode_reference(bytes_of(data, len), &before, &err) !=
	    0)
		return 0;
	document = prediction_encode(&before);
	text = document != NULL ? json_dumps(document, 0) : NULL;
	bug_unless(text != NULL);
	bug_unless(prediction_decode(bytes_of_str(text), &after, &err) == 0);
	bug_unless(
	    memcmp(&before.values, &after.values, sizeof(before.values)) == 0);
	return 0;
}
