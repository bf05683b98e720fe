/*
 * How a domain ended, as far as it makes a difference what is done then. A
 * guest says any number: what is neither the first nor the second is a crash.
 *
 * Spec: xen/include/public/sched.h, SHUTDOWN_*.
 */
#ifndef ASSAY_MEASURE_DOMAIN_END_H
#define ASSAY_MEASURE_DOMAIN_END_H

#include <stdbool.h>
#include <stdint.h>

enum domain_end {
	DOMAIN_END_POWEROFF,
	DOMAIN_END_REBOOT,
	DOMAIN_END_CRASH,
	DOMAIN_ENDS
};

/* Of the number that Xen has from the guest. */
enum domain_end domain_end_of(uint8_t reason);

/* "poweroff" */
const char *domain_end_name(enum domain_end end);
bool domain_end_from_name(const char *name, enum domain_end *ret_end);

#endif
