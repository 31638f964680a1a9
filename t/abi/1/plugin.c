// SPDX-License-Identifier: MIT
/*
 * A backend written for plugin ABI 1, built with that ABI's own headers: its .so must load and
 * conform in every later libucall.  -DSIZE, -DABI and -DMORE imitate other versions.
 */
#include <ucall/plugin.h>

#ifndef SIZE
#define SIZE sizeof(struct ucall_ops)
#endif
#ifndef ABI
#define ABI UCALL_ABI
#endif

/* clang-format off */
UCALL_BACKEND(
	.name = "abi1",
	.version = "1.0",
	.summary = "OUT to a port, as of plugin ABI 1",
	.protections = UCALL_PROTECT_NONE,
	.options = {
		{ .name = "port", .type = UCALL_OPTION_UINT, .max = 0xffff, .value = "0x222",
		  .help = "the I/O port" },
	});
/* clang-format on */

UCALL_DOORBELL static void abi1_send(struct ucall *uc, const struct ucall_bell *bell)
{
	__asm__ volatile("outb %%al, %w0" : : "d"(bell->param[0]), "D"(uc) : "memory");
}

UCALL_GUEST_CODE(abi1_send, abi1_send);

static int abi1_init(struct ucall_vm *vm, const struct ucall_args *args)
{
	uint64_t port = ucall_args_uint(args, "port");

	ucall_vm_set_backend_data(vm, (void *)(uintptr_t)port);
	return ucall_vm_set_param(vm, 0, port);
}

static int abi1_recv_shared(struct ucall_vcpu *vcpu, const struct ucall_exit *exit)
{
	return exit->reason == UCALL_EXIT_IO && exit->u.io.is_write && exit->u.io.size == 1 &&
	       exit->u.io.count == 1 &&
	       exit->u.io.port == (uintptr_t)ucall_vm_backend_data(ucall_vcpu_vm(vcpu));
}

static int abi1_recv(struct ucall_vcpu *vcpu, const struct ucall_exit *exit, uint64_t *where)
{
	if (!abi1_recv_shared(vcpu, exit))
		return 0;
	*where = ucall_vcpu_argument(vcpu);
	return 1;
}

/* A version with one more field than this one. */
struct more {
	struct ucall_ops ops;
	void (*field)(void);
};

#ifdef MORE
extern const struct more ucall_ops;
const struct more ucall_ops = { .ops = {
#else
extern const struct ucall_ops ucall_ops;
const struct ucall_ops ucall_ops = {
#endif
	.abi = ABI,
#ifdef MORE
	.size = sizeof(struct more),
#else
	.size = SIZE,
#endif
	.metadata = &ucall_metadata_note.metadata,
	.init = abi1_init,
	.send_cmd = abi1_send,
	.send_cmd_shared = abi1_send,
	.recv_cmd = abi1_recv,
	.recv_cmd_shared = abi1_recv_shared,
#ifdef MORE
}, .field = (void (*)(void))0x1234 };
#else
};
#endif
