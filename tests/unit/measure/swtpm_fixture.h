/*
 * A software TPM for a test: swtpm on unix sockets in the working directory
 * (see enter_scratch()), ended by its pid, and with the test if that dies.
 */
#ifndef ASSAY_TESTS_SWTPM_FIXTURE_H
#define ASSAY_TESTS_SWTPM_FIXTURE_H

#include <sys/types.h>

#include "base_fixture.h"
#include "measure/tpm_identity.h"
#include "measure/tpm_port.h"

enum { SWTPM_TIMEOUT_MS = 20000 };

struct swtpm {
	pid_t pid;
	char where[160]; /* "swtpm:path=..." */
	char path[96];   /* its socket; control is beside it, ".ctrl" */
};

/* cmocka setup and teardown: a scratch directory with a new TPM in *state. */
int enter_swtpm(void **state);
int leave_swtpm(void **state);

/* Start it on the state that is there; stop it, keeping the state. */
void swtpm_start(struct swtpm *swtpm);
void swtpm_stop(struct swtpm *swtpm);

/* A dynamic launch of code that is this text: registers 17 to 22 begin anew. */
void swtpm_launch(const struct swtpm *swtpm, const char *code);

/* The registers 17 and 18 after swtpm_launch(). */
struct pcr_values swtpm_launched(const char *code);

/* Run a shell command with TPM2TOOLS_TCTI set; it must work. */
void swtpm_shell(const struct swtpm *swtpm, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Provisioned with an ECC EK, which is quick; with a log index if `launch` is
 * not NULL. */
struct tpm_identity swtpm_provision(const struct swtpm *swtpm,
    const char *launch);

/* Provisioned by `identity`; asserts that it opens. */
struct tpm_port swtpm_port(const struct swtpm *swtpm,
    const struct tpm_identity *identity);

#endif
