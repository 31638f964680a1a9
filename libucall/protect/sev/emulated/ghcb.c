// SPDX-License-Identifier: MIT
/*
 * VMGEXIT: the hypervisor's half of the GHCB protocol (GHCB specification, 2.3 and 4), as in KVM.
 * The GHCB is shared memory that another vCPU may be writing: each field is read once.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "protect/sev/kvm-sev.h"
#include "emulated.h"

#define VERSION_MIN 1
#define VERSION_MAX 2
#define SNP_FEATURE 1ull /* GHCB specification, 2.3.1: hypervisor features */
#define INJECT_GP 0x80000b0d /* APM volume 2, 15.20: valid, with an error code, exception 13 */

uint64_t sev_ghcb_info(const struct ucall_machine *vm)
{
	return (uint64_t)VERSION_MAX << 48 | (uint64_t)VERSION_MIN << 32 |
	       (uint64_t)sev_c_bit(&vm->memory) << 24 | UCALL_GHCB_SEV_INFO;
}

static bool is_snp(const struct ucall_cpu *vcpu)
{
	return vcpu->vm->protection->bit == UCALL_PROTECT_SEV_SNP;
}

/* ---- the MSR protocol ---- */

static uint64_t change_page_state(struct ucall_cpu *vcpu, uint64_t request)
{
	struct ucall_machine *vm = vcpu->vm;
	uint64_t gpa = request & 0xffffffffff000, operation = request >> 52 & 0xf;
	int r = -1;

	if (is_snp(vcpu) && gpa < vm->memory.size && (operation == 1 || operation == 2)) {
		pthread_mutex_lock(&vm->lock);
		r = sev_set_private(vm, gpa, UCALL_PAGE_SIZE, operation == 1);
		pthread_mutex_unlock(&vm->lock);
	}
	return (r ? 1ull << 32 : 0) | UCALL_GHCB_PAGE_STATE;
}

static uint64_t answer_cpuid(const struct ucall_cpu *vcpu, uint64_t request)
{
	uint32_t values[4];

	x86_find_cpuid(sev_vm(vcpu->vm)->cpuid, (uint32_t)(request >> 32), 0, values);
	return (uint64_t)values[request >> 30 & 3] << 32 | (request & 0xc0000000) |
	       UCALL_GHCB_CPUID;
}

static uint64_t register_ghcb(struct ucall_cpu *vcpu, uint64_t request)
{
	uint64_t gpa = request & ~0xfffull;

	if (!is_snp(vcpu) || gpa >= vcpu->vm->memory.size || ucall_memory_is_private(vcpu->vm, gpa))
		return ~0xfffull | UCALL_GHCB_REGISTER; /* refused */
	sev_vcpu(vcpu)->registered = gpa;
	return gpa | UCALL_GHCB_REGISTER;
}

static int terminate(struct ucall_cpu *vcpu, struct kvm_run *run, size_t run_size, uint64_t request)
{
	run->exit_reason = KVM_EXIT_SYSTEM_EVENT;
	run->system_event.type = SEV_EVENT_TERM;
	run->system_event.ndata = 1;
	run->system_event.data[0] = request;
	memset(&vcpu->exit, 0, sizeof(vcpu->exit));
	ucall_kvm_decode(vcpu, run, run_size, &vcpu->exit);
	return 0;
}

static int msr_protocol(struct ucall_cpu *vcpu, struct kvm_run *run, size_t run_size)
{
	struct sev_vcpu *v = sev_vcpu(vcpu);
	uint64_t request = v->ghcb_msr;

	switch (request & 0xfff) {
	case UCALL_GHCB_SEV_INFO_REQUEST:
		v->ghcb_msr = sev_ghcb_info(vcpu->vm);
		return 1;
	case UCALL_GHCB_CPUID_REQUEST:
		v->ghcb_msr = answer_cpuid(vcpu, request);
		return 1;
	case UCALL_GHCB_PREFERRED_REQUEST:
		v->ghcb_msr = ~0xfffull | UCALL_GHCB_PREFERRED;
		return 1;
	case UCALL_GHCB_REGISTER_REQUEST:
		v->ghcb_msr = register_ghcb(vcpu, request);
		return 1;
	case UCALL_GHCB_PAGE_STATE_REQUEST:
		v->ghcb_msr = change_page_state(vcpu, request);
		return 1;
	case UCALL_GHCB_FEATURES_REQUEST:
		v->ghcb_msr = (is_snp(vcpu) ? SNP_FEATURE << 12 : 0) | UCALL_GHCB_FEATURES;
		return 1;
	case UCALL_GHCB_TERMINATE:
		return terminate(vcpu, run, run_size, request);
	default:
		return ucall_fail(
			EINVAL,
			"vCPU %u: VMGEXIT with 0x%llx in the GHCB's MSR, which is not a request of "
			"the MSR protocol (KVM_RUN: Invalid argument)",
			vcpu->number, (unsigned long long)request);
	}
}

/* ---- requests by the GHCB ---- */

struct request {
	volatile struct ucall_ghcb *ghcb;
	uint64_t valid[2], code, info_1;
};

static bool is_valid(const struct request *r, size_t bit)
{
	return r->valid[bit / 64] >> bit % 64 & 1;
}

#define VALID(r, field) is_valid(r, UCALL_GHCB_BIT(field))

static int answer(volatile struct ucall_ghcb *g, uint64_t info_1, uint64_t info_2)
{
	g->sw_exit_info_1 = info_1;
	g->sw_exit_info_2 = info_2;
	return 1;
}

static int answer_rax(volatile struct ucall_ghcb *g, uint64_t rax)
{
	g->rax = rax;
	g->valid_bitmap[0] |= 1ull << UCALL_GHCB_BIT(rax);
	return answer(g, UCALL_GHCB_DONE, 0);
}

static int malformed(const struct request *r, uint64_t why)
{
	return answer(r->ghcb, UCALL_GHCB_MALFORMED, why);
}

static int request_io(struct ucall_cpu *vcpu, const struct request *r, struct kvm_run *run,
		      size_t run_size)
{
	bool in = r->info_1 & UCALL_IOIO_IN;
	uint64_t rax = r->ghcb->rax;
	uint8_t size = r->info_1 & UCALL_IOIO_SIZE8    ? 1
		       : r->info_1 & UCALL_IOIO_SIZE16 ? 2
		       : r->info_1 & UCALL_IOIO_SIZE32 ? 4
						       : 0;

	if (r->info_1 & UCALL_IOIO_STRING) /* needs a scratch area: not supported */
		return malformed(r, UCALL_GHCB_WRONG_EVENT);
	if (!size)
		return malformed(r, UCALL_GHCB_WRONG_INPUT);
	if (!in && !VALID(r, rax))
		return malformed(r, UCALL_GHCB_MISSING);
	sev_vcpu(vcpu)->pending = true;
	x86_show_io(vcpu, run, run_size, (uint16_t)(r->info_1 >> 16), size, !in, rax);
	return 0;
}

static int request_cpuid(struct ucall_cpu *vcpu, const struct request *r)
{
	uint32_t function = (uint32_t)r->ghcb->rax, values[4];

	if (!VALID(r, rax) || !VALID(r, rcx) || (function == 0xd && !VALID(r, xcr0)))
		return malformed(r, UCALL_GHCB_MISSING);
	x86_find_cpuid(sev_vm(vcpu->vm)->cpuid, function, (uint32_t)r->ghcb->rcx, values);
	r->ghcb->rbx = values[1];
	r->ghcb->rcx = values[2];
	r->ghcb->rdx = values[3];
	r->ghcb->valid_bitmap[1] |= 1ull << (UCALL_GHCB_BIT(rbx) - 64) |
				    1ull << (UCALL_GHCB_BIT(rcx) - 64) |
				    1ull << (UCALL_GHCB_BIT(rdx) - 64);
	return answer_rax(r->ghcb, values[0]);
}

/*
 * MSRs that a guest may ask for: those that a booting guest needs.  KVM_GET_MSRS and KVM_SET_MSRS
 * have the host's rights, and reach more MSRs than a guest's own RDMSR and WRMSR.
 */
static const struct {
	uint32_t first, last;
	bool writable;
} permitted[] = {
	{ 0x10, 0x10, true }, /* TSC */
	{ 0x1b, 0x1b, false }, /* APIC_BASE */
	{ 0x3b, 0x3b, true }, /* TSC_ADJUST */
	{ 0x8b, 0x8b, false }, /* the microcode's revision */
	{ 0xfe, 0xfe, false }, /* MTRRcap */
	{ 0x179, 0x17a, false }, /* MCG_CAP, MCG_STATUS */
	{ 0x1a0, 0x1a0, false }, /* MISC_ENABLE */
	{ 0x200, 0x20f, true }, /* variable MTRRs */
	{ 0x250, 0x250, true }, /* fixed MTRRs */
	{ 0x258, 0x259, true },
	{ 0x268, 0x26f, true },
	{ 0x2ff, 0x2ff, true }, /* MTRRdefType */
	{ 0xc0000103, 0xc0000103, true }, /* TSC_AUX */
};

static bool is_permitted(uint32_t msr, bool is_write)
{
	for (size_t i = 0; i < sizeof(permitted) / sizeof(permitted[0]); i++)
		if (msr >= permitted[i].first && msr <= permitted[i].last)
			return permitted[i].writable || !is_write;
	return false;
}

static int request_msr(int fd, const struct request *r)
{
	const bool is_write = r->info_1;
	const uint32_t index = (uint32_t)r->ghcb->rcx;
	uint64_t value = 0;

	if (!VALID(r, rcx) || (is_write && (!VALID(r, rax) || !VALID(r, rdx))))
		return malformed(r, UCALL_GHCB_MISSING);
	if (is_write)
		value = (uint32_t)r->ghcb->rax | r->ghcb->rdx << 32;
	if (!is_permitted(index, is_write) || !x86_access_msr(fd, index, is_write, &value))
		return answer(r->ghcb, UCALL_GHCB_INJECT, INJECT_GP);
	if (is_write)
		return answer(r->ghcb, UCALL_GHCB_DONE, 0);
	r->ghcb->rdx = value >> 32;
	r->ghcb->valid_bitmap[1] |= 1ull << (UCALL_GHCB_BIT(rdx) - 64);
	return answer_rax(r->ghcb, (uint32_t)value);
}

static int request_halt(struct ucall_cpu *vcpu, const struct request *r, struct kvm_run *run,
			size_t run_size)
{
	answer(r->ghcb, UCALL_GHCB_DONE, 0);
	run->exit_reason = KVM_EXIT_HLT;
	ucall_kvm_decode(vcpu, run, run_size, &vcpu->exit);
	return 0;
}

/* The GHCB at the address in the MSR; NULL if that is not in shared memory. */
static volatile struct ucall_ghcb *find_ghcb(struct ucall_cpu *vcpu)
{
	uint64_t gpa = sev_vcpu(vcpu)->ghcb_msr;
	const struct ucall_memory *mem = &vcpu->vm->memory;

	if (gpa >= mem->size || (is_snp(vcpu) && sev_is_private(vcpu->vm, gpa)))
		return NULL;
	return ucall_memory_side(mem, gpa, UCALL_PAGE_SIZE, true);
}

int sev_vmgexit(struct ucall_cpu *vcpu, int fd, struct kvm_run *run, size_t run_size)
{
	struct request r = { .ghcb = NULL };
	uint16_t version;

	if (sev_vcpu(vcpu)->ghcb_msr & 0xfff)
		return msr_protocol(vcpu, run, run_size);
	r.ghcb = find_ghcb(vcpu);
	if (!r.ghcb)
		return ucall_fail(
			EINVAL,
			"vCPU %u: VMGEXIT with the GHCB at guest-physical 0x%llx, which is not a "
			"page of shared memory (KVM_RUN: Invalid argument)",
			vcpu->number, (unsigned long long)sev_vcpu(vcpu)->ghcb_msr);
	if (is_snp(vcpu) && sev_vcpu(vcpu)->registered != sev_vcpu(vcpu)->ghcb_msr)
		return ucall_fail(
			EINVAL,
			"vCPU %u: VMGEXIT with a GHCB that this SEV-SNP guest has not registered "
			"(GHCB specification, 2.3.2; KVM_RUN: Invalid argument)",
			vcpu->number);
	for (int i = 0; i < 2; i++) {
		r.valid[i] = r.ghcb->valid_bitmap[i];
		r.ghcb->valid_bitmap[i] = 0;
	}
	r.code = r.ghcb->sw_exit_code;
	r.info_1 = r.ghcb->sw_exit_info_1;
	version = r.ghcb->protocol_version;
	if (r.ghcb->usage)
		return malformed(&r, UCALL_GHCB_WRONG_USAGE);
	if (version < VERSION_MIN || version > VERSION_MAX)
		return malformed(&r, UCALL_GHCB_WRONG_INPUT);
	if (!VALID(&r, sw_exit_code) || !VALID(&r, sw_exit_info_1) || !VALID(&r, sw_exit_info_2))
		return malformed(&r, UCALL_GHCB_MISSING);
	switch (r.code) {
	case UCALL_SVM_EXIT_IOIO:
		return request_io(vcpu, &r, run, run_size);
	case UCALL_SVM_EXIT_CPUID:
		return request_cpuid(vcpu, &r);
	case UCALL_SVM_EXIT_MSR:
		return request_msr(fd, &r);
	case UCALL_SVM_EXIT_HLT:
		return request_halt(vcpu, &r, run, run_size);
	default:
		return malformed(&r, UCALL_GHCB_WRONG_EVENT);
	}
}

void sev_answer(struct ucall_cpu *vcpu, struct kvm_run *run, size_t run_size)
{
	volatile struct ucall_ghcb *g = find_ghcb(vcpu);

	sev_vcpu(vcpu)->pending = false;
	if (!g)
		return; /* no longer shared: the guest loses the answer */
	if (run->io.direction != KVM_EXIT_IO_IN) {
		answer(g, UCALL_GHCB_DONE, 0);
		return;
	}
	answer_rax(g, x86_read_io(run, run_size));
}
