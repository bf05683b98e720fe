/*
 * Who asks for something: a user at the socket, as the kernel says it, or a
 * domain that assayd built and measured itself, as its own table says it.
 * Never what the caller says of itself.
 *
 * Spec: assay-event-log(5), "by".
 */
#ifndef ASSAY_MEASURE_CALLER_H
#define ASSAY_MEASURE_CALLER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/limits.h"
#include "base/uuid.h"

enum caller_kind {
	CALLER_UNKNOWN, /* nobody wrote it down */
	CALLER_USER,
	CALLER_DOMAIN,
};

/* Plain value; of the two parts the other one is zero. */
struct caller {
	uint32_t kind;
	struct caller_user {
		uint32_t uid;
		uint32_t gid; /* the effective one; others count for nothing */
		int32_t pid;  /* on no record: it is used again */
	} user;
	struct caller_domain {
		uint32_t domid;
		uint8_t uuid[UUID_BYTES];
		char image[LIMIT_NAME_BYTES + 1];
		char role[LIMIT_NAME_BYTES + 1]; /* that signed the image */
		struct digest envelope;          /* of the image */
	} domain;
};

/*
 * The same user, or the same life of the same domain? An id alone is used again
 * and a uuid alone is somebody's choice.
 */
bool caller_is(const struct caller *caller, const struct caller *other);

/* A user or a domain, with texts that end and are plain. */
bool caller_is_legal(const struct caller *caller);

/* "user:1000" or "domain:3:toolstack", for the log: plain. */
#define CALLER_TEXT_SIZE 128
const char *caller_text(const struct caller *caller,
    char ret_text[static CALLER_TEXT_SIZE]);

#endif
