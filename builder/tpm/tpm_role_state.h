/*
 * The tpm role's state, shared by its two files: tpm_role.c (its life) and
 * tpm_role_calls.c (what it is asked). Nobody else includes this.
 */
#ifndef ASSAY_BUILDER_TPM_TPM_ROLE_STATE_H
#define ASSAY_BUILDER_TPM_TPM_ROLE_STATE_H

#include "builder/daemon_config.h"
#include "builder/tpm_link.h"
#include "builder/trust_in_force.h"
#include "measure/recorder.h"
#include "measure/tpm_identity.h"

struct tpm_role {
	const struct daemon_config *config;
	const struct sealed *raw_root; /* the ramdisk's policy */
	struct trust_policy *root;
	struct trust_in_force trust;
	const struct trust_policy *policy; /* the one in force */
	int link;
	char *raw_chain; /* what was read, before anybody looked at it */
	size_t chain_len;
	char *raw_identity;
	size_t identity_len;
	char *raw_boot_policy;
	size_t boot_policy_len;
	struct tpm_identity identity;
	struct tpm_port tpm;
	struct event_log *log;
	struct event_rules rules; /* that hold now */
	struct recorder recorder;
	struct platform platform;
	int64_t began_ms;
	bool is_ending; /* the supervisor is gone, and the time for the rest
	                 * is running */
};

/* In which state it may be asked anything. */
enum tpm_state { TPM_SERVES };

/* A call under way. */
struct tpm_call {
	struct tpm_role *role;
	struct tpm_answer answer; /* but its outcome */
	struct sealed *attached;  /* goes with the answer; owned, or NULL */
};

void tpm_call_done(struct tpm_call *call);

/* What may be asked; taken by a struct tpm_call. Errors: those of what was
 * asked, for the answer. */
extern const struct link_table tpm_role_calls;

/* Of the TPM, for the next call. */
void tpm_role_give_time(struct tpm_role *role);

#endif
