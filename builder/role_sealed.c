#include "builder/role_sealed.h"

#include <stdlib.h>

#include "base/log.h"

struct sealed *
role_main_sealed(int fd, size_t max_bytes, const char *what)
{
	struct sealed *sealed = NULL;
	struct err err;

	if (sealed_from_fds(&fd, 1, max_bytes, what, &sealed, &err) == 0)
		return sealed;
	log_line("failed code=%s detail=\"%s\"", err_name(err.code),
	    log_quote(err.text).text);
	exit(EXIT_FAILURE);
}
