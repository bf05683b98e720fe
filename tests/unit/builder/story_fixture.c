#include "story_fixture.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

struct story_calls story_calls;
void (*story_before_unpack)(void);

void __real_stage_ask_blob(struct stage *stage, const struct digest *digest,
    uint64_t size_bytes, const char *what);
int __real_stage_blob_max(struct stage *stage, const struct digest *digest,
    uint64_t max_bytes, const char *what, struct sealed **ret_raw,
    struct err *err);
void __real_stage_ask_unpack(struct stage *stage, uint64_t elf_bytes);
void __wrap_stage_ask_blob(struct stage *stage, const struct digest *digest,
    uint64_t size_bytes, const char *what);
int __wrap_stage_blob_max(struct stage *stage, const struct digest *digest,
    uint64_t max_bytes, const char *what, struct sealed **ret_raw,
    struct err *err);
void __wrap_stage_ask_unpack(struct stage *stage, uint64_t elf_bytes);

void
__wrap_stage_ask_blob(struct stage *stage, const struct digest *digest,
    uint64_t size_bytes, const char *what)
{
	story_calls.blob++;
	__real_stage_ask_blob(stage, digest, size_bytes, what);
}

int
__wrap_stage_blob_max(struct stage *stage, const struct digest *digest,
    uint64_t max_bytes, const char *what, struct sealed **ret_raw,
    struct err *err)
{
	story_calls.envelope++;
	return __real_stage_blob_max(stage, digest, max_bytes, what, ret_raw,
	    err);
}

void
__wrap_stage_ask_unpack(struct stage *stage, uint64_t elf_bytes)
{
	story_calls.unpack++;
	if (story_before_unpack != NULL)
		story_before_unpack();
	__real_stage_ask_unpack(stage, elf_bytes);
}

int __real_trust_verify_for(const struct trust_policy *policy,
    enum trust_purpose purpose, struct bytes raw,
    const struct dsse_envelope *envelope, struct verify_budget *budget,
    struct trust_verdict *ret_verdict, struct err *err);
int __wrap_trust_verify_for(const struct trust_policy *policy,
    enum trust_purpose purpose, struct bytes raw,
    const struct dsse_envelope *envelope, struct verify_budget *budget,
    struct trust_verdict *ret_verdict, struct err *err);

int
__wrap_trust_verify_for(const struct trust_policy *policy,
    enum trust_purpose purpose, struct bytes raw,
    const struct dsse_envelope *envelope, struct verify_budget *budget,
    struct trust_verdict *ret_verdict, struct err *err)
{
	story_calls.verify++;
	return __real_trust_verify_for(policy, purpose, raw, envelope, budget,
	    ret_verdict, err);
}

int __real_nodes_send(struct nodes *nodes, const struct nodes_facts *facts,
    struct err *err);
int __wrap_nodes_send(struct nodes *nodes, const struct nodes_facts *facts,
    struct err *err);

/* One thing after the other, so that a journal has one order: wait until it is
 * answered, or asked back. */
int
__wrap_nodes_send(struct nodes *nodes, const struct nodes_facts *facts,
    struct err *err)
{
	struct pollfd answer = {.fd = nodes->link, .events = POLLIN};
	int code = __real_nodes_send(nodes, facts, err);

	while (code == 0 && poll(&answer, 1, -1) < 0)
		continue;
	return code;
}

int
story_setup(void **state)
{
	story_calls = (struct story_calls){0};
	story_before_unpack = NULL;
	return fixture_setup(state);
}

void
assert_untouched(const struct receipt *receipt)
{
	struct receipt expected;

	memset(&expected, 0x5a, sizeof(expected));
	assert_memory_equal(receipt, &expected, sizeof(expected));
}

void
assert_nothing_left(const struct fixture *fixture, uint32_t foreign_domains,
    uint32_t foreign_nodes)
{
	assert_int_equal(xen_fake_domain_count(fixture->fake), foreign_domains);
	assert_int_equal(xen_fake_node_count(fixture->fake), foreign_nodes);
	assert_int_equal(count_files("state"), 0);
	assert_string_equal(fixture->fake->violation, "");
}

struct err
assert_refused_before_xen(struct fixture *fixture, int code)
{
	size_t descriptors = count_descriptors();
	struct receipt receipt;
	struct err err = {0};

	memset(&receipt, 0x5a, sizeof(receipt));
	xen_fake_forget_calls(fixture->fake);
	assert_code(fixture_build(fixture, &receipt, &err), code);
	assert_code((int)err.code, code);
	assert_untouched(&receipt);
	assert_int_equal(fixture->fake->call_count, 0);
	assert_nothing_left(fixture, 0, 0);
	assert_int_equal(count_descriptors(), descriptors);
	return err;
}

void
assert_built(struct fixture *fixture, struct receipt *ret_receipt)
{
	struct err err = {0};

	if (fixture_build(fixture, ret_receipt, &err) != 0)
		fail_msg("%s: %s", err_name(err.code), err.text);
	assert_string_equal(fixture->fake->violation, "");
}

void
set_image(struct fixture *fixture, const char *name)
{
	snprintf(fixture->request.image, sizeof(fixture->request.image), "%s",
	    name);
}
