#include "builder/supervisor/libxl_json.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/scope.h"

/* userdata-<kind>.<domid>.<uuid>.<what> */
static const char first_part[] = "userdata-";
static const char lock_part[] = "domain-userdata-lock";

static int file_path(const char *dir, uint32_t domid,
    const uint8_t uuid[UUID_BYTES], char **ret_path, struct err *err);
static bool is_record(const char *file, const char *of_domain);

int
libxl_json_write(const char *dir, uint32_t domid,
    const struct build_request *request, struct err *err)
{
	CLEANUP(freep) char *path = NULL;
	CLEANUP(freep) char *text = NULL;
	unsigned long long memory_kib = (uint64_t)request->guest.memory_mib
	                                << 10;
	char uuid[UUID_TEXT_SIZE];

	/* Its name has nothing that JSON would have to escape. */
	bug_unless(request_domain_name_is_valid(request->guest.name));
	uuid_text(request->guest.uuid, uuid);
	if (asprintf(&text,
		"{\"c_info\":{\"type\":\"pv\",\"name\":\"%s\","
		"\"uuid\":\"%s\"},\"b_info\":{\"max_vcpus\":%u,"
		"\"max_memkb\":%llu,\"target_memkb\":%llu,"
		"\"sched_params\":{},\"type.pv\":{},\"arch_arm\":{},"
		"\"arch_x86\":{}}}",
		request->guest.name, uuid, request->guest.vcpus, memory_kib,
		memory_kib) < 0) {
		text = NULL;
		return err_set(err, NO_MEMORY, "libxl's record");
	}
	TRY(file_path(dir, domid, request->guest.uuid, &path, err));
	/* libxl wants the terminating NUL to be in the file. */
	TRY(file_write_volatile(path, bytes_of(text, strlen(text) + 1), 0600,
	    FILE_REPLACE, err));
	return 0;
}

int
libxl_json_remove(const char *dir, uint32_t domid,
    const uint8_t uuid[UUID_BYTES], struct err *err)
{
	CLEANUP(closedirp) DIR *stream = opendir(dir);
	char text[UUID_TEXT_SIZE];
	char of_domain[UUID_TEXT_SIZE + 16];
	struct dirent *entry;

	if (stream == NULL && errno == ENOENT)
		return 0;
	if (stream == NULL)
		return err_set_errno(err, STORE_IO, "%s", dir);
	uuid_text(uuid, text);
	snprintf(of_domain, sizeof(of_domain), ".%u.%s.", domid, text);
	for (errno = 0; (entry = readdir(stream)) != NULL; errno = 0) {
		if (is_record(entry->d_name, of_domain) &&
		    unlinkat(dirfd(stream), entry->d_name, 0) != 0 &&
		    errno != ENOENT)
			return err_set_errno(err, STORE_IO, "unlink %s/%s", dir,
			    err_quote_str(entry->d_name).text);
	}
	if (errno != 0)
		return err_set_errno(err, STORE_IO, "%s", dir);
	return 0;
}

static int
file_path(const char *dir, uint32_t domid, const uint8_t uuid[UUID_BYTES],
    char **ret_path, struct err *err)
{
	char text[UUID_TEXT_SIZE];

	uuid_text(uuid, text);
	if (asprintf(ret_path, "%s/%sd.%u.%s.libxl-json", dir, first_part,
		domid, text) < 0)
		return err_set(err, NO_MEMORY, "path");
	return 0;
}

/* A lock is removed by whoever holds it. */
static bool
is_record(const char *file, const char *of_domain)
{
	size_t len = strlen(first_part);

	return strncmp(file, first_part, len) == 0 && file[len] != '\0' &&
	       strncmp(file + len + 1, of_domain, strlen(of_domain)) == 0 &&
	       strstr(file, lock_part) == NULL;
}
