#include "builder/supervisor/platform_allows.h"
#include "role_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sealing.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/tpm/tpm_role.h"
#include "keys/dsse.h"

struct role role;

static void take_answer(struct tpm_answer *ret_answer,
    struct sealed **ret_attached);

void
role_setup(const char *tpm)
{
	role = (struct role){
	    .config = good_config(),
	};
	role.config.measure = (struct measure_config){
	    .is_set = true,
	    .identity = "tpm.json",
	    .boot_policy = "boot-policy.dsse",
	    .log = "measure.log",
	    .pcr = ROLE_PCR,
	};
	role_take_policy(make_policy_with_boot(1));
	role_use_tpm(tpm);
}

void
role_take_policy(struct trust_policy *policy)
{
	struct err err;

	trust_freep(&role.policy);
	sealed_freep(&role.root);
	role.policy = policy;
	role.decided_by.policy = *trust_digest(policy);
	assert_code(sealed_from_bytes("policy",
			bytes_of_str(policy_text(policy)), &role.root, &err),
	    0);
}

void
role_use_tpm(const char *tpm)
{
	snprintf(role.config.measure.tpm, sizeof(role.config.measure.tpm), "%s",
	    tpm);
}

void
role_teardown(void)
{
	if (role.pid != 0)
		role_end();
	trust_freep(&role.policy);
	sealed_freep(&role.root);
	signers_done();
}

void
role_write_identity(const struct tpm_identity *identity)
{
	CLEANUP(freep) char *text = NULL;
	struct err err;

	assert_code(tpm_identity_encode(identity, &text, &err), 0);
	write_file("tpm.json", bytes_of_str(text));
}

void
role_write_boot_policy(const char *payload)
{
	CLEANUP(freep)
	char *text = sign_payload(SIGNER_STRANGER,
	    DSSE_BOOT_POLICY_PAYLOAD_TYPE, payload);

	write_file("boot-policy.dsse", bytes_of_str(text));
}

void
role_begin(void)
{
	struct err err;
	int link[2];

	assert_code(ipc_pair(link, &err), 0);
	role.pid = fork();
	if (role.pid == 0) {
		int log_fd = open("role.log",
		    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

		dup2(log_fd, STDERR_FILENO);
		alarm(60);
		signal(SIGSEGV, SIG_DFL);
		tpm_role_run(&role.config, role.root, role.is_development,
		    link[1]);
	}
	close(link[1]);
	role.link = link[0];
}

struct platform
role_start(void)
{
	struct tpm_answer answer;

	role_begin();
	take_answer(&answer, NULL);
	assert_int_equal(answer.kind, TPM_REQUEST_START);
	return answer.platform;
}

int
role_start_code(void)
{
	struct platform platform = role_start();
	struct err err;

	return platform_allows(&platform, &err);
}

int
role_end(void)
{
	int status = -1;

	close(role.link);
	assert_int_equal(waitpid(role.pid, &status, 0), role.pid);
	role.pid = 0;
	return status;
}

int
role_ask(struct tpm_request *call, struct tpm_answer *ret_answer,
    struct sealed **ret_attached)
{
	struct err err = {0};

	call->tag = 77;
	call->decided_by = role.decided_by;
	assert_code(
	    ipc_send(role.link, call, tpm_request_bytes(call->kind), -1, &err),
	    0);
	take_answer(ret_answer, ret_attached);
	assert_int_equal(ret_answer->kind, call->kind);
	assert_int_equal(ret_answer->tag, 77);
	return err_wire_to(&ret_answer->recorded.outcome, BUG, &err);
}

int
role_record_event(const struct event *event, struct recorded *ret_recorded)
{
	struct tpm_request call = {.kind = TPM_REQUEST_EVENT, .event = *event};
	struct tpm_answer answer;
	int code = role_ask(&call, &answer, NULL);

	*ret_recorded = answer.recorded;
	return code;
}

int
role_record(enum event_kind kind, struct recorded *ret_recorded)
{
	struct event event = {.kind = kind};

	if (kind == EVENT_BUILD)
		strcpy(event.as.build.role, "prod");
	return role_record_event(&event, ret_recorded);
}

int
role_logged(const char *part)
{
	CLEANUP(buffer_done) struct buffer log = read_file("measure.log");
	int count = 0;

	for (size_t i = 0; i + strlen(part) <= log.len; i++)
		count += memcmp(log.ptr + i, part, strlen(part)) == 0;
	return count;
}

static void
take_answer(struct tpm_answer *ret_answer, struct sealed **ret_attached)
{
	CLEANUP(ipc_fds_done) struct ipc_fds fds = {0};
	struct err err;
	size_t size;
	bool is_end;

	assert_code(ipc_receive_some(role.link, ret_answer, sizeof(*ret_answer),
			&size, &fds, &is_end, &err),
	    0);
	assert_false(is_end);
	assert_int_equal(fds.count > 0 && ret_attached == NULL, 0);
	if (ret_attached != NULL && fds.count > 0)
		assert_code(ipc_take_sealed(&fds, 1 << 20, "attached",
				ret_attached, &err),
		    0);
}
