// SPDX-License-Identifier: MIT
/*
 * show-port BACKEND [COMMAND]: shows the port that the guest rings.  With a shell command, which
 * changes the plugin's file: runs it, then shows the port of a second VM, and of the first again.
 */
#include <stdio.h>
#include <stdlib.h>

#include <ucall/plugin.h>

static UCALL_GUEST void guest_code(void)
{
	for (;;)
		GUEST_SYNC(1);
}

static struct ucall_vcpu *start(const char *backend)
{
	struct ucall_vm_config config = { .backend = backend };
	struct ucall_vm *vm = ucall_vm_create(&config);

	return vm ? ucall_vcpu_add(vm, guest_code, 0) : NULL;
}

static int show(struct ucall_vcpu *vcpu)
{
	if (!vcpu || ucall_next(vcpu, NULL) != UCALL_SYNC) {
		printf("%s\n", ucall_error());
		return 1;
	}
	printf("port 0x%x\n", ucall_vcpu_exit(vcpu)->u.io.port);
	return 0;
}

int main(int argc, char **argv)
{
	struct ucall_vcpu *first, *second = NULL;
	int r;

	if (argc < 2)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	if (ucall_engine_check(NULL)) {
		printf("%s\n", ucall_error());
		return 77;
	}
	first = start(argv[1]);
	r = show(first);
	if (!r && argc > 2) {
		if (system(argv[2]))
			return 2;
		second = start(argv[1]);
		r = show(second) || show(first);
	}
	if (first)
		ucall_vm_free(ucall_vcpu_vm(first));
	if (second)
		ucall_vm_free(ucall_vcpu_vm(second));
	return r;
}
