#include "measure/event_log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/scope.h"
#include "measure/event.h"

/* A record is pcr, type, number of digests, the digests, size, event. */
enum {
	COUNT_AT = 8,
	DIGESTS_AT = 12,
	SHA256_BYTES = 2 + 32,
	SHA384_BYTES = 2 + 48,
	SIZE_AT = DIGESTS_AT + SHA256_BYTES + SHA384_BYTES,
	FIXED_BYTES = SIZE_AT + 4,
	RECORD_BYTES = FIXED_BYTES + EVENT_BYTES,
};

/* TCG_PCR_EVENT of 20 zero bytes, then TCG_EfiSpecIDEvent with both banks. */
static const uint8_t header[] = {
    0, 0, 0, 0,                             /* register */
    3, 0, 0, 0,                             /* EV_NO_ACTION */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0,           /* digest */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0,           /* */
    37, 0, 0, 0,                            /* size of what follows */
    'S', 'p', 'e', 'c', ' ', 'I', 'D', ' ', /* signature */
    'E', 'v', 'e', 'n', 't', '0', '3', 0,   /* */
    0, 0, 0, 0,                             /* platform class */
    0, 2, 0,                                /* version 2.0, errata 0 */
    2,                                      /* 64 bit */
    2, 0, 0, 0, 0x0b, 0x00, 32, 0, 0x0c, 0x00, 48, 0, /* banks */
    0, /* no vendor information */
};

struct event_log {
	int fd;
	uint64_t limit;
	uint64_t bytes;
	uint64_t count;
	bool is_broken;
};

static int open_file(const char *path, int *ret_fd, struct err *err);
static int check_file(int fd, uint64_t *ret_bytes, struct err *err);
static int start_or_continue(struct event_log *log, uint64_t bytes,
    struct err *err);
static int check_header(const struct event_log *log, uint64_t bytes,
    bool *ret_is_whole, struct err *err);
static int walk(struct event_log *log, uint64_t bytes, struct err *err);
static int record_size(const struct event_log *log, uint64_t left,
    uint64_t *ret_size, struct err *err);
static int check_fixed(const uint8_t fixed[static FIXED_BYTES], uint64_t offset,
    struct err *err);
static int replay_one(const struct event_log *log, unsigned pcr,
    uint64_t *offset, struct event_log_replay *replay, struct err *err);
static void digests_of(const uint8_t fixed[static FIXED_BYTES],
    struct pcr_digests *ret_digests);
static int check_last(const struct event_log *log, uint64_t end,
    size_t event_bytes, const struct pcr_digests *digests, struct err *err);
static size_t encode_record(unsigned pcr, struct bytes event,
    const struct pcr_digests *digests, uint8_t *out);
static int write_at_end(struct event_log *log, struct bytes data,
    struct err *err);
static int write_data(const struct event_log *log, struct bytes data,
    struct err *err);
static void put_back(struct event_log *log);
static int cut(struct event_log *log, struct err *err);
static int read_at(int fd, uint64_t offset, void *buffer, size_t len,
    struct err *err);

int
event_log_open(const char *path, uint64_t limit, struct event_log **ret_log,
    struct err *err)
{
	CLEANUP(event_log_closep) struct event_log *log = NULL;
	uint64_t bytes = 0;

	log = calloc(1, sizeof(*log));
	if (log == NULL)
		return err_set(err, NO_MEMORY, "event log");
	log->fd = -1;
	log->limit = limit;
	TRY(open_file(path, &log->fd, err));
	if (check_file(log->fd, &bytes, err) != 0 ||
	    start_or_continue(log, bytes, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	*ret_log = take_ptr(&log);
	return 0;
}

void
event_log_closep(struct event_log **log)
{
	if (*log == NULL)
		return;
	closep(&(*log)->fd);
	freep(log);
}

int
event_log_append(struct event_log *log, unsigned pcr, struct bytes event,
    struct pcr_digests *ret_digests, struct err *err)
{
	uint8_t record[RECORD_BYTES];
	struct pcr_digests digests;
	size_t len;

	bug_unless(pcr < PCR_COUNT && event.len <= EVENT_BYTES);
	if (log->is_broken)
		return err_set(err, EVENT_LOG_IO,
		    "what an earlier write left could not be removed: nothing "
		    "more is taken");
	if (event_log_record_bytes(event.len) > event_log_left(log))
		return err_set(err, EVENT_LOG_FULL,
		    "%llu events, limit %llu bytes",
		    (unsigned long long)log->count,
		    (unsigned long long)log->limit);
	TRY(pcr_digests_of(event, &digests, err));
	len = encode_record(pcr, event, &digests, record);
	TRY(write_at_end(log, bytes_of(record, len), err));
	log->count++;
	*ret_digests = digests;
	return 0;
}

bool
event_log_is_broken(const struct event_log *log)
{
	return log->is_broken;
}

uint64_t
event_log_record_bytes(size_t event_bytes)
{
	return FIXED_BYTES + (uint64_t)event_bytes;
}

uint64_t
event_log_left(const struct event_log *log)
{
	return log->limit > log->bytes ? log->limit - log->bytes : 0;
}

uint64_t
event_log_count(const struct event_log *log)
{
	return log->count;
}

uint64_t
event_log_bytes(const struct event_log *log)
{
	return log->bytes;
}

int
event_log_replay(const struct event_log *log, unsigned pcr,
    struct event_log_replay *ret_replay, struct err *err)
{
	struct event_log_replay replay = {.has_last = false};
	uint64_t offset = sizeof(header);

	while (offset < log->bytes)
		TRY(replay_one(log, pcr, &offset, &replay, err));
	*ret_replay = replay;
	return 0;
}

int
event_log_each(const struct event_log *log,
    int (*visit)(void *context, struct bytes event, struct err *err),
    void *context, struct err *err)
{
	uint64_t offset = sizeof(header);

	while (offset < log->bytes) {
		uint8_t event[EVENT_BYTES];
		uint8_t fixed[FIXED_BYTES] = {0};
		uint32_t size = 0;

		TRY(read_at(log->fd, offset, fixed, sizeof(fixed), err));
		TRY(check_fixed(fixed, offset, err));
		bytes_le32(bytes_of(fixed, sizeof(fixed)), SIZE_AT, &size);
		TRY(read_at(log->fd, offset + FIXED_BYTES, event, size, err));
		TRY(visit(context, bytes_of(event, size), err));
		offset += FIXED_BYTES + size;
	}
	return 0;
}

int
event_log_read(const struct event_log *log, uint64_t offset, void *buffer,
    size_t size, size_t *ret_len, struct err *err)
{
	uint64_t left = offset < log->bytes ? log->bytes - offset : 0;
	size_t len = left < size ? (size_t)left : size;

	TRY(read_at(log->fd, offset, buffer, len, err));
	*ret_len = len;
	return 0;
}

static int
open_file(const char *path, int *ret_fd, struct err *err)
{
	int fd = open(path,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set_errno(err, EVENT_LOG_IO, "%s",
		    err_quote_str(path).text);
	*ret_fd = fd;
	return 0;
}

static int
check_file(int fd, uint64_t *ret_bytes, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_set_errno(err, EVENT_LOG_IO, "fstat");
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 ||
	    st.st_uid != geteuid() || (st.st_mode & 0777) != 0600)
		return err_set(err, EVENT_LOG_IO,
		    "not a file of mode 0600 with one name and of user %u",
		    geteuid());
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return err_set_errno(err, EVENT_LOG_IO, "in use");
	*ret_bytes = (uint64_t)st.st_size;
	return 0;
}

static int
start_or_continue(struct event_log *log, uint64_t bytes, struct err *err)
{
	bool is_whole = false;

	if (bytes > log->limit)
		return err_set(err, EVENT_LOG_FULL, "%llu bytes, limit %llu",
		    (unsigned long long)bytes, (unsigned long long)log->limit);
	TRY(check_header(log, bytes, &is_whole, err));
	if (!is_whole)
		return write_at_end(log, bytes_of(header, sizeof(header)), err);
	return walk(log, bytes, err);
}

/* Half a header is a log whose making was interrupted. */
static int
check_header(const struct event_log *log, uint64_t bytes, bool *ret_is_whole,
    struct err *err)
{
	uint8_t found[sizeof(header)];
	size_t len = bytes < sizeof(header) ? (size_t)bytes : sizeof(header);

	TRY(read_at(log->fd, 0, found, len, err));
	if (memcmp(found, header, len) != 0)
		return err_set(err, EVENT_LOG_MALFORMED,
		    "the header is not that of a log of assayd");
	*ret_is_whole = len == sizeof(header);
	return 0;
}

static int
walk(struct event_log *log, uint64_t bytes, struct err *err)
{
	log->bytes = sizeof(header);
	while (log->bytes < bytes) {
		uint64_t size = 0;

		TRY(record_size(log, bytes - log->bytes, &size, err));
		if (size == 0)
			return cut(log, err);
		log->bytes += size;
		log->count++;
	}
	return 0;
}

/* Zero if the file ends inside of the record. */
static int
record_size(const struct event_log *log, uint64_t left, uint64_t *ret_size,
    struct err *err)
{
	uint8_t fixed[FIXED_BYTES];
	uint32_t event_bytes = 0;

	if (left < FIXED_BYTES)
		return 0;
	TRY(read_at(log->fd, log->bytes, fixed, sizeof(fixed), err));
	TRY(check_fixed(fixed, log->bytes, err));
	bytes_le32(bytes_of(fixed, sizeof(fixed)), SIZE_AT, &event_bytes);
	if (left >= FIXED_BYTES + event_bytes)
		*ret_size = FIXED_BYTES + event_bytes;
	return 0;
}

static int
check_fixed(const uint8_t fixed[static FIXED_BYTES], uint64_t offset,
    struct err *err)
{
	struct bytes all = bytes_of(fixed, FIXED_BYTES);
	uint32_t pcr = 0, type = 0, count = 0, size = 0;
	uint16_t first = 0, second = 0;

	bytes_le32(all, 0, &pcr);
	bytes_le32(all, 4, &type);
	bytes_le32(all, COUNT_AT, &count);
	bytes_le16(all, DIGESTS_AT, &first);
	bytes_le16(all, DIGESTS_AT + SHA256_BYTES, &second);
	bytes_le32(all, SIZE_AT, &size);
	if (pcr >= PCR_COUNT || type != EVENT_LOG_TYPE || count != PCR_BANKS ||
	    first != pcr_bank_algorithm(PCR_SHA256) ||
	    second != pcr_bank_algorithm(PCR_SHA384) || size > EVENT_BYTES)
		return err_set(err, EVENT_LOG_MALFORMED,
		    "offset %llu: not a record of assayd",
		    (unsigned long long)offset);
	return 0;
}

/* The record at *offset, which moves behind it. */
static int
replay_one(const struct event_log *log, unsigned pcr, uint64_t *offset,
    struct event_log_replay *replay, struct err *err)
{
	uint8_t fixed[FIXED_BYTES] = {0};
	struct bytes all = bytes_of(fixed, sizeof(fixed));
	uint32_t size = 0;
	uint32_t of = 0;

	TRY(read_at(log->fd, *offset, fixed, sizeof(fixed), err));
	TRY(check_fixed(fixed, *offset, err));
	bytes_le32(all, 0, &of);
	bytes_le32(all, SIZE_AT, &size);
	*offset += FIXED_BYTES + size;
	replay->has_last = *offset == log->bytes && of == pcr;
	if (of != pcr)
		return 0;
	replay->before_last = replay->value;
	digests_of(fixed, &replay->last);
	if (replay->has_last)
		TRY(check_last(log, *offset, size, &replay->last, err));
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		TRY(pcr_extend(bank, &replay->last.bank[bank],
		    &replay->value.bank[bank], err));
	return 0;
}

static void
digests_of(const uint8_t fixed[static FIXED_BYTES],
    struct pcr_digests *ret_digests)
{
	size_t at = DIGESTS_AT;

	*ret_digests = (struct pcr_digests){0};
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		size_t len = pcr_bank_bytes(bank);

		memcpy(ret_digests->bank[bank].bytes, fixed + at + 2, len);
		at += 2 + len;
	}
}

/* It may be extended yet: nothing else than an event may be. */
static int
check_last(const struct event_log *log, uint64_t end, size_t event_bytes,
    const struct pcr_digests *digests, struct err *err)
{
	uint8_t event[EVENT_BYTES];
	struct pcr_digests expected;

	TRY(read_at(log->fd, end - event_bytes, event, event_bytes, err));
	TRY(pcr_digests_of(bytes_of(event, event_bytes), &expected, err));
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		if (!pcr_digest_equal(bank, &expected.bank[bank],
			&digests->bank[bank]))
			return err_set(err, EVENT_LOG_MALFORMED,
			    "the last record's %s digest is of another event",
			    pcr_bank_name(bank));
	return 0;
}

static size_t
encode_record(unsigned pcr, struct bytes event,
    const struct pcr_digests *digests, uint8_t *out)
{
	size_t at = DIGESTS_AT;

	bytes_put_le(out, pcr, 4);
	bytes_put_le(out + 4, EVENT_LOG_TYPE, 4);
	bytes_put_le(out + COUNT_AT, PCR_BANKS, 4);
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		size_t len = pcr_bank_bytes(bank);

		bytes_put_le(out + at, pcr_bank_algorithm(bank), 2);
		memcpy(out + at + 2, digests->bank[bank].bytes, len);
		at += 2 + len;
	}
	bytes_put_le(out + at, event.len, 4);
	memcpy(out + at + 4, event.ptr, event.len);
	return at + 4 + event.len;
}

static int
write_at_end(struct event_log *log, struct bytes data, struct err *err)
{
	if (write_data(log, data, err) != 0) {
		put_back(log);
		return (int)err->code;
	}
	log->bytes += data.len;
	return 0;
}

static int
write_data(const struct event_log *log, struct bytes data, struct err *err)
{
	ssize_t n;

	do {
		n = pwrite(log->fd, data.ptr, data.len, (off_t)log->bytes);
	} while (n < 0 && errno == EINTR);
	if (n >= 0 && (size_t)n < data.len)
		errno = ENOSPC;
	if (n < 0 || (size_t)n < data.len)
		return err_set_errno(err, EVENT_LOG_IO, "pwrite of %zu bytes",
		    data.len);
	if (fdatasync(log->fd) != 0)
		return err_set_errno(err, EVENT_LOG_IO, "fdatasync");
	return 0;
}

/*
 * Remove what a write that failed may have left. What was there before was
 * confirmed then, so that after a failed fdatasync(2), which tells nobody what
 * became of the new bytes, the old ones are still good. If their end cannot be
 * confirmed now, nobody knows how long the log is.
 */
static void
put_back(struct event_log *log)
{
	struct err ignored;
	struct stat st;

	if (cut(log, &ignored) != 0 || fdatasync(log->fd) != 0 ||
	    fstat(log->fd, &st) != 0 || (uint64_t)st.st_size != log->bytes)
		log->is_broken = true;
}

static int
cut(struct event_log *log, struct err *err)
{
	if (ftruncate(log->fd, (off_t)log->bytes) != 0)
		return err_set_errno(err, EVENT_LOG_IO, "ftruncate");
	return 0;
}

static int
read_at(int fd, uint64_t offset, void *buffer, size_t len, struct err *err)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (uint8_t *)buffer + done, len - done,
		    (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, EVENT_LOG_IO, "pread");
		if (n == 0)
			return err_set(err, EVENT_LOG_IO, "it became shorter");
		done += (size_t)n;
	}
	return 0;
}
