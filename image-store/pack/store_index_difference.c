#include "image-store/pack/store_index_difference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "image-store/layout.h"
#include "base/err_meaning.h"

struct rows {
	struct store_index_image *images;
	size_t count;
};

static int sort_rows(const struct store_index *index, struct rows *rows,
    struct err *err);
static void write_lines(FILE *stream, const struct rows *old,
    const struct rows *new);
static void write_line(FILE *stream, char sign,
    const struct store_index_image *image);
static int compare(const void *a, const void *b);
static void rows_done(struct rows *rows);

int
store_index_in_force(int dir_fd, const struct trust_policy *policy,
    struct store_index **ret_index, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *raw = NULL;
	struct store_index *index = NULL;
	struct verify_budget budget;
	int code = layout_copy_store_index(dir_fd, &raw, err);

	verify_budget_init(&budget);
	if (code == 0)
		code = store_index_verify(policy, raw, &budget, &index, err);
	if (code != 0 && err_class_of((enum err_code)code) != ERR_CLASS_REFUSAL)
		return code;
	*ret_index = index;
	return 0;
}

int
store_index_difference(const struct store_index *old,
    const struct store_index *new, char **ret_text, struct err *err)
{
	CLEANUP(rows_done) struct rows before = {.count = 0};
	CLEANUP(rows_done) struct rows after = {.count = 0};
	CLEANUP(freep) char *text = NULL;
	size_t len;
	FILE *stream;

	TRY(sort_rows(old, &before, err));
	TRY(sort_rows(new, &after, err));
	stream = open_memstream(&text, &len);
	if (stream == NULL)
		return err_set(err, NO_MEMORY, "store index");
	write_lines(stream, &before, &after);
	if (fclose(stream) != 0)
		return err_set(err, NO_MEMORY, "store index");
	*ret_text = take_ptr(&text);
	return 0;
}

static int
sort_rows(const struct store_index *index, struct rows *rows, struct err *err)
{
	size_t count = index != NULL ? index->count : 0;

	rows->images = calloc(count + 1, sizeof(*rows->images));
	if (rows->images == NULL)
		return err_set(err, NO_MEMORY, "%zu images", count);
	if (count > 0)
		memcpy(rows->images, index->images,
		    count * sizeof(*rows->images));
	qsort(rows->images, count, sizeof(*rows->images), compare);
	rows->count = count;
	return 0;
}

static void
write_lines(FILE *stream, const struct rows *old, const struct rows *new)
{
	size_t i = 0, j = 0;

	while (i < old->count || j < new->count) {
		int order = i == old->count ? 1
		            : j == new->count
		                ? -1
		                : compare(&old->images[i], &new->images[j]);

		if (order < 0)
			write_line(stream, '-', &old->images[i]);
		if (order > 0)
			write_line(stream, '+', &new->images[j]);
		i += order <= 0;
		j += order >= 0;
	}
}

static void
write_line(FILE *stream, char sign, const struct store_index_image *image)
{
	char envelope[DIGEST_TEXT_SIZE];
	char payload[DIGEST_TEXT_SIZE];

	digest_text(&image->envelope, envelope);
	digest_text(&image->payload, payload);
	fprintf(stream, "%c %s:%s manifest %s envelope %s\n", sign, image->name,
	    image->version, payload, envelope);
}

static int
compare(const void *a, const void *b)
{
	const struct store_index_image *one = a;
	const struct store_index_image *other = b;
	int order = strcmp(one->name, other->name);

	if (order == 0)
		order = strcmp(one->version, other->version);
	if (order == 0)
		order = memcmp(&one->envelope, &other->envelope,
		    sizeof(one->envelope));
	if (order == 0)
		order = memcmp(&one->payload, &other->payload,
		    sizeof(one->payload));
	return order;
}

static void
rows_done(struct rows *rows)
{
	freep(&rows->images);
}
