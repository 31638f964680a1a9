// SPDX-License-Identifier: MIT
/* What a machine lacks for SEV, SEV-ES or SEV-SNP. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "protect/sev/kvm-sev.h"
#include "machine.h"

/* In the order of struct sev_machine.parameter. */
static const struct kind {
	uint32_t bit;
	const char *name, *parameter;
	uint32_t feature; /* CPUID 0x8000001f EAX */
	int vm_type;
} kinds[] = {
	{ UCALL_PROTECT_SEV, "SEV", "sev", 1u << 1, SEV_VM_SEV },
	{ UCALL_PROTECT_SEV_ES, "SEV-ES", "sev_es", 1u << 3, SEV_VM_ES },
	{ UCALL_PROTECT_SEV_SNP, "SEV-SNP", "sev_snp", 1u << 4, SEV_VM_SNP },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const struct kind *find(uint32_t bit, size_t *index)
{
	for (*index = 0; *index < KINDS; (*index)++)
		if (kinds[*index].bit == bit)
			return &kinds[*index];
	return NULL;
}

static bool has_vm_type(const struct sev_machine *m, const struct kind *k)
{
	return m->vm_types >> k->vm_type & 1;
}

bool sev_needs_old_api(const struct sev_machine *m, uint32_t bit)
{
	size_t i;
	const struct kind *k = find(bit, &i);

	return k && bit != UCALL_PROTECT_SEV_SNP && !has_vm_type(m, k);
}

static int explain_device(const struct sev_machine *m)
{
	switch (m->device_error) {
	case 0:
		break;
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return ucall_fail(
			EOPNOTSUPP,
			"no /dev/sev: the driver of the AMD secure processor (module ccp) is not "
			"loaded, or its firmware did not start (dmesg | grep ccp)");
	case EACCES:
	case EPERM:
		return ucall_fail(EACCES,
				  "/dev/sev is not permitted: run as root, or grant access as root "
				  "(chmod, or a udev rule)");
	default:
		return ucall_fail(EOPNOTSUPP, "cannot open /dev/sev: %s",
				  strerror(m->device_error));
	}
	if (m->firmware_error)
		return ucall_fail(EOPNOTSUPP,
				  "the SEV firmware does not answer (SEV_PLATFORM_STATUS: %s); "
				  "dmesg | grep ccp",
				  strerror(m->firmware_error));
	return 0;
}

int sev_check_machine(const struct sev_machine *m, uint32_t bit)
{
	size_t i;
	const struct kind *k = find(bit, &i);

	if (!k)
		return ucall_fail(EINVAL, "no such protection");
	if (!(m->features & k->feature))
		return ucall_fail(EOPNOTSUPP,
				  "this CPU has no %s (CPUID 0x8000001f, EAX bit %d), or it is "
				  "turned off in the "
				  "firmware's settings, or this is a virtual machine",
				  k->name, __builtin_ctz(k->feature));
	if (!m->has_kvm_amd)
		return ucall_fail(EOPNOTSUPP, "the CPU has %s, but module kvm_amd is not loaded",
				  k->name);
	if (m->parameter[i] == 0)
		return ucall_fail(EOPNOTSUPP,
				  "kvm_amd's parameter %s is off: load the module with %s=1; if it "
				  "stays off, "
				  "memory encryption or its ASIDs are turned off in the firmware's "
				  "settings "
				  "(dmesg | grep -i sev)",
				  k->parameter, k->parameter);
	if (m->parameter[i] < 0 ||
	    (bit == UCALL_PROTECT_SEV_SNP && (!has_vm_type(m, k) || !m->has_hypercall_exits)))
		return ucall_fail(EOPNOTSUPP,
				  "this kernel's KVM has no %s; Linux %s or later is needed",
				  k->name,
				  bit == UCALL_PROTECT_SEV	? "4.16"
				  : bit == UCALL_PROTECT_SEV_ES ? "5.11"
								: "6.11");
	return explain_device(m);
}
