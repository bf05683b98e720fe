/*
 * Roles without their programs: a fork of the test that runs the role, with the
 * fakes that the test has. What they get is what their programs get.
 */
#ifndef ASSAY_TESTS_FORKED_ROLES_H
#define ASSAY_TESTS_FORKED_ROLES_H

#include "builder/supervisor/role_start.h"

extern const struct role_launcher forked_roles;

#endif
