/* SPDX-License-Identifier: MIT */
/* For tests of only the backend ring, with guests of any architecture. */
#ifndef T_RING_H
#define T_RING_H

#include "confidential.h"

#ifdef UCALL_GUEST_BUILD
#define RING_TESTS(...) struct ucall /* the host's half has them */
#else

static inline struct ucall_vm *ring_vm(const char *backend, int timeout_ms)
{
	const bool kvm = !strcmp(ucall_test_engine(), "kvm");
	const char *ring = getenv("UCALL_TEST_RING"); /* 0: there is no OUT in ring 3 here */
	struct ucall_vm_config config = {
		.backend = backend,
		.timeout_ms = timeout_ms,
		/* Ring 3 where possible: some hosts' KVM interprets ring 0. */
		.ring = kvm && ucall_arch_host() == UCALL_ARCH_X86_64 && !ring &&
					!strcmp(ucall_test_protect(), "none")
				? 3
				: 0,
	};

	return ucall_test_vm(&config);
}

/* The next message of any kind, PRINTF and ABORT too; 0: another exit; -1: the run failed. */
static inline int next_message(struct ucall_vcpu *vcpu, struct ucall *uc)
{
	int cmd;

	if (ucall_vcpu_run(vcpu))
		return -1;
	cmd = get_ucall(vcpu, uc);
	CHECK_OK(cmd >= 0);
	return cmd;
}

/* main() for the given tests. */
#define RING_TESTS(...) \
	int main(int argc, char **argv) \
	{ \
		static const struct ucall_test tests[] = { __VA_ARGS__ }; \
\
		setenv("UCALL_BACKEND", "ring", 1); \
		return ucall_test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0])); \
	} \
	struct ucall_test

#endif /* UCALL_GUEST_BUILD */
#endif
