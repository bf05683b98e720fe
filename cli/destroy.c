#include <getopt.h>

#include "base/json.h"
#include "base/scope.h"
#include "base/uuid.h"
#include "cli/client.h"
#include "cli/command.h"

static json_t *select_domain(const char *text);

static int
run(int argc, char **argv)
{
	static const struct option known[] = {
	    {"socket", required_argument, NULL, 's'},
	    {"json", no_argument, NULL, 'j'},
	    {NULL, 0, NULL, 0},
	};
	CLEANUP(json_freep) json_t *reply = NULL;
	const char *socket = CLIENT_DEFAULT_SOCKET;
	struct err err = {0};
	bool as_json = false;
	int option;

	while ((option = getopt_long(argc, argv, "s:j", known, NULL)) != -1) {
		if (option == 's')
			socket = optarg;
		else if (option == 'j')
			as_json = true;
		else
			return command_usage(&command_destroy, "bad option");
	}
	if (optind + 1 != argc)
		return command_usage(&command_destroy,
		    "one domid, uuid or name is needed");
	if (client_call(socket, "DestroyDomain", select_domain(argv[optind]),
	        &reply, &err) != 0)
		return command_failed(&err, as_json);
	return as_json ? command_print_json(take_ptr(&reply)) : EXIT_DONE;
}

/* A number is a domid, a uuid a uuid, the rest a name. */
static json_t *
select_domain(const char *text)
{
	uint8_t uuid[UUID_BYTES];
	int64_t domid;

	if (command_parse_number(text, UINT16_MAX, &domid))
		return json_pack("{s:I}", "domid", (json_int_t)domid);
	if (uuid_from_text(text, uuid))
		return json_pack("{s:s}", "uuid", text);
	return json_pack("{s:s}", "name", text);
}

const struct command command_destroy = {NULL, "destroy",
    "[--json] [--socket PATH] DOMID|UUID|NAME",
    "destroy a domain that assayd built", run};
