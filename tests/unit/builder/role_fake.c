#include "role_fake.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/scope.h"
#include "measure/event_log.h"
#include "measure/tpm/tpm_port_esys.h"

struct tpm_fake *fake;
enum err_code open_fails;
enum err_code pin_fails;
int seconds_a_look;
int *fail_writes;

int __wrap_tpm_port_esys_open(const char *where,
    const struct tpm_identity *identity, int timeout_ms,
    struct tpm_port *ret_port, struct err *err);
int __wrap_tpm_port_esys_pin(struct tpm_port *port,
    const struct tpm_identity *identity, struct err *err);
int __real_clock_gettime(clockid_t clock, struct timespec *ret_now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_now);
ssize_t __real_pwrite(int fd, const void *data, size_t len, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t offset);

int
__wrap_tpm_port_esys_open(const char *where,
    const struct tpm_identity *identity, int timeout_ms,
    struct tpm_port *ret_port, struct err *err)
{
	(void)where;
	(void)identity;
	(void)timeout_ms;
	if (open_fails != ERR_NONE)
		return err_set(err, open_fails, "as the test says");
	*ret_port = tpm_fake_port(fake);
	return 0;
}

int
__wrap_tpm_port_esys_pin(struct tpm_port *port,
    const struct tpm_identity *identity, struct err *err)
{
	(void)port;
	assert_int_equal(identity->counter_base, BASE);
	if (pin_fails != ERR_NONE)
		return err_set(err, pin_fails, "as the test says");
	return 0;
}

void
write_identity(bool has_log)
{
	struct tpm_identity identity = {
	    .salt = {.handle = 0x81000001},
	    .ak = {.handle = 0x81010010},
	    .ek = {.handle = 0x81010001},
	    .counter = {.handle = 0x018a5500},
	    .counter_base = BASE,
	    .has_log = has_log,
	    .log = {.handle = 0x018a5501},
	};

	identity.salt.name.bytes[1] = identity.ak.name.bytes[1] =
	    identity.ek.name.bytes[1] = identity.counter.name.bytes[1] =
		identity.log.name.bytes[1] = 0x0b;
	identity.log.name.bytes[2] = 0x77;
	role_write_identity(&identity);
}

int
role_fake_setup(void **state)
{
	if (enter_directory(state) != 0)
		return -1;
	fake = tpm_fake_new();
	fail_writes = mmap(NULL, sizeof(*fail_writes), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(fail_writes != MAP_FAILED);
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		memset(fake->values.value[bank][4].bytes, GOOD_BYTE,
		    pcr_bank_bytes(bank));
	fake->counter = BASE + 7;
	role_setup("device:/dev/tpmrm0");
	write_identity(false);
	role_write_boot_policy(POLICY_OF(GOOD));
	open_fails = pin_fails = ERR_NONE;
	alarm(60);
	return 0;
}

int
role_fake_teardown(void **state)
{
	role_teardown();
	alarm(0);
	tpm_fake_free(fake);
	munmap(fail_writes, sizeof(*fail_writes));
	return leave_directory(state);
}

int
calls_of(const char *operation)
{
	int count = 0;

	for (uint32_t i = 0; i < fake->call_count; i++)
		count +=
		    strncmp(fake->calls[i], operation, strlen(operation)) == 0;
	return count;
}

/* The role has the lock. */
static void
copy_log(const char *path)
{
	CLEANUP(buffer_done) struct buffer log = read_file("measure.log");

	write_file(path, buffer_bytes(&log));
	assert_int_equal(chmod(path, 0600), 0);
}

void
assert_register_is_the_log(void)
{
	CLEANUP(event_log_closep) struct event_log *log = NULL;
	const char *path = role.pid == 0 ? "measure.log" : "copy.log";
	struct event_log_replay replay;
	struct err err = {0};

	if (role.pid != 0)
		copy_log(path);
	if (event_log_open(path, LIMIT_EVENT_LOG_BYTES, &log, &err) != 0)
		fail_msg("%s", err.text);
	assert_code(event_log_replay(log, ROLE_PCR, &replay, &err), 0);
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		assert_true(pcr_digest_equal(bank, &replay.value.bank[bank],
		    &fake->values.value[bank][ROLE_PCR]));
	if (fake->has_log)
		assert_true(pcr_digest_equal(PCR_SHA256,
		    &replay.value.bank[PCR_SHA256], &fake->log));
}

void
reset_tpm(void)
{
	assert_int_equal(unlink("measure.log"), 0);
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		memset(&fake->values.value[bank][ROLE_PCR], 0, PCR_MAX_BYTES);
	memset(&fake->log, 0, sizeof(fake->log));
}

void
give_log_index(void)
{
	role.config.measure.has_dynamic_launch = true;
	write_identity(true);
	fake->has_log = true;
	fake->is_launched = true;
}

int
__wrap_clock_gettime(clockid_t clock, struct timespec *ret_now)
{
	static int looks;
	int code = __real_clock_gettime(clock, ret_now);

	if (seconds_a_look > 0)
		ret_now->tv_sec += seconds_a_look * ++looks;
	return code;
}

/* A disk that is full takes the first bytes. */
ssize_t
__wrap_pwrite(int fd, const void *data, size_t len, off_t offset)
{
	if (*fail_writes == 0)
		return __real_pwrite(fd, data, len, offset);
	--*fail_writes;
	return __real_pwrite(fd, data, len / 2, offset);
}
