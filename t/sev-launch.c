// SPDX-License-Identifier: MIT
/*
 * Launches of VMs with SEV, SEV-ES and SEV-SNP against a stand-in for KVM and the secure processor:
 * the library's code for such VMs (libucall/protect/sev/real) calls this program's ioctl().
 */
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ucall/test.h>

#include "arch/x86_64/x86_64.h"
#include "protect/sev/real/launch.h"
#include "protect/sev/real/machine.h"
#include "protect/sev/sev.h"
#include "bare-machine.h"
#include "resources.h"
#include "stand-in-psp.h"

/* ---- the stand-in ---- */

static struct psp psp;
static int next_calls; /* calls that are not of the launch: KVM_SET_CPUID2, ... */

int ioctl(int fd, unsigned long request, ...);

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == KVM_SET_CPUID2) {
		next_calls++;
		return 0;
	}
	return psp_ioctl(&psp, fd, request, arg);
}

/* A machine that has everything; psp.has_types if its kernel is newer. */
void sev_probe(struct sev_machine *m, int kvm_fd)
{
	memset(m, 0, sizeof(*m));
	m->features = 1u << 1 | 1u << 3 | 1u << 4;
	m->c_bit = 51;
	m->has_kvm_amd = true;
	m->parameter[0] = m->parameter[1] = m->parameter[2] = 1;
	m->vm_types = psp.has_types ? 1 | 1 << SEV_VM_SEV | 1 << SEV_VM_ES | 1 << SEV_VM_SNP : 0;
	m->has_hypercall_exits = true;
}

int sev_open_device(void)
{
	psp.sev_fd = psp_fd();
	return psp.sev_fd;
}

const struct kvm_cpuid2 *ucall_x86_64_cpuid(const struct ucall_machine *vm, int kvm_fd)
{
	static struct kvm_cpuid2 none;

	return &none;
}

void ucall_kvm_decode(const struct ucall_cpu *vcpu, const struct kvm_run *run, size_t run_size,
		      struct ucall_exit *exit)
{
	exit->native = run->exit_reason;
}

int ucall_engine_check_protection(const struct ucall_protection *protection)
{
	return 0;
}

/* ---- a VM ---- */

#define MEMORY (4ul << 20)
#define PRIVATE_END 0x40000
#define VCPUS 2

static const struct ucall_kvm_guard *guard_of(const char *kind)
{
	return strstr(kind, "snp") ? &sev_real_snp : &sev_real;
}

/* Does what the core and the engine do, from KVM_CREATE_VM to the launch. */
static int build(struct ucall_machine *vm, const struct ucall_kvm_guard *guard, int kvm_fd)
{
	struct ucall_cpu vcpu = { .vm = vm };
	static struct kvm_run run;
	int fd = guard->create_vm(vm, kvm_fd);

	if (fd < 0 || guard->vm_init(vm, kvm_fd, fd) || guard->set_memory(vm, fd))
		return -1;
	for (int i = 0; i < VCPUS; i++) {
		run.kvm_valid_regs = 1;
		if (guard->vcpu_init(&vcpu, fd, &run))
			return -1;
		CHECK_EQ(run.kvm_valid_regs, !ucall_protection_closes(vm->protection));
		guard->vcpu_fini(&vcpu);
		psp.vcpus++;
	}
	vm->memory.next = PRIVATE_END;
	return guard->guard.launch(vm);
}

/* The whole life of a VM; returns the launch's result. */
static int live(const char *kind, struct ucall_machine *vm)
{
	const struct ucall_kvm_guard *guard = guard_of(kind);
	int kvm_fd = psp_fd(), r;

	psp.kvm_fd = kvm_fd;
	memset(vm, 0, sizeof(*vm));
	CHECK_OK(!ucall_machine_init(vm, &bare_paging, &ucall_arch_x86_64));
	CHECK_OK(!ucall_protect_choose(vm, kind));
	CHECK_OK(!guard->check(kvm_fd, vm->protection));
	CHECK_OK(!ucall_pages_init(&vm->memory, MEMORY, guard->guard.private_memory));
	vm->memory.next = 2 * UCALL_PAGE_SIZE;
	vm->memory.private_base[UCALL_PAGE_SIZE] = 0x5a;
	r = build(vm, guard, kvm_fd);
	if (!r)
		CHECK_EQ(vm->memory.private_bits, 1ull << 51);
	/* The engine's part: the VM's descriptor. */
	guard->vm_fini(vm);
	if (psp.vm_fd >= 0)
		close(psp.vm_fd);
	close(kvm_fd);
	if (guard->guard.private_memory == UCALL_PRIVATE_APART && !r) /* what was copied into the guest is cleared */
		CHECK_EQ(vm->memory.private_base[UCALL_PAGE_SIZE], 0);
	ucall_machine_fini(vm);
	return r;
}

/* A kind, a generation of kernels, the number of calls. */
static const struct {
	const char *kind;
	bool has_types;
	unsigned long vm_type;
	int calls;
} cases[] = {
	{ "sev", true, SEV_VM_SEV, 10 },    { "sev", false, 0, 10 },
	{ "sev-es", true, SEV_VM_ES, 11 },  { "sev-es", false, 0, 11 },
	{ "sev-snp", true, SEV_VM_SNP, 9 },
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

static void start(size_t i, int fail_at, uint32_t code)
{
	memset(&psp, 0, sizeof(psp));
	psp.has_types = cases[i].has_types;
	psp.vm_fd = psp.memfd = -1;
	psp.fail_at = fail_at;
	psp.fail_code = code;
}

static void check_launched(size_t i, const struct ucall_machine *vm)
{
	if (psp.problem[0])
		FAIL("%s: %s", cases[i].kind, psp.problem);
	CHECK_EQ(psp.state, PSP_RUNNING);
	CHECK_EQ(psp.vm_type, cases[i].vm_type);
	CHECK_EQ(psp.calls, cases[i].calls);
	CHECK_EQ(psp.encrypted, PRIVATE_END - UCALL_PAGE_SIZE);
	if (strstr(cases[i].kind, "snp")) {
		CHECK_EQ(vm->measurement_size, 0); /* the guest's attestation report has it */
		return;
	}
	CHECK_EQ(vm->measurement_size, PSP_MEASUREMENT);
	CHECK_EQ(vm->measurement[PSP_MEASUREMENT - 1], 0xa5);
}

static void once_launch(void)
{
	struct ucall_machine vm;

	for (size_t i = 0; i < CASES; i++) {
		start(i, -1, 0);
		CHECK_OK(!live(cases[i].kind, &vm));
		check_launched(i, &vm);
	}
}

/* Each call fails: the error names it and the firmware's code, and nothing is left behind. */
static void once_failures(void)
{
	int fds, maps;
	struct ucall_machine vm;

	start(0, -1, 0);
	live(cases[0].kind, &vm);
	fds = entries("/proc/self/fd");
	maps = mappings();
	for (size_t i = 0; i < CASES; i++) {
		for (int at = 0; at < cases[i].calls; at++) {
			/* Asking for the length fails by design with code 4: use another. */
			start(i, at, 0x0b);
			CHECK_EQ(live(cases[i].kind, &vm), -1);
			CHECK_EQ(errno, EIO);
			CHECK_HAS(ucall_error(), "KVM_");
			CHECK_HAS(ucall_error(), ": Input/output error");
			if (strstr(ucall_error(), "KVM_SEV_"))
				CHECK_HAS(ucall_error(),
					  "the firmware says SEV_RET_BAD_MEASUREMENT (0xb)");
			if (psp.problem[0])
				FAIL("%s: %s", cases[i].kind, psp.problem);
			CHECK_EQ(psp.calls, at + 1);
			CHECK_EQ(entries("/proc/self/fd"), fds);
			CHECK(mappings() <= maps + MAPPINGS_SLACK);
		}
	}
}

/* The error names the call. */
static void once_names(void)
{
	static const struct {
		size_t i;
		int at;
		const char *name;
	} names[] = {
		{ 0, 0, "KVM_CREATE_VM:" },
		{ 0, 1, "KVM_SEV_INIT2:" },
		{ 1, 1, "KVM_SEV_INIT:" },
		{ 3, 1, "KVM_SEV_ES_INIT:" },
		{ 2, 2, "KVM_SET_USER_MEMORY_REGION:" },
		{ 2, 3, "KVM_SEV_LAUNCH_START:" },
		{ 2, 4, "KVM_MEMORY_ENCRYPT_REG_REGION:" },
		{ 2, 5, "KVM_SEV_LAUNCH_UPDATE_DATA:" },
		{ 2, 6, "KVM_SEV_LAUNCH_UPDATE_VMSA:" },
		{ 2, 7, "KVM_SEV_LAUNCH_MEASURE:" },
		{ 2, 8, "KVM_SEV_LAUNCH_MEASURE:" },
		{ 2, 9, "KVM_SEV_LAUNCH_FINISH:" },
		{ 2, 10, "KVM_SEV_GUEST_STATUS:" },
		{ 4, 1, "KVM_ENABLE_CAP:" },
		{ 4, 3, "KVM_CREATE_GUEST_MEMFD:" },
		{ 4, 4, "KVM_SET_USER_MEMORY_REGION2:" },
		{ 4, 5, "KVM_SEV_SNP_LAUNCH_START:" },
		{ 4, 6, "KVM_SET_MEMORY_ATTRIBUTES:" },
		{ 4, 7, "KVM_SEV_SNP_LAUNCH_UPDATE:" },
		{ 4, 8, "KVM_SEV_SNP_LAUNCH_FINISH:" },
	};
	struct ucall_machine vm;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		start(names[i].i, names[i].at, 0x1234);
		CHECK_EQ(live(cases[names[i].i].kind, &vm), -1);
		CHECK_HAS(ucall_error(), names[i].name);
		if (strstr(names[i].name, "_SEV_"))
			CHECK_HAS(ucall_error(), "an unknown code (0x1234)");
	}
}

/* SNP_LAUNCH_UPDATE may stop before the end. */
static void once_partly(void)
{
	struct ucall_machine vm;

	start(4, -1, 0);
	psp.partly = true;
	CHECK_OK(!live("sev-snp", &vm));
	if (psp.problem[0])
		FAIL("%s", psp.problem);
	CHECK_EQ(psp.encrypted, PRIVATE_END - UCALL_PAGE_SIZE);
	CHECK_EQ(psp.calls, 8 + PRIVATE_END / UCALL_PAGE_SIZE - 1);
}

/* The options: another policy, the older calls on a newer kernel. */
static void once_options(void)
{
	struct ucall_machine vm;

	start(0, -1, 0);
	CHECK_OK(!live("sev,policy=0x3,api=old", &vm));
	CHECK_EQ(psp.policy, 3);
	CHECK_EQ(psp.vm_type, 0);
	if (psp.problem[0])
		FAIL("%s", psp.problem);
	/* A policy that the firmware rejects. */
	start(2, -1, 0);
	CHECK_EQ(live("sev-es,policy=0x1", &vm), -1);
	CHECK_HAS(ucall_error(), "KVM_SEV_LAUNCH_START");
}

/* The stand-in itself detects errors: calls too early, too often, and with bad arguments. */
static void once_stand_in(void)
{
	struct sev_launch_update_data data = { 0x1008, 0x1000, 0 };
	struct sev_init2 init = { .ghcb_version = 2 };
	struct sev_command command = { .id = SEV_LAUNCH_FINISH };

	start(0, -1, 0);
	psp.vm_fd = psp_create(&psp, SEV_VM_SEV);
	CHECK(psp.vm_fd >= 0);
	CHECK_EQ(psp_ioctl(&psp, psp.vm_fd, X86_IOCTL_ENCRYPT_OP, &command), -1);
	CHECK_HAS(psp.problem, "PSP_LSECRET");
	psp.problem[0] = 0;
	command = (struct sev_command){ .id = SEV_INIT2, .data = (uintptr_t)&init };
	CHECK_EQ(psp_ioctl(&psp, psp.vm_fd, X86_IOCTL_ENCRYPT_OP, &command), -1); /* no GHCB in plain SEV */
	CHECK_HAS(psp.problem, "ghcb_version");
	psp.problem[0] = 0;
	command.id = SEV_INIT;
	CHECK_EQ(psp_ioctl(&psp, psp.vm_fd, X86_IOCTL_ENCRYPT_OP, &command), -1); /* not for that VM type */
	psp.problem[0] = 0;
	psp.state = PSP_LUPDATE;
	CHECK_EQ(psp_update(&psp, &data), -1); /* not aligned to 16 */
	CHECK_HAS(psp.problem, "& 15");
	close(psp.vm_fd);
}

/* ---- what the machine has ---- */

static void once_machine(void)
{
	static const struct sev_machine good = {
		.features = 0x1a,
		.has_kvm_amd = true,
		.parameter = { 1, 1, 1 },
		.vm_types = 0x1d,
		.has_hypercall_exits = true,
	};
	struct sev_machine m = good;

	CHECK_OK(!sev_check_machine(&m, UCALL_PROTECT_SEV));
	CHECK_OK(!sev_check_machine(&m, UCALL_PROTECT_SEV_SNP));
	CHECK(!sev_needs_old_api(&m, UCALL_PROTECT_SEV_ES));
#define MISSING(kind, change, text) \
	do { \
		m = good; \
		change; \
		CHECK_EQ(sev_check_machine(&m, UCALL_PROTECT_##kind), -1); \
		CHECK_HAS(ucall_error(), text); \
	} while (0)
	MISSING(SEV, m.features = 0, "this CPU has no SEV (CPUID 0x8000001f, EAX bit 1)");
	MISSING(SEV_ES, m.features = 2, "this CPU has no SEV-ES (CPUID 0x8000001f, EAX bit 3)");
	MISSING(SEV_SNP, m.features = 0xa, "this CPU has no SEV-SNP (CPUID 0x8000001f, EAX bit 4)");
	MISSING(SEV, m.has_kvm_amd = false, "module kvm_amd is not loaded");
	MISSING(SEV_ES, m.parameter[1] = 0,
		"kvm_amd's parameter sev_es is off: load the module with "
		"sev_es=1");
	MISSING(SEV_ES, m.parameter[1] = -1, "KVM has no SEV-ES; Linux 5.11 or later is needed");
	MISSING(SEV_SNP, m.vm_types = 0, "KVM has no SEV-SNP; Linux 6.11 or later is needed");
	MISSING(SEV_SNP, m.has_hypercall_exits = false, "Linux 6.11 or later is needed");
	MISSING(SEV, m.device_error = ENOENT,
		"no /dev/sev: the driver of the AMD secure processor");
	MISSING(SEV, m.device_error = EACCES, "/dev/sev is not permitted");
	CHECK_EQ(errno, EACCES);
	MISSING(SEV, m.device_error = EBUSY, "cannot open /dev/sev: Device or resource busy");
	MISSING(SEV_SNP, m.firmware_error = EIO, "the SEV firmware does not answer");
	m = good;
	m.vm_types = 0;
	CHECK(sev_needs_old_api(&m, UCALL_PROTECT_SEV));
	CHECK(sev_needs_old_api(&m, UCALL_PROTECT_SEV_ES));
	CHECK_OK(!sev_check_machine(&m, UCALL_PROTECT_SEV_ES));
}

static void once_codes(void)
{
	CHECK_STR(sev_firmware_error(4), "SEV_RET_INVALID_LEN");
	CHECK_STR(sev_firmware_error(0x27), "SEV_RET_INVALID_KEY");
	CHECK(!sev_firmware_error(0));
	CHECK(!sev_firmware_error(0x1e));
	CHECK(!sev_firmware_error(0xffffffff));
}

UCALL_TESTS({ "SEV, SEV-ES, SEV-SNP, on older and newer kernels", .once = once_launch },
	    { "each call fails in its turn", .once = once_failures },
	    { "the error names the call", .once = once_names },
	    { "an SNP update in pieces", .once = once_partly },
	    { "policy and api", .once = once_options },
	    { "the stand-in detects errors", .once = once_stand_in },
	    { "what a machine is missing", .once = once_machine },
	    { "the firmware's codes by name", .once = once_codes });
