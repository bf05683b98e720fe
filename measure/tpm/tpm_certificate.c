#include "measure/tpm/tpm_certificate.h"

#include <openssl/asn1.h>
#include <stdlib.h>

#include "base/scope.h"

enum {
	CERTIFICATE_OF_RSA = 0x01c00002,
	CERTIFICATE_OF_ECC = 0x01c0000a,
};

static int read_parts(struct tpm_esys *tpm, ESYS_TR index, uint16_t len,
    struct tpm_blob *blob, struct err *err);
static void cut_padding(struct tpm_blob *blob);

int
tpm_certificate_read(struct tpm_esys *tpm, TPMI_ALG_PUBLIC ek_type,
    struct tpm_blob *ret_blob, struct err *err)
{
	const TPM2_HANDLE handle =
	    ek_type == TPM2_ALG_RSA ? CERTIFICATE_OF_RSA : CERTIFICATE_OF_ECC;
	CLEANUP(freep) TPM2B_NV_PUBLIC *public = NULL;
	struct tpm_blob blob = {.len = 0};
	ESYS_TR session;
	ESYS_TR index;
	TSS2_RC rc;
	int code;

	rc = Esys_TR_FromTPMPublic(tpm->esys, handle, ESYS_TR_NONE,
	    ESYS_TR_NONE, ESYS_TR_NONE, &index);
	if (tpm_esys_reason(rc) == TPM2_RC_HANDLE) {
		ret_blob->len = 0;
		return 0;
	}
	TRY(tpm_esys_check(rc, err, "index 0x%08x", handle));
	TRY(tpm_esys_begin(tpm, TPMA_SESSION_AUDIT, &session, err));
	code = tpm_esys_check(Esys_NV_ReadPublic(tpm->esys, index, session,
				  ESYS_TR_NONE, ESYS_TR_NONE, &public, NULL),
	    err, "index 0x%08x", handle);
	if (code == 0)
		code = read_parts(tpm, index, public->nvPublic.dataSize, &blob,
		    err);
	Esys_TR_Close(tpm->esys, &index);
	if (code != 0)
		return code;
	cut_padding(&blob);
	*ret_blob = blob;
	return 0;
}

static int
read_parts(struct tpm_esys *tpm, ESYS_TR index, uint16_t len,
    struct tpm_blob *blob, struct err *err)
{
	enum { part_bytes = 512 }; /* every TPM reads that much at once */

	if (len > sizeof(blob->bytes))
		return err_set(err, TPM_FAILED,
		    "EK certificate: %u bytes, limit %zu", len,
		    sizeof(blob->bytes));
	while (blob->len < len) {
		CLEANUP(freep) TPM2B_MAX_NV_BUFFER *part = NULL;
		uint16_t want = (uint16_t)(len - blob->len);
		ESYS_TR session;

		want = want < part_bytes ? want : part_bytes;
		TRY(tpm_esys_begin(tpm, 0, &session, err));
		TRY(tpm_esys_check(Esys_NV_Read(tpm->esys, index, index,
				       session, ESYS_TR_NONE, ESYS_TR_NONE,
				       want, (uint16_t)blob->len, &part),
		    err, "read the EK certificate"));
		if (part->size != want)
			return err_set(err, TPM_FAILED,
			    "EK certificate: a short answer");
		memcpy(blob->bytes + blob->len, part->buffer, want);
		blob->len += want;
	}
	return 0;
}

/* Some makers define the index larger than the certificate and fill the rest
 * with zeros or ones (seen: tpm2-tools issue 3474). Anything else stays, for
 * the verifier to judge. */
static void
cut_padding(struct tpm_blob *blob)
{
	enum { malformed = 0x80 };
	const unsigned char *end = blob->bytes;
	long contents;
	int class;
	int tag;
	int form;

	form = ASN1_get_object(&end, &contents, &tag, &class, (long)blob->len);
	if ((form & malformed) != 0 || tag != V_ASN1_SEQUENCE)
		return;
	end += contents;
	for (const unsigned char *p = end; p < blob->bytes + blob->len; p++)
		if (*p != *end || (*p != 0x00 && *p != 0xff))
			return;
	blob->len = (size_t)(end - blob->bytes);
}
