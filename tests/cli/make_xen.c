/*
 * make_xen FILE: a small EFI image that passes for Xen's.
 */
#include "pe_fixture.h"

#include <stdio.h>

int
main(int argc, char **argv)
{
	struct pe_image image = pe_good();
	FILE *file = argc == 2 ? fopen(argv[1], "wb") : NULL;

	if (file == NULL ||
	    fwrite(image.bytes, 1, image.len, file) != image.len ||
	    fclose(file) != 0)
		return 1;
	return 0;
}
