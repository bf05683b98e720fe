/*
 * The configuration of a domain: all that the caller and assayd decided about
 * it besides its image, as one line of JSON whose digest is measured.
 *
 * What Xen creates the domain with is made here, and written down from the
 * same values: so what is on record is what was done. Not in it: the image,
 * which has digests of its own; uuid and domid, which are beside it in the
 * event; who called.
 * Spec: assay-event-log(5), "Configuration".
 */
#ifndef ASSAY_BUILDER_BUILD_DOMAIN_SPEC_H
#define ASSAY_BUILDER_BUILD_DOMAIN_SPEC_H

#include "base/digest.h"
#include "builder/receipt.h"
#include "builder/request.h"
#include "grant-preload/grant_plan.h"

#define DOMAIN_SPEC_SCHEMA "assay.configuration/1"

/* What Xen is to create. */
struct xen_domain_spec domain_spec_of(const struct guest *guest);

/*
 * Members in a fixed order, no spaces. The request was checked by
 * request_check(): its name has nothing that JSON would have to escape.
 * Errors: those of digest_of().
 */
int domain_spec_encode(const struct build_request *request,
    const struct grant_daemons *daemons,
    char ret_text[static DOMAIN_SPEC_BYTES + 1], struct digest *ret_digest,
    struct err *err);

#endif
