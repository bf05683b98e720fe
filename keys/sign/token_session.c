#include "keys/sign/token_session.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/scope.h"

enum {
	max_slots = 256,
	max_value_bytes = 4096,
};

static int parse_uri(const char *text, P11KitUri **ret_uri, struct err *err);
static bool can_be_private(P11KitUri *uri);
static int load_modules(struct token_session *session, struct err *err);
static int find_token(struct token_session *session, CK_SLOT_ID *ret_slot,
    CK_TOKEN_INFO *ret_info, struct err *err);
static int match_slots(const struct token_session *session,
    CK_FUNCTION_LIST *module, CK_SLOT_ID *ret_slot, CK_TOKEN_INFO *ret_info);
static int log_in(const struct token_session *session,
    const CK_TOKEN_INFO *info, token_ask_fn *ask, struct err *err);
static int get_pin(const struct token_session *session,
    const CK_TOKEN_INFO *info, token_ask_fn *ask, char pin[TOKEN_PIN_SIZE],
    struct err *err);
static int read_pin(const char *source, char pin[TOKEN_PIN_SIZE],
    struct err *err);
static int check_login(const char *label, CK_RV rv, struct err *err);
static struct err_quoted label_of(const CK_TOKEN_INFO *info);

int
token_session_open(const char *uri, token_ask_fn *ask,
    struct token_session *session, struct err *err)
{
	CK_TOKEN_INFO info;
	CK_SLOT_ID slot = 0;
	CK_RV rv;

	TRY(parse_uri(uri, &session->uri, err));
	TRY(load_modules(session, err));
	TRY(find_token(session, &slot, &info, err));
	rv = session->module->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL,
	    NULL, &session->handle);
	if (rv != CKR_OK)
		return token_session_failed(err, "C_OpenSession", rv);
	session->is_open = true;
	return log_in(session, &info, ask, err);
}

void
token_session_close(struct token_session *session)
{
	if (session->is_open)
		session->module->C_CloseSession(session->handle);
	if (session->modules != NULL)
		p11_kit_modules_finalize_and_release(session->modules);
	if (session->loaded != NULL) {
		p11_kit_module_finalize(session->loaded);
		p11_kit_module_release(session->loaded);
	}
	if (session->uri != NULL)
		p11_kit_uri_free(session->uri);
	*session = (struct token_session){.is_open = false};
}

int
token_session_find(const struct token_session *session,
    CK_ATTRIBUTE *attributes, CK_ULONG count, const char *what,
    CK_OBJECT_HANDLE *ret_object, struct err *err)
{
	CK_FUNCTION_LIST *module = session->module;
	CK_OBJECT_HANDLE found[2];
	CK_ULONG found_count = 0;
	CK_RV rv;

	rv = module->C_FindObjectsInit(session->handle, attributes, count);
	if (rv != CKR_OK)
		return token_session_failed(err, "C_FindObjectsInit", rv);
	rv = module->C_FindObjects(session->handle, found, countof(found),
	    &found_count);
	module->C_FindObjectsFinal(session->handle);
	if (rv != CKR_OK)
		return token_session_failed(err, "C_FindObjects", rv);
	if (found_count != 1)
		return err_set(err, PKCS11_KEY_MISSING, "%s %s",
		    found_count == 0 ? "the token has no such"
				     : "the token has several such",
		    what);
	*ret_object = found[0];
	return 0;
}

int
token_session_read(const struct token_session *session, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE_TYPE type, uint8_t **ret_value, size_t *ret_len,
    struct err *err)
{
	CK_ATTRIBUTE attribute = {type, NULL, 0};
	CLEANUP(freep) uint8_t *value = NULL;
	CK_RV rv;

	rv = session->module->C_GetAttributeValue(session->handle, object,
	    &attribute, 1);
	if (rv == CKR_OK && attribute.ulValueLen > max_value_bytes)
		rv = CKR_DATA_LEN_RANGE;
	if (rv != CKR_OK)
		return token_session_failed(err, "C_GetAttributeValue", rv);
	value = calloc(1, attribute.ulValueLen + 1);
	if (value == NULL)
		return err_set(err, NO_MEMORY, "attribute of a token");
	attribute.pValue = value;
	rv = session->module->C_GetAttributeValue(session->handle, object,
	    &attribute, 1);
	if (rv != CKR_OK)
		return token_session_failed(err, "C_GetAttributeValue", rv);
	*ret_len = attribute.ulValueLen;
	*ret_value = take_ptr(&value);
	return 0;
}

int
token_session_failed(struct err *err, const char *call, CK_RV rv)
{
	return err_set(err, PKCS11_FAILED, "%s: %s (0x%lx)", call,
	    err_quote_str(p11_kit_strerror(rv)).text, rv);
}

static int
parse_uri(const char *text, P11KitUri **ret_uri, struct err *err)
{
	P11KitUri *uri = p11_kit_uri_new();
	int code;

	if (uri == NULL)
		return err_set(err, NO_MEMORY, "uri");
	*ret_uri = uri;
	code = p11_kit_uri_parse(text,
	    P11_KIT_URI_FOR_OBJECT_ON_TOKEN_AND_MODULE, uri);
	if (code != P11_KIT_URI_OK)
		return err_set(err, PKCS11_URI_BAD, "rfc 7512: %s",
		    p11_kit_uri_message(code));
	if (p11_kit_uri_any_unrecognized(uri))
		return err_set(err, PKCS11_URI_BAD,
		    "rfc 7512: an attribute that is not known");
	if (!can_be_private(uri))
		return err_set(err, PKCS11_URI_BAD,
		    "type: only a private key can sign");
	if (p11_kit_uri_get_pin_value(uri) != NULL)
		return err_set(err, PKCS11_URI_BAD,
		    "pin-value: everybody on this machine can see it");
	return 0;
}

static bool
can_be_private(P11KitUri *uri)
{
	static const CK_OBJECT_CLASS private = CKO_PRIVATE_KEY;
	const CK_ATTRIBUTE *class = p11_kit_uri_get_attribute(uri, CKA_CLASS);

	return class == NULL ||
	       memcmp(class->pValue, &private, sizeof(private)) == 0;
}

static int
load_modules(struct token_session *session, struct err *err)
{
	const char *path = p11_kit_uri_get_module_path(session->uri);
	CK_RV rv;

	if (path == NULL) {
		session->modules = p11_kit_modules_load_and_initialize(0);
		if (session->modules == NULL)
			return err_set(err, PKCS11_FAILED,
			    "p11-kit cannot load the configured modules");
		return 0;
	}
	session->loaded = p11_kit_module_load(path, 0);
	if (session->loaded == NULL)
		return err_set(err, PKCS11_FAILED, "module-path %s: %s",
		    err_quote_str(path).text, p11_kit_message());
	rv = p11_kit_module_initialize(session->loaded);
	if (rv == CKR_OK)
		return 0;
	p11_kit_module_release(session->loaded);
	session->loaded = NULL;
	return token_session_failed(err, "C_Initialize", rv);
}

static int
find_token(struct token_session *session, CK_SLOT_ID *ret_slot,
    CK_TOKEN_INFO *ret_info, struct err *err)
{
	CK_FUNCTION_LIST *one[] = {session->loaded, NULL};
	CK_FUNCTION_LIST **modules =
	    session->loaded != NULL ? one : session->modules;
	int count = 0;

	for (size_t i = 0; modules[i] != NULL; i++) {
		int here = match_slots(session, modules[i], ret_slot, ret_info);

		if (here > 0)
			session->module = modules[i];
		count += here;
	}
	if (count == 0)
		return err_set(err, PKCS11_KEY_MISSING,
		    "no token fits the uri");
	if (count > 1)
		return err_set(err, PKCS11_KEY_MISSING,
		    "%d tokens fit the uri: name one by token= or serial=",
		    count);
	return 0;
}

/* How many tokens of the module fit; the last one is given out. */
static int
match_slots(const struct token_session *session, CK_FUNCTION_LIST *module,
    CK_SLOT_ID *ret_slot, CK_TOKEN_INFO *ret_info)
{
	CK_SLOT_ID slots[max_slots];
	CK_ULONG slot_count = max_slots;
	CK_INFO about;
	int count = 0;

	if (module->C_GetInfo(&about) != CKR_OK ||
	    p11_kit_uri_match_module_info(session->uri, &about) != 1 ||
	    module->C_GetSlotList(CK_TRUE, slots, &slot_count) != CKR_OK)
		return 0;
	for (CK_ULONG i = 0; i < slot_count; i++) {
		CK_TOKEN_INFO info;

		if (module->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
		    p11_kit_uri_match_token_info(session->uri, &info) != 1)
			continue;
		*ret_slot = slots[i];
		*ret_info = info;
		count++;
	}
	return count;
}

static int
log_in(const struct token_session *session, const CK_TOKEN_INFO *info,
    token_ask_fn *ask, struct err *err)
{
	char pin[TOKEN_PIN_SIZE] = "";
	int code = 0;
	CK_RV rv;

	if ((info->flags & CKF_LOGIN_REQUIRED) == 0)
		return 0;
	if ((info->flags & CKF_PROTECTED_AUTHENTICATION_PATH) == 0)
		code = get_pin(session, info, ask, pin, err);
	if (code == 0) {
		bool has_pin = pin[0] != '\0';

		rv = session->module->C_Login(session->handle, CKU_USER,
		    has_pin ? (CK_UTF8CHAR *)pin : NULL,
		    has_pin ? strlen(pin) : 0);
		code = check_login(label_of(info).text, rv, err);
	}
	explicit_bzero(pin, sizeof(pin));
	return code;
}

static int
get_pin(const struct token_session *session, const CK_TOKEN_INFO *info,
    token_ask_fn *ask, char pin[TOKEN_PIN_SIZE], struct err *err)
{
	const char *source = p11_kit_uri_get_pin_source(session->uri);

	if (source != NULL)
		TRY(read_pin(source, pin, err));
	else
		TRY(ask(label_of(info).text, pin, err));
	if (pin[0] == '\0')
		return err_set(err, PKCS11_PIN_BAD,
		    "token %s: the pin is empty", label_of(info).text);
	return 0;
}

/* RFC 7512 §2.4: "file:" and a path, or a path; a pipe to run is refused. */
static int
read_pin(const char *source, char pin[TOKEN_PIN_SIZE], struct err *err)
{
	const char *path = source;
	char *text = NULL;
	size_t len;
	int code;

	if (strncmp(path, "file://", 7) == 0)
		path += 7;
	else if (strncmp(path, "file:", 5) == 0)
		path += 5;
	if (path[0] == '|' || path[0] == '\0')
		return err_set(err, PKCS11_URI_BAD,
		    "pin-source: %s is not a file", err_quote_str(source).text);
	code = file_read(path, TOKEN_PIN_SIZE - 1, &text, &len, err);
	if (code == IMAGE_TOO_LARGE)
		return err_set(err, PKCS11_PIN_BAD,
		    "pin-source %s: over %d bytes", err_quote_str(path).text,
		    TOKEN_PIN_SIZE - 1);
	if (code != 0)
		return err_prefix(err, "pin-source");
	memcpy(pin, text, len);
	pin[len] = '\0';
	pin[strcspn(pin, "\r\n")] = '\0';
	explicit_bzero(text, len);
	free(text);
	return 0;
}

static int
check_login(const char *label, CK_RV rv, struct err *err)
{
	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return 0;
	if (rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID ||
	    rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_LOCKED ||
	    rv == CKR_PIN_EXPIRED || rv == CKR_USER_PIN_NOT_INITIALIZED)
		return err_set(err, PKCS11_PIN_BAD, "token %s: %s", label,
		    p11_kit_strerror(rv));
	return token_session_failed(err, "C_Login", rv);
}

/* Blank-padded, not terminated. */
static struct err_quoted
label_of(const CK_TOKEN_INFO *info)
{
	size_t len = sizeof(info->label);

	while (len > 0 && info->label[len - 1] == ' ')
		len--;
	return err_quote(info->label, len);
}
