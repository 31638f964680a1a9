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

static UCALL_GUEST int is_mapped(uint64_t address)
{
	return translate(address) != 1;
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
#elif defined(__x86_64__)
#include <ucall/tdx.h>

#define ENTRY_PRESENT 1u
#define ENTRY_WRITABLE 2u
#define ENTRY_CLAIMED (1u << 9) /* a bit for software: a vCPU is changing the page */
#define ENTRY_ADDRESS 0x000ffffffffff000u

/* The page table entry for that address, and its value; NULL if no writable page is mapped there. */
static UCALL_GUEST uint64_t *find_entry(uint64_t address, uint64_t *value)
{
	uint64_t at = UCALL_TABLES_ADDRESS + (address >> 9 & 0x7ffffffff8);
	const uint64_t wanted = ENTRY_PRESENT | ENTRY_WRITABLE;

	*value = 0;
	if (guest_read_safe(at, sizeof(*value), value) || (*value & wanted) != wanted)
		return NULL;
	return (uint64_t *)at;
}

static UCALL_GUEST int is_mapped(uint64_t address)
{
	uint64_t value;

	return find_entry(address, &value) != NULL;
}

static UCALL_GUEST void copy_page(void *to, const void *from)
{
	uint64_t count = PAGE / 8;

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

/* One page.  Its contents, which the change loses, are put back. */
static UCALL_GUEST int change_page(uint64_t address, int is_shared)
{
	const uint64_t bit = guest_td_shared_bit();
	uint64_t contents[PAGE / 8], value = 0, gpa;
	uint64_t *entry = find_entry(address, &value);

	/* CPUs set bits of their own when they use the page: it is tried again then. */
	do {
		if (!entry || (value & ENTRY_CLAIMED) || !(value & bit) == !is_shared)
			return GUEST_SHARE_REFUSED;
	} while (!__atomic_compare_exchange_n(entry, &value, value | ENTRY_CLAIMED, 0,
					      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	gpa = value & ENTRY_ADDRESS & ~bit;
	copy_page(contents, (const void *)address);
	if (guest_td_map_gpa(gpa, PAGE, is_shared) || (!is_shared && guest_td_accept(gpa, 0))) {
		__atomic_fetch_and(entry, ~(uint64_t)ENTRY_CLAIMED, __ATOMIC_RELEASE);
		return GUEST_SHARE_REFUSED;
	}
	__atomic_fetch_xor(entry, bit, __ATOMIC_RELEASE);
	__asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
	copy_page((void *)address, contents);
	__atomic_fetch_and(entry, ~(uint64_t)ENTRY_CLAIMED, __ATOMIC_RELEASE);
	return 0;
}

/* TDX, in ring 0: SEV-SNP has ucall_guest_set_private(). */
static UCALL_GUEST int is_possible(void)
{
	uint16_t cs;

	__asm__("mov %%cs, %0" : "=r"(cs));
	return (ucall_this_bell()->protection & UCALL_BELL_TYPE) == UCALL_BELL_TDX && !(cs & 3);
}
#else
static UCALL_GUEST int is_mapped(uint64_t address)
{
	return 0;
}

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
 * Returns its answer, which is in the mailbox: 0, or 1 if it did not know that all of them were
 * shared.
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

	for (uint64_t at = 0; at < size && !r; at += PAGE)
		if (!is_mapped(address + at))
			r = GUEST_SHARE_REFUSED;
	if (!r && tell_host(address, size, 0))
		r = GUEST_SHARE_REFUSED;
	/* If this fails, the guest has changed pages by itself: the host had better not use them. */
	if (!r)
		r = change_pages(address, size, 0);
	return r == ALL_IS_SHARED ? 0 : r;
}
