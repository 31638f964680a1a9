// SPDX-License-Identifier: MIT
/* See machine.h. */
#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"
#include "machine.h"
#include "protect/tdx/kvm-tdx.h"
#include "protect/x86/module-parameter.h"

void tdx_probe(struct tdx_machine *m, int kvm_fd)
{
	int types = ioctl(kvm_fd, KVM_CHECK_EXTENSION, X86_CAP_VM_TYPES);

	m->has_kvm_intel = !access("/sys/module/kvm_intel", F_OK);
	m->parameter = x86_module_parameter("kvm_intel", "tdx");
	m->vm_types = types > 0 ? types : 0;
}

int tdx_check_machine(const struct tdx_machine *m)
{
	if (m->vm_types >> TDX_VM_TYPE & 1)
		return 0;
	if (!m->has_kvm_intel)
		return ucall_fail(
			EOPNOTSUPP,
			"this KVM has no TDX: it needs an Intel CPU with TDX turned on in the "
			"firmware's settings, and Linux 6.16 or later with module kvm_intel "
			"and its parameter tdx=1");
	if (m->parameter < 0)
		return ucall_fail(EOPNOTSUPP,
				  "this kernel's KVM has no TDX; Linux 6.16 or later with "
				  "CONFIG_KVM_INTEL_TDX is needed");
	if (!m->parameter)
		return ucall_fail(
			EOPNOTSUPP,
			"kvm_intel's parameter tdx is off: load the module with tdx=1; if "
			"it stays off, the CPU has no TDX, or TDX is turned off in the "
			"firmware's settings, or the TDX module is not loaded "
			"(dmesg | grep -i tdx)");
	return ucall_fail(EOPNOTSUPP,
			  "kvm_intel's parameter tdx is on, but KVM offers no trust domains "
			  "(KVM_CAP_VM_TYPES); dmesg | grep -i tdx");
}
