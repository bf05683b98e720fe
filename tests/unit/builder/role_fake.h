/*
 * The tpm role on the fake TPM, with a log on a disk that fails as the test
 * says. Log, signatures and sandbox are real.
 */
#ifndef ASSAY_TESTS_ROLE_FAKE_H
#define ASSAY_TESTS_ROLE_FAKE_H

#include "role_fixture.h"
#include "tpm_port_fake.h"

enum { BASE = 100 }; /* of the counter, which stands 7 above it */

/* What the good case's release 2026.11 expects of register 4. */
#define GOOD_BYTE 0x44
#define OTHER                              \
	"45454545454545454545454545454545" \
	"45454545454545454545454545454545"
#define GOOD                               \
	"44444444444444444444444444444444" \
	"44444444444444444444444444444444"
#define POLICY_OF(value)                                                    \
	"{\"schema\":\"assay.boot-policy/1\",\"version\":1,\"releases\":"   \
	"[{\"name\":\"2026.11\",\"registers\":{\"sha256\":{\"4\":[\"" value \
	"\"]}}}]}"

extern struct tpm_fake *fake;
extern enum err_code open_fails; /* the TPM cannot be opened */
extern enum err_code pin_fails;
extern int seconds_a_look; /* that the clock goes on whenever it is read */
extern int *fail_writes;   /* so many next writes to the log fail; shared */

/* cmocka setup and teardown. The platform is as the boot policy says. */
int role_fake_setup(void **state);
int role_fake_teardown(void **state);

#define role_test(test)                                        \
	cmocka_unit_test_setup_teardown(test, role_fake_setup, \
	    role_fake_teardown)

void write_identity(bool has_log);

/* A dynamic launch, whose log index is extended too. */
void give_log_index(void);

int calls_of(const char *operation);

/* Are register and index what the log's events make of them? Also while the
 * role runs. */
void assert_register_is_the_log(void);

/* And the log is gone with it. */
void reset_tpm(void);

#endif
