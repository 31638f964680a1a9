// SPDX-License-Identifier: MIT
/*
 * Fuzz: kicks against snapshots, restores, restarts and runs of a real VM, plain or polled, in any
 * order: no run hangs (libFuzzer's time limit); only a message, a kick or its limit ends a run.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ucall/plugin.h>

#include "kicks-guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* clang-format off */
UCALL_BACKEND(
	.name = "kicks",
	.version = "1",
	.summary = "a port, or a store to a device",
	.protections = UCALL_PROTECT_NONE,
	.options = {
		{ .name = "poll", .type = UCALL_OPTION_BOOL, .value = "0", .help = "in a thread of its own" },
	});
/* clang-format on */

#define GPA 0xd0000000

static UCALL_GUEST __attribute__((no_sanitize("coverage"))) void ring(struct ucall *uc,
								      const struct ucall_bell *bell)
{
	*(volatile uint64_t *)bell->param[0] = (uint64_t)uc;
}

static int init(struct ucall_vm *vm, const struct ucall_args *args)
{
	uint64_t gva = ucall_vm_map_device(vm, GPA, 8);

	if (!gva || (ucall_args_uint(args, "poll") && ucall_vm_set_queue(vm, 64, true)))
		return -1;
	return ucall_vm_set_param(vm, 0, gva);
}

static int recv_shared(struct ucall_vcpu *vcpu, const struct ucall_exit *exit)
{
	return exit->reason == UCALL_EXIT_MMIO && exit->u.mmio.is_write && exit->u.mmio.gpa == GPA;
}

static const struct ucall_ops ops = {
	UCALL_OPS,
	.init = init,
	.send_cmd_shared = ring,
	.recv_cmd_shared = recv_shared,
};

static void check(int cmd)
{
	if (cmd < 0 && errno != EINTR && errno != ETIMEDOUT) {
		fprintf(stderr, "%s\n", ucall_error());
		abort();
	}
}

/* A kick that nothing has consumed ends the next run. */
static void check_kick(struct ucall_vcpu *vcpu)
{
	ucall_vcpu_kick(vcpu);
	for (int i = 0; i < 1000; i++) {
		int cmd = ucall_next(vcpu, NULL);

		check(cmd);
		if (cmd < 0 && errno == EINTR)
			return;
	}
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ucall_vm_config config = {
		.ops = &ops,
		.ops_options = size && (data[0] & 1) ? "poll=1" : "poll=0",
		.timeout_ms = 2,
		.engine = "kvm",
		.mem_size = 32 << 20,
	};
	static bool skipped;
	struct ucall_vcpu *vcpu;
	struct ucall_vm *vm;

	if (ucall_engine_check("kvm")) {
		if (!skipped)
			fprintf(stderr, "SKIP: %s\n", ucall_error());
		skipped = true;
		return 0;
	}
	vm = ucall_vm_create(&config);
	vcpu = ucall_vcpu_add(vm, guest_busy, 1, size > 1 ? data[1] * 64u : 0);
	if (!vcpu || ucall_vm_snapshot(vm)) {
		fprintf(stderr, "%s\n", ucall_error());
		abort();
	}
	for (size_t i = 2; i < size && i < 40; i++) {
		struct ucall_frame regs;
		int r = 0;

		switch (data[i] % 8) {
		case 0:
			ucall_vcpu_kick(vcpu);
			break;
		case 1:
		case 2:
			check(ucall_next(vcpu, NULL));
			break;
		case 3:
			r = ucall_vm_snapshot(vm);
			break;
		case 4:
			r = ucall_vm_restore(vm);
			break;
		case 5:
			r = ucall_vcpu_restart(vcpu);
			break;
		case 6:
			r = ucall_vcpu_get_regs(vcpu, &regs) || ucall_vcpu_set_regs(vcpu, &regs);
			break;
		default:
			check_kick(vcpu);
		}
		if (r) {
			fprintf(stderr, "%s\n", ucall_error());
			abort();
		}
	}
	ucall_vm_free(vm);
	return 0;
}
