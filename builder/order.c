#include "builder/order.h"

#include <string.h>

#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/passed_over.h"
#include "image-store/image_name.h"

static int check_bools(const struct order *order, struct err *err);
static int check_texts(const struct order *order,
    const struct build_request *request, struct err *err);
static int check_blobs(const struct order *order, struct err *err);
static int check_blob(const struct blob *blob, uint64_t max_bytes,
    const char *what, struct err *err);
static bool is_text(const char *text, size_t size);
static bool is_printable(const char *text);

int
order_check(const struct order *order, const struct build_request *request,
    struct err *err)
{
	uint64_t needed_mib;

	TRY(check_bools(order, err));
	TRY(check_texts(order, request, err));
	if (!passed_over_is_legal(&order->passed_over))
		return err_set(err, ORDER_BROKEN,
		    "the order passes over what is no image");
	TRY(check_blobs(order, err));
	/* libxenguest would find out too, but only inside a domain. */
	needed_mib =
	    (order->shape.elf.size_bytes +
		(order->shape.has_ramdisk ? order->shape.ramdisk.size_bytes
					  : 0)) >>
	    20;
	if (needed_mib >= request->guest.memory_mib)
		return err_set_field(err, LIMIT_EXCEEDED, "memory_mib",
		    "memory_mib: %u is too little, kernel and ramdisk alone "
		    "take %llu",
		    request->guest.memory_mib, (unsigned long long)needed_mib);
	return 0;
}

/* Before any of them is read as one. */
static int
check_bools(const struct order *order, struct err *err)
{
	const bool *const bools[] = {&order->image.is_debug,
	    &order->shape.has_ramdisk, &order->is_packed, &order->must_unpack,
	    &order->decided_by.has_store};

	for (size_t i = 0; i < countof(bools); i++) {
		if (!ipc_is_bool(bools[i]))
			return err_set(err, ORDER_BROKEN,
			    "the order has a bool that is none");
	}
	return 0;
}

static int
check_texts(const struct order *order, const struct build_request *request,
    struct err *err)
{
	const struct image_identity *image = &order->image;

	if (!is_text(image->name, sizeof(image->name)) ||
	    !is_text(image->version, sizeof(image->version)) ||
	    !is_text(image->role, sizeof(image->role)) ||
	    !is_text(image->rollback_location,
		sizeof(image->rollback_location)) ||
	    !is_text(order->cmdline, sizeof(order->cmdline)))
		return err_set(err, ORDER_BROKEN,
		    "the order has a text without an end");
	if (!image_name_is_valid(image->name) ||
	    !image_version_is_valid(image->version) ||
	    !image_name_is_valid(image->rollback_location) ||
	    !image_name_is_valid(image->role) || !is_printable(order->cmdline))
		return err_set(err, ORDER_BROKEN,
		    "the order has an illegal name");
	if (strcmp(image->name, request->image) != 0)
		return err_set(err, ORDER_BROKEN,
		    "the order is for image %s, and %s was asked for",
		    image->name, request->image);
	if (image->signer_count > LIMIT_SIGNATURES)
		return err_set(err, ORDER_BROKEN, "the order has %u signers",
		    image->signer_count);
	if (image->rollback_index < 0)
		return err_set(err, ORDER_BROKEN,
		    "the order has a rollback index below zero");
	return 0;
}

static int
check_blobs(const struct order *order, struct err *err)
{
	TRY(check_blob(&order->kernel, LIMIT_KERNEL_BYTES, "kernel", err));
	TRY(check_blob(&order->shape.elf, LIMIT_KERNEL_BYTES, "ELF", err));
	if (order->shape.has_ramdisk)
		TRY(check_blob(&order->shape.ramdisk, LIMIT_RAMDISK_BYTES,
		    "ramdisk", err));
	return 0;
}

static int
check_blob(const struct blob *blob, uint64_t max_bytes, const char *what,
    struct err *err)
{
	if (blob->size_bytes > max_bytes)
		return err_set(err, ORDER_BROKEN,
		    "the order names a %s of %llu bytes", what,
		    (unsigned long long)blob->size_bytes);
	return 0;
}

static bool
is_text(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static bool
is_printable(const char *text)
{
	while (*text >= ' ' && *text <= '~')
		text++;
	return *text == '\0';
}
