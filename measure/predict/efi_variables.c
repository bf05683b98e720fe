#include "measure/predict/efi_variables.h"

#include <string.h>

#include "base/scope.h"

enum {
	VOLUME_SIGNATURE = 0x28, /* fields of the volume header */
	VOLUME_HEADER_LENGTH = 0x30,
	STORE_HEADER_BYTES = 28,
	STORE_FORMATTED = 0x5a,
	STORE_HEALTHY = 0xfe,
	VARIABLE_HEADER_BYTES = 60,
	VARIABLE_START = 0x55aa,
	VARIABLE_ADDED = 0x3f,
	VARIABLE_MOVING = 0x3e, /* still valid if no other was added */
	VARIABLE_ALIGNMENT = 4,
	LIST_HEADER_BYTES = 28,
};

static const uint8_t global_guid[EFI_GUID_BYTES] = {0x61, 0xdf, 0xe4, 0x8b,
    0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};
static const uint8_t security_guid[EFI_GUID_BYTES] = {0xcb, 0xb2, 0x19, 0xd7,
    0x3a, 0x3d, 0x96, 0x45, 0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f};
static const uint8_t enable_guid[EFI_GUID_BYTES] = {0xc7, 0x0b, 0xa3, 0xf0,
    0x08, 0xaf, 0x56, 0x45, 0x99, 0xc4, 0x00, 0x10, 0x09, 0xc9, 0x3a, 0x44};
static const uint8_t store_guid[EFI_GUID_BYTES] = {0x78, 0x2c, 0xf3, 0xaa, 0x7b,
    0x94, 0x9a, 0x43, 0xa1, 0x80, 0x2e, 0x14, 0x4e, 0xc3, 0x77, 0x92};
static const uint8_t x509_guid[EFI_GUID_BYTES] = {0xa1, 0x59, 0xc0, 0xa5, 0xe4,
    0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72};
static const uint8_t sha256_guid[EFI_GUID_BYTES] = {0x26, 0x16, 0xc4, 0xc1,
    0x4c, 0x50, 0x92, 0x40, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28};

static const char global_text[] = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
static const char security_text[] = "d719b2cb-3d3a-4596-a3bc-dad00e67656f";

static const struct {
	const char *name;
	const uint8_t *guid;
	const char *guid_text;
} names[EFI_VARIABLES] = {
    [EFI_SECURE_BOOT] = {"SecureBoot", global_guid, global_text},
    [EFI_PK] = {"PK", global_guid, global_text},
    [EFI_KEK] = {"KEK", global_guid, global_text},
    [EFI_DB] = {"db", security_guid, security_text},
    [EFI_DBX] = {"dbx", security_guid, security_text},
    [EFI_DBT] = {"dbt", security_guid, security_text},
};

static const uint8_t on = 1;
static const uint8_t off = 0;

/* A variable of the store. */
struct stored {
	uint8_t state;
	const uint8_t *guid;
	struct bytes name; /* UTF-16 with its NUL */
	struct bytes data;
};

static int find_variables(struct bytes store, struct bytes *ret_variables,
    struct err *err);
static int read_variable(struct bytes variables, size_t *offset,
    struct stored *ret_stored, struct err *err);
static void take_variable(const struct stored *stored,
    struct efi_variables *variables, bool *is_disabled);
static bool is_named(const struct stored *stored, const char *name,
    const uint8_t *guid);
static int check_lists(const char *name, struct bytes lists, struct err *err);

const char *
efi_variable_name(enum efi_variable variable)
{
	return names[variable].name;
}

const uint8_t *
efi_variable_guid(enum efi_variable variable)
{
	return names[variable].guid;
}

const char *
efi_variable_guid_text(enum efi_variable variable)
{
	return names[variable].guid_text;
}

bool
efi_secure_boot_is_on(const struct efi_variables *variables)
{
	return variables->data[EFI_SECURE_BOOT].ptr[0] == on;
}

int
efi_variables_from_store(struct bytes store,
    struct efi_variables *ret_variables, struct err *err)
{
	struct efi_variables variables = {0};
	bool is_disabled = false;
	struct bytes all = {0};
	size_t offset = 0;
	uint16_t start;

	TRY(find_variables(store, &all, err));
	while (bytes_le16(all, offset, &start) && start == VARIABLE_START) {
		struct stored stored = {0};

		TRY(read_variable(all, &offset, &stored, err));
		take_variable(&stored, &variables, &is_disabled);
	}
	if (is_disabled)
		variables.data[EFI_SECURE_BOOT] = bytes_of(&off, 1);
	TRY(efi_variables_check(&variables, err));
	*ret_variables = variables;
	return 0;
}

int
efi_variables_check(struct efi_variables *variables, struct err *err)
{
	struct bytes *secure_boot = &variables->data[EFI_SECURE_BOOT];
	bool has_pk = variables->data[EFI_PK].len > 0;

	if (secure_boot->len == 0)
		*secure_boot = bytes_of(has_pk ? &on : &off, 1);
	if (secure_boot->len != 1 || secure_boot->ptr[0] > on ||
	    (secure_boot->ptr[0] == on && !has_pk))
		return err_set(err, EFI_VARIABLES_MALFORMED,
		    "SecureBoot: not one byte 0, or 1 with a PK");
	for (enum efi_variable i = EFI_PK; i < EFI_VARIABLES; i++)
		TRY(check_lists(names[i].name, variables->data[i], err));
	return 0;
}

int
efi_variables_want(const struct efi_variables *variables, bool is_on,
    struct err *err)
{
	if (efi_secure_boot_is_on(variables) == is_on)
		return 0;
	if (!is_on)
		return err_set_field(err, SECURE_BOOT_OTHER, "SecureBoot",
		    "Secure Boot is on: there is a PK, and it is not disabled");
	if (variables->data[EFI_PK].len == 0)
		return err_set_field(err, SECURE_BOOT_OTHER, "PK",
		    "Secure Boot is off: there is no PK");
	return err_set_field(err, SECURE_BOOT_OTHER, "SecureBoot",
	    "Secure Boot is off: there is a PK, and it is disabled");
}

bool
efi_signature_is_x509(const struct efi_signature *signature)
{
	return memcmp(signature->type, x509_guid, EFI_GUID_BYTES) == 0;
}

bool
efi_signature_is_sha256(const struct efi_signature *signature)
{
	return memcmp(signature->type, sha256_guid, EFI_GUID_BYTES) == 0;
}

bool
efi_signature_next(struct bytes lists, struct efi_signature *signature)
{
	size_t list = 0;
	uint32_t list_bytes;
	uint32_t header_bytes;
	uint32_t entry_bytes;

	while (bytes_le32(lists, list + 16, &list_bytes) &&
	       bytes_le32(lists, list + 20, &header_bytes) &&
	       bytes_le32(lists, list + 24, &entry_bytes)) {
		size_t entry = list + LIST_HEADER_BYTES + header_bytes;

		if (signature->next > entry)
			entry = signature->next;
		list += list_bytes;
		if (entry >= list)
			continue;
		signature->type = lists.ptr + list - list_bytes;
		signature->owned = bytes_of(lists.ptr + entry, entry_bytes);
		signature->data = bytes_of(lists.ptr + entry + EFI_GUID_BYTES,
		    entry_bytes - EFI_GUID_BYTES);
		signature->next = entry + entry_bytes;
		return true;
	}
	return false;
}

/* A firmware volume with a variable store, which has a header of its own. */
static int
find_variables(struct bytes store, struct bytes *ret_variables, struct err *err)
{
	struct bytes signature = {0};
	struct bytes header = {0};
	uint16_t at = 0;
	uint32_t size = 0;

	if (!bytes_part(store, VOLUME_SIGNATURE, 4, &signature) ||
	    memcmp(signature.ptr, "_FVH", 4) != 0 ||
	    !bytes_le16(store, VOLUME_HEADER_LENGTH, &at) ||
	    !bytes_part(store, at, STORE_HEADER_BYTES, &header))
		return err_set(err, EFI_VARIABLES_MALFORMED,
		    "no firmware volume with a variable store");
	if (memcmp(header.ptr, store_guid, EFI_GUID_BYTES) != 0 ||
	    header.ptr[20] != STORE_FORMATTED ||
	    header.ptr[21] != STORE_HEALTHY)
		return err_set(err, EFI_VARIABLES_MALFORMED,
		    "offset %u: no healthy store of authenticated variables",
		    at);
	if (!bytes_le32(header, 16, &size) || size < STORE_HEADER_BYTES ||
	    !bytes_part(store, (size_t)at + STORE_HEADER_BYTES,
		size - STORE_HEADER_BYTES, ret_variables))
		return err_set(err, EFI_VARIABLES_MALFORMED,
		    "a variable store of %u bytes is not there", size);
	return 0;
}

static int
read_variable(struct bytes variables, size_t *offset, struct stored *ret_stored,
    struct err *err)
{
	struct bytes header = {0};
	struct stored stored = {0};
	uint32_t name_bytes = 0;
	uint32_t data_bytes = 0;
	size_t at = *offset + VARIABLE_HEADER_BYTES;

	if (!bytes_part(variables, *offset, VARIABLE_HEADER_BYTES, &header) ||
	    !bytes_le32(header, 36, &name_bytes) ||
	    !bytes_le32(header, 40, &data_bytes) ||
	    !bytes_part(variables, at, name_bytes, &stored.name) ||
	    !bytes_part(variables, at + name_bytes, data_bytes, &stored.data))
		return err_set(err, EFI_VARIABLES_MALFORMED,
		    "the variable at offset %zu is not whole", *offset);
	stored.state = header.ptr[2];
	stored.guid = header.ptr + 44;
	at += (size_t)name_bytes + data_bytes;
	*offset =
	    (at + VARIABLE_ALIGNMENT - 1) & ~(size_t)(VARIABLE_ALIGNMENT - 1);
	*ret_stored = stored;
	return 0;
}

static void
take_variable(const struct stored *stored, struct efi_variables *variables,
    bool *is_disabled)
{
	if (stored->state != VARIABLE_ADDED && stored->state != VARIABLE_MOVING)
		return;
	if (is_named(stored, "SecureBootEnable", enable_guid))
		*is_disabled =
		    stored->data.len == 1 && stored->data.ptr[0] == 0;
	for (enum efi_variable i = EFI_PK; i < EFI_VARIABLES; i++)
		if (is_named(stored, names[i].name, names[i].guid) &&
		    (stored->state == VARIABLE_ADDED ||
			variables->data[i].len == 0))
			variables->data[i] = stored->data;
}

static bool
is_named(const struct stored *stored, const char *name, const uint8_t *guid)
{
	size_t len = strlen(name) + 1;

	if (stored->name.len != 2 * len ||
	    memcmp(stored->guid, guid, EFI_GUID_BYTES) != 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (stored->name.ptr[2 * i] != (uint8_t)name[i] ||
		    stored->name.ptr[2 * i + 1] != 0)
			return false;
	return true;
}

/* Lists to the last byte, each of whole entries. */
static int
check_lists(const char *name, struct bytes lists, struct err *err)
{
	size_t at = 0;

	while (at < lists.len) {
		uint32_t list = 0;
		uint32_t header = 0;
		uint32_t entry = 0;
		size_t rest = lists.len - at;

		if (!bytes_le32(lists, at + 16, &list) ||
		    !bytes_le32(lists, at + 20, &header) ||
		    !bytes_le32(lists, at + 24, &entry) || list > rest ||
		    list < LIST_HEADER_BYTES ||
		    header > list - LIST_HEADER_BYTES ||
		    entry <= EFI_GUID_BYTES ||
		    (list - LIST_HEADER_BYTES - header) % entry != 0)
			return err_set(err, EFI_VARIABLES_MALFORMED,
			    "%s: offset %zu: a list of %u bytes, entries of %u",
			    name, at, list, entry);
		at += list;
	}
	return 0;
}
