// SPDX-License-Identifier: MIT
/* The program's own limits and locale: they may make calls fail, but never end the program. */
#include <ucall/test.h>

static UCALL_GUEST void guest_sync(void)
{
	GUEST_SYNC(1);
	GUEST_DONE();
}

static UCALL_GUEST void guest_fault(void)
{
	volatile uint64_t *volatile nowhere = (volatile uint64_t *)8;

	*nowhere = 1;
}

#ifndef UCALL_GUEST_BUILD
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void limit_files(rlim_t size)
{
	struct rlimit l = { size, RLIM_INFINITY };

	CHECK(!getrlimit(RLIMIT_FSIZE, &l));
	l.rlim_cur = size;
	CHECK(!setrlimit(RLIMIT_FSIZE, &l));
}

/* A snapshot is a file in memory. */
static void host_snapshot(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct rlimit old;

	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK(!getrlimit(RLIMIT_FSIZE, &old));
	limit_files(4096);
	errno = 0;
	if (!ucall_vm_snapshot(vm) || errno == EOPNOTSUPP) {
		limit_files(old.rlim_cur);
		SKIP("no file size limit applies: %s", ucall_error());
	}
	limit_files(old.rlim_cur);
	CHECK_EQ(errno, EFBIG);
	CHECK_HAS(ucall_error(), "RLIMIT_FSIZE");
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* So is the data that names the functions of a guest ELF. */
static void each_fault(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_fault, 0);
	struct rlimit old;
	int r;

	CHECK_OK(vcpu);
	CHECK(!getrlimit(RLIMIT_FSIZE, &old));
	limit_files(0);
	r = ucall_next(vcpu, NULL);
	limit_files(old.rlim_cur);
	CHECK_EQ(r, -1);
	CHECK_HAS(ucall_fault_report(vcpu), "vCPU 0");
}

/* $UCALL_TIMEOUT takes a decimal point, whatever the program's locale. */
static void once_locale(void)
{
	char folder[] = "/tmp/ucall-locale-XXXXXX", command[256];
	struct ucall_vm *vm;
	bool set = false;

	CHECK(mkdtemp(folder));
	snprintf(command, sizeof(command),
		 "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1", folder);
	if (!system(command)) {
		setenv("LOCPATH", folder, 1);
		set = setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
	}
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	CHECK(!system(command));
	if (!set)
		SKIP("no German locale can be made; install libc-bin and locales");
	CHECK_STR(localeconv()->decimal_point, ",");
	setenv("UCALL_TIMEOUT", "0,5", 1);
	vm = ucall_vm_create(NULL);
	CHECK(!vm);
	setenv("UCALL_TIMEOUT", "0.5", 1);
	vm = ucall_vm_create(NULL);
	CHECK(vm || !strstr(ucall_error(), "UCALL_TIMEOUT"));
	ucall_vm_free(vm);
}

UCALL_TESTS({ "a snapshot beyond RLIMIT_FSIZE", UCALL_TEST_GUEST(guest_sync),
	      .host = host_snapshot },
	    { "a report beyond RLIMIT_FSIZE", .each = each_fault, .any_arch = true },
	    { "UCALL_TIMEOUT in a locale with a decimal comma", .once = once_locale });

#endif
