#include "measure/verify/endorsement_profile.h"

#include <openssl/x509v3.h>

#include "base/scope.h"

/* TCG OID registry: tcg-kp-EKCertificate */
#define EK_CERTIFICATE "2.23.133.8.1"

static int check_constraints(X509 *certificate, struct err *err);
static int check_use(X509 *certificate, struct err *err);
static int check_purpose(X509 *certificate, struct err *err);
static bool holds(const EXTENDED_KEY_USAGE *purposes,
    const ASN1_OBJECT *purpose);
static int refuse(struct err *err, const char *why);
static void purposes_freep(EXTENDED_KEY_USAGE **purposes);
static void object_freep(ASN1_OBJECT **object);

int
endorsement_profile_check(X509 *certificate, struct err *err)
{
	if (X509_get_version(certificate) != X509_VERSION_3)
		return refuse(err, "not of X.509 version 3");
	if ((X509_get_extension_flags(certificate) & EXFLAG_INVALID) != 0)
		return refuse(err, "an extension that cannot be read");
	if ((X509_get_extension_flags(certificate) & EXFLAG_CRITICAL) != 0)
		return refuse(err, "a critical extension that is unknown");
	TRY(check_constraints(certificate, err));
	TRY(check_use(certificate, err));
	return check_purpose(certificate, err);
}

static int
check_constraints(X509 *certificate, struct err *err)
{
	uint32_t flags = X509_get_extension_flags(certificate);

	if ((flags & EXFLAG_BCONS) == 0)
		return refuse(err, "no basic constraints");
	if ((flags & EXFLAG_CA) != 0)
		return refuse(err, "basic constraints: it is an authority's");
	return 0;
}

/* Without the extension libcrypto says that all is allowed. */
static int
check_use(X509 *certificate, struct err *err)
{
	const EVP_PKEY *key = X509_get0_pubkey(certificate);
	bool is_rsa = key != NULL && EVP_PKEY_is_a(key, "RSA");
	uint32_t needed = is_rsa ? KU_KEY_ENCIPHERMENT : KU_KEY_AGREEMENT;

	if ((X509_get_extension_flags(certificate) & EXFLAG_KUSAGE) == 0)
		return refuse(err, "no key usage");
	if ((X509_get_key_usage(certificate) & needed) == 0)
		return refuse(err, is_rsa ? "key usage without keyEncipherment"
					  : "key usage without keyAgreement");
	return 0;
}

static int
check_purpose(X509 *certificate, struct err *err)
{
	CLEANUP(object_freep)
	ASN1_OBJECT *wanted = OBJ_txt2obj(EK_CERTIFICATE, 1);
	CLEANUP(purposes_freep)
	EXTENDED_KEY_USAGE *purposes =
	    X509_get_ext_d2i(certificate, NID_ext_key_usage, NULL, NULL);

	if (wanted == NULL)
		return err_set(err, NO_MEMORY, "certificate");
	if (!holds(purposes, wanted))
		return refuse(err,
		    "extended key usage without tcg-kp-EKCertificate "
		    "(" EK_CERTIFICATE ")");
	return 0;
}

/* None are held by NULL. */
static bool
holds(const EXTENDED_KEY_USAGE *purposes, const ASN1_OBJECT *purpose)
{
	for (int i = 0; i < sk_ASN1_OBJECT_num(purposes); i++) {
		if (OBJ_cmp(sk_ASN1_OBJECT_value(purposes, i), purpose) == 0)
			return true;
	}
	return false;
}

static int
refuse(struct err *err, const char *why)
{
	return err_set(err, EK_UNTRUSTED,
	    "endorsement certificate: %s (TCG EK Credential Profile)", why);
}

static void
purposes_freep(EXTENDED_KEY_USAGE **purposes)
{
	EXTENDED_KEY_USAGE_free(*purposes);
}

static void
object_freep(ASN1_OBJECT **object)
{
	ASN1_OBJECT_free(*object);
}
