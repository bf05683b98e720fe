#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/boot/predict.h"
#include "measure/predict/prediction.h"

struct flow {
	const char *name;
	int min_operands;
	int max_operands;
	int (*predict)(const struct predict_options *options, char **operands,
	    struct prediction *prediction, struct err *err);
};

static int read_options(int *argc, char **argv, struct predict_options *options,
    bool *as_json);
static int check_flow(int argc, char **argv,
    const struct predict_options *options);
static bool has_its_options(const struct flow *flow,
    const struct predict_options *options);
static int check_numbers(const struct predict_options *options);
static int predict(const struct predict_options *options, char **operands,
    struct prediction *prediction, struct err *err);
static int take_reference(const struct predict_options *options,
    struct prediction *prediction, struct err *err);
static int take_register(const struct prediction *reference, unsigned int pcr,
    struct prediction *prediction, struct err *err);
static void drop_banks(const struct predict_options *options,
    struct prediction *prediction);
static bool is_wanted(const struct argument_list *banks, enum pcr_bank bank);
static int report(const struct prediction *prediction, bool as_json);

static const struct flow flows[] = {
    {"unified", 1, 1, predict_unified},
    {"grub", 1, 1, predict_grub_boot},
    {"tboot", 2, 16, predict_tboot_launch},
};

static int
run(int argc, char **argv)
{
	struct predict_options options = {.failed_options = 0};
	struct prediction prediction = {0};
	struct err err = {0};
	bool as_json = false;
	int status = read_options(&argc, argv, &options, &as_json);

	if (status == ARGUMENTS_READ)
		status = check_flow(argc, argv, &options);
	if (status != ARGUMENTS_READ)
		return status;
	if (predict(&options, argv + 1, &prediction, &err) != 0)
		return command_failed(&err, as_json);
	return report(&prediction, as_json);
}

static int
read_options(int *argc, char **argv, struct predict_options *options,
    bool *as_json)
{
	const struct argument known[] = {
	    {"failed-options", required_argument,
		.number = &options->failed_options, .max = 64},
	    {"secure-boot", required_argument, .text = &options->secure_boot},
	    {"secure-boot-off", required_argument,
		.text = &options->secure_boot_off},
	    {"root", required_argument, .text = &options->root},
	    {"image", required_argument, .list = &options->images, .max = 4},
	    {"mle-digest", required_argument, .list = &options->mle_digests,
		.max = PCR_BANKS},
	    {"reference", required_argument, .text = &options->reference},
	    {"take", required_argument, .list = &options->taken, .max = 24},
	    {"bank", required_argument, .list = &options->banks,
		.max = PCR_BANKS},
	    {"json", no_argument, .flag = as_json},
	};

	return arguments_read(&command_boot_predict, known, countof(known),
	    argc, argv);
}

static int
check_flow(int argc, char **argv, const struct predict_options *options)
{
	const struct command *self = &command_boot_predict;

	for (size_t i = 0; i < countof(flows); i++) {
		if (strcmp(flows[i].name, argv[1]) != 0)
			continue;
		if (argc - 2 < flows[i].min_operands ||
		    argc - 2 > flows[i].max_operands)
			return command_usage(self, "%s: %d files",
			    flows[i].name, argc - 2);
		if (!has_its_options(&flows[i], options))
			return command_usage(self,
			    "%s: an option of another kind of boot, or --root "
			    "is missing",
			    flows[i].name);
		return check_numbers(options);
	}
	return command_usage(self, "no such kind of boot: %s",
	    err_quote_str(argv[1]).text);
}

/* What another kind of boot would use would be ignored here. */
static bool
has_its_options(const struct flow *flow, const struct predict_options *options)
{
	bool is_grub = flow->predict == predict_grub_boot;
	bool is_tboot = flow->predict == predict_tboot_launch;
	bool is_unified = flow->predict == predict_unified;

	return (options->root != NULL) == is_grub &&
	       (options->images.count == 0 || is_grub) &&
	       (options->mle_digests.count == 0 || is_tboot) &&
	       ((options->secure_boot == NULL &&
		    options->secure_boot_off == NULL) ||
		   is_unified) &&
	       (options->failed_options == 0 || !is_tboot);
}

static int
check_numbers(const struct predict_options *options)
{
	const struct command *self = &command_boot_predict;
	enum pcr_bank bank;
	int64_t pcr;

	if (options->secure_boot != NULL && options->secure_boot_off != NULL)
		return command_usage(self,
		    "--secure-boot and --secure-boot-off do not go together");
	if ((options->reference == NULL) != (options->taken.count == 0))
		return command_usage(self,
		    "--reference and --take go together");
	for (size_t i = 0; i < options->taken.count; i++)
		if (!arguments_number(options->taken.items[i], PCR_COUNT - 1,
			&pcr))
			return command_usage(self,
			    "--take: %s is not a number from 0 to 23",
			    err_quote_str(options->taken.items[i]).text);
	for (size_t i = 0; i < options->banks.count; i++)
		if (!pcr_bank_from_name(options->banks.items[i], &bank))
			return command_usage(self,
			    "--bank: %s is neither sha256 nor sha384",
			    err_quote_str(options->banks.items[i]).text);
	return ARGUMENTS_READ;
}

static int
predict(const struct predict_options *options, char **operands,
    struct prediction *prediction, struct err *err)
{
	for (size_t i = 0; i < countof(flows); i++)
		if (strcmp(flows[i].name, operands[0]) == 0)
			TRY(flows[i].predict(options, operands + 1, prediction,
			    err));
	TRY(take_reference(options, prediction, err));
	drop_banks(options, prediction);
	return 0;
}

static int
take_reference(const struct predict_options *options,
    struct prediction *prediction, struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	struct prediction reference;
	size_t len;

	if (options->reference == NULL)
		return 0;
	TRY(file_read(options->reference, LIMIT_PREDICTION_BYTES, &text, &len,
	    err));
	if (prediction_decode_reference(bytes_of(text, len), &reference, err) !=
	    0)
		return err_prefix(err, "%s",
		    err_quote_str(options->reference).text);
	drop_banks(options, &reference);
	for (size_t i = 0; i < options->taken.count; i++)
		TRY(take_register(&reference,
		    (unsigned int)atol(options->taken.items[i]), prediction,
		    err));
	return 0;
}

/* In each wanted bank that the reference has it in, and in one at least. What
 * was predicted is not overruled. */
static int
take_register(const struct prediction *reference, unsigned int pcr,
    struct prediction *prediction, struct err *err)
{
	size_t found = 0;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		if ((prediction->values.known[bank] >> pcr & 1) != 0)
			return err_set(err, REFERENCE_UNFIT,
			    "register %u is predicted, or taken twice", pcr);
		if ((reference->values.known[bank] >> pcr & 1) == 0)
			continue;
		prediction_set(prediction, bank, pcr,
		    &reference->values.value[bank][pcr],
		    reference->covers[bank][pcr]);
		found++;
	}
	if (found == 0)
		return err_set(err, REFERENCE_UNFIT,
		    "the reference has no measurement in register %u", pcr);
	return 0;
}

static void
drop_banks(const struct predict_options *options, struct prediction *prediction)
{
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		if (options->banks.count > 0 &&
		    !is_wanted(&options->banks, bank))
			prediction->values.known[bank] = 0;
}

static bool
is_wanted(const struct argument_list *banks, enum pcr_bank bank)
{
	for (size_t i = 0; i < banks->count; i++)
		if (strcmp(banks->items[i], pcr_bank_name(bank)) == 0)
			return true;
	return false;
}

static int
report(const struct prediction *prediction, bool as_json)
{
	if (as_json)
		return command_print_json(prediction_encode(prediction));
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		for (unsigned int pcr = 0; pcr < PCR_COUNT; pcr++) {
			char hex[PCR_HEX_SIZE];

			if ((prediction->values.known[bank] >> pcr & 1) == 0)
				continue;
			pcr_digest_hex(bank,
			    &prediction->values.value[bank][pcr], hex);
			printf("%s:%-2u  %s\n           %s\n",
			    pcr_bank_name(bank), pcr, hex,
			    prediction->covers[bank][pcr]);
		}
	}
	return EXIT_DONE;
}

const struct command command_boot_predict = {"boot", "predict",
    "[--failed-options N] [--secure-boot FILE|DIR | --secure-boot-off "
    "FILE|DIR] "
    "[--root DIR] [--image FILE]... [--mle-digest BANK:HEX]... "
    "[--reference FILE --take PCR...] [--bank sha256|sha384]... [--json]",
    "unified|grub|tboot FILE...", "predict the registers that a boot will give",
    run};
