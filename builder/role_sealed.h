/*
 * Sealed memory that the supervisor hands to a role's program at its start.
 */
#ifndef ASSAY_BUILDER_ROLE_SEALED_H
#define ASSAY_BUILDER_ROLE_SEALED_H

#include "base/sealed.h"

/*
 * A descriptor with sealed memory that was handed over; taken. At most
 * `max_bytes`. Returns owned; the process ends if it is something else.
 */
struct sealed *role_main_sealed(int fd, size_t max_bytes, const char *what);

#endif
