#include "measure/predict/predict_tboot.h"

#include "base/scope.h"

static int predict_bank(enum pcr_bank bank, const struct tboot_module *modules,
    size_t count, struct prediction *prediction, struct err *err);
static int predict_first(enum pcr_bank bank, const struct tboot_module *module,
    const struct pcr_digest *mle, struct prediction *prediction,
    struct err *err);
static int extend_module(enum pcr_bank bank, const struct tboot_module *module,
    struct pcr_digest *value, struct err *err);

int
predict_tboot(const struct tboot_module *modules, size_t count,
    const struct pcr_digests *mle_digests, unsigned int mle_known,
    struct prediction *prediction, struct err *err)
{
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		TRY(predict_bank(bank, modules, count, prediction, err));
		if ((mle_known >> bank & 1) != 0)
			TRY(predict_first(bank, &modules[0],
			    &mle_digests->bank[bank], prediction, err));
	}
	return 0;
}

static int
predict_bank(enum pcr_bank bank, const struct tboot_module *modules,
    size_t count, struct prediction *prediction, struct err *err)
{
	struct pcr_digest value = {{0}};

	for (size_t i = 1; i < count; i++)
		TRY(extend_module(bank, &modules[i], &value, err));
	prediction_set(prediction, bank, 19, &value,
	    "tboot, legacy map: every module but the first, with its command "
	    "line");
	return 0;
}

static int
predict_first(enum pcr_bank bank, const struct tboot_module *module,
    const struct pcr_digest *mle, struct prediction *prediction,
    struct err *err)
{
	struct pcr_digest value = {{0}};

	TRY(pcr_extend(bank, mle, &value, err));
	TRY(extend_module(bank, module, &value, err));
	prediction_set(prediction, bank, 18, &value,
	    "tboot, legacy map: tboot itself and the first module, Xen, with "
	    "its command line");
	return 0;
}

/* The digest of both is what extending the one with the other gives. */
static int
extend_module(enum pcr_bank bank, const struct tboot_module *module,
    struct pcr_digest *value, struct err *err)
{
	struct pcr_digest digest;
	struct pcr_digest file;

	TRY(pcr_digest_of(bank, bytes_of_str(module->cmdline), &digest, err));
	TRY(pcr_digest_of(bank, module->file, &file, err));
	TRY(pcr_extend(bank, &file, &digest, err));
	return pcr_extend(bank, &digest, value, err);
}
