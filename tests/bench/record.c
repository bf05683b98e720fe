/*
 * What does it cost to put a build on record? Events are appended to a log,
 * synced, and extended into a TPM, as the tpm role does it. The time of this
 * process's own CPU is told apart from the rest, which is the disk's and the
 * TPM's; and the first events from the last, which must not cost more.
 *
 * With a log index in the identity, it is extended too.
 *
 * usage: bench-record TPM IDENTITY LOG EVENTS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "measure/recorder.h"
#include "measure/tpm/tpm_port_esys.h"

enum { PCR = 13, SAMPLE = 100 };

struct cost {
	double cpu_usec;
	double wall_usec;
};

static double
usec_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
must(int code, const struct err *err)
{
	if (code == 0)
		return;
	fprintf(stderr, "bench-record: %s\n", err->text);
	exit(1);
}

static struct cost
record_one(struct recorder *recorder, uint32_t number)
{
	struct event event = {
	    .kind = EVENT_BUILD,
	    .as.build = {.role = "prod", .domid = number, .memory_mib = 128},
	};
	double cpu = usec_of(CLOCK_PROCESS_CPUTIME_ID);
	double wall = usec_of(CLOCK_MONOTONIC);
	struct digest measurement;
	struct err err;

	must(recorder_record(recorder, &event, &measurement, &err), &err);
	return (struct cost){usec_of(CLOCK_PROCESS_CPUTIME_ID) - cpu,
	    usec_of(CLOCK_MONOTONIC) - wall};
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
show(const char *what, const struct cost *costs)
{
	double cpu[SAMPLE];
	double wall[SAMPLE];

	for (size_t i = 0; i < SAMPLE; i++) {
		cpu[i] = costs[i].cpu_usec;
		wall[i] = costs[i].wall_usec;
	}
	qsort(cpu, SAMPLE, sizeof(cpu[0]), compare);
	qsort(wall, SAMPLE, sizeof(wall[0]), compare);
	printf("%-24s own CPU %6.0f us, in all %6.0f us (medians of %d)\n",
	    what, cpu[SAMPLE / 2], wall[SAMPLE / 2], SAMPLE);
}

int
main(int argc, char **argv)
{
	CLEANUP(event_log_closep) struct event_log *log = NULL;
	CLEANUP(freep) char *text = NULL;
	CLEANUP(freep) struct cost *costs = NULL;
	struct tpm_identity identity;
	struct tpm_port tpm = {0};
	struct recorder recorder;
	struct err err;
	size_t len = 0;
	uint32_t count;

	if (argc != 5 ||
	    (count = (uint32_t)strtoul(argv[4], NULL, 10)) < 2 * SAMPLE) {
		fprintf(stderr,
		    "usage: bench-record TPM IDENTITY LOG EVENTS "
		    "(%d or more)\n",
		    2 * SAMPLE);
		return 2;
	}
	must(file_read(argv[2], LIMIT_CONFIG_BYTES, &text, &len, &err), &err);
	must(tpm_identity_decode(bytes_of(text, len), &identity, &err), &err);
	must(tpm_port_esys_open(argv[1], &identity, LIMIT_TPM_SECONDS * 1000,
		 &tpm, &err),
	    &err);
	must(event_log_open(argv[3], LIMIT_EVENT_LOG_BYTES, &log, &err), &err);
	costs = calloc(count, sizeof(*costs));
	if (costs == NULL)
		return 1;
	recorder = (struct recorder){
	    .log = log,
	    .tpm = &tpm,
	    .pcr = PCR,
	    .has_log_index = identity.has_log,
	};
	for (uint32_t i = 0; i < count; i++)
		costs[i] = record_one(&recorder, i + 1);
	show("the first events", costs);
	show("the last events", costs + count - SAMPLE);
	printf("%u events, log of %llu bytes\n", count,
	    (unsigned long long)event_log_bytes(log));
	tpm_port_close(&tpm);
	return 0;
}
