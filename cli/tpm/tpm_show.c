#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/scope.h"
#include "cli/tpm/tpm.h"
#include "measure/epoch.h"

struct found {
	struct pcr_values values;
	int64_t floor;
	bool has_certificate;
};

static int look(struct tpm_options *options, struct found *found,
    struct err *err);
static int print_json(const struct tpm_options *options,
    const struct found *found);
static json_t *registers_of(const struct pcr_values *values,
    enum pcr_bank bank);
static void print_text(const struct tpm_options *options,
    const struct found *found);
static void print_object(const char *what, const struct tpm_object *object);

static int
run(int argc, char **argv)
{
	CLEANUP(freep) struct found *found = calloc(1, sizeof(*found));
	struct tpm_options options = TPM_OPTIONS;
	bool as_json = false;
	const struct argument known[] = {
	    TPM_ARGUMENTS(&options, false),
	    {"json", no_argument, .flag = &as_json},
	};
	struct err err = {0};
	int status = arguments_read(&command_tpm_show, known, countof(known),
	    &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (found == NULL)
		err_set(&err, NO_MEMORY, "registers");
	if (err.code != ERR_NONE || look(&options, found, &err) != 0)
		return command_failed(&err, as_json);
	if (as_json)
		return print_json(&options, found);
	print_text(&options, found);
	return EXIT_DONE;
}

static int
look(struct tpm_options *options, struct found *found, struct err *err)
{
	CLEANUP(tpm_port_close) struct tpm_port port = {.ops = NULL};
	struct tpm_blob certificate;

	TRY(tpm_open(options, &port, err));
	TRY(port.ops->pcr_read(port.tpm, &found->values, err));
	if (options->identity_path == NULL)
		return 0;
	TRY(epoch_floor(&port, options->identity.counter_base, &found->floor,
	    err));
	TRY(port.ops->ek_certificate_read(port.tpm, &certificate, err));
	found->has_certificate = certificate.len > 0;
	return 0;
}

static int
print_json(const struct tpm_options *options, const struct found *found)
{
	json_t *document =
	    json_pack("{s:b}", "provisioned", options->identity_path != NULL);
	json_t *registers = json_object();

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		if (found->values.known[bank] != 0)
			json_object_set_new(registers, pcr_bank_name(bank),
			    registers_of(&found->values, bank));
	json_object_set_new(document, "registers", registers);
	if (options->identity_path != NULL) {
		json_object_set_new(document, "epoch",
		    json_integer(found->floor));
		json_object_set_new(document, "ek_certificate",
		    json_boolean(found->has_certificate));
	}
	return command_print_json(document);
}

static json_t *
registers_of(const struct pcr_values *values, enum pcr_bank bank)
{
	json_t *registers = json_object();

	for (int pcr = 0; pcr < PCR_COUNT; pcr++) {
		char hex[PCR_HEX_SIZE];
		char number[8];

		pcr_digest_hex(bank, &values->value[bank][pcr], hex);
		snprintf(number, sizeof(number), "%d", pcr);
		json_object_set_new(registers, number, json_string(hex));
	}
	return registers;
}

static void
print_text(const struct tpm_options *options, const struct found *found)
{
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		for (int pcr = 0; pcr < PCR_COUNT; pcr++) {
			char hex[PCR_HEX_SIZE];

			if ((found->values.known[bank] >> pcr & 1) == 0)
				continue;
			pcr_digest_hex(bank, &found->values.value[bank][pcr],
			    hex);
			printf("%s:%-2d  %s\n", pcr_bank_name(bank), pcr, hex);
		}
	}
	if (options->identity_path == NULL) {
		puts("identity   none given, so nothing was checked");
		return;
	}
	print_object("salt", &options->identity.salt);
	print_object("ak", &options->identity.ak);
	print_object("ek", &options->identity.ek);
	print_object("counter", &options->identity.counter);
	if (options->identity.has_log)
		print_object("log", &options->identity.log);
	printf("epoch      %" PRId64 "\n", found->floor);
	printf("ek cert    %s\n", found->has_certificate ? "yes" : "no");
}

static void
print_object(const char *what, const struct tpm_object *object)
{
	char name[TPM_NAME_HEX_SIZE];

	tpm_name_hex(&object->name, name);
	printf("%-9s  0x%08x %s\n", what, object->handle, name);
}

const struct command command_tpm_show = {"tpm", "show",
    "[--identity FILE] [--tcti TPM] [--json]", "",
    "show registers and epoch, and check what was pinned", run};
