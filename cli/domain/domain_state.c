#include "cli/domain/domain_state.h"

#include "cli/client.h"

int
domain_state_of(json_t *domain, const char **ret_state, struct err *err)
{
	const char *reason = "shutdown"; /* an older assayd gives none */
	int paused;
	int dying;
	int shutdown;

	if (json_unpack(domain, "{s:b, s:b, s:b}", "paused", &paused, "dying",
		&dying, "shutdown", &shutdown) != 0)
		return client_refuse_reply("the state of a domain", err);
	if (json_is_string(json_object_get(domain, "reason")))
		reason = json_string_value(json_object_get(domain, "reason"));
	*ret_state = "running";
	if (dying)
		*ret_state = "dying";
	else if (shutdown)
		*ret_state = reason;
	else if (paused)
		*ret_state = "paused";
	return 0;
}
