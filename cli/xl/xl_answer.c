#include "cli/xl/xl_answer.h"

static const struct json_member members[] = {
    {MEMBER_MAYBE_STRING("name", struct xl_answer, name),
	.presence = JSON_NULLABLE},
    {MEMBER_MAYBE_STRING("uuid", struct xl_answer, uuid),
	.presence = JSON_NULLABLE},
    {MEMBER_MAYBE_STRING("image", struct xl_answer, image),
	.presence = JSON_NULLABLE},
    {MEMBER_INTEGER("memory_mib", struct xl_answer, memory_mib, 0,
	LIMIT_MEMORY_MIB)},
    {MEMBER_INTEGER("vcpus", struct xl_answer, vcpus, 0, LIMIT_VCPUS)},
    {MEMBER_MAYBE_STRING("on_poweroff", struct xl_answer, on_poweroff),
	.presence = JSON_NULLABLE},
    {MEMBER_MAYBE_STRING("on_reboot", struct xl_answer, on_reboot),
	.presence = JSON_NULLABLE},
    {MEMBER_MAYBE_STRING("on_crash", struct xl_answer, on_crash),
	.presence = JSON_NULLABLE},
};

const struct json_table xl_answer_table = {JSON_MEMBERS(members),
    .schema = XL_ANSWER_SCHEMA};
