#include "builder/role_main.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/log.h"
#include "base/scope.h"

enum { EXIT_BY_HAND = 2 };

static const char *const names[ROLES] = {[ROLE_FRONT] = "front",
    [ROLE_STAGE] = "stage",
    [ROLE_VERIFY] = "verify",
    [ROLE_BUILD] = "build",
    [ROLE_NODES] = "nodes",
    [ROLE_LOOK] = "look",
    [ROLE_WATCH] = "watch",
    [ROLE_CHANNEL] = "channel",
    [ROLE_TPM] = "tpm"};

const char *
role_name(enum role role)
{
	return names[role];
}

void
role_main_begin(enum role role, struct role_start *ret_start)
{
	static char title[32]; /* log lines keep it */

	snprintf(title, sizeof(title), "assayd[%s]", role_name(role));
	log_set_process(title);
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	if (!role_main_take_start(role, ret_start)) {
		fprintf(stderr, "assayd-%s: assayd starts this program\n",
		    role_name(role));
		exit(EXIT_BY_HAND);
	}
}

/* It comes from the supervisor, which is believed; but somebody may call this
 * program by hand, with anything. */
bool
role_main_take_start(uint32_t role, struct role_start *ret_start)
{
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	struct stat st;

	if (fstat(ROLE_FD_START, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_size != (off_t)sizeof(*ret_start) ||
	    (fcntl(ROLE_FD_START, F_GET_SEALS) & seals) != seals ||
	    pread(ROLE_FD_START, ret_start, sizeof(*ret_start), 0) !=
		(ssize_t)sizeof(*ret_start) ||
	    ret_start->role != role)
		return false;
	close(ROLE_FD_START);
	return true;
}
