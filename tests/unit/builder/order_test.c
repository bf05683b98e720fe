/*
 * An order comes from a role that may be taken over: whatever it is, nothing
 * but a legal one gets past the check. One change for each row.
 */
#include "builder_fixture.h"

#include <string.h>

static struct order
good_order(void)
{
	struct order order = {
	    .image = {.name = "web",
		.version = "1",
		.role = "prod",
		.rollback_location = "web",
		.signer_count = 2},
	    .shape = {.elf = {.size_bytes = LIMIT_MIB(20)},
		.has_ramdisk = true,
		.ramdisk = {.size_bytes = LIMIT_MIB(30)}},
	    .kernel = {.size_bytes = LIMIT_MIB(5)},
	    .is_packed = true,
	    .cmdline = "console=hvc0",
	};

	return order;
}

static void
assert_order(const struct order *order, int code, const char *what)
{
	struct build_request request = good_build_request();
	struct err err = {0};
	int found = order_check(order, &request, &err);

	if (found != code)
		fail_msg("%s: %s", what, err_name((enum err_code)found));
}

static void
pass_over(struct order *order, uint32_t count)
{
	order->passed_over = (struct passed_over){.count = count};
	for (uint32_t i = 0; i < count && i < LIMIT_PASSED_OVER; i++) {
		strcpy(order->passed_over.images[i].version, "0.9");
		order->passed_over.images[i].code = IMAGE_REVOKED;
	}
}

static void
set_byte(bool *member)
{
	memset(member, 2, 1);
}

static void
order_that_is_legal_is_taken(void **state)
{
	struct order order = good_order();

	(void)state;
	assert_order(&order, 0, "good");
	order.shape.has_ramdisk = false;
	order.cmdline[0] = '\0';
	assert_order(&order, 0, "without a ramdisk");
	pass_over(&order, LIMIT_PASSED_OVER);
	assert_order(&order, 0, "with all that can be told");
	order.passed_over.count = LIMIT_INDEX_IMAGES;
	assert_order(&order, 0, "with more than that");
}

/* What is written down about a domain is read by the next assayd: it would not
 * start. */
static void
order_passes_over_what_it_tells(void **state)
{
	struct order order = good_order();

	(void)state;
	pass_over(&order, 1);
	assert_order(&order, 0, "one");
	order.passed_over.count = 2;
	assert_order(&order, ORDER_BROKEN, "one that is not told");
	order.passed_over.count = 0;
	assert_order(&order, ORDER_BROKEN, "told of none");
	pass_over(&order, LIMIT_PASSED_OVER);
	order.passed_over.count = LIMIT_INDEX_IMAGES + 1;
	assert_order(&order, ORDER_BROKEN, "more than there can be");
	pass_over(&order, LIMIT_PASSED_OVER);
	order.passed_over.images[3].code = ERR_NONE;
	assert_order(&order, ORDER_BROKEN, "for no reason");
	order = good_order();
	order.image.rollback_index = -1;
	assert_order(&order, ORDER_BROKEN, "an index below zero");
}

static void
order_with_a_bool_that_is_none_is_refused(void **state)
{
	struct order order;

	(void)state;
	for (int i = 0; i < 5; i++) {
		order = good_order();
		set_byte(i == 0   ? &order.image.is_debug
			 : i == 1 ? &order.shape.has_ramdisk
			 : i == 2 ? &order.is_packed
			 : i == 3 ? &order.must_unpack
				  : &order.decided_by.has_store);
		assert_order(&order, ORDER_BROKEN, "a bool");
	}
}

static void
order_with_a_text_without_end_is_refused(void **state)
{
	struct order order;

#define ENDLESS(member)                                                 \
	do {                                                            \
		order = good_order();                                   \
		memset(order.member, 'a', sizeof(order.member));        \
		assert_order(&order, ORDER_BROKEN, "endless " #member); \
	} while (0)

	(void)state;
	ENDLESS(image.name);
	ENDLESS(image.version);
	ENDLESS(image.role);
	ENDLESS(image.rollback_location);
	ENDLESS(cmdline);
	ENDLESS(passed_over.images[3].version);
#undef ENDLESS
}

static void
order_with_an_illegal_text_is_refused(void **state)
{
	struct order order;

#define ILLEGAL(member, text)                                           \
	do {                                                            \
		order = good_order();                                   \
		strcpy(order.member, text);                             \
		assert_order(&order, ORDER_BROKEN, "illegal " #member); \
	} while (0)

	(void)state;
	ILLEGAL(image.name, "other"); /* than the one that was asked for */
	ILLEGAL(image.name, "../web");
	ILLEGAL(image.version, "1 2");
	ILLEGAL(image.rollback_location, "");
	ILLEGAL(image.role, "pr\nod");
	ILLEGAL(image.role, "prod or so"); /* no event could hold it */
	ILLEGAL(image.role, "");
	ILLEGAL(cmdline, "quiet\tsplash");
#undef ILLEGAL
	order = good_order();
	pass_over(&order, 1);
	strcpy(order.passed_over.images[0].version, "\x1b[2J");
	assert_order(&order, ORDER_BROKEN, "a version");
	strcpy(order.passed_over.images[0].version, "1 code=0");
	assert_order(&order, ORDER_BROKEN, "a version with a space");
	pass_over(&order, 1);
	order.passed_over.images[0].code = (enum err_code)12345;
	assert_order(&order, ORDER_BROKEN, "an unknown code");
	order = good_order();
	order.image.signer_count = LIMIT_SIGNATURES + 1;
	assert_order(&order, ORDER_BROKEN, "signers");
}

static void
order_beyond_a_limit_is_refused(void **state)
{
	struct order order = good_order();

	(void)state;
	order.kernel.size_bytes = LIMIT_KERNEL_BYTES + 1;
	assert_order(&order, ORDER_BROKEN, "kernel");
	order = good_order();
	order.shape.elf.size_bytes = LIMIT_KERNEL_BYTES + 1;
	assert_order(&order, ORDER_BROKEN, "ELF");
	order = good_order();
	order.shape.ramdisk.size_bytes = UINT64_MAX;
	assert_order(&order, ORDER_BROKEN, "ramdisk");
	/* 256 MiB were asked for. */
	order = good_order();
	order.shape.ramdisk.size_bytes = LIMIT_MIB(236);
	assert_order(&order, LIMIT_EXCEEDED, "more than its memory");
	order.shape.ramdisk.size_bytes = LIMIT_MIB(236) - 1;
	assert_order(&order, 0, "just less than its memory");
	order.shape.has_ramdisk = false;
	order.shape.ramdisk.size_bytes = UINT64_MAX; /* of none */
	assert_order(&order, 0, "no ramdisk");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(order_that_is_legal_is_taken),
	    cmocka_unit_test(order_passes_over_what_it_tells),
	    cmocka_unit_test(order_with_a_bool_that_is_none_is_refused),
	    cmocka_unit_test(order_with_a_text_without_end_is_refused),
	    cmocka_unit_test(order_with_an_illegal_text_is_refused),
	    cmocka_unit_test(order_beyond_a_limit_is_refused),
	};

	return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
