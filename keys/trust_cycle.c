#include <stdio.h>
#include <string.h>

#include "keys/trust_policy.h"

/* As it is written, before anybody looks whether the roles are any good. */
struct graph {
	const char *names[LIMIT_TRUST_ROLES];
	uint32_t demands[LIMIT_TRUST_ROLES]; /* of which roles, as bits */
	size_t count;
};

static void draw(const struct json_at *roles, struct graph *graph);
static uint32_t read_demands(json_t *role, const struct graph *graph);
static bool find_way_back(const struct graph *graph, size_t start,
    size_t *next);
static int refuse(const struct json_at *roles, const struct graph *graph,
    size_t start, const size_t *next, struct err *err);

int
trust_refuse_cycle(const struct json_at *roles, struct err *err)
{
	struct graph graph = {.count = 0};
	size_t next[LIMIT_TRUST_ROLES];

	draw(roles, &graph);
	for (size_t i = 0; i < graph.count; i++) {
		if (find_way_back(&graph, i, next))
			return refuse(roles, &graph, i, next, err);
	}
	return 0;
}

static void
draw(const struct json_at *roles, struct graph *graph)
{
	const char *name;
	json_t *role;
	size_t i = 0;

	json_object_foreach(roles->value, name, role)
	{
		graph->names[graph->count++] = name;
	}
	json_object_foreach(roles->value, name, role)
	{
		graph->demands[i++] = read_demands(role, graph);
	}
}

/* What is no demand of a role that there is, others refuse. */
static uint32_t
read_demands(json_t *role, const struct graph *graph)
{
	const json_t *list = json_object_get(role, "provenance");
	uint32_t demands = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(
		    json_object_get(json_array_get(list, i), "role"));

		for (size_t j = 0; name != NULL && j < graph->count; j++) {
			if (strcmp(graph->names[j], name) == 0)
				demands |= UINT32_C(1) << j;
		}
	}
	return demands;
}

/* The shortest, searched from its end; next[i] is the step after role i. */
static bool
find_way_back(const struct graph *graph, size_t start, size_t *next)
{
	size_t queue[LIMIT_TRUST_ROLES] = {start};
	size_t queued = 1;
	uint32_t seen = 0;

	for (size_t head = 0; head < queued; head++) {
		for (size_t i = 0; i < graph->count; i++) {
			if ((graph->demands[i] >> queue[head] & 1) == 0 ||
			    (seen >> i & 1) != 0)
				continue;
			seen |= UINT32_C(1) << i;
			next[i] = queue[head];
			if (i == start)
				return true;
			queue[queued++] = i;
		}
	}
	return false;
}

static int
refuse(const struct json_at *roles, const struct graph *graph, size_t start,
    const size_t *next, struct err *err)
{
	char chain[200];
	size_t used = 0;
	size_t role = start;

	do {
		role = next[role];
		used += (size_t)snprintf(chain + used, sizeof(chain) - used,
		    " -> %s", err_quote_str(graph->names[role]).text);
	} while (role != start && used < sizeof(chain));
	err_set(err, TRUST_ROLE_CYCLE, "demands go round: %s%s%s",
	    err_quote_str(graph->names[start]).text, chain,
	    used < sizeof(chain) ? "" : "...");
	return json_blame(roles, graph->names[start], err);
}
