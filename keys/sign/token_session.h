/*
 * A session with one PKCS#11 token: found by URI, logged in, searched.
 *
 * Private to keys/token_*.c: the only files that speak PKCS#11.
 */
#ifndef ASSAY_KEYS_SIGN_TOKEN_SESSION_H
#define ASSAY_KEYS_SIGN_TOKEN_SESSION_H

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

#include "base/bytes.h"
#include "base/err.h"
#include "keys/sign/token_key.h"

struct token_session {
	P11KitUri *uri;
	CK_FUNCTION_LIST **modules; /* as configured, or NULL */
	CK_FUNCTION_LIST *loaded;   /* by module-path, or NULL */
	CK_FUNCTION_LIST *module;   /* the token's; one of those above */
	CK_SESSION_HANDLE handle;
	bool is_open;
};

/*
 * Exactly one token may fit the URI. On failure, too, the session must be
 * closed. Errors: those of token_key_open().
 */
int token_session_open(const char *uri, token_ask_fn *ask,
    struct token_session *session, struct err *err);

void token_session_close(struct token_session *session);

/* The one object with these attributes. `what` names it in error texts.
 * Errors: PKCS11_KEY_MISSING for none or several; PKCS11_FAILED. */
int token_session_find(const struct token_session *session,
    CK_ATTRIBUTE *attributes, CK_ULONG count, const char *what,
    CK_OBJECT_HANDLE *ret_object, struct err *err);

/* An attribute's value. Returns owned (malloc); empty if there is none.
 * Errors: PKCS11_FAILED; NO_MEMORY. */
int token_session_read(const struct token_session *session,
    CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, uint8_t **ret_value,
    size_t *ret_len, struct err *err);

/* PKCS11_FAILED: which call, and what the module says. */
int token_session_failed(struct err *err, const char *call, CK_RV rv);

#endif
