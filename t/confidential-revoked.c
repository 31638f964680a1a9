// SPDX-License-Identifier: MIT
/*
 * A guest takes back memory that it had shared, without a word, or claims that it has shared what it
 * has not: the host lives, and its functions say what happened.
 */
#include <ucall/queue.h>

#include "confidential.h"

#ifndef UCALL_GUEST_BUILD
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#define PAGE UCALL_PAGE_SIZE
#define MOMENTS 4
#define CLAIMS 6

#if defined(__aarch64__)
#define GUEST __attribute__((used)) static UCALL_GUEST

/* MEM_SHARE or MEM_UNSHARE, past the runtime: the host is not told.  Returns 0, or the refusal. */
static UCALL_GUEST uint64_t call(uint64_t function, uint64_t address)
{
	register uint64_t x0 __asm__("x0") = function;
	register uint64_t x1 __asm__("x1");
	register uint64_t x2 __asm__("x2") = 0;
	register uint64_t x3 __asm__("x3") = 0;

	__asm__ volatile("at s1e1r, %1\n"
			 "isb\n"
			 "mrs %0, par_el1"
			 : "=r"(x1)
			 : "r"(address)
			 : "memory");
	x1 &= 0x0000fffffffff000;
	x0 = function;
	__asm__ volatile("hvc #0"
			 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
			 :
			 : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
			   "x15", "x16", "x17", "memory");
	return x0;
}

static UCALL_GUEST void take_back(uint64_t address)
{
	call(0xc6000004, address);
}

static UCALL_GUEST void touch(uint64_t address)
{
	*(volatile uint64_t *)address = 1;
}

/* Every second page, as far as it goes; then claims one that it has not shared. */
GUEST void guest_many(uint64_t start, uint64_t pages)
{
	for (uint64_t i = 0; i < pages; i += 2) {
		touch(start + i * PAGE);
		if (call(0xc6000003, start + i * PAGE))
			break;
	}
	touch(start + PAGE);
	ucall_wait(UCALL_PAGES, 3, start + PAGE, PAGE, 1);
	GUEST_SYNC(1);
	GUEST_DONE();
}

/* Shares a page and takes it back while the host writes elsewhere. */
GUEST void guest_toggles(uint64_t page, uint64_t times)
{
	touch(page);
	for (uint64_t i = 0; i < times; i++) {
		call(0xc6000003, page);
		call(0xc6000004, page);
	}
	GUEST_DONE();
}

GUEST void guest_done(void)
{
	GUEST_DONE();
}

static UCALL_GUEST void ring_bell(void)
{
	const struct ucall_bell *bell = ucall_this_bell();

	((void (*)(struct ucall *, const struct ucall_bell *))(uintptr_t)bell->ring)(
		&ucall_this_mailbox()->uc, bell);
}

/* The mailbox: before a message, after one, between writing it and the bell, and before a fault. */
GUEST void guest_mailbox(uint64_t moment)
{
	GUEST_SYNC(0);
	switch (moment) {
	case 0:
		take_back(UCALL_MAILBOX_ADDRESS);
		break;
	case 1:
		GUEST_SYNC(1);
		take_back(UCALL_MAILBOX_ADDRESS);
		touch(UCALL_MAILBOX_ADDRESS + 8);
		break;
	case 2:
		*(volatile uint64_t *)UCALL_MAILBOX_ADDRESS = UCALL_DONE;
		take_back(UCALL_MAILBOX_ADDRESS);
		touch(UCALL_MAILBOX_ADDRESS + 8);
		break;
	default:
		take_back(UCALL_MAILBOX_ADDRESS);
		touch(0x123456789000);
	}
	for (;;)
		ring_bell();
}

/* The queue of backend ring, with messages in it. */
GUEST void guest_queue(uint64_t moment)
{
	GUEST_SYNC(0);
	if (moment)
		GUEST_SYNC(1);
	take_back(UCALL_QUEUE_ADDRESS);
	touch(UCALL_QUEUE_ADDRESS + 64);
	if (moment > 1)
		take_back(UCALL_QUEUE_ADDRESS + PAGE);
	for (uint64_t i = 0; i < 10000; i++)
		GUEST_SYNC(2 + i);
	GUEST_DONE();
}

/* Pages: claims to have shared one, takes one back without a word, and sends nonsense. */
GUEST void guest_pages(uint64_t own, uint64_t shared)
{
	touch(own);
	ucall_wait(UCALL_PAGES, 3, own, PAGE, 1);
	GUEST_SYNC(1);
	GUEST_ASSERT_EQ(guest_share((void *)shared, PAGE), 0);
	take_back(shared);
	touch(shared);
	GUEST_SYNC(2);
	GUEST_DONE();
}

GUEST void guest_claims(uint64_t n, uint64_t own)
{
	switch (n) {
	case 0:
		ucall_wait(UCALL_PAGES, 3, 0x123456789000, PAGE, 1);
		break;
	case 1:
		ucall_wait(UCALL_PAGES, 3, own, ~0ull, 1);
		break;
	case 2:
		ucall_wait(UCALL_PAGES, 3, own + 8, PAGE, 1);
		break;
	case 3:
		ucall_wait(UCALL_PAGES, 3, ~0ull - PAGE + 1, 2 * PAGE, 0);
		break;
	case 4:
		ucall_wait(UCALL_PAGES, 1, own);
		break;
	default:
		ucall_wait(UCALL_PAGES, 3, own, 0, 0);
	}
	GUEST_DONE();
}

#endif

/* ---- the host ---- */

#ifndef UCALL_GUEST_BUILD

static struct ucall_vm *vm;
static struct ucall_vcpu *vcpu;

/* Guests of another architecture are in an ELF of their own, where they have names only. */
#if defined(__aarch64__)
#define ADD(guest, a, b) \
	ucall_vcpu_add_function(vm, (uint64_t)(uintptr_t)guest, #guest, 2, a, b, 0, 0, 0, 0)
#else
#define ADD(guest, a, b) ucall_vcpu_add_function(vm, 0, #guest, 2, a, b, 0, 0, 0, 0)
#endif
#define LAUNCH(guest, a, b) \
	do { \
		vcpu = ADD(guest, a, b); \
		CHECK_OK(vcpu && !ucall_vm_launch(vm)); \
	} while (0)

static void each_mailbox(void)
{
	for (uint64_t moment = 0; moment < MOMENTS; moment++) {
		vm = ucall_test_vm(NULL);
		LAUNCH(guest_mailbox, moment, 0);
		CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
		if (moment == 1)
			CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
		CHECK_EQ(ucall_next(vcpu, NULL), -1);
		/* Unicorn sees an exception itself; on KVM the guest tells of it by the mailbox. */
		if (moment == 3 && !strcmp(ucall_test_engine(), "unicorn"))
			CHECK_HAS(ucall_error(), "guest exception");
		else
			CHECK_HAS(ucall_error(), "took back its mailbox");
		ucall_test_diag("%s", ucall_error());
		/* It is as it was: nothing is there. */
		CHECK_EQ(ucall_next(vcpu, NULL), -1);
		CHECK(strlen(ucall_fault_report(vcpu)) < 100000);
		ucall_test_vm_free(vm);
	}
}

static void each_pages(void)
{
	uint64_t own, shared, value = 99;
	volatile uint64_t *view;

	vm = ucall_test_vm(NULL);
	own = ucall_vm_alloc(vm, PAGE, 0);
	shared = ucall_vm_alloc(vm, PAGE, 0);
	LAUNCH(guest_pages, own, shared);
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	/* The list says that it is shared, and the host finds out: it sees nothing of the guest's. */
	CHECK_OK(!ucall_vm_read(vm, own, &value, sizeof(value)));
	CHECK_EQ(value, 0);
	CHECK_OK(!ucall_vm_write(vm, own, &value, sizeof(value)));
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	view = ucall_vm_host_pointer(vm, shared, 8);
	CHECK_OK(view);
	CHECK_EQ(*view, 0);
	*view = 5;
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	ucall_test_vm_free(vm);
}

static void each_claims(void)
{
	for (uint64_t n = 0; n < CLAIMS; n++) {
		uint64_t own;

		vm = ucall_test_vm(NULL);
		own = ucall_vm_alloc(vm, PAGE, 0);
		LAUNCH(guest_claims, n, own);
		CHECK_EQ(ucall_next(vcpu, NULL), -1);
		CHECK(strlen(ucall_error()) > 20);
		ucall_test_vm_free(vm);
	}
}

static void each_queue(void)
{
	static const char *const backends[] = { "ring", "ring,depth=8", "ring,poll=1" };

	if (strcmp(ucall_test_backend(), "ring") != 0)
		SKIP("it has no queue");
	for (size_t b = 0; b < sizeof(backends) / sizeof(backends[0]); b++) {
		for (uint64_t moment = 0; moment < 3; moment++) {
			struct ucall_vm_config config = { .backend = backends[b],
							  .timeout_ms = 2000 };
			int cmd;

			vm = ucall_test_vm(&config);
			LAUNCH(guest_queue, moment, 0);
			/* Some messages may still arrive; then nothing, or an error. */
			for (int i = 0; i < 100; i++) {
				cmd = ucall_next(vcpu, NULL);
				if (cmd == -1 || cmd == UCALL_DONE)
					break;
			}
			ucall_test_vm_free(vm);
		}
	}
}

static void own_handler(int signal_number)
{
	(void)signal_number;
}

/* The program's own handlers are back after the last such VM. */
static void each_handlers(void)
{
	struct sigaction own = { .sa_handler = own_handler }, now;

	CHECK_EQ(sigaction(SIGSEGV, &own, NULL), 0);
	vm = ucall_test_vm(NULL);
	LAUNCH(guest_claims, 5, 0);
	CHECK_EQ(sigaction(SIGSEGV, NULL, &now), 0);
	CHECK(now.sa_handler != own_handler);
	ucall_test_vm_free(vm);
	CHECK_EQ(sigaction(SIGSEGV, NULL, &now), 0);
	CHECK(now.sa_handler == own_handler);
}

/* A process has a limited number of mappings. */
static void each_many(void)
{
	const size_t size = (size_t)48 << 20;
	uint64_t start, value = 99;

	for (int i = 0; i < 3; i++) {
		vm = ucall_test_vm(NULL);
		start = ucall_vm_alloc(vm, size, 0);
		LAUNCH(guest_many, start, size / PAGE);
		CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
		CHECK_OK(!ucall_vm_read(vm, start + PAGE, &value, sizeof(value)));
		CHECK_EQ(value, 0);
		CHECK_NEXT(vcpu, NULL, UCALL_DONE);
		/* It stays, so that the next VM has fewer mappings left. */
	}
}

static void *run_guest(void *data)
{
	*(int *)data = ucall_next(vcpu, NULL);
	return NULL;
}

static void each_toggles(void)
{
	uint64_t page, code, value = 0;
	pthread_t thread;
	int cmd = 0;

	vm = ucall_test_vm(NULL);
	page = ucall_vm_alloc(vm, PAGE, 0);
	code = ucall_vm_alloc(vm, PAGE, UCALL_MEM_SHARED | UCALL_MEM_EXEC);
	LAUNCH(guest_toggles, page, 2000);
	CHECK_EQ(pthread_create(&thread, NULL, run_guest, &cmd), 0);
	for (int i = 0; i < 500; i++)
		CHECK_OK(!ucall_vm_write(vm, code, &value, sizeof(value)));
	pthread_join(thread, NULL);
	CHECK_EQ(cmd, UCALL_DONE);
	ucall_test_vm_free(vm);
}

/* A forked child has no part in its parent's guest. */
static void each_forked(void)
{
	uint64_t shared, value = 5;
	pid_t child;
	int status;

	vm = ucall_test_vm(NULL);
	shared = ucall_vm_alloc(vm, PAGE, UCALL_MEM_SHARED);
	CHECK_OK(!ucall_vm_write(vm, shared, &value, sizeof(value)));
	LAUNCH(guest_done, 0, 0);
	child = fork();
	if (!child) {
		value = 6;
		ucall_vm_write(vm, shared, &value, sizeof(value));
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child);
	CHECK_OK(!ucall_vm_read(vm, shared, &value, sizeof(value)));
	CHECK_EQ(value, 5);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	ucall_test_vm_free(vm);
}

/* A signal that somebody sends is not a fault. */
static void each_sent(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, now, later;

	CHECK_EQ(sigaction(SIGSEGV, &ignore, NULL), 0);
	vm = ucall_test_vm(NULL);
	LAUNCH(guest_done, 0, 0);
	CHECK_EQ(sigaction(SIGSEGV, NULL, &now), 0);
	CHECK_EQ(raise(SIGSEGV), 0);
	CHECK_EQ(sigaction(SIGSEGV, NULL, &later), 0);
	CHECK(now.sa_handler == later.sa_handler);
	ucall_test_vm_free(vm);
}

UCALL_TESTS(PKVM("the mailbox is taken back", .each = each_mailbox),
	    PKVM("pages are taken back, or claimed", .each = each_pages),
	    PKVM("claims that make no sense", .each = each_claims),
	    PKVM("the queue is taken back", .each = each_queue),
	    PKVM("the program's own handlers", .each = each_handlers),
	    PKVM("a signal that is sent", .each = each_sent),
	    PKVM("pages without end", .each = each_many),
	    PKVM("pages that change all the time", .each = each_toggles),
	    PKVM("a forked child", .each = each_forked));
#endif
