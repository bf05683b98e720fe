/*
 * The domains that assayd built and that still live.
 *
 * Loaded from the journal at start and compared with what Xen lists whenever
 * somebody looks: a domain that ended, or that xl destroyed, drops out.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_DOMAIN_TABLE_H
#define ASSAY_BUILDER_SUPERVISOR_DOMAIN_TABLE_H

#include "grant-preload/xen_port.h"
#include "builder/front_link.h"
#include "builder/supervisor/journal.h"

struct domain_table {
	struct domain_row *rows;  /* LIMIT_DOMAINS of them */
	struct lineage *lineages; /* of each row */
	uint32_t *since;          /* of each row: the last look before it */
	uint32_t count;
	uint32_t look; /* the last one that began */
	const struct journal *journal;
};

/* Borrows the journal. */
int domain_table_load(const struct journal *journal,
    struct domain_table *ret_table, struct err *err);
void domain_table_done(struct domain_table *table);

/* Look number `look` begins: what is added from now on it need not see. */
void domain_table_begin_look(struct domain_table *table, uint32_t look);

/* What it saw: drop what Xen no longer lists, update the rest. True if one went
 * or its state is another now. */
bool domain_table_update(struct domain_table *table,
    const struct xen_domain_info *infos, size_t count);

/* A domain was built and its receipt is in the journal. */
int domain_table_add(struct domain_table *table, const struct built *built,
    struct err *err);
void domain_table_remove(struct domain_table *table,
    const uint8_t uuid[UUID_BYTES]);

/* Is it the one that is meant? */
bool domain_table_is_selected(const struct receipt *receipt,
    const struct domain_selector *selector);

/* Of a row of this table. */
const struct lineage *domain_table_lineage(const struct domain_table *table,
    const struct domain_row *row);

bool domain_table_has_uuid(const struct domain_table *table,
    const uint8_t uuid[UUID_BYTES]);

/* Of all, or of what was built for `owner`. *ret_row is borrowed until the
 * table changes. Errors: DOMAIN_UNKNOWN; DOMAIN_AMBIGUOUS if several fit. */
int domain_table_find(const struct domain_table *table,
    const struct domain_selector *selector, const struct caller *owner,
    const struct domain_row **ret_row, struct err *err);

#endif
