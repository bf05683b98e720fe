#include "image-store/pack/layout_remove.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/scope.h"
#include "image-store/pack/image_claims.h"
#include "image-store/layout.h"
#include "image-store/pack/layout_write.h"

/* An image of the index: by what it may be called. */
struct target {
	const char *ref_name;
	struct digest oci_manifest;
	bool has_envelope;
	struct digest envelope;
	bool has_payload;
	struct digest payload;
};

static int split(int dir_fd, json_t *index, const char *const *images,
    size_t count, bool *is_found, json_t *removed, struct err *err);
static bool read_target(int dir_fd, const struct json_at *at,
    struct target *ret_target);
static void read_envelope(int dir_fd, const struct oci_artifact *artifact,
    struct target *target);
static bool is_called(const struct target *target, const char *image);

int
layout_remove(const char *path, const char *const *images, size_t count,
    json_t **ret_removed, struct err *err)
{
	CLEANUP(json_freep) json_t *index = NULL;
	CLEANUP(json_freep) json_t *removed = json_array();
	CLEANUP(closep) int dir_fd = -1; /* holds the lock */
	CLEANUP(freep) bool *is_found = calloc(count + 1, sizeof(*is_found));

	if (is_found == NULL || removed == NULL)
		return err_set(err, NO_MEMORY, "%zu images", count);
	TRY(layout_lock(path, &dir_fd, err));
	TRY(layout_read_index(dir_fd, &index, err));
	TRY(split(dir_fd, index, images, count, is_found, removed, err));
	for (size_t i = 0; i < count; i++) {
		if (!is_found[i])
			return err_set(err, IMAGE_UNKNOWN,
			    "%s: not in the store",
			    err_quote_str(images[i]).text);
	}
	if (layout_write_index(dir_fd, index, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	*ret_removed = take_ptr(&removed);
	return 0;
}

/* What is to go moves from the index to `removed`. */
static int
split(int dir_fd, json_t *index, const char *const *images, size_t count,
    bool *is_found, json_t *removed, struct err *err)
{
	CLEANUP(json_freep) json_t *kept = json_array();
	struct json_at root = json_root(index, STORE_MALFORMED);
	struct json_at manifests;

	TRY(json_array_in(&root, "manifests", SIZE_MAX, &manifests, err));
	for (size_t i = 0; i < json_array_size(manifests.value); i++) {
		struct json_at at;
		struct target target;
		bool is_wanted = false;

		TRY(json_item_object(&manifests, i, &at, err));
		if (read_target(dir_fd, &at, &target)) {
			for (size_t k = 0; k < count; k++) {
				if (!is_called(&target, images[k]))
					continue;
				is_found[k] = true;
				is_wanted = true;
			}
		}
		if (json_array_append(is_wanted ? removed : kept, at.value) !=
		    0)
			return err_set(err, NO_MEMORY, "index");
	}
	if (json_object_set(index, "manifests", kept) != 0)
		return err_set(err, NO_MEMORY, "index");
	return 0;
}

/*
 * Is it an image? Where a tool dropped the type, its OCI manifest has to say
 * so; otherwise it may be damaged, which is why somebody removes it.
 */
static bool
read_target(int dir_fd, const struct json_at *at, struct target *ret_target)
{
	struct target target = {.ref_name = oci_ref_name(at)};
	struct oci_artifact artifact;
	struct blob blob;
	struct err ignored;
	bool is_read;

	if (target.ref_name == NULL ||
	    (!oci_is_kind(at, OCI_IMAGE) && json_has(at, "artifactType")) ||
	    oci_descriptor_decode(at, OCI_MANIFEST_TYPE,
		LIMIT_OCI_MANIFEST_BYTES, &blob, &ignored) != 0)
		return false;
	is_read = layout_read_manifest(dir_fd, &blob, OCI_IMAGE, &artifact,
		      NULL, &ignored) == 0;
	if (!is_read && !oci_is_kind(at, OCI_IMAGE))
		return false;
	target.oci_manifest = blob.digest;
	if (is_read)
		read_envelope(dir_fd, &artifact, &target);
	*ret_target = target;
	return true;
}

static void
read_envelope(int dir_fd, const struct oci_artifact *artifact,
    struct target *target)
{
	const struct layout_entry entry = {
	    .envelope = artifact->layers[0].digest};
	struct err ignored;

	target->has_envelope = true;
	target->envelope = entry.envelope;
	target->has_payload = image_claims_payload(dir_fd, &entry,
				  &target->payload, &ignored) == 0;
}

static bool
is_called(const struct target *target, const char *image)
{
	size_t len = strlen(image);
	struct digest digest;

	if (digest_from_text(image, &digest))
		return digest_equal(&digest, &target->oci_manifest) ||
		       (target->has_envelope &&
			   digest_equal(&digest, &target->envelope)) ||
		       (target->has_payload &&
			   digest_equal(&digest, &target->payload));
	return strncmp(target->ref_name, image, len) == 0 &&
	       (target->ref_name[len] == '\0' || target->ref_name[len] == ':');
}
