/*
 * Ownership by scope: CLEANUP(fn) runs fn(&variable) when the variable's
 * scope ends, TRY(call) returns early, take_ptr() hands ownership on.
 *
 *	CLEANUP(sealed_freep) struct sealed *kernel = NULL;
 *
 *	TRY(sealed_copy(fd, size, "kernel", &kernel, err));
 *	*ret_kernel = take_ptr(&kernel);
 *	return 0;
 */
#ifndef ASSAY_BASE_SCOPE_H
#define ASSAY_BASE_SCOPE_H

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn), unused))

#define TRY(call)                        \
	do {                             \
		int try_code = (call);   \
		if (try_code != 0)       \
			return try_code; \
	} while (0)

/* The pointer's value, leaving NULL behind, so that CLEANUP does nothing. */
#define take_ptr(ptr_to_var)                                     \
	__extension__({                                          \
		__typeof__(*(ptr_to_var)) taken = *(ptr_to_var); \
		*(ptr_to_var) = NULL;                            \
		taken;                                           \
	})

/* The file descriptor's number, leaving -1 behind. */
static inline int
take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void
freep(void *ptr_to_ptr)
{
	void **ptr = ptr_to_ptr;

	free(*ptr);
	*ptr = NULL;
}

static inline void
closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline void
closedirp(DIR **dir)
{
	if (*dir != NULL)
		closedir(*dir);
	*dir = NULL;
}

#define countof(array) (sizeof(array) / sizeof((array)[0]))

#endif
