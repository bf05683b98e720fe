/*
 * libassay: ask assayd, the domain builder that starts only signed kernels.
 *
 * A connection is a `struct assay`, whose inside nobody sees. Calls are text in
 * and text out: parameters and replies are JSON objects, described by method in
 * assay-rpc(7). libassay(3) explains this header, with an example.
 *
 * A connection carries one call at a time and may be used by one thread at a
 * time; several connections do not know of each other. Nothing here exits,
 * prints, forks, reads the environment, or raises a signal; for Xen's libraries
 * see CAVEATS in libassay(3). Everything that waits for assayd has a deadline.
 *
 * Not done: what a reply means, and whether what answers is assayd. Whoever may
 * put a socket or a channel at the address may answer anything; such an answer
 * is a failure or well-formed, bounded and printable, and no more.
 *
 * Strings that are given back belong to the connection and hold until the next
 * call of a function that is not const for it. They are printable ASCII.
 */
#ifndef ASSAY_ASSAY_H
#define ASSAY_ASSAY_H

#ifdef __cplusplus
extern "C" {
#endif

/* Where assayd listens unless it is told otherwise. */
#define ASSAY_DEFAULT_ADDRESS "unix:/run/assay/builder.sock"

struct assay;

/* What a function of a connection ends with. */
enum assay_result {
	ASSAY_FAILED = -1,   /* assay_error_*() say why */
	ASSAY_DONE = 0,      /* for a call: this was its last reply */
	ASSAY_CONTINUES = 1, /* a reply, and more follow */
	ASSAY_WAITING = 2,   /* assay_process(): nothing yet, poll again */
};

/* Flags of assay_begin(). */
enum assay_flag {
	ASSAY_MORE =
	    1, /* take several replies; assayd has no such method yet */
};

/* "0.1.0": of the library that runs, not of this header. */
const char *assay_version(void);

/* A connection that is not open; NULL if there is no memory. */
struct assay *assay_new(void);

/* Ends the call that is under way, closes and frees. NULL is allowed. assayd
 * destroys a domain whose receipt was not delivered. */
void assay_free(struct assay *assay);

/*
 * Connect within `timeout_ms` (over 0). What was open before is closed. The
 * address is one of these, or NULL for the default one:
 *
 *	unix:PATH	a socket, as is anything else
 *	vchan:DOMID	a channel to that domain, at the place in xenstore
 *			/local/domain/DOMID/data/assay/OWN
 *	vchan:DOMID:PATH	the same at another one, of at most 49 bytes
 *
 * OWN is the id of the domain that calls.
 *
 * vchan needs libassay-vchan.so, a module with Xen's libraries, which is loaded
 * from the directory of libraries that libassay was built for. assayd does not
 * offer channels yet. Opening one asks xenstored, which has no deadline.
 *
 * ASSAY_DONE or ASSAY_FAILED: ADDRESS_BAD, DAEMON_UNREACHABLE, CALL_TIMEOUT.
 */
int assay_open(struct assay *assay, const char *address, int timeout_ms);

/* Is there a connection for another call? A refusal of assayd leaves it open;
 * whatever else fails while a call is under way closes it. */
int assay_is_open(const struct assay *assay);

/*
 * One call and its one reply, within `timeout_ms`. `method` is "BuildDomain",
 * or "org.varlink.service.GetInfo" for one of another interface. `parameters`
 * is a JSON object in UTF-8, or NULL for none. `*ret_reply` is a JSON object.
 * ASSAY_DONE, or ASSAY_FAILED with `*ret_reply` untouched.
 */
int assay_call(struct assay *assay, const char *method, const char *parameters,
    int timeout_ms, const char **ret_reply);

/*
 * The same in parts, for who has an event loop, or takes several replies. Begin
 * a call: nothing is sent yet. ASSAY_DONE or ASSAY_FAILED. `timeout_ms` is for
 * the first reply, and again for each that follows it.
 */
int assay_begin(struct assay *assay, const char *method, const char *parameters,
    unsigned int flags, int timeout_ms);

/*
 * Send and receive what can be without waiting. ASSAY_DONE and ASSAY_CONTINUES
 * give a reply. After ASSAY_WAITING, poll(2) assay_fd() for assay_events() for
 * at most assay_wait_ms(), and call again whatever poll said.
 */
int assay_process(struct assay *assay, const char **ret_reply);

/* The same, but wait: never ASSAY_WAITING. */
int assay_next(struct assay *assay, const char **ret_reply);

/* For poll(2). The descriptor is -1 if there is no connection; it is the
 * connection's: read it only with assay_process(). */
int assay_fd(const struct assay *assay);
short assay_events(const struct assay *assay);

/* Until the deadline of the call, 0 if it has passed; -1 without a call. */
int assay_wait_ms(const struct assay *assay);

/*
 * Why the last function of the connection failed: the name of an error, see
 * docs/errors.md, which never changes its meaning; the parameter at fault, or
 * ""; what happened, for people; and what can be done. All are "" after one
 * that did not fail. A newer assayd may have names that this library does not
 * know.
 */
const char *assay_error_name(const struct assay *assay);
const char *assay_error_field(const struct assay *assay);
const char *assay_error_detail(const struct assay *assay);
const char *assay_error_remedy(const struct assay *assay);

/* Did nothing fail, so that the same call is refused again until something
 * changes? RPC_BUSY, CALLER_QUOTA_SPENT and dates may be tried later. */
int assay_error_is_refusal(const struct assay *assay);

#ifdef __cplusplus
}
#endif

#endif
