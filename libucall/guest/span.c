// SPDX-License-Identifier: MIT
/* Spans in the host's trace. */
#include <ucall/guest.h>

#ifdef UCALL_NO_MAILBOX
UCALL_GUEST void ucall_guest_span(const char *name)
{
}
#else

/* The counter whose rate the host knows, in ticks. */
static UCALL_GUEST uint64_t ucall_read_counter(void)
{
	uint64_t value;

#if defined(__x86_64__)
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	value = (uint64_t)high << 32 | low;
#elif defined(__aarch64__)
	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(value) : : "memory");
#elif defined(__riscv)
	__asm__ volatile("rdtime %0" : "=r"(value) : : "memory");
#else
	value = 0;
#endif
	return value;
}

UCALL_GUEST void ucall_guest_span(const char *name)
{
	struct ucall_mailbox *m = ucall_this_mailbox();
	uint32_t size = 0;

	if (!m->tracing)
		return;
	while (name && name[size] && size < UCALL_TEXT_SIZE - 1) {
		m->uc.text[size] = name[size];
		size++;
	}
	m->uc.args[0] = name != 0;
	m->uc.args[1] = m->tracing & UCALL_TRACING_COUNTER ? ucall_read_counter() : 0;
	ucall_ring(m, &m->uc, ucall_head(UCALL_SPAN, 2, 0, size));
}

#endif
