#include "cli/domain/one_domain.h"

#include "base/json.h"
#include "base/scope.h"
#include "base/uuid.h"
#include "base/uuid_make.h"
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/domain/domain_words.h"

json_t *
one_domain_selector(const char *text)
{
	uint8_t uuid[UUID_BYTES];
	int64_t domid;

	if (arguments_number(text, UINT16_MAX, &domid))
		return json_pack("{s:I}", "domid", (json_int_t)domid);
	if (uuid_from_text(text, uuid))
		return json_pack("{s:s}", "uuid", text);
	return json_pack("{s:s}", "name", text);
}

int
one_domain_run(const struct command *command, const char *method, int argc,
    char **argv)
{
	const char *socket = ASSAY_DEFAULT_ADDRESS;
	bool as_json = false;
	const struct argument known[] = {
	    {"socket", required_argument, .text = &socket},
	    {"json", no_argument, .flag = &as_json},
	};
	CLEANUP(json_freep) json_t *reply = NULL;
	struct err err = {0};
	int status =
	    arguments_read(command, known, countof(known), &argc, argv);

	if (status == ARGUMENTS_READ)
		status = domain_words_check_operand(command, argv[1]);
	if (status != ARGUMENTS_READ)
		return status;
	if (client_call(socket, method, one_domain_selector(argv[1]), &reply,
		&err) != 0)
		return command_failed(&err, as_json);
	return as_json ? command_print_json(take_ptr(&reply)) : EXIT_DONE;
}
