/*
 * What GRUB 2 with its tpm module measures of a boot by a minimal grub.cfg:
 * PCR 8, the commands and command lines, and PCR 9, the files.
 *
 * A minimal configuration is a list of commands, one a line, without
 * variables, conditions, menus or anything else that depends on the machine:
 *
 *	set (but of variables that make GRUB open files), insmod (of modules
 *	that are built in), echo
 *	multiboot2 FILE [ARGUMENT...]
 *	module2 [--nounzip] FILE [ARGUMENT...]
 *	boot
 *
 * Everything else is refused: what a stock grub.cfg does cannot be told from
 * files. Assumed, and not checked: GRUB finds this file and runs nothing
 * before it (no configuration inside of its image), every module is built in,
 * and there are no *.lst files beside it.
 *
 * Spec: GRUB 2.06, grub-core/commands/tpm.c, kern/verifiers.c,
 * script/execute.c, lib/cmdline.c, loader/multiboot.c, normal/main.c and
 * gettext/gettext.c (the variables).
 */
#ifndef ASSAY_MEASURE_PREDICT_PREDICT_GRUB_H
#define ASSAY_MEASURE_PREDICT_PREDICT_GRUB_H

#include "base/bytes.h"
#include "measure/predict/prediction.h"

/*
 * `config` is grub.cfg; files that it names are read below `root`, without the
 * "(device)" that may precede them.
 * Errors: GRUB_UNPREDICTABLE for what is not minimal; STORE_IO;
 * IMAGE_TOO_LARGE; NO_MEMORY.
 */
int predict_grub(struct bytes config, const char *root,
    struct prediction *prediction, struct err *err);

#endif
