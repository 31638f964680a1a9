// SPDX-License-Identifier: MIT
/* riscv64 in guests of its own: exception stubs, thread control block. */
#include "../stub-page.h"
#include "riscv64.h"

extern const uint8_t ucall_riscv64_stubs[], ucall_riscv64_stubs_end[], ucall_riscv64_stubs_return[];

static int vm_init(struct ucall_vm *vm)
{
	return ucall_stub_page_init(vm, ucall_riscv64_stubs,
				    (size_t)(ucall_riscv64_stubs_end - ucall_riscv64_stubs));
}

static void vcpu_reset(struct ucall_vcpu *vcpu)
{
	(void)vcpu;
}

static uint64_t return_address(void)
{
	return STUB_PAGE + (uint64_t)(ucall_riscv64_stubs_return - ucall_riscv64_stubs);
}

static const void *return_code(size_t *size)
{
	*size = (size_t)(ucall_riscv64_stubs_end - ucall_riscv64_stubs_return);
	return ucall_riscv64_stubs_return;
}

/* The thread pointer is where thread-local variables begin; the control block below is the C library's. */
static void tcb_init(void *tcb, uint64_t gva)
{
	(void)tcb;
	(void)gva;
}

const struct ucall_native ucall_native = {
	.vm_init = vm_init,
	.vcpu_init = ucall_stub_page_map,
	.vcpu_reset = vcpu_reset,
	.return_address = return_address,
	.return_code = return_code,
	.tls_above = true,
	.tcb_init = tcb_init,
};
