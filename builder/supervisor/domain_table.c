#include "builder/supervisor/domain_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/scope.h"

static bool update(struct domain_row *row, const struct xen_domain_info *infos,
    size_t count, bool *ret_changed);
static void put_row(struct domain_table *table, uint32_t at,
    const struct built *built);
static void forget(const struct domain_table *table,
    const uint8_t uuid[UUID_BYTES]);

int
domain_table_load(const struct journal *journal, struct domain_table *ret_table,
    struct err *err)
{
	CLEANUP(freep)
	struct built *built = calloc(LIMIT_DOMAINS, sizeof(*built));
	struct domain_table table = {
	    .rows = calloc(LIMIT_DOMAINS, sizeof(*table.rows)),
	    .lineages = calloc(LIMIT_DOMAINS, sizeof(*table.lineages)),
	    .since = calloc(LIMIT_DOMAINS, sizeof(*table.since)),
	    .journal = journal,
	};
	int code = 0;

	if (built == NULL || table.rows == NULL || table.lineages == NULL ||
	    table.since == NULL)
		code = err_set(err, NO_MEMORY, "domain table");
	if (code == 0)
		code = journal_read_built(journal, built, LIMIT_DOMAINS,
		    &table.count, err);
	if (code != 0) {
		domain_table_done(&table);
		return code;
	}
	for (uint32_t i = 0; i < table.count; i++)
		put_row(&table, i, &built[i]);
	*ret_table = table;
	return 0;
}

void
domain_table_done(struct domain_table *table)
{
	free(table->rows);
	free(table->lineages);
	free(table->since);
	*table = (struct domain_table){0};
}

void
domain_table_begin_look(struct domain_table *table, uint32_t look)
{
	table->look = look;
}

bool
domain_table_update(struct domain_table *table,
    const struct xen_domain_info *infos, size_t count)
{
	bool has_changed = false;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < table->count; i++) {
		bool is_listed =
		    update(&table->rows[i], infos, count, &has_changed);

		/* One that was built while somebody looked was not there. */
		if (!is_listed && table->since[i] != table->look) {
			forget(table, table->rows[i].receipt.guest.uuid);
			has_changed = true;
			continue;
		}
		table->rows[kept] = table->rows[i];
		table->lineages[kept] = table->lineages[i];
		table->since[kept++] = table->since[i];
	}
	table->count = kept;
	return has_changed;
}

int
domain_table_add(struct domain_table *table, const struct built *built,
    struct err *err)
{
	if (table->count == LIMIT_DOMAINS)
		return err_set(err, RPC_BUSY, "%u domains already",
		    LIMIT_DOMAINS);
	table->since[table->count] = table->look;
	put_row(table, table->count++, built);
	return 0;
}

void
domain_table_remove(struct domain_table *table, const uint8_t uuid[UUID_BYTES])
{
	for (uint32_t i = 0; i < table->count; i++) {
		if (memcmp(table->rows[i].receipt.guest.uuid, uuid,
			UUID_BYTES) != 0)
			continue;
		table->rows[i] = table->rows[--table->count];
		table->lineages[i] = table->lineages[table->count];
		table->since[i] = table->since[table->count];
		return;
	}
}

const struct lineage *
domain_table_lineage(const struct domain_table *table,
    const struct domain_row *row)
{
	return &table->lineages[row - table->rows];
}

bool
domain_table_has_uuid(const struct domain_table *table,
    const uint8_t uuid[UUID_BYTES])
{
	for (uint32_t i = 0; i < table->count; i++) {
		if (memcmp(table->rows[i].receipt.guest.uuid, uuid,
			UUID_BYTES) == 0)
			return true;
	}
	return false;
}

int
domain_table_find(const struct domain_table *table,
    const struct domain_selector *selector, const struct caller *owner,
    const struct domain_row **ret_row, struct err *err)
{
	const struct domain_row *found = NULL;

	for (uint32_t i = 0; i < table->count; i++) {
		const struct domain_row *row = &table->rows[i];

		if (!domain_table_is_selected(&row->receipt, selector) ||
		    (owner != NULL && !caller_is(&row->receipt.caller, owner)))
			continue;
		if (found != NULL)
			return err_set(err, DOMAIN_AMBIGUOUS, "d%u and d%u fit",
			    found->receipt.domid, row->receipt.domid);
		found = row;
	}
	if (found == NULL)
		return err_set(err, DOMAIN_UNKNOWN,
		    "assayd built no such domain");
	*ret_row = found;
	return 0;
}

/*
 * False if Xen does not list it. Both have to be its own: an id is used again
 * when its domain is gone, and a uuid is whatever a toolstack chose.
 */
static bool
update(struct domain_row *row, const struct xen_domain_info *infos,
    size_t count, bool *ret_changed)
{
	for (size_t i = 0; i < count; i++) {
		const struct xen_domain_info *info = &infos[i];

		if (info->domid != row->receipt.domid ||
		    memcmp(info->uuid, row->receipt.guest.uuid, UUID_BYTES) !=
			0)
			continue;
		*ret_changed |= row->is_paused != info->is_paused ||
		                row->is_dying != info->is_dying ||
		                row->is_shutdown != info->is_shutdown;
		row->is_paused = info->is_paused;
		row->is_dying = info->is_dying;
		row->is_shutdown = info->is_shutdown;
		row->shutdown_reason = info->shutdown_reason;
		row->memory_kib = info->memory_kib;
		return true;
	}
	return false;
}

static void
put_row(struct domain_table *table, uint32_t at, const struct built *built)
{
	table->lineages[at] = built->lineage;
	table->rows[at] = (struct domain_row){
	    .receipt = built->receipt,
	    .life = built->lineage.request.life,
	    .restarts = built->lineage.restarts,
	};
}

static void
forget(const struct domain_table *table, const uint8_t uuid[UUID_BYTES])
{
	struct err err;

	if (journal_forget_receipt(table->journal, uuid, &err) != 0)
		log_line("journal code=%s detail=\"%s\"", err_name(err.code),
		    log_quote(err.text).text);
}

bool
domain_table_is_selected(const struct receipt *receipt,
    const struct domain_selector *selector)
{
	if (selector->has_uuid)
		return memcmp(receipt->guest.uuid, selector->uuid,
			   UUID_BYTES) == 0;
	if (selector->name[0] != '\0')
		return strcmp(receipt->guest.name, selector->name) == 0;
	return receipt->domid == selector->domid;
}
