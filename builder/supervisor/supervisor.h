/*
 * The supervisor: starts the roles, journals what is under way, and removes
 * what a dead build child left. It keeps the right to destroy domains and the
 * cache of verified images. Of what is foreign it decodes only the chain of
 * trust updates: at start, and later when a build child has verified it.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_SUPERVISOR_H
#define ASSAY_BUILDER_SUPERVISOR_SUPERVISOR_H

#include "builder/config.h"
#include "builder/xen/fault.h"
#include "builder/supervisor/journal.h"
#include "builder/trust_in_force.h"

/*
 * In development builds are made on a platform that cannot be trusted, and the
 * start event says so.
 * Run until SIGTERM or SIGINT (returns 0), or until something without which it
 * cannot go on is gone. Builds under way are undone first; running guests are
 * left alone. Takes *trust, and *listen_fd, which goes to the front; borrows
 * the rest.
 */
int supervisor_run(const struct config *config,
    const struct trust_in_force *trust, const struct fault *fault,
    const struct journal *journal, bool is_development, int *listen_fd,
    struct err *err);

#endif
