// SPDX-License-Identifier: MIT
/* A call with a NULL VM or vCPU gets EINVAL and the reason why it is NULL, not a crash. */
#include <errno.h>
#include <string.h>

#include <ucall/plugin.h>
#include <ucall/test.h>

static UCALL_GUEST void guest_code(void)
{
	GUEST_DONE();
}

/* The call fails with `result`, EINVAL, its own name and the reason. */
#define FAILS(call, result) \
	do { \
		errno = 0; \
		if ((call) != (result)) \
			FAIL("%s does not give %s", #call, #result); \
		CHECK_EQ(errno, EINVAL); \
		CHECK_HAS(ucall_error(), \
			  "NULL was given; the last error was: no backend \"nowhere\""); \
	} while (0)

static void once_null(void)
{
	const struct ucall_vm_config config = { .backend = "nowhere" };
	struct ucall_vm *vm = ucall_vm_create(&config);
	struct ucall_vcpu *vcpu;
	struct ucall_frame regs = { 0 };
	const uint8_t *digest;
	uint64_t value = 0;
	struct ucall uc;
	char text[8];

	if (!strstr(ucall_error(), "no backend \"nowhere\""))
		SKIP("%s", ucall_error());
	CHECK(!vm);
	errno = 0;
	vcpu = ucall_vcpu_add(vm, guest_code, 0);
	CHECK(!vcpu);
	CHECK_EQ(errno, EINVAL);
	CHECK_HAS(ucall_error(), "ucall_vcpu_add_function: NULL was given; the last error was: no "
				 "backend \"nowhere\": "
				 "looked for");

	FAILS(ucall_vcpu_add_entry(vm, 0, 0, 0, 0, 0, 0, 0, 0), NULL);
	FAILS(ucall_vm_launch(vm), -1);
	FAILS(ucall_vm_measurement(vm, &digest), -1);
	FAILS(ucall_vm_launch_list(vm, "sev"), NULL);
	FAILS(ucall_vm_snapshot(vm), -1);
	FAILS(ucall_vm_restore(vm), -1);
	FAILS(ucall_vm_fd(vm), -1);
	FAILS(ucall_vm_symbol(vm, "x"), 0);
	FAILS(ucall_vm_alloc(vm, 8, 0), 0);
	FAILS(ucall_vm_alias(vm, 0, 8, 0), 0);
	FAILS(ucall_shared_alloc(vm, 1), 0);
	FAILS(ucall_vm_read(vm, 0, text, 1), -1);
	FAILS(ucall_vm_write(vm, 0, text, 1), -1);
	FAILS(ucall_vm_read_int(vm, 0, 8, &value), -1);
	FAILS(ucall_vm_write_int(vm, 0, 8, 1), -1);
	FAILS(ucall_vm_read_string(vm, 0, text, sizeof(text)), -1);
	FAILS(ucall_vm_read_physical(vm, 0, text, 1), -1);
	FAILS(ucall_vm_write_physical(vm, 0, text, 1), -1);
	FAILS(ucall_vm_host_pointer(vm, 0, 8), NULL);
	FAILS(ucall_vm_translate(vm, 0, &value), -1);
	FAILS(ucall_vm_set_private(vm, 0, 4096, true), -1);
	FAILS(ucall_sync_to_guest(vm, &value), -1);
	FAILS(ucall_sync_from_guest(vm, &value), -1);
	FAILS(ucall_vm_set_param(vm, 0, 0), -1);
	FAILS(ucall_vm_set_queue(vm, 64, false), -1);
	FAILS(ucall_vm_map_device(vm, 0xd0000000, 8), 0);
#if defined(__x86_64__)
	FAILS(ucall_vm_set_handler(vm, 3, NULL), -1);
#endif
	FAILS(ucall_next(vcpu, &uc), -1);
	FAILS(ucall_vcpu_run(vcpu), -1);
	FAILS(get_ucall(vcpu, &uc), -1);
	FAILS(get_ucall_shared(vcpu, 0, &uc), -1);
	FAILS(ucall_vcpu_restart(vcpu), -1);
	FAILS(ucall_vcpu_get_regs(vcpu, &regs), -1);
	FAILS(ucall_vcpu_set_regs(vcpu, &regs), -1);
	FAILS(ucall_vcpu_fd(vcpu), -1);
	FAILS(ucall_vcpu_kvm_run(vcpu), NULL);

	/* These arguments must not be NULL either. */
	FAILS(ucall_backend_find(NULL), NULL);
	FAILS(ucall_backends(NULL), NULL);
	FAILS(ucall_protection_bit(NULL), 0);

	/* These only query, and report no error. */
	CHECK(!ucall_vm_backend(vm) && !ucall_vm_backend_path(vm) && !ucall_vm_engine(vm));
	CHECK(!ucall_vm_engine_reason(vm) && !ucall_vm_arch(vm) && !ucall_vm_protection(vm));
	CHECK(!ucall_vm_is_flat(vm) && !ucall_vm_has_irqchip(vm) && !ucall_vm_ring(vm));
	CHECK_EQ(ucall_vm_via(vm), UCALL_VIA_DEFAULT);
	CHECK_EQ(ucall_vm_protection_bit(vm), 0);
	CHECK(!ucall_vm_backend_data(vm) && !ucall_vcpu_vm(vcpu) && !ucall_vcpu_number(vcpu));
	CHECK(!ucall_vcpu_exit(vcpu) && !ucall_vcpu_mailbox(vcpu) && !ucall_vcpu_argument(vcpu));
	CHECK(!ucall_fault(vcpu)->valid);
	CHECK_STR(ucall_fault_report(vcpu), "");
	ucall_vm_set_backend_data(vm, NULL);
	ucall_vcpu_kick(vcpu);
	ucall_vm_free(vm);
}

UCALL_TESTS({ "NULL for a VM and for a vCPU", .once = once_null });
