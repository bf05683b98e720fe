/*
 * Registers that are expected of a boot, and what each of them covers.
 *
 * The JSON form, written by `assay boot predict --json`, is
 *
 *	{"schema": "assay.prediction/1",
 *	 "registers": [{"bank": "sha256", "pcr": 4, "value": "<hex>",
 *	                "covers": "..."}, ...]}
 *
 * with the registers in the order of banks, then of numbers, each once. The
 * reader takes them in any order, and refuses what it does not know, duplicate
 * registers, and a value that says that nothing was measured (all bytes 0x00,
 * or all 0xff). Its input is trusted for nothing: a policy has to be signed.
 */
#ifndef ASSAY_MEASURE_PREDICT_PREDICTION_H
#define ASSAY_MEASURE_PREDICT_PREDICTION_H

#include <jansson.h>

#include "measure/pcr.h"

#define PREDICTION_SCHEMA       "assay.prediction/1"
#define PREDICTION_COVERS_BYTES 255 /* without the NUL */

struct prediction {
	struct pcr_values values;
	/* For a known register: words for a person, printable ASCII. */
	char covers[PCR_BANKS][PCR_COUNT][PREDICTION_COVERS_BYTES + 1];
};

/* Note one register; `covers` is copied and cut at its limit. */
void prediction_set(struct prediction *prediction, enum pcr_bank bank,
    unsigned int pcr, const struct pcr_digest *value, const char *covers);

/* So begins what register 7 covers if Secure Boot is off. */
#define PREDICTION_SECURE_BOOT_OFF "Secure Boot is off"

/*
 * Does this prediction say that Secure Boot is off? By its words alone, which
 * registers that were read on a machine do not have: for warnings.
 */
bool prediction_says_secure_boot_is_off(const struct prediction *prediction);

/*
 * Read the JSON form.
 * Errors: PREDICTION_MALFORMED, also over LIMIT_PREDICTION_BYTES and for no
 * register at all; those of json_parse().
 */
int prediction_decode(struct bytes text, struct prediction *ret_prediction,
    struct err *err);

/*
 * Read the registers of a reference machine: the JSON form, or what
 * tpm2_pcrread(1) prints. Banks that assay does not use (sha1, sha512,
 * sm3_256) are passed over, and so are blank registers, which say that the
 * reference machine measured nothing there.
 * Errors: PREDICTION_MALFORMED.
 */
int prediction_decode_reference(struct bytes text,
    struct prediction *ret_prediction, struct err *err);

/* Returns owned: the document, or NULL if there is no memory. */
json_t *prediction_encode(const struct prediction *prediction);

#endif
