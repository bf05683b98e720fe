#include "builder/request.h"

#include <string.h>

#include "image-store/image_name.h"
#include "image-store/manifest.h"

static bool is_terminated(const char *text, size_t size);

int
request_check(const struct build_request *request, struct err *err)
{
	static const uint8_t zero[UUID_BYTES];

	if (!is_terminated(request->image, sizeof(request->image)) ||
	    !image_name_is_valid(request->image))
		return err_set_field(err, RPC_PARAMETER_BAD, "image",
		    "image: not a legal image name");
	if (!is_terminated(request->guest.name, sizeof(request->guest.name)) ||
	    !request_domain_name_is_valid(request->guest.name))
		return err_set_field(err, RPC_PARAMETER_BAD, "name",
		    "name: not a legal domain name");
	if (memcmp(request->guest.uuid, zero, UUID_BYTES) == 0)
		return err_set_field(err, RPC_PARAMETER_BAD, "uuid",
		    "uuid: all zero");
	if (request->guest.memory_mib < 1 ||
	    request->guest.memory_mib > LIMIT_MEMORY_MIB)
		return err_set_field(err, RPC_PARAMETER_BAD, "memory_mib",
		    "memory_mib: outside 1 to %u", LIMIT_MEMORY_MIB);
	if (request->guest.vcpus < 1 || request->guest.vcpus > LIMIT_VCPUS)
		return err_set_field(err, RPC_PARAMETER_BAD, "vcpus",
		    "vcpus: outside 1 to %u", LIMIT_VCPUS);
	return 0;
}

bool
request_domain_name_is_valid(const char *name)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	static const char rest[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t len = strlen(name);

	return len >= 1 && len <= LIMIT_NAME_BYTES &&
	       strchr(first, name[0]) != NULL && strspn(name, rest) == len;
}

static bool
is_terminated(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}
