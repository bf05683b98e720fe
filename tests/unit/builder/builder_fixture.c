#include "builder/build/domain_spec.h"
#include "builder_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/nodes/nodes_role.h"
#include "builder/stage/stage_role.h"
#include "builder/xen/store_xenstored.h"
#include "image-store/layout.h"
#include "image-store/pack/layout_add.h"
#include "image-store/pack/layout_write.h"
#include "base/uuid_make.h"

struct build_request
good_build_request(void)
{
	struct build_request request = {
	    .image = "web",
	    .guest = {.name = "guest", .memory_mib = 256, .vcpus = 2},
	};

	assert_true(uuid_from_text(GOOD_UUID, request.guest.uuid));
	return request;
}

struct caller
user_caller(uint32_t uid)
{
	return (struct caller){
	    .kind = CALLER_USER,
	    .user = {.uid = uid, .gid = uid + 1, .pid = 77},
	};
}

struct receipt
good_receipt(void)
{
	struct build_request request = good_build_request();
	const struct grant_daemons daemons = {XENSTORED, XENCONSOLED};
	struct err err;
	struct receipt receipt = {
	    .domid = 9,
	    .caller = user_caller(1000),
	    .guest = request.guest,
	    .image =
		{
		    .name = "web",
		    .version = "1",
		    .role = "prod",
		    .is_debug = true,
		    .signer_count = 2,
		    .rollback_location = "web",
		    .rollback_index = 17,
		},
	    .was_cached = true,
	    .sequence = 3,
	    .grants = {{{1, 2, 0x1234}, {1, 1, 0xfffffffe}}},
	    .passed_over = {.count = 7,
		.images = {{"0", IMAGE_REVOKED}, {"1.1", KEY_REVOKED},
		    {"2", IMAGE_EXPIRED}, {"3", IMAGE_ROLLBACK}}},
	};

	memset(receipt.image.envelope.bytes, 0x11, DIGEST_BYTES);
	memset(receipt.image.payload.bytes, 0x22, DIGEST_BYTES);
	memset(receipt.measurement.bytes, 0x33, DIGEST_BYTES);
	assert_int_equal(domain_spec_encode(&request, &daemons,
			     receipt.configuration, &receipt.config, &err),
	    0);
	memset(receipt.image.signers, 0x44, DIGEST_BYTES);
	memset(receipt.image.signers[1].bytes, 0x55, DIGEST_BYTES);
	for (uint32_t i = 0; i < TIMING_PHASE_COUNT; i++)
		receipt.timing.phase_usec[i] = i + 1;
	return receipt;
}

struct trust_id
mark_of(const struct trust_policy *root, const char *path)
{
	CLEANUP(trust_in_force_done) struct trust_in_force trust = {0};
	CLEANUP(freep) char *chain = NULL;
	struct err err = {0};
	size_t len;

	if (trust_in_force_read(path, &chain, &len, &err) != 0 ||
	    trust_in_force_follow(root, path, bytes_of(chain, len), &trust,
		&err) != 0)
		fail_msg("%s", err.text);
	return trust_in_force_id(&trust);
}

struct daemon_config
good_config(void)
{
	struct daemon_config config = {
	    .store = "store",
	    .trust = "trust.json",
	    .socket = "run/socket",
	    .state = "state",
	    .libxl_dir = "libxl",
	    .allow_uids = {0},
	    .allow_uid_count = 1,
	    .daemons = {XENSTORED, XENCONSOLED},
	    .users.of = {65520, 65521, 65522, 65523, 65524},
	    .build_seconds = 120,
	    .builds_per_hour = 100000,
	};

	config.allow_uids[0] = geteuid();
	return config;
}

struct digest
digest_of_file(const char *path)
{
	CLEANUP(buffer_done) struct buffer file = read_file(path);
	struct digest digest;
	struct err err;

	assert_code(digest_of(buffer_bytes(&file), &digest, &err), 0);
	return digest;
}

void
stored_path(const struct digest *digest, char ret_path[128])
{
	char path[LAYOUT_BLOB_PATH_SIZE];

	layout_blob_path(digest, path);
	snprintf(ret_path, 128, "store/%s", path);
}

struct digest
add_image(enum signer signer, const char *name, const char *version,
    int64_t rollback_index)
{
	struct pack_request request = good_request();

	snprintf(request.manifest.name, sizeof(request.manifest.name), "%s",
	    name);
	snprintf(request.manifest.version, sizeof(request.manifest.version),
	    "%s", version);
	request.manifest.rollback_index = rollback_index;
	return add_packed(signer, &request);
}

struct digest
add_packed(enum signer signer, const struct pack_request *request)
{
	CLEANUP(freep) char *envelope = NULL;
	struct manifest manifest;
	char dir[160];
	char path[200];
	struct err err;

	snprintf(dir, sizeof(dir), "dir-%s-%s", request->manifest.name,
	    request->manifest.version);
	if (image_dir_pack(request, dir, &manifest, &err) != 0)
		fail_msg("pack: %s", err.text);
	envelope = sign_manifest(signer, &manifest);
	snprintf(path, sizeof(path), "%s/%s", dir, IMAGE_DIR_ENVELOPE);
	write_file(path, bytes_of_str(envelope));
	if (layout_add("store", dir, false, &err) != 0)
		fail_msg("add: %s", err.text);
	return digest_of_file(path);
}

static void give_tpm_role(struct fixture *fixture);
static void end_nodes(struct fixture *fixture);

struct xen_fake *store_fake;

int __wrap_store_xenstored_open(struct store_port *ret_port, struct err *err);

int
__wrap_store_xenstored_open(struct store_port *ret_port, struct err *err)
{
	(void)err;
	*ret_port = xen_fake_store(store_fake);
	return 0;
}

void
fixture_renew_nodes(struct fixture *fixture)
{
	struct role_start start = {
	    .parent_pid = getpid(),
	    .config = fixture->config,
	};
	int link[2];
	struct err err;

	end_nodes(fixture);
	assert_code(ipc_pair(link, &err), 0);
	fixture->nodes_pid = fork();
	if (fixture->nodes_pid == 0)
		nodes_role_run(&start, link[1]);
	close(link[1]);
	fixture->nodes.link = link[0];
}

static void
end_nodes(struct fixture *fixture)
{
	if (fixture->nodes_pid == 0)
		return;
	closep(&fixture->nodes.link);
	waitpid(fixture->nodes_pid, NULL, 0);
	fixture->nodes_pid = 0;
}

struct stage
start_stage(pid_t *ret_pid)
{
	int parent_pid = getpid();
	int link[2];
	struct err err;

	assert_code(ipc_pair(link, &err), 0);
	*ret_pid = fork();
	if (*ret_pid == 0)
		stage_role_run(65521, parent_pid, link[1]);
	close(link[1]);
	return (struct stage){.fd = link[0]};
}

void
end_stage(struct stage *stage, pid_t pid)
{
	closep(&stage->fd);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

void
give_store(struct stage *stage, const char *path)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_DIRECTORY);
	struct err err;

	assert_true(fd >= 0);
	stage_give_store(stage, fd);
	assert_code(stage_has_store(stage, &err), 0);
}

void
fixture_take_policy(struct fixture *fixture, struct trust_policy *policy)
{
	trust_freep(&fixture->policy);
	fixture->policy = policy;
	fixture->held.root = policy;
}

struct image_source
fixture_source(struct fixture *fixture)
{
	return (struct image_source){
	    .policy = fixture->policy,
	    .known = &fixture->verdicts,
	    .stage = &fixture->stage,
	    .link = fixture->decide.link,
	    .budget = &fixture->budget,
	    .timing = &fixture->timing,
	};
}

int
fixture_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct err err;

	*state = fixture;
	if (fixture == NULL || enter_directory(NULL) != 0)
		return -1;
	assert_int_equal(mkdir("libxl", 0700), 0);
	assert_int_equal(mkdir("state", 0700), 0);
	assert_code(layout_init("store", &err), 0);
	add_image(SIGNER_PROD, "web", "1", 17);
	fixture->fake = store_fake = xen_fake_new();
	fixture->nodes = (struct nodes){.link = -1, .xen = &fixture->port};
	fixture->port = xen_fake_port(fixture->fake);
	fixture->policy = make_policy(1);
	verify_budget_init(&fixture->budget);
	fixture->config = good_config();
	fixture->request = good_build_request();
	fixture->caller = user_caller(fixture->config.allow_uids[0]);
	fixture->stage = start_stage(&fixture->stage_pid);
	give_store(&fixture->stage, fixture->config.store);
	fixture->held.root = fixture->policy;
	fixture->decide = (struct decision_env){
	    .config = &fixture->config,
	    .caller = &fixture->caller,
	    .held = &fixture->held,
	    .chain_fd = -1,
	    .known = &fixture->verdicts,
	    .stage = &fixture->stage,
	    .budget = &fixture->budget,
	    .link = -1,
	    .timing = &fixture->timing,
	};
	fixture->env = (struct build_env){
	    .pieces = {&fixture->kept, &fixture->stage, -1, &fixture->timing},
	    .place = {&fixture->port, &fixture->nodes, &fixture->config.daemons,
		-1, &fixture->left_behind, &fixture->timing},
	    .record.timing = &fixture->timing,
	    .pieces_used = &fixture->pieces,
	};
	give_tpm_role(fixture);
	fixture_renew_nodes(fixture);
	return 0;
}

static void
give_tpm_role(struct fixture *fixture)
{
	struct err err;
	int link[2];

	assert_code(ipc_pair(link, &err), 0);
	fixture->env.record.link = link[1];
	fixture->supervisor_fd = link[0];
}

int
fixture_teardown(void **state)
{
	struct fixture *fixture = *state;

	close(fixture->env.record.link);
	close(fixture->supervisor_fd);
	end_nodes(fixture);
	end_stage(&fixture->stage, fixture->stage_pid);
	for (size_t i = 0; i < fixture->kept.count; i++)
		sealed_freep(&fixture->kept.sealed[i]);
	trust_freep(&fixture->policy);
	xen_fake_free(fixture->fake);
	free(fixture);
	signers_done();
	return leave_directory(NULL);
}

/* The socket keeps the answer until it is asked for; what the last build left
 * there goes. */
static void
prepare_answer(const struct fixture *fixture)
{
	struct rules_answer answer = {
	    .kind = RULES_RECORDED,
	    .recorded.sequence = 3,
	};
	struct err err = {0};
	char left[16];

	while (
	    recv(fixture->env.record.link, left, sizeof(left), MSG_DONTWAIT) >
		0 ||
	    recv(fixture->supervisor_fd, left, sizeof(left), MSG_DONTWAIT) > 0)
		continue;
	memset(answer.recorded.measurement.bytes, BENCH_MEASUREMENT,
	    DIGEST_BYTES);
	if (fixture->record_outcome != ERR_NONE)
		err_wire_from(&answer.recorded.outcome,
		    err_set(&err, fixture->record_outcome, "as the test says"),
		    &err);
	assert_code(
	    ipc_send(fixture->supervisor_fd, &answer, sizeof(answer), -1, &err),
	    0);
}

int
fixture_build(struct fixture *fixture, struct receipt *ret_receipt,
    struct err *err)
{
	int code;

	prepare_answer(fixture);
	memset(fixture->env.handle, BENCH_HANDLE, UUID_BYTES);
	fixture->budget.verifications = 0;
	fixture->budget.envelope_bytes = 0;
	timing_start(&fixture->timing);
	TRY(decide_build(&fixture->decide, &fixture->request, &fixture->order,
	    err));
	fixture_renew_nodes(fixture);
	code = build_domain(&fixture->env, &fixture->request, &fixture->order,
	    ret_receipt, err);
	image_pieces_freep(&fixture->pieces);
	return code;
}
