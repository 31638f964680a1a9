// SPDX-License-Identifier: MIT
/*
 * Runs the same guest with any protection: `confidential --protect emulated-sev`.  `ucall list`
 * names the protections, and says which of them this machine has.  The guest keeps a secret in
 * private memory, and puts what the host may know into shared memory.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ucall/ucall.h>

#define SECRET "nobody else may read this"

static UCALL_GUEST void guest_main(const char *secret, char *told)
{
	GUEST_PRINTF("guest: the secret begins with \"%.6s\"\n", secret);
	for (int i = 0; i < 6; i++)
		told[i] = secret[i];
	GUEST_SYNC(1);
	GUEST_DONE();
}

static void print_measurement(const struct ucall_vm *vm)
{
	const uint8_t *digest;
	int size = ucall_vm_measurement(vm, &digest);

	if (size < 0)
		return;
	printf("host:  measured ");
	for (int i = 0; i < size; i++)
		printf("%02x", digest[i]);
	printf("\n");
}

/* Prints what the host reads at a guest address: encrypted memory, or nothing at all. */
static int print_memory(struct ucall_vm *vm, const char *what, uint64_t gva)
{
	uint8_t bytes[16];

	if (ucall_vm_read(vm, gva, bytes, sizeof(bytes))) {
		if (errno != EPERM)
			return -1;
		printf("host:  %s memory: %s\n", what, ucall_error());
		return 0;
	}
	printf("host:  %s memory reads", what);
	for (size_t i = 0; i < sizeof(bytes); i++)
		printf(" %02x", bytes[i]);
	printf("  |");
	for (size_t i = 0; i < sizeof(bytes); i++)
		putchar(bytes[i] >= ' ' && bytes[i] < 0x7f ? bytes[i] : '.');
	printf("|\n");
	return 0;
}

static int run(struct ucall_vm *vm)
{
	uint64_t secret = ucall_vm_alloc(vm, 4096, UCALL_MEM_PRIVATE);
	uint64_t told = ucall_vm_alloc(vm, 4096, UCALL_MEM_SHARED);
	struct ucall_vcpu *vcpu;
	int cmd;

	if (!secret || !told || ucall_vm_write(vm, secret, SECRET, sizeof(SECRET)))
		return -1;
	vcpu = ucall_vcpu_add(vm, guest_main, 2, secret, told);
	if (!vcpu || ucall_vm_launch(vm))
		return -1;
	print_measurement(vm);
	while ((cmd = ucall_next(vcpu, NULL)) > 0 && cmd != UCALL_DONE)
		if (print_memory(vm, "private", secret) || print_memory(vm, "shared ", told))
			return -1;
	return cmd < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct ucall_vm_config config = { 0 };
	struct ucall_vm *vm;
	int r;

	if (argc == 3 && !strcmp(argv[1], "--protect")) {
		config.protect = argv[2];
	} else if (argc != 1) {
		fprintf(stderr,
			"usage: confidential [--protect PROTECTION]; `ucall list` names them\n");
		return 2;
	}
	vm = ucall_vm_create(&config);
	if (!vm) {
		fprintf(stderr, "confidential: %s\n", ucall_error());
		return 2;
	}
	printf("host:  protection %s, backend %s\n", ucall_vm_protection(vm), ucall_vm_backend(vm));
	r = run(vm);
	if (r)
		fprintf(stderr, "confidential: %s\n", ucall_error());
	ucall_vm_free(vm);
	return r ? 1 : 0;
}
