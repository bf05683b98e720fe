/*
 * The stage as a process; and a stage that was taken over, played by a child
 * that answers whatever it likes.
 */
#include "builder/setup/landlock.h"
#include "builder_fixture.h"
#include "link_trials.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/build/stage_pieces.h"
#include "builder/ipc_now.h"
#include "builder/stage/stage_role.h"
#include "builder/err_wire.h"
#include "builder/sandbox.h"
#include "builder/stage_link.h"
#include "image-store/pack/store_index_write.h"

enum { CALL_BYTES = 4096 }; /* no call is longer */

/* As the build child takes them. */
static int
take_pieces(struct stage *stage, size_t size_bytes, struct sealed **ret_sealed,
    struct err *err)
{
	CLEANUP(sealed_receiver_freep) struct sealed_receiver *receiver = NULL;
	int fd = -1;

	assert_code(sealed_receiver_new(size_bytes, "blob", &receiver, err), 0);
	for (;;) {
		TRY(stage_next_piece(stage, &fd, err));
		if (fd < 0)
			return sealed_receiver_finish(take_ptr(&receiver),
			    ret_sealed, err);
		TRY(sealed_receiver_add(receiver, fd, NULL, err));
	}
}

static void
stage_lists_what_the_index_claims(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(layout_list_done) struct layout_list all = {0};
	CLEANUP(layout_list_done) struct layout_list named = {0};
	CLEANUP(layout_list_done) struct layout_list none = {0};
	struct err err;

	add_image(SIGNER_PROD, "web2", "1", 17);
	assert_code(stage_list(&fixture->stage, NULL, &all, &err), 0);
	assert_int_equal(all.count, 2);
	assert_code(stage_list(&fixture->stage, "web2", &named, &err), 0);
	assert_int_equal(named.count, 1);
	assert_string_equal(named.entries[0].claimed_name, "web2");
	assert_code(stage_list(&fixture->stage, "other", &none, &err), 0);
	assert_int_equal(none.count, 0);
}

static void
stage_gives_blobs_in_sealed_memory(void **state)
{
	struct fixture *fixture = *state;
	struct digest digest = digest_of_file("dir-web-1/ramdisk");
	CLEANUP(buffer_done)
	struct buffer file = read_file("dir-web-1/ramdisk");
	CLEANUP(sealed_freep) struct sealed *exact = NULL;
	CLEANUP(sealed_freep) struct sealed *most = NULL;
	struct err err;
	size_t count;

	stage_ask_blob(&fixture->stage, &digest, file.len, "ramdisk");
	assert_code(take_pieces(&fixture->stage, file.len, &exact, &err), 0);
	assert_true(bytes_equal(sealed_bytes(exact), buffer_bytes(&file)));
	assert_code(stage_blob_max(&fixture->stage, &digest, file.len,
			"ramdisk", &most, &err),
	    0);
	assert_int_equal(fcntl(sealed_fds(exact, &count)[0], F_GET_SEALS) &
			     F_SEAL_WRITE,
	    F_SEAL_WRITE);
}

/* More than one piece, and unpacked from what the stage kept. */
static void
stage_unpacks_the_last_blob_in_pieces(void **state)
{
	struct fixture *fixture = *state;
	struct elf_recipe recipe = good_elf;
	CLEANUP(buffer_done) struct buffer elf = {0};
	CLEANUP(buffer_done) struct buffer kernel = {0};
	CLEANUP(sealed_freep) struct sealed *stored = NULL;
	CLEANUP(sealed_freep) struct sealed *unpacked = NULL;
	struct digest digest;
	struct err err;
	char path[128];
	size_t count;

	recipe.content_bytes = 5 << 20;
	elf = make_elf(&recipe);
	kernel = make_bzimage(LZ4, buffer_bytes(&elf));
	assert_code(digest_of(buffer_bytes(&kernel), &digest, &err), 0);
	stored_path(&digest, path);
	write_file(path, buffer_bytes(&kernel));

	stage_ask_blob(&fixture->stage, &digest, kernel.len, "kernel");
	assert_code(take_pieces(&fixture->stage, kernel.len, &stored, &err), 0);
	for (int i = 0; i < 2; i++) {
		sealed_freep(&unpacked);
		stage_ask_unpack(&fixture->stage, elf.len);
		assert_code(
		    take_pieces(&fixture->stage, elf.len, &unpacked, &err), 0);
		assert_true(
		    bytes_equal(sealed_bytes(unpacked), buffer_bytes(&elf)));
		sealed_fds(unpacked, &count);
		assert_int_equal(count, 3);
	}
}

static void
stage_gives_the_envelope_of_the_store_index(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(freep)
	char *envelope = sign_payload(SIGNER_STRANGER,
	    "application/vnd.assay.store-index.v1+json",
	    "{\"schema\":\"assay.store-index/1\",\"epoch\":1,"
	    "\"expires\":null,\"images\":[]}");
	CLEANUP(sealed_freep) struct sealed *raw = NULL;
	struct err err;

	assert_code(stage_store_index(&fixture->stage, &raw, &err),
	    STORE_INDEX_MISSING);
	assert_null(raw);
	assert_code(store_index_put("store", bytes_of_str(envelope), &err), 0);
	assert_code(stage_store_index(&fixture->stage, &raw, &err), 0);
	assert_true(bytes_equal(sealed_bytes(raw), bytes_of_str(envelope)));
}

static void
stage_refuses_and_goes_on(void **state)
{
	struct fixture *fixture = *state;
	struct stage *stage = &fixture->stage;
	struct digest missing = {{0x77}};
	struct digest digest = digest_of_file("dir-web-1/ramdisk");
	CLEANUP(buffer_done)
	struct buffer file = read_file("dir-web-1/ramdisk");
	CLEANUP(sealed_freep) struct sealed *ramdisk = NULL;
	struct sealed *raw = NULL;
	struct err err;

	stage_ask_blob(stage, &missing, 5, "kernel");
	assert_code(take_pieces(stage, 5, &raw, &err), STORE_IO);
	stage_ask_blob(stage, &digest, 5, "ramdisk");
	assert_code(take_pieces(stage, 5, &raw, &err), IMAGE_SIZE_MISMATCH);
	assert_code(stage_blob_max(stage, &digest, 5, "ramdisk", &raw, &err),
	    IMAGE_TOO_LARGE);
	stage_ask_blob(stage, &digest, file.len, "ramdisk");
	assert_code(take_pieces(stage, file.len, &ramdisk, &err), 0);
	stage_ask_unpack(stage, 100);
	assert_code(take_pieces(stage, 100, &raw, &err), KERNEL_FORMAT_UNKNOWN);
	assert_null(raw);
	/* What was refused is not unpacked: the last one is forgotten. */
	stage_ask_blob(stage, &missing, 5, "kernel");
	assert_code(take_pieces(stage, 5, &raw, &err), STORE_IO);
	stage_ask_unpack(stage, 100);
	assert_code(take_pieces(stage, 100, &raw, &err), BUG);
}

static void
stage_takes_only_a_store(void **state)
{
	static const char *const others[] = {"kernel.in", "empty"};

	(void)state;
	assert_int_equal(mkdir("empty", 0755), 0);
	for (size_t i = 0; i < countof(others); i++) {
		CLEANUP(closep) int fd = open(others[i], O_RDONLY);
		pid_t pid;
		struct stage stage = start_stage(&pid);
		struct err err;

		stage_give_store(&stage, fd);
		assert_code(stage_has_store(&stage, &err), STORE_MALFORMED);
		closep(&stage.fd);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
}

static bool looks_beside; /* a stage, at a file that is in no store */

int __real_layout_check(int store_fd, struct err *err);
int __wrap_layout_check(int store_fd, struct err *err);

int
__wrap_layout_check(int store_fd, struct err *err)
{
	const struct open_how how = {.flags = O_RDONLY};

	if (looks_beside && (syscall(SYS_openat2, store_fd, "../kernel.in",
				 &how, sizeof(how)) != -1 ||
				errno != EACCES))
		return err_set(err, BUG, "beside its store");
	return __real_layout_check(store_fd, err);
}

static void
stage_reads_nothing_beside_its_store(void **state)
{
	pid_t pid;
	struct stage stage;

	(void)state;
	if (!landlock_is_there()) {
		print_message("skipped: the kernel has no Landlock\n");
		skip();
	}
	assert_int_equal(chmod("kernel.in", 0644), 0);
	assert_int_equal(chmod(".", 0755), 0);
	looks_beside = true;
	stage = start_stage(&pid);
	looks_beside = false;
	give_store(&stage, "store");
	closep(&stage.fd);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Which would be read beneath the first one only. */
static void
stage_takes_one_store(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(closep) int again = open("store", O_RDONLY | O_DIRECTORY);
	struct err err;

	stage_give_store(&fixture->stage, again);
	assert_code(stage_has_store(&fixture->stage, &err), STAGE_FAILED);
}

static int
begin_empty(pid_t *ret_pid)
{
	return start_stage(ret_pid).fd;
}

static int
begin_with_a_store(pid_t *ret_pid)
{
	struct stage stage = start_stage(ret_pid);

	give_store(&stage, "store");
	return stage.fd;
}

static void
stage_that_is_asked_what_its_table_does_not_have_ends(void **state)
{
	(void)state;
	trials_at_role(&stage_calls, STAGE_EMPTY, begin_empty);
	trials_at_role(&stage_calls, STAGE_FILLED, begin_with_a_store);
}

static void
stage_without_a_store_gives_nothing(void **state)
{
	pid_t pid;
	struct stage stage = start_stage(&pid);
	CLEANUP(layout_list_done) struct layout_list list = {0};
	struct digest digest = {{0}};
	struct sealed *raw = NULL;
	struct err err;

	(void)state;
	assert_int_not_equal(stage_list(&stage, NULL, &list, &err), 0);
	stage_ask_blob(&stage, &digest, 5, "kernel");
	assert_int_not_equal(take_pieces(&stage, 5, &raw, &err), 0);
	assert_null(raw);
	end_stage(&stage, pid);
}

static void
stage_runs_in_its_sandbox(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(buffer_done) struct buffer status = {0};
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status",
	    (int)fixture->stage_pid);
	status = read_file(path);
	buffer_add(&status, "", 1);
	assert_has((char *)status.ptr, "Seccomp:\t2\n");
	if (geteuid() != 0)
		return;
	assert_has((char *)status.ptr, "Uid:\t65521\t65521\t65521\t65521\n");
	/* Standard streams, the link and the store: no socket, no Xen. */
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)fixture->stage_pid);
	assert_int_equal(count_files(path), 3 + 2);
}

static void
stage_ends_when_its_build_closes_the_link(void **state)
{
	struct fixture *fixture = *state;

	closep(&fixture->stage.fd);
	assert_int_equal(waitpid(fixture->stage_pid, NULL, 0),
	    fixture->stage_pid);
}

/* --- a stage that was taken over ------------------------------------- */

static pid_t hostile_pid;

static struct stage
hostile_stage(void (*answer)(int link))
{
	int link[2];
	struct err err;

	assert_code(ipc_pair(link, &err), 0);
	hostile_pid = fork();
	if (hostile_pid == 0) {
		char call[CALL_BYTES];

		close(link[0]);
		alarm(20);
		(void)!read(link[1], call, sizeof(call));
		answer(link[1]);
		/* The reader says when it has seen enough. */
		while (read(link[1], call, sizeof(call)) > 0)
			answer(link[1]);
		_exit(0);
	}
	close(link[1]);
	return (struct stage){.fd = link[0]};
}

static void
send_answer(int link, const struct stage_answer *answer, int fd)
{
	static const size_t bytes[] = {
	    [STAGE_ENTRY] = LINK_BYTES(stage_answer, entry),
	    [STAGE_PIECE] = LINK_KIND_BYTES,
	    [STAGE_MEMORY] = LINK_BYTES(stage_answer, outcome),
	    [STAGE_END] = LINK_BYTES(stage_answer, outcome),
	};
	struct err err;

	ipc_send(link, answer,
	    answer->kind < countof(bytes) ? bytes[answer->kind] : 4, fd, &err);
}

static void
assert_envelope_refused(void (*answer)(int link), int code, const char *why)
{
	struct stage stage = hostile_stage(answer);
	size_t descriptors = count_descriptors();
	struct digest digest = {{0}};
	struct sealed *raw = NULL;
	struct err err = {0};

	assert_code(
	    stage_blob_max(&stage, &digest, 100, "manifest", &raw, &err), code);
	assert_has(err.text, why);
	assert_null(raw);
	assert_int_equal(count_descriptors(), descriptors);
	end_stage(&stage, hostile_pid);
}

static void
assert_pieces_refused(void (*answer)(int link), const char *why)
{
	struct stage stage = hostile_stage(answer);
	size_t descriptors = count_descriptors();
	struct sealed *raw = NULL;
	struct err err = {0};

	stage_ask_unpack(&stage, 100);
	assert_code(take_pieces(&stage, 100, &raw, &err), STAGE_FAILED);
	assert_has(err.text, why);
	assert_null(raw);
	assert_int_equal(count_descriptors(), descriptors);
	end_stage(&stage, hostile_pid);
}

static void
answer_without_memory(int link)
{
	send_answer(link, &(struct stage_answer){.kind = STAGE_END}, -1);
}

static void
answer_with_a_file(int link)
{
	send_answer(link, &(struct stage_answer){.kind = STAGE_MEMORY},
	    open("/dev/null", O_RDONLY));
}

static void
answer_with_open_memory(int link)
{
	int fd = memfd_create("open", MFD_ALLOW_SEALING);

	(void)!write(fd, "x", 1);
	send_answer(link, &(struct stage_answer){.kind = STAGE_MEMORY}, fd);
}

static void
answer_with_too_much(int link)
{
	int fd = memfd_create("large", MFD_ALLOW_SEALING);

	(void)!ftruncate(fd, 101);
	fcntl(fd, F_ADD_SEALS,
	    F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	send_answer(link, &(struct stage_answer){.kind = STAGE_MEMORY}, fd);
}

static void
answer_with_another_record(int link)
{
	(void)!write(link, "short", 5);
}

static void
answer_with_an_unknown_error(int link)
{
	send_answer(link,
	    &(struct stage_answer){.kind = STAGE_END, .outcome = {.code = 1}},
	    -1);
}

static void
answer_of_another_kind(int link)
{
	send_answer(link, &(struct stage_answer){.kind = 77}, -1);
}

static void
answer_by_dying(int link)
{
	(void)link;
	_exit(0);
}

static void
stage_that_breaks_the_protocol_is_refused(void **state)
{
	(void)state;
	assert_envelope_refused(answer_without_memory, STAGE_FAILED,
	    "no memory came");
	assert_envelope_refused(answer_with_a_file, STAGE_FAILED, "not sealed");
	assert_envelope_refused(answer_with_open_memory, STAGE_FAILED,
	    "not sealed");
	assert_envelope_refused(answer_with_too_much, IMAGE_TOO_LARGE,
	    "101 bytes, limit 100");
	assert_envelope_refused(answer_with_another_record, STAGE_FAILED,
	    "of 5 bytes");
	assert_envelope_refused(answer_with_an_unknown_error, STAGE_FAILED,
	    "unknown error number");
	assert_envelope_refused(answer_of_another_kind, STAGE_FAILED,
	    "an answer 77");
	assert_envelope_refused(answer_by_dying, STAGE_FAILED, "died");
}

static int
sealed_memfd(off_t len)
{
	int fd = memfd_create("piece", MFD_ALLOW_SEALING);

	(void)!ftruncate(fd, len);
	fcntl(fd, F_ADD_SEALS,
	    F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	return fd;
}

static void
pieces_without_memory(int link)
{
	send_answer(link, &(struct stage_answer){.kind = STAGE_PIECE}, -1);
}

static void
pieces_that_are_open(int link)
{
	int fd = memfd_create("open", MFD_ALLOW_SEALING);

	(void)!ftruncate(fd, 100);
	send_answer(link, &(struct stage_answer){.kind = STAGE_PIECE}, fd);
}

static void
pieces_that_are_short(int link)
{
	send_answer(link, &(struct stage_answer){.kind = STAGE_PIECE},
	    sealed_memfd(99));
}

static void
pieces_without_end(int link)
{
	send_answer(link, &(struct stage_answer){.kind = STAGE_PIECE},
	    sealed_memfd(100));
	send_answer(link, &(struct stage_answer){.kind = STAGE_PIECE},
	    sealed_memfd(100));
}

static void
no_pieces(int link)
{
	send_answer(link, &(struct stage_answer){.kind = STAGE_END}, -1);
}

static void
end_with_a_piece(int link)
{
	send_answer(link, &(struct stage_answer){.kind = STAGE_END},
	    sealed_memfd(100));
}

static void
stage_that_gives_bad_pieces_is_refused(void **state)
{
	(void)state;
	assert_pieces_refused(pieces_without_memory, "an answer 2");
	assert_pieces_refused(pieces_that_are_open, "not sealed");
	assert_pieces_refused(pieces_that_are_short, "a piece of 99 bytes");
	assert_pieces_refused(pieces_without_end, "more than the 100 bytes");
	assert_pieces_refused(no_pieces, "only 0 of 100 bytes");
	assert_pieces_refused(end_with_a_piece, "an answer 4");
	assert_pieces_refused(answer_by_dying, "died");
}

static void
assert_list_refused(void (*answer)(int link), const char *why)
{
	struct stage stage = hostile_stage(answer);
	struct layout_list list = {.count = 77};
	struct err err = {0};

	assert_code(stage_list(&stage, NULL, &list, &err), STAGE_FAILED);
	assert_has(err.text, why);
	assert_int_equal(list.count, 77);
	end_stage(&stage, hostile_pid);
}

static void
list_a_path(int link)
{
	struct stage_answer answer = {.kind = STAGE_ENTRY,
	    .entry = {.claimed_name = "../web", .claimed_version = "1"}};

	send_answer(link, &answer, -1);
}

static void
list_an_illegal_version(int link)
{
	struct stage_answer answer = {.kind = STAGE_ENTRY,
	    .entry = {.claimed_name = "web", .claimed_version = "1 2"}};

	send_answer(link, &answer, -1);
}

static void
list_a_name_without_end(int link)
{
	struct stage_answer answer = {.kind = STAGE_ENTRY,
	    .entry = {.claimed_name = "web", .claimed_version = "1"}};

	memset(answer.entry.claimed_version, '\n',
	    sizeof(answer.entry.claimed_version));
	send_answer(link, &answer, -1);
}

static void
list_too_many_statements(int link)
{
	struct stage_answer answer = {.kind = STAGE_ENTRY,
	    .entry = {.claimed_name = "web",
		.claimed_version = "1",
		.provenance_count = LIMIT_PROVENANCE + 1}};

	send_answer(link, &answer, -1);
}

static void
list_without_end(int link)
{
	struct stage_answer answer = {.kind = STAGE_ENTRY,
	    .entry = {.claimed_name = "web", .claimed_version = "1"}};
	struct err err;

	while (ipc_send(link, &answer, LINK_BYTES(stage_answer, entry), -1,
		   &err) == 0)
		continue;
}

static void
list_with_memory(int link)
{
	send_answer(link, &(struct stage_answer){.kind = STAGE_END}, link);
}

static void
stage_that_lists_nonsense_is_refused(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_list_refused(list_a_path, "illegal image name");
	assert_list_refused(list_an_illegal_version, "illegal image name");
	assert_list_refused(list_a_name_without_end, "illegal image name");
	assert_list_refused(list_too_many_statements, "too many statements");
	assert_list_refused(list_without_end, "too many images");
	assert_list_refused(list_with_memory, "an answer 4");
	assert_list_refused(answer_by_dying, "died");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    fixture_test(stage_lists_what_the_index_claims),
	    fixture_test(stage_gives_blobs_in_sealed_memory),
	    fixture_test(stage_gives_the_envelope_of_the_store_index),
	    fixture_test(stage_unpacks_the_last_blob_in_pieces),
	    fixture_test(stage_refuses_and_goes_on),
	    fixture_test(stage_takes_only_a_store),
	    fixture_test(stage_takes_one_store),
	    fixture_test(stage_that_is_asked_what_its_table_does_not_have_ends),
	    fixture_test(stage_reads_nothing_beside_its_store),
	    cmocka_unit_test(stage_without_a_store_gives_nothing),
	    fixture_test(stage_runs_in_its_sandbox),
	    fixture_test(stage_ends_when_its_build_closes_the_link),
	    cmocka_unit_test(stage_that_breaks_the_protocol_is_refused),
	    cmocka_unit_test(stage_that_gives_bad_pieces_is_refused),
	    cmocka_unit_test(stage_that_lists_nonsense_is_refused),
	};

	return cmocka_run_group_tests_name("stage", tests, NULL, NULL);
}
