#include "builder/err_wire.h"

#include <stdio.h>
#include <string.h>

static void copy_printable(char *to, const char *from, size_t size);

void
err_wire_from(struct err_wire *ret_outcome, int code, const struct err *err)
{
	memset(ret_outcome, 0, sizeof(*ret_outcome));
	ret_outcome->code = code;
	if (code == 0)
		return;
	snprintf(ret_outcome->field, sizeof(ret_outcome->field), "%s",
	    err->field);
	snprintf(ret_outcome->text, sizeof(ret_outcome->text), "%s", err->text);
}

int
err_wire_to(const struct err_wire *outcome, enum err_code broken,
    struct err *err)
{
	if (outcome->code == 0)
		return 0;
	if (!err_is_known(outcome->code))
		return err_set(err, broken, "an unknown error number %d",
		    outcome->code);
	*err = (struct err){.code = (enum err_code)outcome->code};
	copy_printable(err->field, outcome->field, sizeof(err->field));
	copy_printable(err->text, outcome->text, sizeof(err->text));
	return (int)err->code;
}

static void
copy_printable(char *to, const char *from, size_t size)
{
	size_t i = 0;

	while (i < size - 1 && from[i] != '\0') {
		to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
		i++;
	}
	to[i] = '\0';
}
