#include "measure/verify/evidence_answer.h"

#include "base/scope.h"

static int compare_extra(const struct tpm_attest *attest,
    const struct evidence_reference *reference, const struct digest *context,
    bool *ret_is_answer, struct err *err);
static int refuse_context(const struct digest *found,
    const struct evidence_reference *reference, struct err *err);

int
evidence_answer_check(const struct tpm_attest *attest,
    const struct evidence *evidence, const struct evidence_reference *reference,
    struct err *err)
{
	bool is_answer;

	TRY(compare_extra(attest, reference, &reference->context, &is_answer,
	    err));
	if (is_answer)
		return 0;
	/* Which of the two is it? What evidence says of its context counts only
	 * if that is what was signed. */
	TRY(compare_extra(attest, reference, &evidence->context, &is_answer,
	    err));
	if (is_answer)
		return refuse_context(&evidence->context, reference, err);
	TRY(compare_extra(attest, reference, &evidence_no_context, &is_answer,
	    err));
	if (is_answer)
		return refuse_context(&evidence_no_context, reference, err);
	return err_set_field(err, EVIDENCE_NONCE_MISMATCH, "nonce",
	    "it does not answer this nonce");
}

static int
compare_extra(const struct tpm_attest *attest,
    const struct evidence_reference *reference, const struct digest *context,
    bool *ret_is_answer, struct err *err)
{
	struct digest expected;

	TRY(evidence_nonce_bind(reference->nonce, context, &expected, err));
	*ret_is_answer = bytes_equal(attest->extra_data,
	    bytes_of(expected.bytes, DIGEST_BYTES));
	return 0;
}

static int
refuse_context(const struct digest *found,
    const struct evidence_reference *reference, struct err *err)
{
	char has[DIGEST_TEXT_SIZE], wanted[DIGEST_TEXT_SIZE];

	digest_text(found, has);
	digest_text(&reference->context, wanted);
	if (digest_equal(found, &evidence_no_context))
		return err_set_field(err, EVIDENCE_CONTEXT_MISMATCH, "context",
		    "it is bound to no context, expected is %s", wanted);
	if (digest_equal(&reference->context, &evidence_no_context))
		return err_set_field(err, EVIDENCE_CONTEXT_MISMATCH, "context",
		    "it is bound to %s, expected is no context", has);
	return err_set_field(err, EVIDENCE_CONTEXT_MISMATCH, "context",
	    "it is bound to %s, expected is %s", has, wanted);
}
