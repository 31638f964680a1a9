// SPDX-License-Identifier: MIT
/*
 * Preloaded into the commands of the machine x86_64-vmx: vCPUs start with interrupts enabled.
 *
 * Bochs does not end a guest for an external interrupt if RFLAGS.IF is 0 when KVM enters it, though
 * "external-interrupt exiting" is set (Intel SDM, volume 3, 25.2): a guest that spins would not be
 * ended by a time limit or a kick.  On a real CPU the flag has no influence on that.  It is set once,
 * before the first run, in the public way.
 */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include <ucall/ucall.h>

/* Also loaded into programs without libucall. */
#pragma weak ucall_vcpu_vm
#pragma weak ucall_vm_arch
#pragma weak ucall_vcpu_get_regs
#pragma weak ucall_vcpu_set_regs

#define X86_FLAGS_IF 0x200

/* Does nothing if the registers are closed to the host, or the guest is another machine's. */
static void enable_interrupts(struct ucall_vcpu *vcpu)
{
	struct ucall_frame regs;
	int saved = errno;

	if (!strcmp(ucall_vm_arch(ucall_vcpu_vm(vcpu)), "x86_64") &&
	    !ucall_vcpu_get_regs(vcpu, &regs)) {
		regs.flags |= X86_FLAGS_IF;
		ucall_vcpu_set_regs(vcpu, &regs);
	}
	errno = saved;
}

struct ucall_vcpu *ucall_vcpu_add_entry(struct ucall_vm *vm, uint64_t entry, unsigned int nargs,
					uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
					uint64_t a4, uint64_t a5)
{
	__typeof__(&ucall_vcpu_add_entry) next =
		(__typeof__(next))(uintptr_t)dlsym(RTLD_NEXT, "ucall_vcpu_add_entry");
	struct ucall_vcpu *vcpu = next(vm, entry, nargs, a0, a1, a2, a3, a4, a5);

	if (vcpu)
		enable_interrupts(vcpu);
	return vcpu;
}

struct ucall_vcpu *ucall_vcpu_add_function(struct ucall_vm *vm, uint64_t function, const char *name,
					   unsigned int nargs, uint64_t a0, uint64_t a1,
					   uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
	__typeof__(&ucall_vcpu_add_function) next =
		(__typeof__(next))(uintptr_t)dlsym(RTLD_NEXT, "ucall_vcpu_add_function");
	struct ucall_vcpu *vcpu = next(vm, function, name, nargs, a0, a1, a2, a3, a4, a5);

	if (vcpu)
		enable_interrupts(vcpu);
	return vcpu;
}

int ucall_vcpu_restart(struct ucall_vcpu *vcpu)
{
	__typeof__(&ucall_vcpu_restart) next =
		(__typeof__(next))(uintptr_t)dlsym(RTLD_NEXT, "ucall_vcpu_restart");
	int result = next(vcpu);

	if (!result)
		enable_interrupts(vcpu);
	return result;
}
