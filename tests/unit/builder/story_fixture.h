/*
 * For tests of the story, build_domain(): what it asks of the stage and how
 * often it verifies, and what must hold after a build or a refusal.
 */
#ifndef ASSAY_TESTS_STORY_FIXTURE_H
#define ASSAY_TESTS_STORY_FIXTURE_H

#include "builder_fixture.h"

/* Since the test began, or since the test set them. */
extern struct story_calls {
	unsigned int blob;     /* of the stage: fetch a blob */
	unsigned int envelope; /* of the stage: fetch an envelope */
	unsigned int unpack;   /* of the stage: unpack the kernel */
	unsigned int verify;   /* trust_verify_for() */
} story_calls;

/* Called, unless NULL, after the compressed kernel was checked and before it is
 * unpacked. */
extern void (*story_before_unpack)(void);

/* fixture_setup(), with nothing counted yet. */
int story_setup(void **state);

#define story_test(test) \
	cmocka_unit_test_setup_teardown(test, story_setup, fixture_teardown)

/* Ask for this image. */
void set_image(struct fixture *fixture, const char *name);

/* Build what `fixture` asks for, or fail with the reason. */
void assert_built(struct fixture *fixture, struct receipt *ret_receipt);

/* Refused with this code, and Xen was not even asked. The error. */
struct err assert_refused_before_xen(struct fixture *fixture, int code);

/* All bytes are 0x5a still. */
void assert_untouched(const struct receipt *receipt);

/* No domain of ours, no node of ours, no record. */
void assert_nothing_left(const struct fixture *fixture,
    uint32_t foreign_domains, uint32_t foreign_nodes);

#endif
