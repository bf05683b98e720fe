#include "cli/libassay/address.h"

#include <string.h>

static int decode_vchan(const char *text, struct address *ret_address,
    struct err *err);
static const char *read_domid(const char *text, uint16_t *ret_domid);
static int check_xenstore_path(const char *path, struct err *err);

int
address_decode(const char *text, struct address *ret_address, struct err *err)
{
	if (strncmp(text, "vchan:", 6) == 0)
		return decode_vchan(text + 6, ret_address, err);
	if (strncmp(text, "unix:", 5) == 0)
		text += 5;
	if (*text == '\0')
		return err_set(err, ADDRESS_BAD, "no path of a socket");
	*ret_address = (struct address){.path = text};
	return 0;
}

static int
decode_vchan(const char *text, struct address *ret_address, struct err *err)
{
	struct address address = {.is_vchan = true};
	const char *rest = read_domid(text, &address.domid);

	if (rest == NULL || (*rest != '\0' && *rest != ':'))
		return err_set(err, ADDRESS_BAD,
		    "vchan:%s: not a domain's id from 0 to %d",
		    err_quote_str(text).text, ADDRESS_DOMID_MAX);
	if (*rest == ':') {
		address.path = rest + 1;
		if (check_xenstore_path(address.path, err) != 0)
			return (int)err->code;
	}
	*ret_address = address;
	return 0;
}

/* NULL if there is none; else what follows it. */
static const char *
read_domid(const char *text, uint16_t *ret_domid)
{
	unsigned int domid = 0;
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 5)
		return NULL;
	for (size_t i = 0; i < digits; i++)
		domid = domid * 10 + (unsigned int)(text[i] - '0');
	if (domid > ADDRESS_DOMID_MAX)
		return NULL;
	*ret_domid = (uint16_t)domid;
	return text + digits;
}

static int
check_xenstore_path(const char *path, struct err *err)
{
	if (path[0] != '/')
		return err_set(err, ADDRESS_BAD,
		    "%s: not an absolute path in xenstore",
		    err_quote_str(path).text);
	if (strlen(path) > ADDRESS_XENSTORE_MAX_BYTES)
		return err_set(err, ADDRESS_BAD,
		    "%s: over %d bytes, which libxenvchan would cut",
		    err_quote_str(path).text, ADDRESS_XENSTORE_MAX_BYTES);
	return 0;
}
