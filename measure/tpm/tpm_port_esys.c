#include "measure/tpm/tpm_port_esys.h"

#include <stdlib.h>

#include "base/scope.h"
#include "measure/tpm/tpm_pinned.h"
#include "measure/tpm/tpm_registers.h"

struct port {
	struct tpm_pinned pinned;
	struct tpm_identity identity; /* if there is one */
	bool is_stale; /* a call failed: begin again before the next one */
};

static void close_port(void *tpm);
static void port_freep(struct port **port);
static int open_pinned(struct tpm_pinned *pinned,
    const struct tpm_identity *identity, struct err *err);
static int ready(struct port *port, struct err *err);
static int ended(struct port *port, int code);

/* Whatever failed: a session that is out of step would fail again. */
#define CALL(port, call) \
	(ready(port, err) != 0 ? (int)err->code : ended(port, call))

static int
port_pcr_read(void *tpm, struct pcr_values *ret_values, struct err *err)
{
	struct port *port = tpm;

	return CALL(port, tpm_registers_read(port->pinned.tpm,
			      port->pinned.banks, ret_values, err));
}

static int
port_pcr_extend(void *tpm, unsigned int pcr, const struct pcr_digests *digests,
    struct err *err)
{
	struct port *port = tpm;

	return CALL(port,
	    tpm_pinned_pcr_extend(&port->pinned, pcr, digests, err));
}

static int
port_log_extend(void *tpm, const struct digest *data, struct err *err)
{
	struct port *port = tpm;

	return CALL(port, tpm_pinned_log_extend(&port->pinned, data, err));
}

static int
port_log_read(void *tpm, struct pcr_digest *ret_value, struct err *err)
{
	struct port *port = tpm;

	return CALL(port, tpm_pinned_log_read(&port->pinned, ret_value, err));
}

static int
port_counter_read(void *tpm, uint64_t *ret_value, struct err *err)
{
	struct port *port = tpm;

	return CALL(port,
	    tpm_pinned_counter_read(&port->pinned, ret_value, err));
}

static int
port_counter_increment(void *tpm, struct err *err)
{
	struct port *port = tpm;

	return CALL(port, tpm_pinned_counter_increment(&port->pinned, err));
}

static int
port_quote(void *tpm, const struct digest *extra, struct tpm_quote *ret_quote,
    struct err *err)
{
	struct port *port = tpm;

	return CALL(port,
	    tpm_pinned_quote(&port->pinned, extra, ret_quote, err));
}

static int
port_log_certify(void *tpm, const struct digest *extra,
    struct tpm_attestation *ret_attestation, struct err *err)
{
	struct port *port = tpm;

	return CALL(port,
	    tpm_pinned_log_certify(&port->pinned, extra, ret_attestation, err));
}

static int
port_public_read(void *tpm, enum tpm_key key, struct tpm_blob *ret_public,
    struct err *err)
{
	struct port *port = tpm;

	return CALL(port,
	    tpm_pinned_public_read(&port->pinned, key, ret_public, err));
}

static int
port_ek_certificate_read(void *tpm, struct tpm_blob *ret_certificate,
    struct err *err)
{
	struct port *port = tpm;

	return CALL(port, tpm_pinned_ek_certificate_read(&port->pinned,
			      ret_certificate, err));
}

static void
port_time_limit(void *tpm, int seconds)
{
	struct port *port = tpm;

	tpm_tcti_limit(&port->pinned.tpm->tcti, seconds);
}

static const struct tpm_ops ops = {
    .pcr_read = port_pcr_read,
    .pcr_extend = port_pcr_extend,
    .log_extend = port_log_extend,
    .log_read = port_log_read,
    .counter_read = port_counter_read,
    .counter_increment = port_counter_increment,
    .quote = port_quote,
    .log_certify = port_log_certify,
    .public_read = port_public_read,
    .ek_certificate_read = port_ek_certificate_read,
    .time_limit = port_time_limit,
    .close = close_port,
};

int
tpm_port_esys_open(const char *where, const struct tpm_identity *identity,
    int timeout_ms, struct tpm_port *ret_port, struct err *err)
{
	CLEANUP(port_freep) struct port *port = calloc(1, sizeof(*port));

	if (port == NULL)
		return err_set(err, NO_MEMORY, "TPM");
	port->pinned.launch = ESYS_TR_NONE;
	TRY(tpm_esys_open(where, timeout_ms, &port->pinned.tpm, err));
	if (identity != NULL) {
		TRY(open_pinned(&port->pinned, identity, err));
		port->identity = *identity;
	}
	TRY(tpm_registers_banks(port->pinned.tpm, &port->pinned.banks, err));
	ret_port->ops = &ops;
	ret_port->tpm = take_ptr(&port);
	return 0;
}

int
tpm_port_esys_pin(struct tpm_port *port, const struct tpm_identity *identity,
    struct err *err)
{
	struct port *self = port->tpm;
	uint32_t banks = 0;

	if (self->pinned.has_identity)
		return ready(self, err);
	self->identity = *identity;
	TRY(CALL(self, open_pinned(&self->pinned, identity, err)));
	TRY(CALL(self, tpm_registers_banks(self->pinned.tpm, &banks, err)));
	self->pinned.banks = banks;
	return 0;
}

static void
close_port(void *tpm)
{
	struct port *port = tpm;

	port_freep(&port);
}

static void
port_freep(struct port **port)
{
	if (*port != NULL && (*port)->pinned.tpm != NULL) {
		tpm_esys_flush((*port)->pinned.tpm, &(*port)->pinned.launch);
		tpm_esys_freep(&(*port)->pinned.tpm);
	}
	free(*port);
	*port = NULL;
}

/* The session first: from then on nobody can answer in the TPM's place. */
static int
open_pinned(struct tpm_pinned *pinned, const struct tpm_identity *identity,
    struct err *err)
{
	struct tpm_esys *tpm = pinned->tpm;

	TRY(tpm_esys_object(tpm, &identity->salt, "salt key", &tpm->salt, err));
	TRY(tpm_esys_session_start(tpm, err));
	TRY(tpm_esys_object(tpm, &identity->ak, "AK", &pinned->ak, err));
	TRY(tpm_esys_object(tpm, &identity->ek, "EK", &pinned->ek, err));
	TRY(tpm_esys_object(tpm, &identity->counter, "counter",
	    &pinned->counter, err));
	if (identity->has_log)
		TRY(tpm_esys_object(tpm, &identity->log, "log index",
		    &pinned->log, err));
	pinned->has_identity = true;
	pinned->has_log = identity->has_log;
	return 0;
}

/* The names are checked again: nothing that was known before is believed. */
static int
ready(struct port *port, struct err *err)
{
	struct tpm_pinned *pinned = &port->pinned;

	if (!port->is_stale)
		return 0;
	tpm_esys_leave(pinned->tpm, &pinned->launch);
	TRY(tpm_esys_restart(pinned->tpm, err));
	if (pinned->has_identity)
		TRY(open_pinned(pinned, &port->identity, err));
	port->is_stale = false;
	return 0;
}

static int
ended(struct port *port, int code)
{
	port->is_stale = port->is_stale || code != 0;
	return code;
}
