#include "builder/build/build_domain.h"

#include "base/scope.h"
#include "builder/build/build_record.h"
#include "builder/build/domain_spec.h"

/* Order is the argument: freeze, check, make, load, preload, record, run. */
int
build_domain(const struct build_env *env, const struct build_request *request,
    const struct order *order, struct receipt *ret_receipt, struct err *err)
{
	CLEANUP(domain_abortp) struct domain *dom = NULL;
	struct receipt receipt = {.guest = request->guest};
	struct event_build event;

	/* Is it an order for what was asked? */
	TRY(request_check(request, err));
	TRY(order_check(order, request, err));

	/* Take bytes that can no longer change, and that have its digests. */
	TRY(piece_fetch(&env->pieces, order, env->pieces_used,
	    &receipt.was_cached, err));

	/* Refuse whatever can be refused before anything exists. */
	TRY(domain_check_free(&env->place, &request->guest, err));

	/* Make it. It stays paused, and dies with this scope unless
	 * committed. */
	TRY(domain_create(&env->place, &request->guest, env->handle, &dom,
	    err));
	TRY(domain_announce(dom, order, err));
	TRY(domain_load(dom, order, *env->pieces_used, err));
	TRY(domain_preload(dom, &receipt.grants, err));

	/* Write down what it is. */
	receipt.domid = domain_id(dom);
	receipt.image = order->image;
	receipt.passed_over = order->passed_over;
	TRY(domain_spec_encode(request, env->place.daemons,
	    receipt.configuration, &receipt.config, err));
	TRY(build_record_event(&receipt, order, &event, err));

	/* Put that on record before it can run. */
	TRY(build_record_put(&env->record, &order->decided_by, &event, &receipt,
	    err));

	/* Let it go. */
	TRY(domain_publish(dom, err));
	TRY(domain_introduce(dom, err));
	TRY(domain_name(dom, err));
	if (!request->is_paused)
		TRY(domain_unpause(dom, err));
	domain_commit(&dom);

	receipt.timing = *env->place.timing;
	*ret_receipt = receipt;
	return 0;
}
