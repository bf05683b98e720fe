/*
 * Somebody who sits between a program and its TPM: hands commands and answers
 * on, and twists the answer to one command.
 */
#ifndef ASSAY_TESTS_TPM_INTERPOSER_H
#define ASSAY_TESTS_TPM_INTERPOSER_H

#include "swtpm_fixture.h"

enum interposer_twist {
	TWIST_LAST_BYTE, /* flip a bit in the last byte of the answer */
	TWIST_BYTE,      /* flip a bit at `offset` */
	TWIST_FAKE_DONE, /* drop the command, answer "done" without sessions */
	TWIST_RECORD,    /* append all that passes to the file "wire" */
	TWIST_CODE,      /* drop the command, answer the code `offset` */
	TWIST_GARBLE,    /* hand on, but answer what is no answer */
	TWIST_HOLD,      /* keep the answer until there is a file "go", then
	                  * write it and make a file "gone" */
	TWIST_EXTEND,    /* extend register 10 before the command comes */
};

struct interposer {
	pid_t pid;
	char where[160];
};

/* No TPM_CC: all is handed on as it is. */
#define INTERPOSER_NO_COMMAND 1

/* How often those that are started from now on twist; 0: always. */
extern unsigned interposer_times;

/* `command` is a TPM_CC; 0 stands for each. Ended by interposer_stop(). */
struct interposer interposer_start(const struct swtpm *swtpm, uint32_t command,
    enum interposer_twist twist, size_t offset);

/* The same; `where` is then a "device:", as the kernel's would be. */
struct interposer interposer_start_device(const struct swtpm *swtpm,
    uint32_t command, enum interposer_twist twist, size_t offset);

void interposer_stop(struct interposer *interposer);

#endif
