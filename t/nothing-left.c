// SPDX-License-Identifier: MIT
/* VMs, made or refused, leave no descriptor, no mapping and no thread behind. */
#include <stdlib.h>
#include <string.h>

#include <ucall/plugin.h>
#include <ucall/test.h>

#include "resources.h"

static UCALL_GUEST void guest_code(void)
{
	GUEST_SYNC(1);
	__builtin_trap();
}

static void use(const struct ucall_vm_config *config)
{
	struct ucall_vm *vm = ucall_vm_create(config);
	struct ucall_vcpu *vcpus[2];

	if (!vm)
		return;
	for (int i = 0; i < 2; i++) {
		vcpus[i] = ucall_vcpu_add(vm, guest_code, 0);
		CHECK_OK(vcpus[i]);
	}
	CHECK_OK(!ucall_vm_launch(vm));
	for (int i = 0; i < 2; i++) {
		ucall_next(vcpus[i], NULL);
		ucall_next(vcpus[i], NULL);
	}
	ucall_vm_free(vm);
}

/* Plugins that are refused, as t/bad-plugins.sh makes them: PATH:PATH... */
static void use_plugins(void)
{
	const char *list = getenv("REFUSED_PLUGINS");
	char *copy = list ? strdup(list) : NULL, *next = copy, *path;

	while ((path = strsep(&next, ":"))) {
		struct ucall_vm_config config = { .backend = path };

		CHECK(!ucall_vm_create(&config));
	}
	free(copy);
}

static void once_all(void)
{
	static const struct ucall_vm_config configs[] = {
		{ .backend = "pio" },
		{ .backend = "mmio" },
		{ .backend = "halt" },
		{ .backend = "pio", .irqchip = true },
		{ .backend = "pio", .ring = 3 },
		{ .backend = "nosuch" },
		{ .backend = "pio,port=x" },
		{ .backend = "pio,port=1," },
		{ .backend = "/dev/null" },
		{ .backend = "/proc/self/exe" },
		{ .backend = "/etc/passwd" },
		{ .backend = "mmio,gpa=0x1000" },
		{ .backend = "mmio,gpa=1" },
		{ .backend = "halt", .ring = 3 },
		{ .backend = "pio", .mem_size = 1 },
		{ .backend = "pio", .kvm_device = "/dev/null" },
		{ .backend = "pio", .kvm_device = "/nonexistent" },
		{ .backend = "pio", .engine = "unicorn" },
		{ .backend = "mmio", .engine = "unicorn" },
		{ .backend = "pio", .engine = "unicorn", .ring = 3 },
		{ .backend = "pio", .engine = "bochs" },
		{ .protect = "emulated-sev" },
		{ .protect = "emulated-sev-es" },
		{ .protect = "emulated-sev-snp" },
		{ .protect = "emulated-sev-snp", .backend = "pio", .guest_vc = true },
		{ .protect = "emulated-sev-es,trap_cpuid=step" },
		{ .protect = "emulated-sev-es,trap_cpuid=step", .ring = 3 },
		{ .protect = "emulated-sev-es", .backend = "pio" },
		{ .protect = "emulated-sev", .backend = "sev-shared,exit=ghcb" },
		{ .protect = "emulated-sev", .mem_size = 1 },
		{ .protect = "emulated-sev", .engine = "unicorn" },
		{ .protect = "sgx" },
		{ .arch = "s390x" },
		{ .image = "/nonexistent" },
		{ .image = "/etc/passwd" },
		{ .image = "/proc/self/exe" },
	};
	const size_t n = sizeof(configs) / sizeof(configs[0]);
	int fds = 0, maps = 0, threads = 0;
	int rounds = most_vms(1000) < 1000 ? 3 : 5;

	for (int round = 0; round < rounds; round++) {
		for (size_t i = 0; i < n; i++)
			use(&configs[i]);
		use_plugins();
		for (size_t i = 0; i < 3; i++) {
			size_t count;

			ucall_backends_free(ucall_backends(&count));
		}
		if (round == 1) { /* plugins are loaded, caches are full */
			fds = entries("/proc/self/fd");
			maps = mappings();
			threads = entries("/proc/self/task");
		}
	}
	CHECK_EQ(entries("/proc/self/fd"), fds);
	CHECK_EQ(entries("/proc/self/task"), threads);
	if (mappings() > maps + MAPPINGS_SLACK)
		FAIL("%d mappings became %d", maps, mappings());
}

UCALL_TESTS({ "made, refused, faulted: nothing is left behind", .once = once_all });
