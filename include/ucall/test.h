/* SPDX-License-Identifier: MIT */
/*
 * <ucall/test.h> - a TAP harness for tests that use VMs.
 *
 *	static UCALL_GUEST void guest_code(void) { GUEST_SYNC(1); GUEST_DONE(); }
 *
 *	static void host_code(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
 *	{
 *		struct ucall uc;
 *
 *		CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
 *		CHECK_EQ(uc.args[1], 1);
 *		CHECK_NEXT(vcpu, &uc, UCALL_DONE);
 *	}
 *
 *	UCALL_TESTS({ .name = "SYNC carries its stage", UCALL_TEST_GUEST(guest_code), .host = host_code });
 *
 * Each test is one TAP point for each backend and each engine that works on this machine, or for
 * those that $UCALL_BACKEND and $UCALL_ENGINE name; of backends, those that claim the memory encryption
 * that config.protect names.  A backend or an engine that cannot serve the VM that a test asks for is
 * skipped, with the reason; a kind of encryption that this machine does not have is one skipped point.  Link with `pkg-config --libs ucall-test`.
 *
 * Guests of other architectures.  A test whose guest functions run on any says `.any_arch = true`; its
 * host half stands under #ifndef UCALL_GUEST_BUILD, and the file is compiled again for each, with
 *
 *	ucall cc --arch ARCH -o NAME-ARCH.elf NAME.c
 *
 * Each of its points is then repeated for each architecture that a backend has guest code for, with
 * the ELF in the folder $UCALL_TEST_GUESTS, or beside the program in `guests`.
 *
 * Each point runs in a child process: one that crashes, exits or hangs, or whose emulator aborts, is a failed point,
 * and the others go on.  What a point leaves in variables is not there for the next.  $UCALL_TEST_FORK=0 or the
 * program's argument --no-fork has all in one process, for a debugger; under valgrind and gcov both ways work.
 * --point PATTERN or $UCALL_TEST_POINT runs only the tests whose name the shell pattern matches.
 *
 * The guest's GUEST_PRINTF comes out line by line after "# ", with control characters escaped, so that no guest can
 * write TAP; so does what the test itself writes to standard output.  A config.output of a test's own is left alone.
 *
 * A debugger's breakpoints are of the host's functions: the guest runs a copy of the program.  In C++ UCALL_TESTS needs
 * C++20, and g++ -Wextra warns of members that are not named: -Wno-missing-field-initializers.
 *
 * Unlike the library this prints (to standard output) and exits; in one process it uses SIGALRM for its limit.
 */
#ifndef UCALL_TEST_H
#define UCALL_TEST_H

#include <ucall/ucall.h>

#ifdef UCALL_GUEST_BUILD
#define UCALL_TESTS(...) struct ucall /* the host's half has them */
#else

#ifdef __cplusplus
extern "C" {
#endif

/* In the order in which initializers name them, for C++. */
struct ucall_test {
	const char *name;

	void (*guest)(void); /* UCALL_TEST_GUEST(f) fills in these four */
	const char *guest_name;
	const char *file;
	int line;

	/* One of three kinds. */
	/* The harness makes a VM, and a vCPU in it if there is a `guest`, and frees them. */
	void (*host)(struct ucall_vm *vm, struct ucall_vcpu *vcpu);
	/* For each backend; makes its own VMs with ucall_test_vm(). */
	void (*each)(void);
	/* Once, with or without VMs. */
	void (*once)(void);

	unsigned int nargs; /* 6 at most */
	uint64_t args[6];
	bool any_arch; /* for guests of other architectures than the host's too */
	const char *engine; /* only with this one; NULL: with each */
	bool launch; /* ucall_vm_launch() before host() */
	/*
	 * `backend` is the harness's; `protect` and `guest_vc` are those of all VMs of the point that
	 * name no `protect`.
	 */
	struct ucall_vm_config config;
	/*
	 * Limit in seconds for the point, whatever the guest does; 0: 60 s.  A point that exceeds it
	 * fails; without a process of its own it ends the program with "Bail out!".  $UCALL_TEST_LIMIT
	 * multiplies it, on a slow machine.
	 */
	unsigned int limit;
	/*
	 * host() is called so many times (0: once), each time with the VM and the vCPU as they were at first:
	 * by a snapshot, which costs a small part of a new VM, or with a new VM where there are none.  A
	 * pointer to either is good for one call; what else host() keeps is its own.
	 */
	unsigned int cases;
};

#define UCALL_TEST_GUEST(function) \
	.guest = (void (*)(void))(uintptr_t)(function), .guest_name = #function, .file = __FILE__, \
	.line = __LINE__

/* Runs the tests, prints TAP.  Returns main()'s exit status: 0, or 1 if any point failed. */
int ucall_test_run(const struct ucall_test *tests, size_t count);
/* The same after looking at the program's arguments. */
int ucall_test_main(int argc, char **argv, const struct ucall_test *tests, size_t count);

/* main() that runs the tests given, each in braces. */
#define UCALL_TESTS(...) \
	int main(int argc, char **argv) \
	{ \
		static const struct ucall_test tests[] = { __VA_ARGS__ }; \
\
		return ucall_test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0])); \
	} \
	struct ucall_test

/* The config string of the backend that is being tested, NULL in a `once` test. */
const char *ucall_test_backend(void);

/* The engine and the guest's architecture that are being tested, NULL in a `once` test. */
const char *ucall_test_engine(void);
const char *ucall_test_arch(void);
/* The present test's config.protect, "none" where it names none. */
const char *ucall_test_protect(void);

/* Which call of host() this is, 0 to cases - 1. */
unsigned int ucall_test_case(void);

/* Sets what the present point is for: backend, engine, image, protect; leaves what `config` has already. */
void ucall_test_config(struct ucall_vm_config *config);

/*
 * A VM with ucall_test_config(), and otherwise as `config` says (may be NULL).  Freed at the end of the
 * point.  If it cannot be made the point ends: skipped where backend or engine cannot serve such a VM,
 * or this machine has no engine, else failed.
 */
#define ucall_test_vm(config) ucall_test_vm_at(__FILE__, __LINE__, (config))
struct ucall_vm *ucall_test_vm_at(const char *file, int line, const struct ucall_vm_config *config);

/* Frees it early. */
void ucall_test_vm_free(struct ucall_vm *vm);

/* Ends the calling thread's part in the point; in another thread than main()'s, that thread. */
void ucall_test_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4), noreturn));
void ucall_test_skip(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* A line of diagnostics, after "# ". */
void ucall_test_diag(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define SKIP(...) ucall_test_skip(__VA_ARGS__)
#define FAIL(...) ucall_test_fail(__FILE__, __LINE__, __VA_ARGS__)

/* Each ends the point if it does not hold. */
#define CHECK(cond) \
	do { \
		if (!(cond)) \
			FAIL("%s does not hold", #cond); \
	} while (0)
/* For calls that return -1, NULL or 0 on failure: tells ucall_error(). */
#define CHECK_OK(cond) \
	do { \
		if (!(cond)) \
			FAIL("%s does not hold: %s", #cond, ucall_error()); \
	} while (0)
#define CHECK_EQ(a, b) \
	do { \
		unsigned long long check_a_ = (unsigned long long)(a); \
		unsigned long long check_b_ = (unsigned long long)(b); \
		if (check_a_ != check_b_) \
			FAIL("%s is 0x%llx (%lld), not %s, 0x%llx (%lld)", #a, check_a_, \
			     (long long)check_a_, #b, check_b_, (long long)check_b_); \
	} while (0)
#define CHECK_STR(a, b) ucall_test_string(__FILE__, __LINE__, #a, (a), (b), 0)
/* `a` contains `b`. */
#define CHECK_HAS(a, b) ucall_test_string(__FILE__, __LINE__, #a, (a), (b), 1)
/* ucall_next() gives `cmd`; else tells why, with the registers of a guest that faulted. */
#define CHECK_NEXT(vcpu, uc, cmd) ucall_test_next(__FILE__, __LINE__, vcpu, uc, cmd)

/* Run until the next exit, and check the message that the guest sent from `uc_gva`. */
#define CHECK_SHARED_SYNC(vcpu, uc_gva, stage) \
	ucall_test_shared(__FILE__, __LINE__, vcpu, uc_gva, UCALL_SYNC, stage)
#define CHECK_SHARED_DONE(vcpu, uc_gva) \
	ucall_test_shared(__FILE__, __LINE__, vcpu, uc_gva, UCALL_DONE, 0)
#define CHECK_SHARED_ABORT(vcpu, uc_gva) \
	ucall_test_shared(__FILE__, __LINE__, vcpu, uc_gva, UCALL_ABORT, 0)

/* What the macros call. */
void ucall_test_string(const char *file, int line, const char *what, const char *a, const char *b,
		       int part);
void ucall_test_next(const char *file, int line, struct ucall_vcpu *vcpu, struct ucall *uc, int cmd);
void ucall_test_shared(const char *file, int line, struct ucall_vcpu *vcpu, uint64_t uc_gva,
		       int cmd, uint64_t stage);

#ifdef __cplusplus
}
#endif

#endif /* UCALL_GUEST_BUILD */
#endif /* UCALL_TEST_H */
