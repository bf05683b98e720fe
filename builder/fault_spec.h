/*
 * A fault on purpose, as it is asked for: builder/xen/fault.h. In a release
 * build none can be.
 */
#ifndef ASSAY_BUILDER_FAULT_SPEC_H
#define ASSAY_BUILDER_FAULT_SPEC_H

enum fault_kind {
	FAULT_NONE,
	FAULT_FAIL, /* the operation is not done and reports FAULT_INJECTED */
	FAULT_KILL, /* the operation is done, then the process is killed */
};

struct fault {
	enum fault_kind kind;
	char operation[32]; /* a member of struct xen_ops */
};

#endif
