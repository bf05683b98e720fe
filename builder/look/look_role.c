#include "builder/look/look_role.h"

#include <string.h>
#include <unistd.h>

#include "base/sealing.h"
#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/look/look_sandbox.h"
#include "builder/look_link.h"
#include "builder/xen/domain_list.h"
#include "builder/xen/xen_look.h"

static int prepare(const struct daemon_config *config, struct xen_port *xen,
    struct err *err);
static int serve(const struct xen_port *xen, const struct err *unready,
    int link, struct err *err);
static int act(const struct xen_port *xen, const struct look_call *call,
    struct err *err);
static int look(const struct xen_port *xen, struct look_answer *answer,
    struct sealed **ret_infos, struct err *err);

void
look_role_run(const struct role_start *start, int link)
{
	struct xen_port xen = {.ops = NULL};
	struct err unready = {0};
	struct err err = {0};

	log_set_process("assayd[look]");
	if (sandbox_die_with_parent(start->parent_pid, &err) != 0 ||
	    sandbox_keep_only(&link, 1, &err) != 0)
		_exit(1);
	(void)prepare(&start->config, &xen, &unready);
	while (serve(&xen, &unready, link, &err) == 0)
		continue;
	_exit(1);
}

static int
prepare(const struct daemon_config *config, struct xen_port *xen,
    struct err *err)
{
	TRY(xen_look_open(xen, err));
	return sandbox_enter(&look_sandbox, config->users.of[SANDBOX_BUILD],
	    err);
}

/* Whoever asks is told why it could not prepare itself; the next one may. */
static int
serve(const struct xen_port *xen, const struct err *unready, int link,
    struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *infos = NULL;
	struct look_answer answer = {0};
	struct err why = *unready;
	struct look_call call;
	bool is_end;
	int code = (int)unready->code;

	TRY(ipc_receive(link, &call, sizeof(call), NULL, &is_end, err));
	if (is_end)
		_exit(0);
	if (code == 0) {
		err_wire_from(&answer.acted, act(xen, &call, &why), &why);
		code = look(xen, &answer, &infos, &why);
	}
	answer.number = call.number;
	answer.kind = code == 0 ? LOOK_LISTED : LOOK_FAILED;
	err_wire_from(&answer.outcome, code, &why);
	if (code == 0)
		return ipc_send_sealed(link, &answer, sizeof(answer), infos,
		    err);
	TRY(ipc_send(link, &answer, sizeof(answer), -1, err));
	return unready->code == ERR_NONE ? 0 : (int)(*err = *unready).code;
}

/* On no other: an id may have gone to another domain. Xen counts pauses, so
 * that a second one would need a second end. */
static int
act(const struct xen_port *xen, const struct look_call *call, struct err *err)
{
	CLEANUP(domain_list_done) struct domain_list list = {0};
	const struct xen_domain_info *info;

	if (call->act == LOOK_ONLY)
		return 0;
	TRY(domain_list_read(xen, &list, err));
	info = domain_list_find(&list, call->domid);
	if (info == NULL || memcmp(info->uuid, call->uuid, UUID_BYTES) != 0)
		return err_set(err, DOMAIN_UNKNOWN,
		    "Xen has no domain %u with this uuid", call->domid);
	if (call->act == LOOK_PAUSE && !info->is_paused)
		return xen->ops->domain_pause(xen->xen, call->domid, err);
	if (call->act == LOOK_UNPAUSE && info->is_paused)
		return xen->ops->domain_unpause(xen->xen, call->domid, err);
	return 0;
}

static int
look(const struct xen_port *xen, struct look_answer *answer,
    struct sealed **ret_infos, struct err *err)
{
	CLEANUP(domain_list_done) struct domain_list list = {0};

	TRY(xen->ops->host_info(xen->xen, &answer->host, err));
	TRY(domain_list_read(xen, &list, err));
	return sealed_from_bytes("domains",
	    bytes_of(list.infos, list.count * sizeof(*list.infos)), ret_infos,
	    err);
}
