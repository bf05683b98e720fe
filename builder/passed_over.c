#include "builder/passed_over.h"

#include "base/scope.h"
#include "builder/ipc.h"
#include "image-store/image_name.h"

static bool is_told(const struct passed_image *image);
static bool is_nothing(const struct passed_image *image);

bool
passed_over_is_legal(const struct passed_over *passed)
{
	if (passed->count > LIMIT_INDEX_IMAGES)
		return false;
	for (size_t i = 0; i < countof(passed->images); i++) {
		const struct passed_image *image = &passed->images[i];

		if (i < passed->count ? !is_told(image) : !is_nothing(image))
			return false;
	}
	return true;
}

static bool
is_told(const struct passed_image *image)
{
	return ipc_is_line(image->version, sizeof(image->version)) &&
	       image_version_is_valid(image->version) &&
	       err_is_known((int)image->code);
}

static bool
is_nothing(const struct passed_image *image)
{
	return image->version[0] == '\0' && (int)image->code == ERR_NONE;
}
