/*
 * The domains that assayd built and that still live.
 *
 * Loaded from the journal at start and compared with what Xen lists whenever
 * it is asked: a domain that ended, or that xl destroyed, drops out.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_DOMAIN_TABLE_H
#define ASSAY_BUILDER_SUPERVISOR_DOMAIN_TABLE_H

#include "grant-preload/xen_port.h"
#include "builder/front_link.h"
#include "builder/supervisor/journal.h"

struct domain_table {
	struct domain_row *rows; /* LIMIT_DOMAINS of them */
	uint32_t count;
	const struct journal *journal;
	const struct xen_port *xen;
};

/* Borrows journal and port. */
int domain_table_load(const struct journal *journal, const struct xen_port *xen,
    struct domain_table *ret_table, struct err *err);
void domain_table_done(struct domain_table *table);

/* Drop what Xen no longer lists, update the rest. */
int domain_table_refresh(struct domain_table *table, struct err *err);

/* A domain was built and its receipt is in the journal. */
int domain_table_add(struct domain_table *table, const struct receipt *receipt,
    struct err *err);
void domain_table_remove(struct domain_table *table,
    const uint8_t uuid[UUID_BYTES]);

bool domain_table_has_uuid(const struct domain_table *table,
    const uint8_t uuid[UUID_BYTES]);

/* *ret_row is borrowed until the table changes.
 * Errors: DOMAIN_UNKNOWN; DOMAIN_AMBIGUOUS if several fit. */
int domain_table_find(const struct domain_table *table,
    const struct domain_selector *selector, const struct domain_row **ret_row,
    struct err *err);

#endif
