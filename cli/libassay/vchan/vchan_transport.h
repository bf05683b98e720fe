/*
 * libassay-vchan: libassay's bytes through libxenvchan, as the client of a
 * channel. A module of its own, so that who uses a socket loads no library of
 * Xen.
 *
 * Trust: the domain on the other side can rewrite the shared page at any
 * moment. libxenvchan keeps to its own memory whatever is there, but takes
 * indices that lie for a ring without anything in it, and waits. So the indices
 * are looked at here too: those of this side must be what it left, and those of
 * the other side lie within the ring. A domain that is destroyed tells nobody:
 * for that there is the deadline of a call.
 *
 * Not done: a deadline for xenstored, which opening a channel asks.
 *
 * Spec: xen/include/public/io/libxenvchan.h; tools/libs/vchan/ of Xen 4.17.
 */
#ifndef ASSAY_CLI_LIBASSAY_VCHAN_TRANSPORT_H
#define ASSAY_CLI_LIBASSAY_VCHAN_TRANSPORT_H

#include "cli/libassay/transport.h"

/* Its name is TRANSPORT_VCHAN_SYMBOL. */
extern const struct transport_port assay_vchan_transport;

#endif
