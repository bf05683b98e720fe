#include "cli/pin.h"

#include <fcntl.h>
#include <stdio.h>

#include <openssl/err.h>
#include <openssl/ui.h>

#include "base/scope.h"

int
pin_ask(const char *label, char ret_pin[TOKEN_PIN_SIZE], struct err *err)
{
	/* libcrypto would read standard input if there were no terminal. */
	CLEANUP(closep) int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
	char prompt[128];

	if (tty < 0)
		return err_set(err, PKCS11_PIN_BAD,
		    "token %s: the uri has no pin-source, and there is no "
		    "terminal to ask on",
		    label);
	snprintf(prompt, sizeof(prompt), "PIN of token %s: ", label);
	if (UI_UTIL_read_pw_string(ret_pin, TOKEN_PIN_SIZE - 1, prompt, 0) == 0)
		return 0;
	ERR_clear_error();
	return err_set(err, PKCS11_PIN_BAD, "token %s: no pin was typed in",
	    label);
}
