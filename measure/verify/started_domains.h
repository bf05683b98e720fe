/*
 * Which domains of a log run, as far as the log tells: found by uuid and domid
 * in a balanced tree, so that a log made up to be slow is as quick to judge as
 * another.
 */
#ifndef ASSAY_MEASURE_VERIFY_STARTED_DOMAINS_H
#define ASSAY_MEASURE_VERIFY_STARTED_DOMAINS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/uuid.h"

/* Of several with one uuid and domid the newest is found first. */
struct started_domains {
	void *tree; /* owned */
};

void started_domains_done(struct started_domains *domains);

/* `number` is what the caller knows it by. Errors: NO_MEMORY. */
int started_domains_add(struct started_domains *domains,
    const uint8_t uuid[UUID_BYTES], uint32_t domid, size_t number,
    struct err *err);

bool started_domains_has(const struct started_domains *domains,
    const uint8_t uuid[UUID_BYTES], uint32_t domid);

/* The newest such; false if there is none. */
bool started_domains_find(const struct started_domains *domains,
    const uint8_t uuid[UUID_BYTES], uint32_t domid, size_t *ret_number);

/* The newest such ends; false if there is none. */
bool started_domains_end(struct started_domains *domains,
    const uint8_t uuid[UUID_BYTES], uint32_t domid, size_t *ret_number);

#endif
