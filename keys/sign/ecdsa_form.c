#include "keys/sign/ecdsa_form.h"

#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/ec.h>

#include "base/scope.h"

static void free_sig(ECDSA_SIG **sig);

int
ecdsa_form_to_der(struct bytes raw, uint8_t **ret_der, size_t *ret_len,
    struct err *err)
{
	CLEANUP(free_sig) ECDSA_SIG *sig = ECDSA_SIG_new();
	int half = (int)(raw.len / 2);
	BIGNUM *r = BN_bin2bn(raw.ptr, half, NULL);
	BIGNUM *s = BN_bin2bn(raw.ptr + half, half, NULL);
	uint8_t *der = NULL;
	uint8_t *pos;
	int len = -1;

	/* It takes both numbers, or neither. */
	if (sig == NULL || ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
	} else {
		len = i2d_ECDSA_SIG(sig, NULL);
	}
	if (len > 0)
		der = malloc((size_t)len);
	if (der == NULL)
		return err_set(err, NO_MEMORY, "signature");
	pos = der;
	i2d_ECDSA_SIG(sig, &pos);
	*ret_der = der;
	*ret_len = (size_t)len;
	return 0;
}

static void
free_sig(ECDSA_SIG **sig)
{
	ECDSA_SIG_free(*sig);
}
