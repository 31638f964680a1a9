// SPDX-License-Identifier: MIT
/* aarch64 in guests of its own. */
#include "arch/stub-page.h"

/* ELF for the Arm 64-bit architecture: thread-local variables follow two words. */
const struct ucall_native ucall_native = {
	.vm_init = ucall_stub_page_init,
	.vcpu_init = ucall_stub_page_map,
	.vcpu_reset = ucall_stub_page_reset,
	.return_address = ucall_stub_return_address,
	.return_code = ucall_stub_return_code,
	.tls_above = true,
	.tcb_size = 16,
	.tcb_init = ucall_stub_no_tcb,
};
