#include "builder/front/image_row.h"

#include "builder/ipc.h"

bool
image_row_is_legal(const struct image_row *row)
{
	return ipc_is_line(row->name, sizeof(row->name)) &&
	       ipc_is_line(row->version, sizeof(row->version)) &&
	       ipc_is_line(row->role, sizeof(row->role)) &&
	       ipc_is_bool(&row->is_debug);
}
