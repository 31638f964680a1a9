// SPDX-License-Identifier: MIT
/* x86_64 on the kvm engine: the state of vCPUs and a VM's devices (KVM API document, section 4). */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm/kvm.h"
#include "x86_64.h"

#define MAX_MSRS 512

struct vcpu_state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_vcpu_events events;
	struct kvm_debugregs debug;
	struct kvm_xcrs xcrs;
	struct kvm_mp_state mp;
	struct kvm_lapic_state lapic;
	struct msrs {
		uint32_t count, pad; /* as struct kvm_msrs, with room for entries */
		struct kvm_msr_entry entries[MAX_MSRS];
	} msrs;
	size_t xsave_size;
	uint8_t xsave[]; /* struct kvm_xsave, as long as KVM_CAP_XSAVE2 says */
};

#define CALL(fd, request, arg) \
	do { \
		if (ioctl(fd, request, arg)) \
			return ucall_fail_call(#request); \
	} while (0)

/* ---- MSRs: their list does not change while KVM is loaded ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kvm_msr_list *list;

static const struct kvm_msr_list *msr_list(int kvm_fd)
{
	pthread_mutex_lock(&lock);
	if (!list) {
		struct kvm_msr_list *l = calloc(1, sizeof(*l) + MAX_MSRS * sizeof(l->indices[0]));

		if (l) {
			l->nmsrs = MAX_MSRS;
			if (ioctl(kvm_fd, KVM_GET_MSR_INDEX_LIST, l))
				free(l);
			else
				list = l;
		}
	}
	pthread_mutex_unlock(&lock);
	if (!list)
		ucall_fail_call("KVM_GET_MSR_INDEX_LIST");
	return list;
}

/*
 * Saves the listed MSRs that can be read and written back: which ones depends on the CPUID.  Both
 * ioctls return how many MSRs they have done, up to the first that failed.
 */
static int save_msrs(int kvm_fd, int fd, struct vcpu_state *s)
{
	const struct kvm_msr_list *all = msr_list(kvm_fd);
	struct {
		uint32_t count, pad;
		struct kvm_msr_entry entry;
	} one = { .count = 1 };
	uint32_t n = 0;

	if (!all)
		return -1;
	for (uint32_t i = 0; i < all->nmsrs; i++) {
		one.entry = (struct kvm_msr_entry){ .index = all->indices[i] };
		if (ioctl(fd, KVM_GET_MSRS, &one) == 1 && ioctl(fd, KVM_SET_MSRS, &one) == 1)
			s->msrs.entries[n++] = one.entry;
	}
	s->msrs.count = n;
	return 0;
}

static int load_msrs(int fd, const struct vcpu_state *s)
{
	int r = ioctl(fd, KVM_SET_MSRS, &s->msrs);

	if (r < 0)
		return ucall_fail_call("KVM_SET_MSRS");
	if ((uint32_t)r < s->msrs.count)
		return ucall_fail(EINVAL, "KVM_SET_MSRS: MSR 0x%x is refused",
				  s->msrs.entries[r].index);
	return 0;
}

/* The values after INIT or power-on (AMD APM volume 2, 14.1.3) of MSRs that guests may write. */
static int reset_msrs(int fd)
{
	static const struct kvm_msr_entry msrs[] = {
		{ .index = 0x174 }, /* SYSENTER_CS */
		{ .index = 0x175 }, /* SYSENTER_ESP */
		{ .index = 0x176 }, /* SYSENTER_EIP */
		{ .index = 0x277, .data = 0x0007040600070406 }, /* PAT */
		{ .index = 0xc0000081 }, /* STAR */
		{ .index = 0xc0000082 }, /* LSTAR */
		{ .index = 0xc0000083 }, /* CSTAR */
		{ .index = 0xc0000084 }, /* SFMASK */
		{ .index = 0xc0000102 }, /* KERNEL_GS_BASE */
		{ .index = 0xc0000103 }, /* TSC_AUX */
	};

	for (size_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
		struct {
			uint32_t count, pad;
			struct kvm_msr_entry entry;
		} one = { .count = 1, .entry = msrs[i] };

		if (ioctl(fd, KVM_SET_MSRS, &one) < 0) /* 0: this CPU does not have it */
			return ucall_fail_call("KVM_SET_MSRS");
	}
	return 0;
}

/* Exceptions and NMIs under way or pending, breakpoints, MSRs, the floating-point unit. */
int ucall_x86_64_reset(int fd)
{
	const uint16_t fcw = 0x37f;
	const uint32_t mxcsr = 0x1f80;
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0] = { .xcr = 0, .value = 1 } };
	struct kvm_debugregs debug = { .dr6 = 0xffff0ff0, .dr7 = 0x400 };
	struct kvm_vcpu_events events;
	struct kvm_xsave xsave;

	/* A header of zeros: each unit is in its initial state (Intel SDM volume 1, 13.4.2). */
	memset(&xsave, 0, sizeof(xsave));
	memcpy(xsave.region, &fcw, sizeof(fcw));
	memcpy((uint8_t *)xsave.region + 24, &mxcsr, sizeof(mxcsr));
	if (reset_msrs(fd))
		return -1;
	CALL(fd, KVM_SET_XCRS, &xcrs);
	CALL(fd, KVM_SET_XSAVE, &xsave);
	CALL(fd, KVM_SET_DEBUGREGS, &debug);
	CALL(fd, KVM_GET_VCPU_EVENTS, &events);
	memset(&events.exception, 0, sizeof(events.exception));
	memset(&events.interrupt, 0, sizeof(events.interrupt));
	memset(&events.nmi, 0, sizeof(events.nmi));
	CALL(fd, KVM_SET_VCPU_EVENTS, &events);
	return 0;
}

/* ---- a vCPU ---- */

static int save(const struct ucall_cpu *vcpu, int kvm_fd, int fd, struct vcpu_state *s,
		bool long_xsave)
{
	CALL(fd, KVM_GET_REGS, &s->regs);
	CALL(fd, KVM_GET_SREGS, &s->sregs);
	if (long_xsave)
		CALL(fd, KVM_GET_XSAVE2, s->xsave);
	else
		CALL(fd, KVM_GET_XSAVE, s->xsave);
	CALL(fd, KVM_GET_XCRS, &s->xcrs);
	CALL(fd, KVM_GET_DEBUGREGS, &s->debug);
	CALL(fd, KVM_GET_VCPU_EVENTS, &s->events);
	CALL(fd, KVM_GET_MP_STATE, &s->mp);
	if (vcpu->vm->irqchip)
		CALL(fd, KVM_GET_LAPIC, &s->lapic);
	return save_msrs(kvm_fd, fd, s);
}

static void *save_vcpu(const struct ucall_cpu *vcpu, int kvm_fd, int vm_fd, int fd)
{
	int size = ioctl(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);
	size_t xsave_size =
		size > (int)sizeof(struct kvm_xsave) ? (size_t)size : sizeof(struct kvm_xsave);
	struct vcpu_state *s = ucall_calloc(1, sizeof(*s) + xsave_size);

	if (!s)
		return NULL;
	s->xsave_size = xsave_size;
	if (save(vcpu, kvm_fd, fd, s, size > 0)) {
		free(s);
		return NULL;
	}
	return s;
}

/* KVM_SET_XCRS and EFER before what depends on them; events last, or KVM would clear them. */
static int load_vcpu(const struct ucall_cpu *vcpu, int fd, const void *state)
{
	const struct vcpu_state *s = state;

	CALL(fd, KVM_SET_SREGS, &s->sregs);
	if (load_msrs(fd, s))
		return -1;
	CALL(fd, KVM_SET_XCRS, &s->xcrs);
	CALL(fd, KVM_SET_XSAVE, s->xsave);
	CALL(fd, KVM_SET_REGS, &s->regs);
	CALL(fd, KVM_SET_DEBUGREGS, &s->debug);
	if (vcpu->vm->irqchip)
		CALL(fd, KVM_SET_LAPIC, &s->lapic);
	CALL(fd, KVM_SET_MP_STATE, &s->mp);
	CALL(fd, KVM_SET_VCPU_EVENTS, &s->events);
	return 0;
}

/* ---- the VM's interrupt controllers: two PICs, an I/O APIC ---- */

#define CHIPS 3

void *ucall_x86_64_save_irqchip(int vm_fd, int device, unsigned int vcpus)
{
	struct kvm_irqchip *chips = ucall_calloc(CHIPS, sizeof(*chips));

	for (unsigned int i = 0; chips && i < CHIPS; i++) {
		chips[i].chip_id = i;
		if (ioctl(vm_fd, KVM_GET_IRQCHIP, &chips[i])) {
			ucall_fail_call("KVM_GET_IRQCHIP");
			free(chips);
			return NULL;
		}
	}
	return chips;
}

int ucall_x86_64_load_irqchip(int vm_fd, int device, const void *state)
{
	const struct kvm_irqchip *chips = state;

	for (unsigned int i = 0; i < CHIPS; i++)
		CALL(vm_fd, KVM_SET_IRQCHIP, &chips[i]);
	return 0;
}

const struct ucall_kvm_state ucall_x86_64_state = {
	.save = save_vcpu,
	.load = load_vcpu,
};
