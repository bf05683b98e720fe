#include "builder/daemon_config.h"

bool
daemon_config_allows_uid(const struct daemon_config *config, uint32_t uid)
{
	for (uint32_t i = 0; i < config->allow_uid_count; i++) {
		if (config->allow_uids[i] == uid)
			return true;
	}
	return false;
}
