// SPDX-License-Identifier: MIT
/* A guest is offered SVM and VMX only if its VM's configuration says `nested`. */
#include <dlfcn.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <ucall/test.h>

#define VMX (1u << 5) /* of leaf 1, ECX */
#define SVM (1u << 2) /* of leaf 0x80000001, ECX */

static UCALL_GUEST uint32_t ecx_of(uint32_t leaf)
{
	uint32_t a, b, c, d;

	__asm__ volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(leaf), "c"(0));
	return c;
}

static UCALL_GUEST void guest_code(void)
{
	GUEST_SYNC_ARGS(ecx_of(1), ecx_of(0x80000001), 0, 0, 0);
	GUEST_DONE();
}

/*
 * This program's ioctl() overrides the C library's: it says that KVM supports both, and records
 * what a vCPU is offered.  That works without nested virtualization in KVM; with it, the guest's
 * own CPUID is checked, too.
 */
static uint32_t really_vmx, really_svm, offered_vmx, offered_svm;
static bool asked;

int ioctl(int fd, unsigned long request, ...);

int ioctl(int fd, unsigned long request, ...)
{
	static int (*real)(int fd, unsigned long request, ...);
	struct kvm_cpuid2 *cpuid;
	va_list ap;
	void *arg;
	int r;

	if (!real)
		real = (int (*)(int, unsigned long, ...))(uintptr_t)dlsym(RTLD_NEXT, "ioctl");
	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	cpuid = arg;
	if (request == KVM_SET_CPUID2) {
		struct kvm_cpuid2 *copy =
			malloc(sizeof(*copy) + cpuid->nent * sizeof(copy->entries[0]));

		if (!copy)
			return -1;
		*copy = *cpuid;

		/* KVM gets only what it really has. */
		for (uint32_t i = 0; i < cpuid->nent; i++) {
			struct kvm_cpuid_entry2 *e = &copy->entries[i];

			*e = cpuid->entries[i];
			if (e->function == 1) {
				offered_vmx = e->ecx & VMX;
				e->ecx &= ~VMX | really_vmx;
			} else if (e->function == 0x80000001) {
				offered_svm = e->ecx & SVM;
				e->ecx &= ~SVM | really_svm;
			}
		}
		r = real(fd, request, copy);
		free(copy);
		return r;
	}
	r = real(fd, request, arg);
	if (request == KVM_GET_SUPPORTED_CPUID && !r && !asked) {
		asked = true;
		for (uint32_t i = 0; i < cpuid->nent; i++) {
			struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

			if (e->function == 1) {
				really_vmx = e->ecx & VMX;
				e->ecx |= VMX;
			} else if (e->function == 0x80000001) {
				really_svm = e->ecx & SVM;
				e->ecx |= SVM;
			}
		}
	}
	return r;
}

static void check(bool nested)
{
	struct ucall_vm_config config = { .nested = nested };
	struct ucall_vcpu *vcpu = ucall_vcpu_add(ucall_test_vm(&config), guest_code, 0);
	struct ucall uc;

	CHECK_OK(vcpu);
	CHECK_EQ(offered_vmx, nested ? VMX : 0);
	CHECK_EQ(offered_svm, nested ? SVM : 0);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1] & VMX, nested ? really_vmx : 0);
	CHECK_EQ(uc.args[2] & SVM, nested ? really_svm : 0);
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

static void each_off(void)
{
	check(false);
}

static void each_on(void)
{
	check(true);
}

/* Each VM gets its own setting, although KVM's answer is cached. */
static void each_both(void)
{
	check(true);
	check(false);
	check(true);
}

UCALL_TESTS({ "not offered", .each = each_off, .engine = "kvm" },
	    { "offered", .each = each_on, .engine = "kvm" },
	    { "as each VM's configuration says", .each = each_both, .engine = "kvm" });
