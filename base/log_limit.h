/*
 * Lines that strangers cause, of which there may be many.
 */
#ifndef ASSAY_BASE_LOG_LIMIT_H
#define ASSAY_BASE_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * `burst` lines at once, then one each `usec`. Says how
 * many were left out since the last one. Zero-initialise the rest.
 */
struct log_limit {
	uint32_t burst;
	uint64_t usec;
	uint32_t used;
	uint64_t refill_usec;
	uint64_t missed;
};

bool log_limit_allows(struct log_limit *limit, uint64_t now_usec,
    uint64_t *ret_missed);

#endif
