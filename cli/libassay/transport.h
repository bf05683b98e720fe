/*
 * A stream of bytes to assayd, that never waits: the seam between libassay and
 * what carries its bytes. transport_unix.c is a socket; transport_vchan.c loads
 * the module of vchan/, which has another implementation.
 *
 * Texts of errors are what follows the address in them.
 */
#ifndef ASSAY_CLI_LIBASSAY_TRANSPORT_H
#define ASSAY_CLI_LIBASSAY_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "cli/libassay/address.h"

/* What read and write of a port give instead of a number of bytes. */
enum {
	TRANSPORT_AGAIN = 0,   /* nothing now: poll */
	TRANSPORT_ENDED = -1,  /* the other side is gone */
	TRANSPORT_BROKEN = -2, /* the other side broke the channel's rules */
	TRANSPORT_FAILED = -3, /* this side failed: errno */
};

/* Another one for each change of struct transport_port, so that a module of
 * another build is not called. */
#define TRANSPORT_PORT_VERSION 1
enum { TRANSPORT_WHY_BYTES = 128 };

struct transport_port {
	uint32_t version;
	/* 0, or -1 with a line of text why. Owned; only close() frees it. */
	int (*open)(const struct address *address, int64_t deadline_ms,
	    void **ret_channel, char ret_why[TRANSPORT_WHY_BYTES]);
	ssize_t (*read)(void *channel, void *data, size_t len);
	ssize_t (*write)(void *channel, const void *data, size_t len);
	/* For poll(2), and for what if something is to be sent or not. */
	int (*fd)(void *channel);
	short (*events)(void *channel, int has_output);
	/* Before reading and writing: take what made poll(2) return. */
	void (*wake)(void *channel);
	void (*close)(void *channel);
};

extern const struct transport_port transport_unix;

/* The symbol of the module: the one that it exports. */
#define TRANSPORT_VCHAN_SYMBOL "assay_vchan_transport"

/*
 * Load the module. It stays loaded until transport_vchan_unload(), so after the
 * last channel of it. Errors: DAEMON_UNREACHABLE.
 */
int transport_vchan_load(void **ret_module,
    const struct transport_port **ret_port, struct err *err);
void transport_vchan_unload(void *module);

/* Milliseconds of a clock that nobody sets. */
int64_t transport_now_ms(void);

#endif
