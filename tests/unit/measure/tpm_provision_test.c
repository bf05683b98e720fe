/*
 * Provisioning a (software) TPM: once, twice, and where others were before.
 */
#include "swtpm_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "measure/epoch.h"
#include "measure/tpm/setup/tpm_provision.h"

static struct tpm_provision
options_of(const struct swtpm *swtpm)
{
	return (struct tpm_provision){.where = swtpm->where,
	    .timeout_ms = SWTPM_TIMEOUT_MS,
	    .ek = TPM_EK_ECC};
}

static void
a_second_run_finds_what_the_first_made(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity first = swtpm_provision(swtpm, "MLE");
	struct tpm_provision options = options_of(swtpm);
	struct tpm_identity second;
	struct digest data = {{1}};
	struct tpm_port port;
	struct err err = {0};

	options.known = &first;
	assert_refused(tpm_provision(&options, &second, &err), 0);
	assert_memory_equal(&first, &second, sizeof(first));
	/* An index's name changes when it is written. */
	swtpm_launch(swtpm, "MLE");
	port = swtpm_port(swtpm, &first);
	assert_refused(port.ops->log_extend(port.tpm, &data, &err), 0);
	tpm_port_close(&port);
	assert_refused(tpm_provision(&options, &second, &err), 0);
	assert_memory_equal(&first, &second, sizeof(first));
}

static void
the_keys_are_what_tpm2_tools_make_of_the_templates(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_provision options = options_of(swtpm);
	struct tpm_identity identity;
	struct err err = {0};

	options.ek = TPM_EK_RSA;
	assert_refused(tpm_provision(&options, &identity, &err), 0);
	swtpm_shell(swtpm,
	    "tpm2_createek -Q -G rsa -c ek.ctx -u ek.pub && "
	    "tpm2_readpublic -Q -c ek.ctx -n ek.name && "
	    "tpm2_readpublic -Q -c 0x81000a52 -n ours && cmp ek.name ours");
	swtpm_shell(swtpm,
	    "tpm2_readpublic -c 0x81000a51 > ak && "
	    "grep -q 'value: fixedtpm|fixedparent|sensitivedataorigin|"
	    "userwithauth|noda|restricted|sign$' ak");
	swtpm_shell(swtpm,
	    "tpm2_nvreadpublic 0x018a5500 > counter && grep -q 'friendly: "
	    "authwrite|nt=0x1|ownerread|authread|no_da|written$' counter");
}

static void
a_stranger_at_a_handle_is_refused(void **state)
{
	static const struct {
		const char *make;
		const char *who;
	} strangers[] = {
	    {"tpm2_createprimary -Q -C o -g sha256 -G rsa -c p.ctx && "
	     "tpm2_evictcontrol -Q -C o -c p.ctx 0x81000a50 && "
	     "tpm2_flushcontext -t",
		"salt key"},
	    {"tpm2_createprimary -Q -C o -g sha256 -G rsa -c p.ctx && "
	     "tpm2_evictcontrol -Q -C o -c 0x81000a50 && "
	     "tpm2_evictcontrol -Q -C o -c p.ctx 0x81000a52 && "
	     "tpm2_flushcontext -t",
		"EK"},
	    {"tpm2_evictcontrol -Q -C o -c 0x81000a52 && "
	     "tpm2_nvdefine -Q 0x018a5500 -C o -s 8 -a "
	     "'authread|authwrite|no_da'",
		"counter"},
	    {"tpm2_nvundefine -Q 0x018a5500 -C o && tpm2_nvdefine -Q "
	     "0x018a5501 -C o -s 32 -a 'authread|authwrite|no_da'",
		"log index"},
	};
	const struct swtpm *swtpm = *state;
	struct pcr_values launch = swtpm_launched("MLE");

	for (size_t i = 0; i < countof(strangers); i++) {
		struct tpm_provision options = options_of(swtpm);
		struct tpm_identity identity = {.counter_base = 77};
		struct err err = {0};

		options.launch = &launch;
		swtpm_shell(swtpm, "%s", strangers[i].make);
		assert_refused(tpm_provision(&options, &identity, &err),
		    TPM_HANDLE_TAKEN);
		assert_string_equal(err.field, strangers[i].who);
		assert_int_equal(identity.counter_base, 77);
	}
}

/* Else whoever provisions again forgets the floor. */
static void
a_counter_of_unknown_base_is_refused(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	struct tpm_provision options = options_of(swtpm);
	struct err err = {0};

	assert_refused(tpm_provision(&options, &identity, &err),
	    TPM_HANDLE_TAKEN);
	assert_has(err.text, "identity file");
}

/* A new TPM takes part at the epoch of its fleet, without counting to it. */
static void
a_host_joins_at_the_epoch_of_its_fleet(void **state)
{
	const struct swtpm *swtpm = *state;
	const int64_t epoch = 5000000;
	struct tpm_provision options = options_of(swtpm);
	struct tpm_identity identity;
	struct tpm_port port;
	int64_t floor = 0;
	struct err err = {0};

	options.epoch = &epoch;
	assert_refused(tpm_provision(&options, &identity, &err), 0);
	port = swtpm_port(swtpm, &identity);
	assert_refused(epoch_floor(&port, identity.counter_base, &floor, &err),
	    0);
	assert_int_equal(floor, epoch);
	assert_refused(
	    epoch_raise(&port, identity.counter_base, epoch + 2, &err), 0);
	assert_refused(epoch_floor(&port, identity.counter_base, &floor, &err),
	    0);
	assert_int_equal(floor, epoch + 2);
	tpm_port_close(&port);
}

/* Up, if somebody asks for it; never down. */
static void
a_host_that_was_away_is_brought_to_the_epoch_of_its_fleet(void **state)
{
	const struct swtpm *swtpm = *state;
	const int64_t first = 7, later = 5000;
	struct tpm_provision options = options_of(swtpm);
	struct tpm_identity identity;
	struct tpm_identity again;
	struct tpm_port port;
	int64_t floor = 0;
	struct err err = {0};

	options.epoch = &first;
	assert_refused(tpm_provision(&options, &identity, &err), 0);
	options.known = &identity;
	options.epoch = &later;
	assert_refused(tpm_provision(&options, &again, &err), 0);
	port = swtpm_port(swtpm, &again);
	assert_refused(epoch_floor(&port, again.counter_base, &floor, &err), 0);
	assert_int_equal(floor, later);
	tpm_port_close(&port);
	options.known = &again;
	options.epoch = &first;
	assert_refused(tpm_provision(&options, &identity, &err),
	    STORE_ROLLBACK);
	/* With the file gone, somebody has to say where the fleet is. */
	options.known = NULL;
	options.epoch = &later;
	assert_refused(tpm_provision(&options, &identity, &err), 0);
	assert_true(identity.counter_base == again.counter_base);
}

static void
the_identity_of_another_host_is_refused(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	struct tpm_identity other = identity;
	struct tpm_provision options = options_of(swtpm);
	struct tpm_identity again;
	struct err err = {0};

	options.known = &other;
	other.ek.name.bytes[9] ^= 1;
	assert_refused(tpm_provision(&options, &again, &err),
	    TPM_KEY_NOT_PINNED);
	assert_string_equal(err.field, "EK");
}

static void
a_log_index_for_another_launch_is_replaced_only_if_asked_for(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity first = swtpm_provision(swtpm, "one");
	struct pcr_values launch = swtpm_launched("two");
	struct tpm_provision options = options_of(swtpm);
	struct tpm_identity second;
	struct tpm_port port;
	struct digest data = {{1}};
	struct err err = {0};

	options.known = &first;
	options.launch = &launch;
	assert_refused(tpm_provision(&options, &second, &err),
	    TPM_HANDLE_TAKEN);
	options.renew_log = true;
	assert_refused(tpm_provision(&options, &second, &err), 0);
	assert_false(tpm_name_equal(&first.log.name, &second.log.name));
	swtpm_launch(swtpm, "two");
	port = swtpm_port(swtpm, &second);
	assert_refused(port.ops->log_extend(port.tpm, &data, &err), 0);
	tpm_port_close(&port);
}

int
main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, enter_swtpm, leave_swtpm)
	const struct CMUnitTest tests[] = {
	    TEST(a_second_run_finds_what_the_first_made),
	    TEST(the_keys_are_what_tpm2_tools_make_of_the_templates),
	    TEST(a_stranger_at_a_handle_is_refused),
	    TEST(a_counter_of_unknown_base_is_refused),
	    TEST(a_host_joins_at_the_epoch_of_its_fleet),
	    TEST(a_host_that_was_away_is_brought_to_the_epoch_of_its_fleet),
	    TEST(the_identity_of_another_host_is_refused),
	    TEST(a_log_index_for_another_launch_is_replaced_only_if_asked_for),
	};

	return cmocka_run_group_tests_name("tpm_provision", tests, NULL, NULL);
}
