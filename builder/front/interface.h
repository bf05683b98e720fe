/*
 * The interface descriptions that GetInterfaceDescription gives out: the
 * contract of the RPC, in the varlink interface definition language.
 */
#ifndef ASSAY_BUILDER_FRONT_INTERFACE_H
#define ASSAY_BUILDER_FRONT_INTERFACE_H

/* NULL if there is no such interface. */
const char *interface_description(const char *name);

#endif
