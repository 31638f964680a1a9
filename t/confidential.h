/* SPDX-License-Identifier: MIT */
/* Tests of VMs with encrypted memory: a point for each kind. */
#ifndef T_CONFIDENTIAL_H
#define T_CONFIDENTIAL_H

#include <ucall/plugin.h>
#include <ucall/sev.h>
#include <ucall/test.h>

#ifndef UCALL_GUEST_BUILD
#include <stdlib.h>
#include <string.h>

/*
 * One kind; further fields of struct ucall_test may follow, and of its configuration by CONFIG().
 */
#define KIND(kind, what, ...) \
	{ \
		kind ": " what, .engine = "kvm", .config.protect = kind, ##__VA_ARGS__ \
	}
/* Both emulated and the machine's own. */
#define SEV(what, ...) KIND("emulated-sev", what, ##__VA_ARGS__), KIND("sev", what, ##__VA_ARGS__)
#define SEV_ES(what, ...) \
	KIND("emulated-sev-es", what, ##__VA_ARGS__), KIND("sev-es", what, ##__VA_ARGS__)
#define SEV_SNP(what, ...) \
	KIND("emulated-sev-snp", what, ##__VA_ARGS__), KIND("sev-snp", what, ##__VA_ARGS__)

/* Protected KVM of arm64, and its emulation. */
#define PKVM(what, ...) \
	KIND("pkvm", what, ##__VA_ARGS__), \
	{ \
		"emulated-pkvm: " what, .engine = "unicorn", .arch = "aarch64", \
			.config.protect = "emulated-pkvm", ##__VA_ARGS__ \
	}
/* With closed registers. */
#define PKVM_CLOSED(what, ...) \
	{ \
		"pkvm,regs=closed: " what, .engine = "kvm", .config.protect = "pkvm,regs=closed", \
			##__VA_ARGS__ \
	}, \
	{ \
		"emulated-pkvm,regs=closed: " what, .engine = "unicorn", .arch = "aarch64", \
			.config.protect = "emulated-pkvm,regs=closed", ##__VA_ARGS__ \
	}

/* Trust domains of Intel's. */
#define TDX(what, ...) KIND("emulated-tdx", what, ##__VA_ARGS__), KIND("tdx", what, ##__VA_ARGS__)

/* All kinds of SEV; those that close registers. */
#define EACH_KIND(what, ...) \
	SEV(what, ##__VA_ARGS__), SEV_ES(what, ##__VA_ARGS__), SEV_SNP(what, ##__VA_ARGS__)
/* Those of x86_64 and of aarch64, for guests that are built for every architecture. */
#define EACH_PROTECTED(what, ...) \
	EACH_KIND(what, ##__VA_ARGS__), TDX(what, ##__VA_ARGS__), PKVM(what, ##__VA_ARGS__)
#define EACH_CLOSED(what, ...) SEV_ES(what, ##__VA_ARGS__), SEV_SNP(what, ##__VA_ARGS__)

/* Only emulated: what hardware does not promise, or does not show. */
#define EMULATED_CLOSED(what, ...) \
	KIND("emulated-sev-es", what, ##__VA_ARGS__), KIND("emulated-sev-snp", what, ##__VA_ARGS__)
#define EMULATED_KIND(what, ...) \
	KIND("emulated-sev", what, ##__VA_ARGS__), EMULATED_CLOSED(what, ##__VA_ARGS__)

/* For `once` tests: ends the point if this machine has no VMs of that kind. */
static inline void skip_without(const char *kind)
{
	struct ucall_protection_info *all = ucall_protections();
	char problem[512] = "no such kind";

	for (struct ucall_protection_info *p = all; p && p->name; p++)
		if (!strcmp(p->name, kind))
			memcpy(problem, p->problem, sizeof(problem));
	free(all);
	if (problem[0])
		SKIP("%s", problem);
}

/* What the guest should find: UCALL_SEV_STATUS_ bits. */
static inline uint32_t expected_status(const struct ucall_vm *vm)
{
	switch (ucall_vm_protection_bit(vm)) {
	case UCALL_PROTECT_SEV:
		return UCALL_SEV_STATUS_SEV;
	case UCALL_PROTECT_SEV_ES:
		return UCALL_SEV_STATUS_SEV | UCALL_SEV_STATUS_ES;
	case UCALL_PROTECT_SEV_SNP:
		return UCALL_SEV_STATUS_SEV | UCALL_SEV_STATUS_ES | UCALL_SEV_STATUS_SNP;
	default:
		return 0;
	}
}

#endif /* UCALL_GUEST_BUILD */
#endif
