// SPDX-License-Identifier: MIT
/* s390x on the kvm engine: boot state and registers, which are in struct kvm_run. */
#include <string.h>
#include <sys/ioctl.h>

#include "kvm/kvm.h"
#include "machine/memory.h"
#include "lowcore.h"
#include "s390x.h"

#define CR0_AFP 0x40000ull

static int s390x_boot(struct ucall_cpu *vcpu, int fd, struct kvm_run *run)
{
	const struct ucall_boot *boot = &vcpu->boot;
	/* ELF ABI supplement: a register save area of 160 bytes, then the stack's arguments. */
	uint64_t sp = boot->sp - 176, *sixth = ucall_memory_at(vcpu->vm, boot->root, sp + 160, 8);

	if (!sixth)
		return -1;
	if (ioctl(fd, KVM_S390_INITIAL_RESET, 0))
		return ucall_fail_call("KVM_S390_INITIAL_RESET");
	*sixth = boot->args[5];
	memset(run->s.regs.gprs, 0, sizeof(run->s.regs.gprs));
	for (int i = 0; i < 5; i++)
		run->s.regs.gprs[2 + i] = boot->args[i];
	run->s.regs.gprs[14] = vcpu->vm->return_address;
	run->s.regs.gprs[15] = sp;
	run->s.regs.acrs[0] = (uint32_t)(boot->tls >> 32);
	run->s.regs.acrs[1] = (uint32_t)boot->tls;
	run->s.regs.crs[0] |= CR0_AFP;
	run->s.regs.crs[1] = boot->root | S390X_ASCE_TYPE;
	run->s.regs.prefix = (uint32_t)((const uint8_t *)vcpu->arch_data - vcpu->vm->memory.base);
	run->psw_mask = S390X_PSW_DAT;
	run->psw_addr = boot->entry;
	run->kvm_dirty_regs |= KVM_SYNC_GPRS | KVM_SYNC_ACRS | KVM_SYNC_CRS | KVM_SYNC_PREFIX;
	return 0;
}

static uint64_t s390x_argument(int fd, const struct kvm_run *run)
{
	return run->s.regs.gprs[2];
}

static uint64_t s390x_root(const struct ucall_cpu *vcpu, int fd, const struct kvm_run *run)
{
	return run->s.regs.crs[1] & ~0xfffull;
}

static int s390x_get_regs(const struct ucall_cpu *vcpu, int fd, const struct kvm_run *run,
			  struct ucall_frame *out)
{
	memset(out, 0, sizeof(*out));
	for (int i = 0; i < 16; i++)
		out->gpr[i] = run->s.regs.gprs[i];
	out->sp = out->gpr[15];
	out->flags = run->psw_mask;
	out->pc = run->psw_addr;
	return 0;
}

static int s390x_set_regs(struct ucall_cpu *vcpu, int fd, struct kvm_run *run,
			  const struct ucall_frame *in)
{
	for (int i = 0; i < 16; i++)
		run->s.regs.gprs[i] = in->gpr[i];
	run->s.regs.gprs[15] = in->sp;
	run->psw_mask = in->flags;
	run->psw_addr = in->pc;
	run->kvm_dirty_regs |= KVM_SYNC_GPRS;
	return 0;
}

static uint64_t s390x_pc(int fd, const struct kvm_run *run)
{
	return run->psw_addr;
}

static int s390x_decode(const struct ucall_cpu *vcpu, const struct kvm_run *run, size_t run_size,
			struct ucall_exit *exit)
{
	return ucall_s390x_decode(run, (const uint64_t *)run->s.regs.gprs, exit);
}

const struct ucall_kvm_arch ucall_kvm_arch = {
	.arch = &ucall_arch_s390x,
	.can = UCALL_CAN_HANDLERS | UCALL_CAN_STEP,
	.sync_regs = 1, /* only means yes: all registers are in struct kvm_run */
	.boot = s390x_boot,
	.argument = s390x_argument,
	.root = s390x_root,
	.get_regs = s390x_get_regs,
	.set_regs = s390x_set_regs,
	.pc = s390x_pc,
	.decode = s390x_decode,
};
