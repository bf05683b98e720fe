/*
 * Commands about one domain that assayd built, given by its id, uuid or name.
 */
#ifndef ASSAY_CLI_DOMAIN_ONE_DOMAIN_H
#define ASSAY_CLI_DOMAIN_ONE_DOMAIN_H

#include <jansson.h>

#include "cli/command.h"

/* A number is a domid, a uuid a uuid, the rest a name: the parameters of a
 * call, owned. domain_words_check_operand() has looked at the text. */
json_t *one_domain_selector(const char *text);

/* All of a command that calls this method about its one argument and has
 * nothing to show. Returns the exit status. */
int one_domain_run(const struct command *command, const char *method, int argc,
    char **argv);

#endif
