/*
 * What the tests of base/ share. It knows no other folder, so that tests of
 * any folder can use it.
 */
#ifndef ASSAY_TESTS_BASE_FIXTURE_H
#define ASSAY_TESTS_BASE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"

/* The code is asserted by name, so that a failure can be read. */
#define assert_refused(result, code) \
	assert_refused_at(result, code, __FILE__, __LINE__)
void assert_refused_at(int result, int code, const char *file, int line);

/* Does `text` hold `part`? Shows both if not. */
#define assert_has(text, part) assert_has_at(text, part, __FILE__, __LINE__)
void assert_has_at(const char *text, const char *part, const char *file,
    int line);

/*
 * cmocka setup and teardown: a fresh directory that is the working directory,
 * removed with all that is in it.
 */
int enter_scratch(void **state);
int leave_scratch(void **state);

/* Names in the working directory, but "." and "..". */
size_t count_names(void);

/* Open descriptors of this process. */
size_t count_descriptors(void);

/* A file of these bytes in the working directory, opened for reading. */
int open_file_of(const char *name, struct bytes data);

#endif
