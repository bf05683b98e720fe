/*
 * For check-tidy only, which includes it before each file: what the analyzer
 * cannot see of another file, that a function which sets an error never returns
 * 0. Without it, whatever a callee fills in counts as garbage after TRY().
 */
#include "base/json.h"

static inline int
never_zero(int code)
{
	if (code == 0)
		__builtin_unreachable();
	return code;
}

#define err_set(...)       never_zero(err_set(__VA_ARGS__))
#define err_set_field(...) never_zero(err_set_field(__VA_ARGS__))
#define err_set_errno(...) never_zero(err_set_errno(__VA_ARGS__))
#define err_prefix(...)    never_zero(err_prefix(__VA_ARGS__))
#define json_refuse(...)   never_zero(json_refuse(__VA_ARGS__))
