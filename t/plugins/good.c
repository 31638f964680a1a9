// SPDX-License-Identifier: MIT
/* A correct backend; -DPORT=n sets its port, -DBAD_... adds one mistake. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ucall/plugin.h>

#ifndef PORT
#define PORT 0x11
#endif
#define STRING(x) STRING_(x)
#define STRING_(x) #x

#ifndef BAD_NO_NOTE
/* clang-format off */
UCALL_BACKEND(
	.name = "good",
	.version = "1." STRING(PORT),
	.summary = "OUT to a fixed port",
#ifdef BAD_PROTECTION
	.protections = UCALL_PROTECT_SEV);
#else
	.protections = UCALL_PROTECT_NONE);
#endif
/* clang-format on */
#endif

extern char global[64];
char global[64];

/* Runs when the file is loaded, unless it is refused before. */
static __attribute__((constructor)) void tell(void)
{
	const char *name = getenv("RAN_FILE");
	FILE *f = name ? fopen(name, "a") : NULL;

	if (f)
		fclose(f);
}

#ifdef BAD_OUTSIDE
static UCALL_GUEST void outside(struct ucall *uc, const struct ucall_bell *bell)
{
}
#endif

#ifdef BAD_ADDRESS
__asm__(".pushsection ucall_guest, \"ax\", @progbits; .quad global; .popsection");
#endif

UCALL_DOORBELL static void ring(struct ucall *uc, const struct ucall_bell *bell)
{
#ifdef BAD_LIBC
	*(volatile uint64_t *)UCALL_BELL_ADDRESS = strlen((char *)uc);
#endif
#ifdef BAD_GLOBAL
	global[3] = 1;
#endif
#ifdef BAD_STRING
	*(const char *volatile *)uc->args = "text";
#endif
#ifdef BAD_BYTES
	__asm__ volatile(".byte 0x06");
#endif
	__asm__ volatile("outb %%al, %w0" : : "d"(PORT), "D"(uc) : "memory");
}

#ifndef BAD_NO_NOTE
UCALL_GUEST_CODE(NULL, ring);
#endif

static int recv_shared(struct ucall_vcpu *vcpu, const struct ucall_exit *exit)
{
	return exit->reason == UCALL_EXIT_IO && exit->u.io.port == PORT;
}

#ifndef BAD_NO_OPS
extern const struct ucall_ops ucall_ops;
const struct ucall_ops ucall_ops = {
#ifdef BAD_NO_NOTE
	.abi = UCALL_ABI,
#else
	UCALL_OPS,
#endif
#ifdef BAD_OUTSIDE
	.send_cmd_shared = outside,
#else
	.send_cmd_shared = ring,
#endif
#ifndef BAD_PAIR
	.recv_cmd_shared = recv_shared,
#endif
};
#endif

#ifdef BAD_UNDEFINED
extern void nowhere_defined(void);
void (*undefined)(void) = nowhere_defined;
#endif
