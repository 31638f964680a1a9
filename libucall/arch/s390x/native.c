// SPDX-License-Identifier: MIT
/*
 * s390x in guests of its own: a prefix area for each vCPU, whose new PSWs are disabled waits.  Such a
 * wait exits to the host, which finds code and old PSW in the area (Principles of Operation, 3-56).
 */
#include <elf.h>
#include <string.h>

#include "machine/memory.h"
#include "arch/stub-page.h"
#include "s390x.h"

#define PREFIX_PAGES 2

static void set_psw(uint8_t *lowcore, unsigned int at, uint64_t address)
{
	uint64_t *psw = (uint64_t *)(void *)(lowcore + at);

	psw[0] = S390X_PSW_WAIT;
	psw[1] = address;
}

static int vcpu_init(struct ucall_cpu *vcpu)
{
	/* The area is 8 KiB, at a multiple of that. */
	uint64_t gpa = ucall_memory_pages(&vcpu->vm->memory, 2 * PREFIX_PAGES - 1);
	uint8_t *lowcore;

	if (!gpa)
		return -1;
	gpa = (gpa + PREFIX_PAGES * UCALL_PAGE_SIZE - 1) &
	      ~(uint64_t)(PREFIX_PAGES * UCALL_PAGE_SIZE - 1);
	lowcore = ucall_memory_pointer(&vcpu->vm->memory, gpa, (size_t)PREFIX_PAGES * UCALL_PAGE_SIZE);
	set_psw(lowcore, S390X_NEW_RESTART, S390X_WAIT_OTHER);
	set_psw(lowcore, S390X_NEW_EXTERNAL, S390X_WAIT_OTHER);
	set_psw(lowcore, S390X_NEW_SVC, S390X_WAIT_SVC);
	set_psw(lowcore, S390X_NEW_PROGRAM, S390X_WAIT_PROGRAM);
	set_psw(lowcore, S390X_NEW_MACHINE_CHECK, S390X_WAIT_OTHER);
	set_psw(lowcore, S390X_NEW_IO, S390X_WAIT_OTHER);
	vcpu->arch_data = lowcore;
	return ucall_stub_page_map(vcpu);
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
	.vm_init = ucall_stub_page_init,
	.vcpu_init = vcpu_init,
	.vcpu_reset = ucall_stub_page_reset,
	.return_address = ucall_stub_return_address,
	.return_code = ucall_stub_return_code,
	.jump = s390x_jump,
	.glob_dat = R_390_GLOB_DAT,
	.tcb_size = UCALL_PAGE_SIZE,
	.tcb_init = tcb_init,
};
