// SPDX-License-Identifier: MIT
/* Config strings: the error says what is wrong with one, and what would be right. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ucall/plugin.h>
#include <ucall/test.h>

static void wrong(const char *backend, int error, const char *text)
{
	struct ucall_vm_config config = { .backend = backend };

	CHECK(!ucall_vm_create(&config));
	if (!strstr(ucall_error(), text))
		FAIL("\"%s\" gives \"%s\", without \"%s\"", backend, ucall_error(), text);
	if (errno != error)
		FAIL("\"%s\" gives errno %d, not %d", backend, errno, error);
}

static void once_wrong(void)
{
	wrong("nosuch", ENOENT, "no backend \"nosuch\": looked for ucall-nosuch.so in ");
	wrong("nosuch", ENOENT, "available: diag, halt, mmio, pio, ring, sbi");
	wrong("nosuch,port=1", ENOENT, "no backend \"nosuch\"");
	wrong("", EINVAL, "does not name a backend");
	wrong(",port=1", EINVAL, "does not name a backend");
	wrong("pio,speed=3", EINVAL, "unknown option \"speed\"; its options are: port");
	wrong("halt,speed=3", EINVAL, "unknown option \"speed\"; it has no options");
	wrong("pio,port", EINVAL, "option port has no value; write port=VALUE");
	wrong("pio,port=", EINVAL, "option port has no value");
	wrong("pio,port=0x10000", ERANGE, "out of range; give 0x0 to 0xffff");
	wrong("pio,port=99999999999999999999", EINVAL, "is not a number");
	wrong("pio,port=-1", EINVAL, "is not a number");
	wrong("pio,port=12x", EINVAL, "\"12x\" is not a number");
	wrong("pio,port= 1", EINVAL, "is not a number");
	wrong("pio,port=0x", EINVAL, "is not a number");
	wrong("pio,", EINVAL, "empty option in");
	wrong("pio,port=1,", EINVAL, "empty option in");
	wrong("pio,,port=1", EINVAL, "empty option in");
	wrong("pio,port=1,port=2", EINVAL, "option port is given twice");
	wrong("pio,=1", EINVAL, "unknown option \"\"");
	wrong("PIO", ENOENT, "no backend \"PIO\"");
	wrong("./nosuch.so", ENOENT, "cannot open ./nosuch.so");
	wrong("/", ENOEXEC, "/: not a regular file");
	wrong("/dev/null", ENOEXEC, "/dev/null: not a regular file");
}

static void once_right(void)
{
	static const char *const right[] = {
		"pio",		"pio,port=0",	       "pio,port=0xffff",
		"pio,port=010", "mmio,gpa=0xe0000000", "halt"
	};

	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		struct ucall_vm_config config = { .backend = right[i] };
		struct ucall_vm *vm = ucall_test_vm(&config);

		CHECK_EQ(strncmp(right[i], ucall_vm_backend(vm), strlen(ucall_vm_backend(vm))), 0);
		ucall_test_vm_free(vm);
	}
}

/* The environment's backend: used when the configuration has none, and only then. */
static void once_environment(void)
{
	struct ucall_vm_config config = { 0 };
	const char *old = getenv("UCALL_BACKEND");
	char *saved = old ? strdup(old) : NULL;
	struct ucall_vm *vm;

	setenv("UCALL_BACKEND", "mmio,gpa=0xd0002000", 1);
	vm = ucall_test_vm(&config);
	CHECK_STR(ucall_vm_backend(vm), "mmio");
	config.backend = "halt";
	vm = ucall_test_vm(&config);
	CHECK_STR(ucall_vm_backend(vm), "halt");
	config.backend = NULL;
	setenv("UCALL_BACKEND", "", 1);
	vm = ucall_test_vm(&config);
	CHECK_STR(ucall_vm_backend(vm), "pio");
	setenv("UCALL_BACKEND", "nosuch", 1);
	CHECK(!ucall_vm_create(&config));
	CHECK_EQ(errno, ENOENT);
	if (saved)
		setenv("UCALL_BACKEND", saved, 1);
	else
		unsetenv("UCALL_BACKEND");
	free(saved);
}

UCALL_TESTS({ "wrong strings", .once = once_wrong }, { "right strings", .once = once_right },
	    { "UCALL_BACKEND", .once = once_environment });
