/*
 * What a caller asks for, decoded: plain values of fixed size, so that they
 * can cross from the role that parses to the roles that act.
 *
 * The front fills these in from JSON; the supervisor and the build child check
 * them again with request_check(), because the front may be taken over.
 */
#ifndef ASSAY_BUILDER_REQUEST_H
#define ASSAY_BUILDER_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/uuid.h"
#include "builder/life.h"

/* The domain itself. */
struct guest {
	char name[LIMIT_NAME_BYTES + 1];
	uint8_t uuid[UUID_BYTES];
	uint32_t memory_mib;
	uint32_t vcpus;
};

struct build_request {
	char image[LIMIT_NAME_BYTES + 1];
	bool has_manifest; /* payload or envelope by digest, or the newest */
	struct digest manifest;
	struct guest guest;
	bool is_paused;   /* leave it paused, for devices to be attached */
	struct life life; /* checked by who keeps it: the supervisor */
};

/*
 * Strings terminated, names legal, numbers in their absolute bounds.
 * Errors: RPC_PARAMETER_BAD with the field.
 */
int request_check(const struct build_request *request, struct err *err);

/* A domain's name: [A-Za-z0-9][A-Za-z0-9._-]*, at most LIMIT_NAME_BYTES. */
bool request_domain_name_is_valid(const char *name);

#endif
