#include "builder/role_sealed.h"

#include "builder/role_main.h"

struct sealed *
role_main_sealed(int fd, size_t max_bytes, const char *what)
{
	struct sealed *sealed = NULL;
	struct err err;

	if (sealed_from_fds(&fd, 1, max_bytes, what, &sealed, &err) != 0)
		role_main_fail(&err);
	return sealed;
}
