#include "image-store/layout_list.h"

#include <stdlib.h>

void
layout_list_done(struct layout_list *list)
{
	free(list->entries);
	*list = (struct layout_list){0};
}
