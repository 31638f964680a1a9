// SPDX-License-Identifier: MIT
/* Selects the guard for each kind of TDX. */
#include <string.h>

#include "tdx.h"

/* The order in which text is in registers (GHCI, ReportFatalError). */
static const uint8_t text_regs[] = { 14, 15, 3, 7, 6, 8, 9, 2 };

void tdx_decode_fatal(const struct kvm_run *run, struct ucall_exit *exit)
{
	exit->reason = UCALL_EXIT_FATAL;
	exit->u.fatal.code = run->system_event.data[12];
	exit->u.fatal.address = run->system_event.data[13];
	for (size_t i = 0; i < sizeof(text_regs); i++) {
		const uint64_t value = run->system_event.data[text_regs[i]];

		memcpy(exit->u.fatal.text + i * sizeof(value), &value, sizeof(value));
	}
}

static const struct ucall_kvm_guard *find(const struct ucall_protection *protection)
{
	return ucall_protection_is_emulated(protection) ? &tdx_emulated : &tdx_real;
}

const struct ucall_kvm_guards tdx_guards = {
	.bits = UCALL_PROTECT_TDX,
	.find = find,
	.launch_list = tdx_real_launch_list,
};
