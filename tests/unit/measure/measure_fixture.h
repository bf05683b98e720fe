/*
 * What the tests of measure/ share: a good event of every kind.
 */
#ifndef ASSAY_TESTS_MEASURE_FIXTURE_H
#define ASSAY_TESTS_MEASURE_FIXTURE_H

#include "measure/event.h"

/* Filled with values that no two members share. Sequence numbers: start 1,
 * build 3, then one after the other in the order of the kinds. */
struct caller good_client(void);
struct event good_event(enum event_kind kind);

#endif
