// SPDX-License-Identifier: MIT
/*
 * The guests of `ucall conform`: a part of the command, and a guest ELF for each other
 * architecture.
 */
#include "conform-guest.h"

/* 0 to 7 arguments, each value in its place. */
UCALL_GUEST void conform_args(void)
{
	const uint64_t x = 0x1122334455667700;

	ucall(CONFORM_USER, 0);
	ucall(CONFORM_USER, 1, x);
	ucall(CONFORM_USER, 2, x, x + 1);
	ucall(CONFORM_USER, 3, x, x + 1, x + 2);
	ucall(CONFORM_USER, 4, x, x + 1, x + 2, x + 3);
	ucall(CONFORM_USER, 5, x, x + 1, x + 2, x + 3, x + 4);
	ucall(CONFORM_USER, 6, x, x + 1, x + 2, x + 3, x + 4, x + 5);
	ucall(CONFORM_USER, 7, x, x + 1, x + 2, x + 3, x + 4, x + 5, x + 6);
	GUEST_DONE();
}

UCALL_GUEST void conform_commands(void)
{
	GUEST_SYNC(0x8000000000000001);
	GUEST_PRINTF("number %d, text %s", -7, "seven");
	ucall(UCALL_USER, 1, 5);
	ucall(0xffff, 1, 6);
	GUEST_DONE();
}

UCALL_GUEST void conform_abort(void)
{
	GUEST_ASSERT_EQ(1, 2);
}

/* Texts that grow by one byte, then the longest. */
UCALL_GUEST void conform_texts(void)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 1; i < 16; i++)
		GUEST_PRINTF("%s", digits + 16 - i);
	GUEST_PRINTF("%01023d", 1);
	GUEST_DONE();
}

/* A ucall within another, as from an interrupt. */
UCALL_GUEST void conform_nested(void)
{
	struct ucall_mailbox *m = ucall_this_mailbox();
	struct ucall_nest nest;

	m->uc.args[0] = 0;
	m->uc.args[1] = 1;
	ucall_nest_enter(&nest);
	GUEST_SYNC_ARGS(2, 3, 4, 5, 6);
	ucall_nest_leave(&nest);
	ucall_ring(m, &m->uc, ucall_head(UCALL_SYNC, 2, 0, 0));
	GUEST_DONE();
}

UCALL_GUEST void conform_count(uint64_t id, uint64_t rounds)
{
	for (uint64_t i = 0; i < rounds; i++)
		GUEST_SYNC_ARGS(i, id, ~i, 0, 0);
	GUEST_DONE();
}

UCALL_GUEST void conform_shared(struct ucall *uc, uint64_t rounds)
{
	for (uint64_t i = 0; i < rounds; i++) {
		GUEST_SHARED_SYNC(&uc[i % 4], i);
		GUEST_SYNC(i);
	}
	GUEST_DONE();
}

/* Exits that no backend's doorbell makes, and halts, which one backend's makes. */
UCALL_GUEST void conform_other_exits(uint64_t halts)
{
#if defined(__x86_64__)
	uint8_t value = 0;

	__asm__ volatile("inb %%dx, %%al" : "+a"(value) : "d"(0x7a5) : "memory");
	__asm__ volatile("outw %%ax, %%dx" : : "a"(0), "d"(0x7a6) : "memory");
	if (halts)
		__asm__ volatile("hlt" : : : "memory");
#else
#endif
	GUEST_SYNC(1);
	GUEST_DONE();
}

/* Rings with random contents in the mailbox. */
UCALL_GUEST void conform_hostile(uint64_t seed, uint64_t rounds)
{
	struct ucall_mailbox *m = ucall_this_mailbox();
	volatile uint64_t *words = (volatile uint64_t *)(void *)m;
	const struct ucall_bell *bell = (const struct ucall_bell *)UCALL_BELL_ADDRESS;

	for (uint64_t i = 0; i < rounds; i++) {
		seed = seed * 6364136223846793005 + 1442695040888963407;
		words[1 + (seed >> 33) % 135] = seed;
		words[0] = (seed >> 40 & 0x1ff) | (seed >> 50 & 0xf) << 16 |
			   (seed >> 20 & 0x7ff) << 32;
		m->shared = i % 3 ? 0 : seed;
		((void (*)(uint64_t, const struct ucall_bell *))bell->ring)(
			i % 5 ? UCALL_MAILBOX_ADDRESS : seed, bell);
	}
	for (unsigned int i = 0; i < UCALL_NEST_SIZE / 8; i++)
		words[i] = 0;
	ucall(CONFORM_USER, 7, 1, 2, 3, 4, 5, 6, 7);
	GUEST_DONE();
}

/* ---- what a doorbell must leave alone ---- */

void conform_ring(uint64_t ring, uint64_t message, const struct ucall_bell *bell) UCALL_HIDDEN;

/* conform-ring.S: where it writes, how many registers, and how many of them had a pattern. */
#define AREA ((volatile uint64_t *)(UCALL_MAILBOX_ADDRESS + 0xc00))
#define PATTERN 0x5a5a000000001100
#if defined(__x86_64__)
#define PATTERNS 6
#define REGISTERS 8
#elif defined(__aarch64__)
#define PATTERNS 11
#define REGISTERS 12
#elif defined(__s390x__)
#define PATTERNS 8
#define REGISTERS 9
#else
#define PATTERNS 14
#define REGISTERS 15
#endif

/* Publishes a message in the mailbox. */
UCALL_GUEST static void publish(struct ucall_mailbox *m)
{
	m->uc.args[0] = 0x1234;
	__atomic_store_n((ucall_head_t *)&m->uc, ucall_head(CONFORM_USER, 1, 0, 0),
			 __ATOMIC_RELEASE);
}

UCALL_GUEST void conform_registers(void)
{
	const struct ucall_bell *bell = (const struct ucall_bell *)UCALL_BELL_ADDRESS;
	uint64_t seen[REGISTERS];

	publish(ucall_this_mailbox());
	conform_ring(bell->ring, UCALL_MAILBOX_ADDRESS, bell);
	for (unsigned int i = 0; i < REGISTERS; i++)
		seen[i] = AREA[1 + i];
	for (unsigned int i = 0; i < REGISTERS; i++) {
		uint64_t was = i < PATTERNS ? PATTERN + i : 0;

		if (seen[i] != was)
			ucall(CONFORM_CHANGED, 3, i, was, seen[i]);
	}
	ucall(CONFORM_KEPT, 0);
	GUEST_DONE();
}

UCALL_GUEST void conform_mailbox(void)
{
	const struct ucall_bell *bell = (const struct ucall_bell *)UCALL_BELL_ADDRESS;
	struct ucall_mailbox *m = ucall_this_mailbox();
	volatile uint64_t *words = (volatile uint64_t *)(void *)m;
	uint64_t before[sizeof(*m) / 8], after[sizeof(*m) / 8];

	for (unsigned int i = 1; i < UCALL_NEST_SIZE / 8 - 1; i++)
		words[i] = PATTERN + i; /* arguments and text of a message that has neither */
	publish(m);
	for (unsigned int i = 0; i < sizeof(*m) / 8; i++)
		before[i] = words[i];
	((void (*)(uint64_t, const struct ucall_bell *))(uintptr_t)bell->ring)(
		UCALL_MAILBOX_ADDRESS, bell);
	for (unsigned int i = 0; i < sizeof(*m) / 8; i++)
		after[i] = words[i];
	for (unsigned int i = 1; i < sizeof(*m) / 8; i++) {
		/* Written by the host when it takes a message, or by the guest's GHCB code. */
		if (i * 8 == offsetof(struct ucall_mailbox, shared) ||
		    i * 8 == offsetof(struct ucall_mailbox, received) ||
		    i * 8 == offsetof(struct ucall_mailbox, ghcb_registered))
			continue;
		if (after[i] != before[i])
			ucall(CONFORM_CHANGED, 3, i * 8, before[i], after[i]);
	}
	ucall(CONFORM_KEPT, 0);
	GUEST_DONE();
}
