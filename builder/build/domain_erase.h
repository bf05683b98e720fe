/*
 * Removing a domain that assayd made, and nothing that somebody else made.
 *
 * What is removed is found by what assayd alone knows: the random handle that
 * the supervisor drew for the build, or the id that a build child reported
 * together with the uuid that the domain got. A uuid alone is the caller's
 * choice and says nothing. Xen gives an id away again when its domain is gone,
 * so the id alone says nothing either.
 */
#ifndef ASSAY_BUILDER_BUILD_DOMAIN_ERASE_H
#define ASSAY_BUILDER_BUILD_DOMAIN_ERASE_H

#include "builder/build/domain.h"
#include "builder/build_link.h"

/*
 * Remove the domain and its xenstore nodes. Everything is tried; the first
 * failure is returned. A claim that fits no domain removes at most the nodes of
 * an id that no domain has. Of a claim without an id the domain goes last, and
 * only if all else went: it is what still tells the id.
 *
 * *ret_domid: the id that it had; 0 if it had none, or if another domain has it
 * now. What libxl keeps of it is for the supervisor to remove.
 * Errors: DOMAIN_AMBIGUOUS if several domains fit, and nothing is touched;
 * XEN_FAILED, also when the domain still exists; XENSTORE_FAILED.
 */
int domain_erase(const struct domain_context *place,
    const struct domain_claim *claim, uint32_t *ret_domid, struct err *err);

#endif
