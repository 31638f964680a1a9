// SPDX-License-Identifier: MIT
/* s390x guests on s390x hosts: each vCPU has a prefix area, whose new PSWs lead to the stubs. */
#include <elf.h>
#include <string.h>

#include "arch/stubs.h"
#include "machine/memory.h"
#include "lowcore.h"
#include "s390x.h"

#define PREFIX_PAGES 2

extern const uint8_t ucall_s390x_restart[] UCALL_HIDDEN, ucall_s390x_external[] UCALL_HIDDEN,
	ucall_s390x_svc[] UCALL_HIDDEN, ucall_s390x_program[] UCALL_HIDDEN,
	ucall_s390x_machine_check[] UCALL_HIDDEN, ucall_s390x_io[] UCALL_HIDDEN,
	ucall_s390x_second[] UCALL_HIDDEN, ucall_s390x_last[] UCALL_HIDDEN;

static void set_psw(uint8_t *lowcore, unsigned int at, uint64_t mask, uint64_t address)
{
	uint64_t *psw = (uint64_t *)(void *)(lowcore + at);

	psw[0] = mask;
	psw[1] = address;
}

/* A PSW without address translation, with the stub's real address. */
static void set_real_psw(const struct ucall_machine *vm, uint8_t *lowcore, unsigned int at,
			 const uint8_t *code)
{
	set_psw(lowcore, at, S390X_PSW_64BIT, vm->stub_code + (uint64_t)(code - ucall_stubs_start));
}

static int vcpu_init(struct ucall_cpu *vcpu)
{
	struct ucall_machine *vm = vcpu->vm;
	/* The area is 8 KiB, aligned to its size. */
	uint64_t gpa = ucall_memory_alloc_pages(&vm->memory, 2 * PREFIX_PAGES - 1);
	uint8_t *lowcore;

	if (!gpa)
		return -1;
	gpa = (gpa + PREFIX_PAGES * UCALL_PAGE_SIZE - 1) &
	      ~(uint64_t)(PREFIX_PAGES * UCALL_PAGE_SIZE - 1);
	lowcore = ucall_memory_pointer(&vm->memory, gpa, (size_t)PREFIX_PAGES * UCALL_PAGE_SIZE);
	set_real_psw(vm, lowcore, LC_NEW_RESTART, ucall_s390x_restart);
	set_real_psw(vm, lowcore, LC_NEW_EXTERNAL, ucall_s390x_external);
	set_real_psw(vm, lowcore, LC_NEW_SVC, ucall_s390x_svc);
	set_real_psw(vm, lowcore, LC_NEW_PROGRAM, ucall_s390x_program);
	set_real_psw(vm, lowcore, LC_NEW_MACHINE_CHECK, ucall_s390x_machine_check);
	set_real_psw(vm, lowcore, LC_NEW_IO, ucall_s390x_io);
	set_real_psw(vm, lowcore, LC_PSW_LEAVE, ucall_s390x_last);
	set_psw(lowcore, LC_PSW_STOP, S390X_PSW_WAIT, S390X_WAIT_FAULT);
	set_psw(lowcore, LC_PSW_STUB, S390X_PSW_DAT, ucall_stub_address(ucall_s390x_second));
	vcpu->arch_data = lowcore;
	/* Real address 0 is the prefix area. */
	return ucall_memory_map_in(vm, vcpu->boot.root, STUB_LOWCORE, 0, UCALL_PAGE_SIZE,
				   UCALL_MAP_WRITE | UCALL_MAP_KERNEL) ||
			       ucall_stubs_map(vcpu)
		       ? -1
		       : 0;
}

/* ELF ABI supplement: the first word points to itself; the stack protector's canary is at 0x28. */
static void tcb_init(void *tcb, uint64_t gva)
{
	uint64_t *words = tcb;

	words[0] = gva;
	words[5] = 0x9e3779b97f4a7c00;
}

static size_t s390x_jump(uint8_t *code, uint64_t from, uint64_t to)
{
	const int32_t offset = (int32_t)((int64_t)(to - from) / 2);

	code[0] = 0xc0; /* BRCL, always: JG */
	code[1] = 0xf4;
	memcpy(code + 2, &offset, sizeof(offset));
	return 6;
}

const struct ucall_arch *const ucall_arch_native = &ucall_arch_s390x;

const struct ucall_native ucall_native = {
	.vm_init = ucall_stubs_init,
	.vcpu_init = vcpu_init,
	.vcpu_reset = ucall_stubs_reset,
	.return_address = ucall_stubs_return_address,
	.return_code = ucall_stubs_return_code,
	.jump = s390x_jump,
	.glob_dat = R_390_GLOB_DAT,
	.tcb_size = UCALL_PAGE_SIZE,
	.tcb_init = tcb_init,
};
