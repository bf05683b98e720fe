/*
 * What assayd found of the host it runs on when it started: may it serve?
 * A plain value of fixed size; it crosses between roles.
 */
#ifndef ASSAY_BUILDER_PLATFORM_H
#define ASSAY_BUILDER_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "builder/err_wire.h"

struct platform {
	bool is_development; /* builds whatever `why` says */
	bool is_lost;        /* what happens can no longer be put on record */
	bool has_tpm;
	struct err_wire why; /* 0: as the boot policy says; or what is wrong */
	char release[LIMIT_NAME_BYTES + 1]; /* of the boot policy, or "" */
	uint32_t pcr;
	bool has_epoch_floor;
	int64_t epoch_floor; /* no store index below it is taken */
};

#endif
