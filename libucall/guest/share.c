// SPDX-License-Identifier: MIT
/* Guest runtime: memory that a protected guest shares with its host. */
#include <ucall/guest.h>

#define PAGE UCALL_PAGE_SIZE

#if defined(__aarch64__)
/* Documentation/virt/kvm/arm/hypercalls.rst */
#define MEM_SHARE 0xc6000003u
#define MEM_UNSHARE 0xc6000004u

static UCALL_GUEST int64_t call_hypervisor(uint64_t function, uint64_t ipa)
{
	register uint64_t x0 __asm__("x0") = function;
	register uint64_t x1 __asm__("x1") = ipa;
	register uint64_t x2 __asm__("x2") = 0;
	register uint64_t x3 __asm__("x3") = 0;

	__asm__ volatile("hvc #0"
			 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
			 :
			 : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
			   "x15", "x16", "x17", "memory");
	return (int64_t)x0;
}

/* The guest-physical address; 1 if nothing is mapped there. */
static UCALL_GUEST uint64_t translate(uint64_t address)
{
	uint64_t par;

	__asm__ volatile("at s1e1r, %1\n"
			 "isb\n"
			 "mrs %0, par_el1"
			 : "=r"(par)
			 : "r"(address)
			 : "memory");
	return par & 1 ? 1 : (par & 0x0000fffffffff000) | (address & (PAGE - 1));
}

/* One page. */
static UCALL_GUEST int change_page(uint64_t address, int is_shared)
{
	uint64_t ipa = translate(address);

	if (ipa == 1)
		return GUEST_SHARE_REFUSED;
	return call_hypervisor(is_shared ? MEM_SHARE : MEM_UNSHARE, ipa) ? GUEST_SHARE_REFUSED : 0;
}

static UCALL_GUEST int is_possible(void)
{
	return (ucall_this_bell()->protection & UCALL_BELL_TYPE) == UCALL_BELL_PKVM;
}
#else
static UCALL_GUEST int change_page(uint64_t address, int is_shared)
{
	return GUEST_SHARE_REFUSED;
}

static UCALL_GUEST int is_possible(void)
{
	return 0;
}
#endif

/*
 * The host stops using the pages before they are taken back, and uses them after they are shared.
 * Returns its answer, which is in the mailbox: 0, or 1 if it did not know that all of them were shared.
 */
static UCALL_GUEST int tell_host(uint64_t address, uint64_t size, int is_shared)
{
	ucall_wait(UCALL_PAGES, 3, address, size, is_shared);
	return ((volatile struct ucall_mailbox *)ucall_this_mailbox())->uc.args[0] != 0;
}

/* Changes all pages, or none. */
static UCALL_GUEST int change_pages(uint64_t address, uint64_t size, int is_shared)
{
	uint64_t done = 0;
	int r = 0;

	for (; done < size && !r; done += PAGE)
		r = change_page(address + done, is_shared);
	for (done -= r ? PAGE : 0; r && done; done -= PAGE)
		change_page(address + done - PAGE, !is_shared);
	return r;
}

#define ALL_IS_SHARED 1

/* 0 if the pages can change, ALL_IS_SHARED without protection, or what is wrong. */
static UCALL_GUEST int check(uint64_t address, uint64_t size)
{
	if ((ucall_this_bell()->protection & UCALL_BELL_TYPE) == UCALL_BELL_NONE)
		return ALL_IS_SHARED;
	if (!is_possible())
		return GUEST_SHARE_NOT_SUPPORTED;
	return !size || (address | size) % PAGE || address + size < address ? GUEST_SHARE_NOT_PAGES
									    : 0;
}

UCALL_GUEST int guest_share(void *pages, uint64_t size)
{
	uint64_t address = (uint64_t)(uintptr_t)pages;
	int r = check(address, size);

	if (!r)
		r = change_pages(address, size, 1);
	if (!r)
		tell_host(address, size, 1);
	return r == ALL_IS_SHARED ? 0 : r;
}

UCALL_GUEST int guest_unshare(void *pages, uint64_t size)
{
	uint64_t address = (uint64_t)(uintptr_t)pages;
	int r = check(address, size);

	if (!r && tell_host(address, size, 0))
		r = GUEST_SHARE_REFUSED;
	/* If this fails, the guest has changed pages by itself: the host had better not use them. */
	if (!r)
		r = change_pages(address, size, 0);
	return r == ALL_IS_SHARED ? 0 : r;
}
