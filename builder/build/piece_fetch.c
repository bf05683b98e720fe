#include "builder/build/piece_fetch.h"

#include "base/scope.h"
#include "builder/build/build_report.h"
#include "builder/build_link.h"

static int fetch_elf(const struct piece_source *source,
    const struct order *order, struct checked_blob **ret_elf,
    bool *ret_was_cached, struct err *err);
static int fetch_blob(const struct piece_source *source,
    const struct blob *blob, const char *what, struct checked_blob **ret_blob,
    bool *ret_was_cached, struct err *err);
static int take_blob(const struct piece_source *source, const struct blob *blob,
    const char *what, enum timing_phase waiting, struct checked_blob **ret_blob,
    struct err *err);
static int report_checked(const struct piece_source *source,
    const struct blob *blob, const struct checked_blob *checked,
    struct err *err);
static int take_kept(const struct piece_source *source, const struct blob *blob,
    const char *what, struct checked_blob **ret_blob, struct err *err);

int
piece_fetch(const struct piece_source *source, const struct order *order,
    struct image_pieces **ret_pieces, bool *ret_was_cached, struct err *err)
{
	CLEANUP(checked_blob_freep) struct checked_blob *elf = NULL;
	CLEANUP(checked_blob_freep) struct checked_blob *ramdisk = NULL;
	bool was_cached = true;

	TRY(fetch_elf(source, order, &elf, &was_cached, err));
	if (order->shape.has_ramdisk)
		TRY(fetch_blob(source, &order->shape.ramdisk, "ramdisk",
		    &ramdisk, &was_cached, err));
	TRY(image_pieces_new(&order->shape, take_ptr(&elf), take_ptr(&ramdisk),
	    ret_pieces, err));
	timing_mark(source->timing, TIMING_HASH);
	*ret_was_cached = was_cached;
	return 0;
}

static int
fetch_elf(const struct piece_source *source, const struct order *order,
    struct checked_blob **ret_elf, bool *ret_was_cached, struct err *err)
{
	const struct blob *elf = &order->shape.elf;
	CLEANUP(checked_blob_freep) struct checked_blob *stored = NULL;

	if (!order->must_unpack)
		TRY(take_kept(source, elf, "kernel ELF", ret_elf, err));
	if (*ret_elf != NULL)
		return 0;
	*ret_was_cached = false;
	if (!order->is_packed)
		return fetch_blob(source, elf, "kernel", ret_elf,
		    ret_was_cached, err);

	/* Check the compressed bytes; only then let them be unpacked, and check
	 * the result. */
	stage_ask_blob(source->stage, &order->kernel.digest,
	    order->kernel.size_bytes, "kernel");
	TRY(take_blob(source, &order->kernel, "kernel", TIMING_COPY, &stored,
	    err));
	stage_ask_unpack(source->stage, elf->size_bytes);
	TRY(take_blob(source, elf, "kernel ELF", TIMING_UNPACK, ret_elf, err));
	return report_checked(source, elf, *ret_elf, err);
}

static int
fetch_blob(const struct piece_source *source, const struct blob *blob,
    const char *what, struct checked_blob **ret_blob, bool *ret_was_cached,
    struct err *err)
{
	TRY(take_kept(source, blob, what, ret_blob, err));
	if (*ret_blob != NULL)
		return 0;
	*ret_was_cached = false;
	stage_ask_blob(source->stage, &blob->digest, blob->size_bytes, what);
	TRY(take_blob(source, blob, what, TIMING_COPY, ret_blob, err));
	return report_checked(source, blob, *ret_blob, err);
}

/*
 * What the stage was asked for, each piece hashed while it works on the next.
 * `waiting` is what the time is for in which there is nothing to hash.
 */
static int
take_blob(const struct piece_source *source, const struct blob *blob,
    const char *what, enum timing_phase waiting, struct checked_blob **ret_blob,
    struct err *err)
{
	CLEANUP(blob_receiver_freep) struct blob_receiver *receiver = NULL;
	int fd = -1;

	TRY(blob_receiver_new(blob, what, &receiver, err));
	for (;;) {
		TRY(stage_next_piece(source->stage, &fd, err));
		timing_mark(source->timing, waiting);
		if (fd < 0)
			return blob_receiver_finish(take_ptr(&receiver),
			    ret_blob, err);
		TRY(blob_receiver_add(receiver, fd, err));
		timing_mark(source->timing, TIMING_HASH);
	}
}

/* What is checked now need not be checked again. */
static int
report_checked(const struct piece_source *source, const struct blob *blob,
    const struct checked_blob *checked, struct err *err)
{
	if (source->link < 0)
		return 0;
	return build_report_blob(source->link, &blob->digest,
	    checked_blob_sealed(checked), err);
}

/* *ret_blob stays NULL if it was not given. */
static int
take_kept(const struct piece_source *source, const struct blob *blob,
    const char *what, struct checked_blob **ret_blob, struct err *err)
{
	struct sealed *kept = kept_blobs_take(source->kept, &blob->digest);

	if (kept == NULL)
		return 0;
	return checked_blob_from_cache(blob, kept, what, ret_blob, err);
}
