/*
 * All that a build needs, in one call: a signed image in a store, its policy,
 * a configuration, a stage process and the fake Xen. A test breaks one thing.
 */
#ifndef ASSAY_TESTS_BUILDER_FIXTURE_H
#define ASSAY_TESTS_BUILDER_FIXTURE_H

#include "base_fixture.h"
#include "store_fixture.h"

#include "builder/build/build_domain.h"
#include "builder/verify/decide_build.h"
#include "xen_port_fake.h"

/* Where daemons run in these tests: two ids that cannot be taken for one. */
enum { XENSTORED = 1, XENCONSOLED = 2 };

#define GOOD_UUID "6a2f3f1c-0b6e-4a54-9a55-8a7f2f3b9d11"

/* What the supervisor would have drawn: 16 such bytes. */
enum { BENCH_HANDLE = 0xab };
#define BENCH_HANDLE_TEXT "abababab-abab-abab-abab-abababababab"

struct fixture {
	struct xen_fake *fake;
	struct xen_port port;
	struct trust_policy *policy;
	struct daemon_config config;
	struct kept_blobs kept;
	struct verdict_cache verdicts;
	struct stage stage;
	pid_t stage_pid;
	struct nodes nodes; /* of the last build */
	pid_t nodes_pid;
	struct trust_in_force held; /* its root is `policy` */
	struct decision_env decide;
	struct build_env env;
	struct verify_budget budget; /* of the last build, or the next */
	struct caller caller;
	struct build_request request;
	struct order order; /* of the last build */
	struct image_pieces *pieces;
	bool left_behind;
	struct timing timing; /* of the last build */
	int supervisor_fd;    /* what a build asks the tpm role arrives here */
	enum err_code record_outcome; /* what it answers, and as event 3 */
};

#define BENCH_MEASUREMENT 0x44 /* each byte of what the tpm role answers */

/*
 * cmocka setup and teardown, with a fresh working directory: "store" holds
 * web:1 with rollback index 17, memory 128 to 4096 MiB, 1 to 8 vcpus;
 * "libxl" and "state" are empty.
 */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* The request of the good case: web as domain "guest", 256 MiB, 2 vcpus. */
struct build_request good_build_request(void);

/* As the kernel says it. */
struct caller user_caller(uint32_t uid);

/* A receipt with all members set. */
struct receipt good_receipt(void);

/* A configuration of the fixture's directories. */
struct daemon_config good_config(void);

/*
 * Pack, sign and add an image to "store"; its directory is "dir-NAME-VERSION".
 * Returns the envelope's digest.
 */
struct digest add_image(enum signer signer, const char *name,
    const char *version, int64_t rollback_index);

/* The same of a request that the test has changed. */
struct digest add_packed(enum signer signer,
    const struct pack_request *request);

/* "store/blobs/sha256/<hex>" */
void stored_path(const struct digest *digest, char ret_path[128]);
struct digest digest_of_file(const char *path);

/* This policy decides from now on. Takes it. */
void fixture_take_policy(struct fixture *fixture, struct trust_policy *policy);

/* A stage of one's own, without a store; to be ended. */
struct stage start_stage(pid_t *ret_pid);
void end_stage(struct stage *stage, pid_t pid);
void give_store(struct stage *stage, const char *path);

/* A nodes role of one's own on the fake, as each build and each removal has it.
 * Of what it is told some may come once only. */
void fixture_renew_nodes(struct fixture *fixture);

/* The fake that a nodes role of this process, or of a child, is on. */
extern struct xen_fake *store_fake;

/* Of what the chain at this path, or "", makes of the policy. */
struct trust_id mark_of(const struct trust_policy *root, const char *path);

/* What choosing an image needs, by the fixture's policy and without an index.
 */
struct image_source fixture_source(struct fixture *fixture);

/* Run both stories, as one request: nothing of the budget is used yet. */
int fixture_build(struct fixture *fixture, struct receipt *ret_receipt,
    struct err *err);

#define fixture_test(test) \
	cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
#define directory_test(test) \
	cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)

#endif
