/*
 * The tpm role as a process of its own, asked over its link, for tests: its
 * configuration, its files in the working directory, its start and end. Which
 * TPM it has is the test's business.
 */
#ifndef ASSAY_TESTS_ROLE_FIXTURE_H
#define ASSAY_TESTS_ROLE_FIXTURE_H

#include "builder_fixture.h"
#include "builder/tpm_link.h"

enum { ROLE_PCR = 13 };

struct role {
	struct daemon_config config;
	struct trust_policy *policy;
	struct sealed *root; /* its text */
	bool is_development;
	struct decided_by
	    decided_by; /* of all that is asked: the policy, at first */
	pid_t pid;      /* 0: it does not run */
	int link;
};

extern struct role role;

/* In the working directory, trusting the stranger's boot policies; the other
 * call ends the role if it runs. */
void role_setup(const char *tpm);
void role_teardown(void);

/* The policy of the ramdisk, and the one of all that is asked, from the next
 * start on. Takes it. */
void role_take_policy(struct trust_policy *policy);

/* "device:...", from the next start on. */
void role_use_tpm(const char *tpm);

/* "tpm.json" and "boot-policy.dsse". */
void role_write_identity(const struct tpm_identity *identity);
void role_write_boot_policy(const char *payload);

/* What it found; or the code with which it says that this host is not trusted,
 * or 0. What it logs goes into "role.log". */
struct platform role_start(void);
int role_start_code(void);

/* The same without waiting for what it finds. */
void role_begin(void);

/* Close the link; the role writes its last event, and ends. Its status. */
int role_end(void);

/* Ask; the code that it answers. What comes attached is owned by the caller,
 * and nothing must come with NULL. */
int role_ask(struct tpm_request *call, struct tpm_answer *ret_answer,
    struct sealed **ret_attached);
int role_record_event(const struct event *event, struct recorded *ret_recorded);
int role_record(enum event_kind kind, struct recorded *ret_recorded);

/* How often this is in "measure.log". */
int role_logged(const char *part);

#endif
