/*
 * What does it cost to judge evidence? Of a host with a few domains; with the
 * largest log that assayd writes, full of one kind of ends, or of builds first
 * and of ends then; and of a text that is no evidence but as large as it may
 * be. For each the time of the processor and the memory of `assay-evidence
 * verify`, as the kernel counts them.
 *
 * usage: fixture-verifier ASSAY-EVIDENCE DIR      (DIR: on a tmpfs)
 */
#include "evidence_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/limits.h"
#include "base/scope.h"
#include "measure/event_log.h"
#include "measure/predict/prediction.h"

enum { RUNS = 3, BUILDS = 16000, MARGIN = 2000 };

static const char *program;

static void
must(int code, const struct err *err)
{
	if (code == 0)
		return;
	fprintf(stderr, "fixture-verifier: %s\n", err->text);
	exit(1);
}

static void
put_file(const char *path, struct bytes data)
{
	struct err err;

	unlink(path);
	must(file_write_volatile(path, data, 0600, FILE_REFUSE, &err), &err);
}

static void
put_json(const char *path, json_t *document)
{
	char *text = json_dumps(document, JSON_COMPACT);

	put_file(path, bytes_of_str(text));
	free(text);
	json_decref(document);
}

/* Log an event and give the registers what it does to them. */
static void
log_event(struct fixture *fixture, struct event_log *log,
    const struct event *event)
{
	struct pcr_values *pcrs = &fixture->evidence.pcrs;
	struct pcr_digests digests;
	uint8_t bytes[EVENT_BYTES];
	struct err err;

	must(event_log_append(log, 13,
		 bytes_of(bytes, event_encode(event, bytes)), &digests, &err),
	    &err);
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		must(pcr_extend(bank, &digests.bank[bank],
			 &pcrs->value[bank][13], &err),
		    &err);
}

/* `builds` of them, then ends of domains that there are or not; all numbered.
 */
static void
fill_log(struct fixture *fixture, struct event_log *log, unsigned builds,
    enum event_kind later, uint64_t events)
{
	struct event event = good_event(EVENT_START);

	event.as.start.nv_name_len = 0;
	memset(event.as.start.nv_name, 0, sizeof(event.as.start.nv_name));
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		memset(&fixture->evidence.pcrs.value[bank][13], 0,
		    sizeof(struct pcr_digest));
	log_event(fixture, log, &event);
	for (uint64_t n = 0; n < events && event_log_left(log) > MARGIN; n++) {
		event = n < builds ? fixture_build(1) : good_event(later);
		event.sequence = n + 2;
		if (n < builds)
			memcpy(event.as.build.uuid, &n, sizeof(n));
		log_event(fixture, log, &event);
	}
}

static void
read_log(const char *path, struct evidence_part *log)
{
	char *text;
	struct err err;

	free(log->ptr);
	must(file_read(path, LIMIT_EVENT_LOG_BYTES, &text, &log->len, &err),
	    &err);
	log->ptr = (uint8_t *)text;
}

static void
write_case(unsigned builds, enum event_kind later, uint64_t events)
{
	void *state;
	struct fixture *fixture;
	struct event_log *log;
	char digest[DIGEST_TEXT_SIZE], images[DIGEST_TEXT_SIZE + 10];
	struct event build = fixture_build(1);
	struct err err;

	fixture_new(&state);
	fixture = state;
	unlink("log");
	must(event_log_open("log", LIMIT_EVENT_LOG_BYTES, &log, &err), &err);
	fill_log(fixture, log, builds, later, events);
	event_log_closep(&log);
	read_log("log", &fixture->evidence.log);
	fixture_quote(fixture);
	put_json("evidence.json", evidence_encode(&fixture->evidence));
	put_json("reference.json", prediction_encode(&fixture->release));
	put_file("ak.pub", evidence_part_bytes(&fixture->evidence.ak));
	digest_text(&build.as.build.envelope, digest);
	snprintf(images, sizeof(images), "%s  web\n", digest);
	put_file("images", bytes_of_str(images));
	fixture_free(&state);
}

/* Is refused, after as much work as can be. */
static void
write_text(void)
{
	char *text = malloc(LIMIT_EVIDENCE_BYTES);

	for (size_t i = 0; i + 2 < LIMIT_EVIDENCE_BYTES; i += 3)
		memcpy(text + i, "{},", 3);
	text[0] = '[';
	put_file("evidence.json", bytes_of(text, LIMIT_EVIDENCE_BYTES / 3 * 3));
	free(text);
}

/* The exit status; the time and memory of one run. */
static int
run(const char *form, double *ret_seconds, long *ret_mib)
{
	char nonce[2 * 32 + 1];
	uint8_t bytes[32];
	struct rusage usage;
	int status;
	pid_t pid;

	memset(bytes, 0xcd, sizeof(bytes));
	hex_encode(bytes_of(bytes, sizeof(bytes)), nonce);
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execl(program, program, "verify", "--nonce", nonce, "--ak",
		    "ak.pub", "--reference", "reference.json", "--images",
		    "images", "evidence.json", form, (char *)NULL);
		_exit(127);
	}
	wait4(pid, &status, 0, &usage);
	*ret_seconds = (double)usage.ru_utime.tv_sec +
	               (double)usage.ru_utime.tv_usec / 1e6 +
	               (double)usage.ru_stime.tv_sec +
	               (double)usage.ru_stime.tv_usec / 1e6;
	*ret_mib = usage.ru_maxrss / 1024;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
measure(const char *what, const char *form, int expected)
{
	double best = 1e9;
	long most_mib = 0;

	for (int i = 0; i < RUNS; i++) {
		double seconds;
		long mib;
		int status = run(form, &seconds, &mib);

		if (status != expected) {
			fprintf(stderr, "fixture-verifier: %s: status %d\n",
			    what, status);
			exit(1);
		}
		best = seconds < best ? seconds : best;
		most_mib = mib > most_mib ? mib : most_mib;
	}
	printf("%-48s %6.2f s %5ld MiB\n", what, best, most_mib);
}

static void
measure_both(const char *what)
{
	char what_json[64];

	snprintf(what_json, sizeof(what_json), "%s, --json", what);
	measure(what, NULL, 0);
	measure(what_json, "--json", 0);
}

int
main(int argc, char **argv)
{
	if (argc != 3 || chdir(argv[2]) != 0) {
		fputs("usage: fixture-verifier ASSAY-EVIDENCE DIR\n", stderr);
		return 2;
	}
	program = argv[1];
	write_case(3, EVENT_DESTROY, 6);
	measure_both("a host with three domains");
	write_case(1, EVENT_DESTROY, UINT64_MAX);
	measure_both("32 MiB of log, ends of one domain");
	write_case(1, EVENT_ABANDON, UINT64_MAX);
	measure_both("32 MiB of log, abandons of one domain");
	write_case(BUILDS, EVENT_DESTROY, UINT64_MAX);
	measure_both("32 MiB of log, 16000 domains");
	write_case(UINT32_MAX, EVENT_DESTROY, UINT64_MAX);
	measure_both("32 MiB of log, nothing but domains");
	write_case(1, EVENT_POLICY, UINT64_MAX);
	measure_both("32 MiB of log, changes of policy");
	write_text();
	measure("48 MiB of JSON that is no evidence", NULL, 1);
	return 0;
}
