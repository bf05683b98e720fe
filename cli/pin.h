/*
 * Asking a person for a PIN, on the terminal and nowhere else: what stands on
 * standard input may be anything, and a pipeline has nobody to ask.
 */
#ifndef ASSAY_CLI_PIN_H
#define ASSAY_CLI_PIN_H

#include "keys/sign/token_key.h"

/* A token_ask_fn. Errors: PKCS11_PIN_BAD if there is no terminal or no answer.
 */
int pin_ask(const char *label, char ret_pin[TOKEN_PIN_SIZE], struct err *err);

#endif
