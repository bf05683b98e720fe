#include "swtpm_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "measure/tpm/tpm_port_esys.h"
#include "measure/tpm/setup/tpm_provision.h"

static void
run_swtpm(const struct swtpm *swtpm)
{
	char state[160];
	char control[200];
	char server[200];

	snprintf(state, sizeof(state), "dir=%s.state", swtpm->path);
	snprintf(control, sizeof(control), "type=unixio,path=%s.ctrl",
	    swtpm->path);
	snprintf(server, sizeof(server), "type=unixio,path=%s", swtpm->path);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (freopen("swtpm.log", "a", stdout) == NULL ||
	    dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
		_exit(126);
	execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state,
	    "--ctrl", control, "--server", server, "--flags",
	    "not-need-init,startup-clear", (char *)NULL);
	_exit(127);
}

static bool
accepts(const struct swtpm *swtpm)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", swtpm->path);
	return connect(fd, (const struct sockaddr *)&address,
		   sizeof(address)) == 0;
}

void
swtpm_start(struct swtpm *swtpm)
{
	swtpm->pid = fork();
	assert_true(swtpm->pid >= 0);
	if (swtpm->pid == 0)
		run_swtpm(swtpm);
	for (int i = 0; i < 500; i++) {
		if (accepts(swtpm))
			return;
		assert_int_equal(waitpid(swtpm->pid, NULL, WNOHANG), 0);
		usleep(20000);
	}
	fail_msg("swtpm does not come up");
}

void
swtpm_stop(struct swtpm *swtpm)
{
	char control[140];

	if (swtpm->pid <= 0)
		return;
	kill(swtpm->pid, SIGKILL);
	waitpid(swtpm->pid, NULL, 0);
	swtpm->pid = 0;
	unlink(swtpm->path);
	snprintf(control, sizeof(control), "%s.ctrl", swtpm->path);
	unlink(control);
}

int
enter_swtpm(void **state)
{
	static struct swtpm swtpm;
	char here[64];
	char states[160];

	assert_int_equal(enter_scratch(state), 0);
	assert_non_null(getcwd(here, sizeof(here)));
	swtpm = (struct swtpm){.pid = 0};
	snprintf(swtpm.path, sizeof(swtpm.path), "%s/tpm", here);
	snprintf(swtpm.where, sizeof(swtpm.where), "swtpm:path=%s", swtpm.path);
	snprintf(states, sizeof(states), "%s.state", swtpm.path);
	assert_int_equal(mkdir(states, 0700), 0);
	swtpm_start(&swtpm);
	*state = &swtpm;
	return 0;
}

int
leave_swtpm(void **state)
{
	swtpm_stop(*state);
	return leave_scratch(state);
}

void
swtpm_shell(const struct swtpm *swtpm, const char *fmt, ...)
{
	char line[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	setenv("TPM2TOOLS_TCTI", swtpm->where, 1);
	if (system(line) != 0)
		fail_msg("failed: %s", line);
}

void
swtpm_launch(const struct swtpm *swtpm, const char *code)
{
	swtpm_shell(swtpm, "printf %%s '%s' | swtpm_ioctl --unix %s.ctrl -h -",
	    code, swtpm->path);
}

/* TPM 2.0 Part 1, "H-CRTM": H(0 || H(data)) in 17, zeros in 18. */
struct pcr_values
swtpm_launched(const char *code)
{
	struct pcr_values values = {.known = {1u << 17 | 1u << 18}};
	struct pcr_digest digest;
	struct err err;

	assert_refused(
	    pcr_digest_of(PCR_SHA256, bytes_of_str(code), &digest, &err), 0);
	assert_refused(pcr_extend(PCR_SHA256, &digest,
			   &values.value[PCR_SHA256][17], &err),
	    0);
	return values;
}

struct tpm_identity
swtpm_provision(const struct swtpm *swtpm, const char *launch)
{
	struct pcr_values values;
	struct tpm_provision provision = {.where = swtpm->where,
	    .timeout_ms = SWTPM_TIMEOUT_MS,
	    .ek = TPM_EK_ECC};
	struct tpm_identity identity;
	struct err err = {0};

	if (launch != NULL) {
		values = swtpm_launched(launch);
		provision.launch = &values;
	}
	assert_refused(tpm_provision(&provision, &identity, &err), 0);
	return identity;
}

struct tpm_port
swtpm_port(const struct swtpm *swtpm, const struct tpm_identity *identity)
{
	struct tpm_port port;
	struct err err = {0};

	assert_refused(tpm_port_esys_open(swtpm->where, identity,
			   SWTPM_TIMEOUT_MS, &port, &err),
	    0);
	return port;
}
