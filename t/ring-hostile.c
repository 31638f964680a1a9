// SPDX-License-Identifier: MIT
/* A guest writes random data into its queue: the host reports it or takes it as messages. */
#include "ring.h"

/* Each round: random counters, lines and messages, then an exit; the last message is a good one. */
static UCALL_GUEST void guest_hostile(uint64_t seed, uint64_t rounds)
{
	volatile uint64_t *words = (volatile uint64_t *)UCALL_QUEUE_ADDRESS;
	volatile struct ucall_queue *q = (volatile struct ucall_queue *)UCALL_QUEUE_ADDRESS;

	for (uint64_t i = 0; i < rounds; i++) {
		for (int k = 0; k < 8; k++) {
			seed = seed * 6364136223846793005 + 1442695040888963407;
			/* Heads that are nearly right get further than noise. */
			words[64 + (seed >> 33) % 256] = (seed >> 11 & 0x107) |
							 (seed >> 50 & 0xf) << 16 |
							 (seed >> 20 & 0x7ff) << 32;
		}
		q->taken = seed >> 7;
		q->flush = (uint32_t)(seed >> 40) & 1;
		q->put += seed >> 60 ? seed >> 58 : seed;
		GUEST_SYNC_WAIT(i);
	}
	GUEST_SYNC_WAIT(rounds);
}

#ifndef UCALL_GUEST_BUILD
#include <errno.h>

static void check_hostile(const char *mode, uint64_t seed)
{
	const uint64_t rounds = 100;
	struct ucall_vm *vm = ring_vm(mode, 0);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_hostile, 2, seed, rounds);
	unsigned int bad = 0, calls = 0;
	struct ucall uc = { 0 };

	CHECK_OK(vcpu && !ucall_vm_launch(vm));
	do {
		int cmd;

		CHECK_OK(!ucall_vcpu_run(vcpu));
		cmd = get_ucall(vcpu, &uc);
		if (cmd < 0)
			CHECK_EQ(errno, EPROTO);
		bad += cmd < 0;
		CHECK(uc.nargs <= UCALL_MAX_ARGS || cmd < 0);
		CHECK(uc.text_size < UCALL_TEXT_SIZE || cmd < 0);
		CHECK(++calls < 1000000);
	} while (!(uc.cmd == UCALL_SYNC && (uc.flags & UCALL_WAIT) && uc.args[1] == rounds));
	CHECK(bad > rounds / 4);
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
	ucall_test_vm_free(vm);
}

static void each_hostile(void)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		check_hostile("ring", seed * 4711);
		check_hostile("ring,depth=64", seed * 4711);
		check_hostile("ring,poll=1", seed * 4711);
	}
}

/* What is not supported is refused with a reason. */
static void once_refused(void)
{
	static const struct {
		struct ucall_vm_config config;
		int error;
		const char *says;
	} cases[] = {
		{ { .backend = "ring,depth=4097" }, ERANGE, "depth" },
		{ { .backend = "ring,poll=2" }, ERANGE, "poll" },
		{ { .backend = "ring", .via = UCALL_VIA_ADDRESS }, EOPNOTSUPP, "no send_cmd" },
#if defined(__x86_64__)
		{ { .backend = "ring", .protect = "emulated-sev-es", .ring = 3 },
		  EOPNOTSUPP,
		  "exits by HLT, which needs ring 0" },
		{ { .backend = "ring", .protect = "emulated-sev-es", .irqchip = true },
		  EOPNOTSUPP,
		  "no in-kernel interrupt controller" },
#endif
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cases[i].config.protect)
			skip_without(cases[i].config.protect);
		CHECK(!ucall_vm_create(&cases[i].config));
		CHECK_EQ(errno, cases[i].error);
		CHECK_HAS(ucall_error(), cases[i].says);
	}
}

RING_TESTS({ "a hostile guest", .each = each_hostile, .any_arch = true },
	   EMULATED_KIND("a hostile guest", .each = each_hostile),
	   PKVM("a hostile guest", .each = each_hostile),
	   { "what it refuses", .once = once_refused });
#endif
