#include "cli/libassay/transport.h"

#include <dlfcn.h>

#ifndef ASSAY_VCHAN_MODULE
#error "the build says where the module will be: an absolute path"
#endif

int
transport_vchan_load(void **ret_module, const struct transport_port **ret_port,
    struct err *err)
{
	void *module = dlopen(ASSAY_VCHAN_MODULE, RTLD_NOW | RTLD_LOCAL);
	const struct transport_port *port;

	if (module == NULL)
		return err_set(err, DAEMON_UNREACHABLE,
		    "install the module for vchan as %s: %s",
		    ASSAY_VCHAN_MODULE, dlerror());
	port = dlsym(module, TRANSPORT_VCHAN_SYMBOL);
	if (port == NULL || port->version != TRANSPORT_PORT_VERSION) {
		dlclose(module);
		return err_set(err, DAEMON_UNREACHABLE,
		    "%s is not of this libassay", ASSAY_VCHAN_MODULE);
	}
	*ret_module = module;
	*ret_port = port;
	return 0;
}

void
transport_vchan_unload(void *module)
{
	if (module != NULL)
		dlclose(module);
}
