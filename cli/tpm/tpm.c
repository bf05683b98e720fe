#include "cli/tpm/tpm.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "measure/tpm/tpm_port_esys.h"

int
tpm_read_identity(const char *path, struct tpm_identity *ret_identity,
    struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	size_t len;
	int code = file_read(path, LIMIT_IDENTITY_BYTES, &text, &len, err);

	if (code == IMAGE_TOO_LARGE)
		err->code = TPM_IDENTITY_MALFORMED;
	if (code != 0)
		return (int)err->code;
	if (tpm_identity_decode(bytes_of(text, len), ret_identity, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

int
tpm_open(struct tpm_options *options, struct tpm_port *ret_port,
    struct err *err)
{
	const struct tpm_identity *identity = NULL;

	if (options->identity_path != NULL) {
		TRY(tpm_read_identity(options->identity_path,
		    &options->identity, err));
		identity = &options->identity;
	}
	return tpm_port_esys_open(options->where, identity,
	    LIMIT_TPM_SECONDS * 1000, ret_port, err);
}

int
tpm_address_of(struct tpm_options *options, struct tpm_address *ret_place,
    struct err *err)
{
	TRY(tpm_read_identity(options->identity_path, &options->identity, err));
	*ret_place = (struct tpm_address){.where = options->where,
	    .identity = &options->identity,
	    .timeout_ms = LIMIT_TPM_SECONDS * 1000};
	return 0;
}
