#include "base/err_meaning.h"

#include <string.h>

#include "base/scope.h"

struct err_row {
	enum err_code code;
	enum err_class class;
	const char *name;
	const char *meaning;
	const char *remedy;
};

static const struct err_row rows[] = {
#define ERR_ROW(number, name, class, meaning, remedy) \
	{name, ERR_CLASS_##class, #name, meaning, remedy},
    ERR_TABLE(ERR_ROW)
#undef ERR_ROW
};

static const struct err_row *find_row(enum err_code code);

const char *
err_meaning(enum err_code code)
{
	const struct err_row *row = find_row(code);

	return row != NULL ? row->meaning : "";
}

const char *
err_remedy(enum err_code code)
{
	const struct err_row *row = find_row(code);

	return row != NULL ? row->remedy : "";
}

enum err_class
err_class_of(enum err_code code)
{
	const struct err_row *row = find_row(code);

	return row != NULL ? row->class : ERR_CLASS_BUG;
}

bool
err_from_name(const char *name, enum err_code *ret_code)
{
	for (size_t i = 0; i < countof(rows); i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		*ret_code = rows[i].code;
		return true;
	}
	return false;
}

static const struct err_row *
find_row(enum err_code code)
{
	for (size_t i = 0; i < countof(rows); i++) {
		if (rows[i].code == code)
			return &rows[i];
	}
	return NULL;
}
