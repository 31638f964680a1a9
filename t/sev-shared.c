// SPDX-License-Identifier: MIT
/* The backend sev-shared: each way to exit, what it costs, and what it refuses. */
#include <errno.h>

#include "confidential.h"
#include "count-ioctls.h"

#define ROUNDS 20

static UCALL_GUEST void guest_code(struct ucall *uc)
{
	for (int i = 0; i < ROUNDS; i++) {
		GUEST_SYNC_ARGS(i, 1, 2, 3, 4);
		GUEST_SHARED_SYNC(uc, i);
	}
	GUEST_DONE();
}

/* One config string with one kind: exits have `reason`; each ucall costs `per_ucall` KVM_RUNs. */
static void works(const char *backend, const char *protect, bool irqchip, int ring, uint32_t reason,
		  unsigned int per_ucall)
{
	struct ucall_vm_config config = { .backend = backend,
					  .protect = protect,
					  .irqchip = irqchip,
					  .ring = ring,
					  .engine = "kvm" };
	struct ucall_vm *vm = ucall_test_vm(&config);
	uint64_t gva = ucall_shared_alloc(vm, 1);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_code, 1, gva);
	struct ucall uc;

	CHECK_OK(gva && vcpu && !ucall_vm_launch(vm));
	CHECK_STR(ucall_vm_backend(vm), "sev-shared");
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	runs = others = 0;
	for (int i = 1; i < 2 * ROUNDS; i++) {
		CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
		CHECK_EQ(uc.args[1], i / 2);
		CHECK_EQ(ucall_vcpu_exit(vcpu)->reason, reason);
	}
	CHECK_EQ(runs, per_ucall * (2 * ROUNDS - 1));
	CHECK_EQ(others, 0);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	ucall_test_vm_free(vm);
}

static const char *const kinds[] = { "emulated-sev", "emulated-sev-es", "emulated-sev-snp" };

static void once_hlt(void)
{
	for (int i = 0; i < 3; i++) {
		if (!getenv("UCALL_BACKEND")) /* the default */
			works(NULL, kinds[i], false, 0, UCALL_EXIT_HALT, 1);
		works("sev-shared,exit=hlt", kinds[i], false, 0, UCALL_EXIT_HALT, 1);
	}
}

static void once_pio(void)
{
	works("sev-shared,exit=pio", "emulated-sev", false, 0, UCALL_EXIT_IO, 1);
	works("sev-shared,exit=pio,port=0x80", "emulated-sev", true, 3, UCALL_EXIT_IO, 1);
}

/* Emulated: an exit for the GHCB's MSR, one for VMGEXIT, and one that completes the latter. */
static void once_ghcb(void)
{
	for (int i = 1; i < 3; i++) {
		works("sev-shared,exit=ghcb", kinds[i], false, 0, UCALL_EXIT_IO, 3);
		works("sev-shared,exit=ghcb,port=0x80", kinds[i], true, 0, UCALL_EXIT_IO, 3);
	}
}

static void once_refused(void)
{
	static const struct {
		struct ucall_vm_config config;
		const char *says;
	} cases[] = {
		{ { .backend = "sev-shared,exit=pio", .protect = "emulated-sev-es" },
		  "exit=pio is for plain SEV only: with SEV-ES and SEV-SNP, OUT raises #VC" },
		{ { .backend = "sev-shared,exit=pio", .protect = "emulated-sev-snp" },
		  "use exit=hlt or exit=ghcb" },
		{ { .backend = "sev-shared,exit=ghcb", .protect = "emulated-sev" },
		  "exit=ghcb is for SEV-ES and SEV-SNP: a plain SEV guest has no GHCB" },
		{ { .backend = "sev-shared", .protect = "emulated-sev", .irqchip = true },
		  "where HLT does not exit; use exit=pio" },
		{ { .backend = "sev-shared", .protect = "emulated-sev-es", .irqchip = true },
		  "where HLT does not exit; use exit=ghcb" },
		{ { .backend = "sev-shared", .protect = "emulated-sev", .ring = 3 },
		  "exit=hlt needs guest functions in ring 0" },
		{ { .backend = "sev-shared,exit=ghcb", .protect = "emulated-sev-snp", .ring = 3 },
		  "exit=ghcb needs guest functions in ring 0" },
		{ { .backend = "sev-shared" }, "is for confidential VMs only" },
	};

	skip_without("emulated-sev");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK(!ucall_vm_create(&cases[i].config));
		CHECK_EQ(errno, EOPNOTSUPP);
		CHECK_HAS(ucall_error(), cases[i].says);
	}
}

UCALL_TESTS({ "exit=hlt", .once = once_hlt }, { "exit=pio", .once = once_pio },
	    { "exit=ghcb", .once = once_ghcb }, { "what it refuses", .once = once_refused });
