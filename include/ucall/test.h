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
 *	UCALL_TESTS({ .name = "SYNC carries its stage", UCALL_TEST_GUEST(guest_code),
 *		      .host = host_code });
 *
 * Each test is one TAP point for each backend and each engine that works on this machine, or that
 * $UCALL_BACKEND and $UCALL_ENGINE name; $UCALL_TEST_ARCH names the only architecture of guests.
 * Backends that do not claim the memory encryption in
 * config.protect are left out.  If a backend or engine does not support the VM that a test asks
 * for, the point is skipped with the reason; a kind of encryption that this machine lacks is one
 * skipped point.  Link with `pkg-config --libs ucall-test`.
 *
 * Guests of other architectures: a test whose guest functions run on any architecture sets
 * `.any_arch = true` and puts its host half under #ifndef UCALL_GUEST_BUILD.  The file is compiled
 * again for each architecture, with
 *
 *	ucall cc --arch ARCH -o NAME-ARCH.elf NAME.c
 *
 * Each of its points is then repeated for each architecture that a backend has guest code for.  The
 * ELF is taken from the folder $UCALL_TEST_GUESTS, or from `guests` beside the program.
 *
 * Each point runs in a child process: if it crashes, exits or hangs, or its emulator aborts, that
 * point fails and the others still run.  Changes to variables are lost after each point.
 * $UCALL_TEST_FORK=0 or the program's argument --no-fork runs all points in one process, for a
 * debugger; valgrind and gcov work both ways.  An argument PATTERN or $UCALL_TEST runs only
 * the tests whose name matches the shell pattern; --list prints the names.
 *
 * The guest's GUEST_PRINTF output is printed line by line after "# ", with control characters
 * escaped, so that a guest cannot write TAP; so is the test's own standard output.  If a test sets
 * config.output, the harness does not change it.
 *
 * A debugger's breakpoints work in host functions only: the guest runs a copy of the program.  In
 * C++, UCALL_TESTS needs C++20, and -Wno-missing-field-initializers silences g++ -Wextra about
 * members that are not named.
 *
 * Unlike the library, the harness prints (to standard output) and exits.  In one process it uses
 * SIGALRM for its time limit.
 */
#ifndef UCALL_TEST_H
#define UCALL_TEST_H

#include <ucall/ucall.h>

#ifdef UCALL_GUEST_BUILD
#define UCALL_TESTS(...) struct ucall /* used by the host's half only */
#else

#ifdef __cplusplus
extern "C" {
#endif

/* A test.  C++ initializers must name the members in this order. */
struct ucall_test {
	const char *name;

	void (*guest)(void); /* UCALL_TEST_GUEST(f) fills in these four */
	const char *guest_name;
	const char *file;
	int line;

	/* Set exactly one of these three. */
	/* The harness creates and frees a VM, and a vCPU in it if there is a `guest`. */
	void (*host)(struct ucall_vm *vm, struct ucall_vcpu *vcpu);
	/* Called for each backend; creates its own VMs with ucall_test_vm(). */
	void (*each)(void);
	/* Called once, with or without VMs. */
	void (*once)(void);

	unsigned int nargs; /* 6 at most */
	uint64_t args[6];
	bool any_arch; /* also for guests of other architectures than the host's */
	const char *engine; /* only with this engine; NULL: with each */
	bool launch; /* ucall_vm_launch() before host() */
	/*
	 * The harness sets `backend`.  `protect` and `guest_vc` apply to all VMs of the point that
	 * do not set `protect` themselves.
	 */
	struct ucall_vm_config config;
	/*
	 * Time limit in seconds for the point, whatever the guest does; 0: 60 s.  A point that
	 * exceeds it fails; without a process of its own it ends the program with "Bail out!".
	 * $UCALL_TEST_LIMIT multiplies it, for slow machines.
	 */
	unsigned int limit;
	/*
	 * How many times host() is called (0: once), each time with the VM and the vCPU in their
	 * first state: by a snapshot, which costs a small part of a new VM, or with a new VM where
	 * snapshots do not work.  Pointers to either are valid for one call; other state of host()
	 * is not reset.
	 */
	unsigned int cases;
	const char *arch; /* only for guests of this architecture; NULL: see any_arch */
};

/* The guest function of a test, with the place in the source for the report. */
#define UCALL_TEST_GUEST(function) \
	.guest = (void (*)(void))(uintptr_t)(function), .guest_name = #function, .file = __FILE__, \
	.line = __LINE__

/* Runs the tests, prints TAP.  Returns main()'s exit status: 0, or 1 if any point failed. */
int ucall_test_run(const struct ucall_test *tests, size_t count);
/* The same, after parsing the program's arguments. */
int ucall_test_main(int argc, char **argv, const struct ucall_test *tests, size_t count);

/* Defines main(), which runs the given tests, each in braces. */
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
/* The current test's config.protect, "none" if it is not set. */
const char *ucall_test_protect(void);

/* Which call of host() this is, 0 to cases - 1. */
unsigned int ucall_test_case(void);

/* Sets the current point's backend, engine, image and protect; keeps what `config` has already. */
void ucall_test_config(struct ucall_vm_config *config);

/*
 * Creates a VM with ucall_test_config(), otherwise as `config` says (may be NULL).  The harness
 * frees it at the end of the point.  On failure the point ends: skipped if the backend or engine
 * does not support such a VM or this machine has no engine for it, otherwise failed.
 */
#define ucall_test_vm(config) ucall_test_vm_at(__FILE__, __LINE__, (config))
struct ucall_vm *ucall_test_vm_at(const char *file, int line, const struct ucall_vm_config *config);

/* Frees a VM of ucall_test_vm() early. */
void ucall_test_vm_free(struct ucall_vm *vm);

/* End the point, failed or skipped.  In a thread other than main()'s, only that thread ends. */
void ucall_test_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4), noreturn));
void ucall_test_skip(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Prints a line of diagnostics after "# ". */
void ucall_test_diag(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* End the point, with a reason as in printf(). */
#define SKIP(...) ucall_test_skip(__VA_ARGS__)
#define FAIL(...) ucall_test_fail(__FILE__, __LINE__, __VA_ARGS__)

/* Each fails and ends the point if it does not hold. */
#define CHECK(cond) \
	do { \
		if (!(cond)) \
			FAIL("%s does not hold", #cond); \
	} while (0)
/* For libucall calls that can fail: the failure also shows ucall_error(). */
#define CHECK_OK(cond) \
	do { \
		if (!(cond)) \
			FAIL("%s does not hold: %s", #cond, ucall_error()); \
	} while (0)
/* The integers are equal. */
#define CHECK_EQ(a, b) \
	do { \
		unsigned long long check_a_ = (unsigned long long)(a); \
		unsigned long long check_b_ = (unsigned long long)(b); \
		if (check_a_ != check_b_) \
			FAIL("%s is 0x%llx (%lld), not %s, 0x%llx (%lld)", #a, check_a_, \
			     (long long)check_a_, #b, check_b_, (long long)check_b_); \
	} while (0)
/* The strings are equal. */
#define CHECK_STR(a, b) ucall_test_string(__FILE__, __LINE__, #a, (a), (b), 0)
/* `a` contains `b`. */
#define CHECK_HAS(a, b) ucall_test_string(__FILE__, __LINE__, #a, (a), (b), 1)
/* ucall_next() returns `cmd`; otherwise says why, with the registers of a guest that faulted. */
#define CHECK_NEXT(vcpu, uc, cmd) ucall_test_next(__FILE__, __LINE__, vcpu, uc, cmd)

/* Run until the next exit, and check the message that the guest sent from `uc_gva`. */
#define CHECK_SHARED_SYNC(vcpu, uc_gva, stage) \
	ucall_test_shared(__FILE__, __LINE__, vcpu, uc_gva, UCALL_SYNC, stage)
#define CHECK_SHARED_DONE(vcpu, uc_gva) \
	ucall_test_shared(__FILE__, __LINE__, vcpu, uc_gva, UCALL_DONE, 0)
#define CHECK_SHARED_ABORT(vcpu, uc_gva) \
	ucall_test_shared(__FILE__, __LINE__, vcpu, uc_gva, UCALL_ABORT, 0)

/* Internal: called by the macros. */
void ucall_test_string(const char *file, int line, const char *what, const char *a, const char *b,
		       int part);
void ucall_test_next(const char *file, int line, struct ucall_vcpu *vcpu, struct ucall *uc,
		     int cmd);
void ucall_test_shared(const char *file, int line, struct ucall_vcpu *vcpu, uint64_t uc_gva,
		       int cmd, uint64_t stage);

#ifdef __cplusplus
}
#endif

#endif /* UCALL_GUEST_BUILD */
#endif /* UCALL_TEST_H */
