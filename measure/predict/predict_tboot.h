/*
 * What tboot measures of the modules that it launches after a dynamic launch,
 * with its built-in policy and the legacy register map:
 *
 *	PCR 19	all modules but the first (the kernel, the ramdisk), in order
 *	PCR 18	the digest of tboot itself, which SINIT extends, then the first
 *		module (Xen)
 *
 * Each module is H(H(command line) || H(file)), as it lies in memory. The
 * command line is what the boot loader passes: GRUB 2 leaves the file's name
 * out. Not predictable from files: PCR 17, which begins with what SINIT, the
 * processor and the chip set are, and with the map "da" all registers, because
 * everything goes behind those values in PCR 17. Take them from a reference
 * machine. Computed from tboot's source, never compared with a processor that
 * has TXT.
 *
 * True of banks that tboot hashes by itself ("extpol=embedded", or the one bank
 * of "extpol=sha256"), not of "extpol=agile".
 *
 * Spec: tboot, tboot/common/policy.c hash_module(), verify_all_modules() and
 * _def_policy; docs/howto_use.md, "PCR Usage".
 */
#ifndef ASSAY_MEASURE_PREDICT_PREDICT_TBOOT_H
#define ASSAY_MEASURE_PREDICT_PREDICT_TBOOT_H

#include "base/bytes.h"
#include "measure/predict/prediction.h"

struct tboot_module {
	struct bytes file;
	const char *cmdline;
};

/*
 * At least two modules. `mle_digests` are those of tboot in each bank that
 * `mle_known` has a bit for; PCR 18 is predicted in those banks only.
 * Errors: NO_MEMORY.
 */
int predict_tboot(const struct tboot_module *modules, size_t count,
    const struct pcr_digests *mle_digests, unsigned int mle_known,
    struct prediction *prediction, struct err *err);

#endif
