#include "builder/supervisor/receipt_check.h"

#include <stddef.h>

#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/passed_over.h"

static int check_bools(const struct receipt *receipt, struct err *err);
static int check_texts(const struct receipt *receipt, struct err *err);
static int check_numbers(const struct receipt *receipt, struct err *err);
static int check_configuration(const struct receipt *receipt, struct err *err);

#define TEXT(name, field)                                \
	{                                                \
		name, offsetof(struct receipt, field),   \
		    sizeof(((struct receipt *)0)->field) \
	}

static const struct {
	const char *name;
	size_t at;
	size_t size;
} texts[] = {
    TEXT("name", guest.name),
    TEXT("image", image.name),
    TEXT("version", image.version),
    TEXT("role", image.role),
    TEXT("rollback_location", image.rollback_location),
    TEXT("configuration", configuration),
};

int
receipt_check(const struct receipt *receipt, struct err *err)
{
	TRY(check_bools(receipt, err));
	TRY(check_texts(receipt, err));
	TRY(check_numbers(receipt, err));
	if (!caller_is_legal(&receipt->caller))
		return err_set_field(err, CONFIG_BAD, "caller",
		    "caller: neither a user nor a domain");
	if (!passed_over_is_legal(&receipt->passed_over))
		return err_set_field(err, CONFIG_BAD, "passed_over",
		    "passed_over: not images that were passed over");
	return check_configuration(receipt, err);
}

int
built_check(const struct built *built, struct err *err)
{
	const struct build_request *request = &built->lineage.request;

	TRY(receipt_check(&built->receipt, err));
	if (!ipc_is_bool(&request->has_manifest) ||
	    !ipc_is_bool(&request->is_paused) ||
	    !ipc_is_line(request->image, sizeof(request->image)) ||
	    !ipc_is_line(request->guest.name, sizeof(request->guest.name)))
		return err_set_field(err, CONFIG_BAD, "request",
		    "request: not one that a caller can send");
	if (!life_is_legal(&request->life) ||
	    built->lineage.after.end >= DOMAIN_ENDS)
		return err_set_field(err, CONFIG_BAD, "life",
		    "life: an action or an end that there is not");
	return 0;
}

/* Before any of them is read as one. */
static int
check_bools(const struct receipt *receipt, struct err *err)
{
	if (!ipc_is_bool(&receipt->image.is_debug))
		return err_set_field(err, CONFIG_BAD, "is_debug",
		    "is_debug: a bool that is none");
	if (!ipc_is_bool(&receipt->was_cached))
		return err_set_field(err, CONFIG_BAD, "was_cached",
		    "was_cached: a bool that is none");
	return 0;
}

static int
check_texts(const struct receipt *receipt, struct err *err)
{
	for (size_t i = 0; i < countof(texts); i++) {
		const char *text = (const char *)receipt + texts[i].at;

		if (!ipc_is_line(text, texts[i].size))
			return err_set_field(err, CONFIG_BAD, texts[i].name,
			    "%s: not one printable line with an end",
			    texts[i].name);
	}
	return 0;
}

static int
check_numbers(const struct receipt *receipt, struct err *err)
{
	const struct {
		const char *name;
		uint64_t value;
		uint64_t least;
		uint64_t most;
	} numbers[] = {
	    {"domid", receipt->domid, 1, UINT16_MAX},
	    {"sequence", receipt->sequence, 1, INT64_MAX},
	    {"memory_mib", receipt->guest.memory_mib, 1, LIMIT_MEMORY_MIB},
	    {"vcpus", receipt->guest.vcpus, 1, LIMIT_VCPUS},
	    {"signer_count", receipt->image.signer_count, 0, LIMIT_SIGNATURES},
	    /* Below zero it is above that. */
	    {"rollback_index", (uint64_t)receipt->image.rollback_index, 0,
		INT64_MAX},
	};

	for (size_t i = 0; i < countof(numbers); i++) {
		if (numbers[i].value < numbers[i].least ||
		    numbers[i].value > numbers[i].most)
			return err_set_field(err, CONFIG_BAD, numbers[i].name,
			    "%s: out of range", numbers[i].name);
	}
	return 0;
}

static int
check_configuration(const struct receipt *receipt, struct err *err)
{
	struct digest digest;

	TRY(digest_of(bytes_of_str(receipt->configuration), &digest, err));
	if (!digest_equal(&digest, &receipt->config))
		return err_set_field(err, CONFIG_BAD, "config",
		    "config: not the digest of the configuration");
	return 0;
}
