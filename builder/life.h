/*
 * What becomes of a domain that shut down, as its caller asked for it: one
 * action for each way to end. None of it is in the image, nor in what the build
 * role does.
 */
#ifndef ASSAY_BUILDER_LIFE_H
#define ASSAY_BUILDER_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "measure/domain_end.h"

enum life_action {
	LIFE_DESTROY,
	LIFE_RESTART,  /* destroy it, and build it again */
	LIFE_PRESERVE, /* until somebody destroys it */
	LIFE_ACTIONS
};

struct life {
	uint8_t on[DOMAIN_ENDS]; /* enum life_action */
};

/* What a request that does not say it asks for: as of xl(1), destroy, and
 * restart after a reboot. */
extern const struct life life_default;

bool life_is_legal(const struct life *life);

/* "destroy" */
const char *life_action_name(enum life_action action);
bool life_action_from_name(const char *name, uint8_t *ret_action);

#endif
