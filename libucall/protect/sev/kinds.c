// SPDX-License-Identifier: MIT
/* Which kind of memory encryption is kept how. */
#include "sev.h"

static const struct ucall_kvm_protect *find(const struct ucall_protection *protection)
{
	bool snp = protection->bit == UCALL_PROTECT_SEV_SNP;

	if (protection->bell & UCALL_BELL_EMULATED)
		return snp ? &sev_emulated_snp : &sev_emulated;
	return snp ? &sev_real_snp : &sev_real;
}

static char *launch_list(const struct ucall_machine *vm, const struct ucall_protection *protection,
			 const struct ucall_args *args)
{
	struct sev_launch l = {
		.bit = protection->bit,
		.policy = ucall_args_uint(args, "policy"),
		.old_api = ucall_args_uint(args, "api") == 1,
	};

	sev_describe_memory(vm, &l);
	return sev_launch_list(&l, vm->vcpu_count);
}

const struct ucall_kvm_protections sev_protections = { .find = find, .launch_list = launch_list };
