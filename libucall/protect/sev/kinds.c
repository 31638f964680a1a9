// SPDX-License-Identifier: MIT
/* Selects the guard for each kind of SEV. */
#include "sev.h"

static const struct ucall_kvm_guard *find(const struct ucall_protection *protection)
{
	bool snp = protection->bit == UCALL_PROTECT_SEV_SNP;

	if (ucall_protection_is_emulated(protection))
		return snp ? &sev_emulated_snp : &sev_emulated;
	return snp ? &sev_real_snp : &sev_real;
}

const struct ucall_kvm_guards sev_guards = {
	.bits = UCALL_PROTECT_SEV | UCALL_PROTECT_SEV_ES | UCALL_PROTECT_SEV_SNP,
	.find = find,
	.launch_list = sev_real_launch_list,
};
