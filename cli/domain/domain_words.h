/*
 * What people write to name a domain: checked before assayd is asked, which
 * says of a value that it does not take no more than which one it is.
 *
 * Each returns ARGUMENTS_READ; or the exit status of a wrong usage, which was
 * printed with the rule.
 */
#ifndef ASSAY_CLI_DOMAIN_DOMAIN_WORDS_H
#define ASSAY_CLI_DOMAIN_DOMAIN_WORDS_H

#include "cli/command.h"

/* A domid from 1 to 65535, a uuid, or what may be a name. */
int domain_words_check_operand(const struct command *command,
    const char *operand);

/* Of an image to build from. */
int domain_words_check_image(const struct command *command, const char *image);

/* Of a domain to build. One that would be taken for a domid or a uuid is none:
 * no command could mean that domain by it. */
int domain_words_check_name(const struct command *command, const char *name);

/* In lower case; NULL is none. */
int domain_words_check_uuid(const struct command *command, const char *uuid);

/* "sha256:" and 64 digits; NULL is none. */
int domain_words_check_digest(const struct command *command, const char *option,
    const char *digest);

#endif
