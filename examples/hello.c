// SPDX-License-Identifier: MIT
/* One guest, any doorbell: UCALL_BACKEND=pio|mmio|halt ./hello */
#include <stdio.h>

#include <ucall/ucall.h>

static UCALL_GUEST void guest_main(int first, const char *name)
{
	GUEST_PRINTF("hello from vCPU %u, %s\n", guest_get_vcpuid(), name);
	GUEST_SYNC(first);
	GUEST_SYNC(first + 1);
	GUEST_DONE();
}

int main(void)
{
	struct ucall_vm *vm = ucall_vm_create(NULL);
	struct ucall_vcpu *vcpu = vm ? ucall_vcpu_add(vm, guest_main, 2, 1, "guest") : NULL;
	struct ucall uc;
	int cmd;

	if (!vcpu) {
		fprintf(stderr, "hello: %s\n", ucall_error());
		ucall_vm_free(vm);
		return 2;
	}
	printf("backend %s\n", ucall_vm_backend(vm));
	while ((cmd = ucall_next(vcpu, &uc)) > 0 && cmd != UCALL_DONE)
		printf("stage %llu\n", (unsigned long long)uc.args[1]);
	if (cmd < 0)
		fprintf(stderr, "hello: %s\n", ucall_error());
	ucall_vm_free(vm);
	return cmd < 0;
}
