#include "base/json.h"
#include "base/scope.h"
#include "base/uuid.h"
#include "base/uuid_make.h"
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/command.h"

static json_t *select_domain(const char *text);

static int
run(int argc, char **argv)
{
	const char *socket = ASSAY_DEFAULT_ADDRESS;
	bool as_json = false;
	const struct argument known[] = {
	    {"socket", required_argument, .text = &socket},
	    {"json", no_argument, .flag = &as_json},
	};
	CLEANUP(json_freep) json_t *reply = NULL;
	struct err err = {0};
	int status = arguments_read(&command_destroy, known, countof(known),
	    &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (client_call(socket, "DestroyDomain", select_domain(argv[1]), &reply,
		&err) != 0)
		return command_failed(&err, as_json);
	return as_json ? command_print_json(take_ptr(&reply)) : EXIT_DONE;
}

/* A number is a domid, a uuid a uuid, the rest a name. */
static json_t *
select_domain(const char *text)
{
	uint8_t uuid[UUID_BYTES];
	int64_t domid;

	if (arguments_number(text, UINT16_MAX, &domid))
		return json_pack("{s:I}", "domid", (json_int_t)domid);
	if (uuid_from_text(text, uuid))
		return json_pack("{s:s}", "uuid", text);
	return json_pack("{s:s}", "name", text);
}

const struct command command_destroy = {NULL, "destroy",
    "[--json] [--socket ADDRESS]", "DOMID|UUID|NAME",
    "destroy a domain that assayd built", run};
