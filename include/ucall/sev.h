/* SPDX-License-Identifier: MIT */
/*
 * <ucall/sev.h> - how a guest with encrypted memory (SEV, SEV-ES, SEV-SNP) talks to its hypervisor:
 * the GHCB, its MSR, and VMGEXIT.  x86_64 only.
 *
 * Sources: "SEV-ES Guest-Hypervisor Communication Block Standardization" (AMD 56421, the GHCB
 * specification) and AMD64 Architecture Programmer's Manual volume 2 (AMD 24593, the APM), 15.34 to
 * 15.36.
 */
#ifndef UCALL_SEV_H
#define UCALL_SEV_H

#include <ucall/guest.h>

#ifdef __cplusplus
extern "C" {
#endif

/* APM, 15.34.10: which protections are on. */
#define UCALL_MSR_SEV_STATUS 0xc0010131
#define UCALL_SEV_STATUS_SEV (1u << 0)
#define UCALL_SEV_STATUS_ES (1u << 1)
#define UCALL_SEV_STATUS_SNP (1u << 2)

/* GHCB specification, 2.3: the address of the GHCB, or a request of the MSR protocol. */
#define UCALL_MSR_GHCB 0xc0010130
/*
 * Under emulation, where VMGEXIT cannot be used, a write to this MSR replaces it.  No hardware has
 * this MSR; its number is in none of the ranges that hypervisors use.
 */
#define UCALL_MSR_VMGEXIT 0x4b555643

/* The MSR protocol: bits 11:0 say what bits 63:12 are (GHCB specification, 2.3.1). */
#define UCALL_GHCB_SEV_INFO \
	0x001 /* 63:48 highest, 47:32 lowest version, 31:24 position of the C-bit */
#define UCALL_GHCB_SEV_INFO_REQUEST 0x002
#define UCALL_GHCB_CPUID_REQUEST 0x004 /* 63:32 function, 31:30 register, from EAX */
#define UCALL_GHCB_CPUID 0x005 /* 63:32 value */
#define UCALL_GHCB_PREFERRED_REQUEST 0x010
#define UCALL_GHCB_PREFERRED 0x011 /* 63:12 page number, all ones: none */
#define UCALL_GHCB_REGISTER_REQUEST 0x012 /* 63:12 page number */
#define UCALL_GHCB_REGISTER 0x013 /* the same: done */
#define UCALL_GHCB_PAGE_STATE_REQUEST 0x014 /* 55:52 1 private, 2 shared; 51:12 page number */
#define UCALL_GHCB_PAGE_STATE 0x015 /* 63:32 error, 0: done */
#define UCALL_GHCB_FEATURES_REQUEST 0x080
#define UCALL_GHCB_FEATURES 0x081 /* 63:12 */
#define UCALL_GHCB_TERMINATE 0x100 /* 15:12 set of reasons, 23:16 reason */

/* Exit codes in a #VC's error code and in GHCB.sw_exit_code (APM, appendix C). */
#define UCALL_SVM_EXIT_CPUID 0x72
#define UCALL_SVM_EXIT_HLT 0x78
#define UCALL_SVM_EXIT_IOIO 0x7b
#define UCALL_SVM_EXIT_MSR 0x7c
#define UCALL_SVM_EXIT_VMMCALL 0x81
#define UCALL_SVM_EXIT_NPF 0x400

/* sw_exit_info_1 of UCALL_SVM_EXIT_IOIO (APM, 15.10.2); the port is in bits 31:16. */
#define UCALL_IOIO_IN (1u << 0)
#define UCALL_IOIO_STRING (1u << 2)
#define UCALL_IOIO_SIZE8 (1u << 4)
#define UCALL_IOIO_SIZE16 (1u << 5)
#define UCALL_IOIO_SIZE32 (1u << 6)
#define UCALL_IOIO_ADDRESS64 (1u << 9)

/* sw_exit_info_1[31:0]: results; sw_exit_info_2: reasons for UCALL_GHCB_MALFORMED (2.2, 4.1). */
#define UCALL_GHCB_DONE 0
#define UCALL_GHCB_INJECT 1 /* sw_exit_info_2: an exception, as in the VMCB's EVENTINJ */
#define UCALL_GHCB_MALFORMED 2
#define UCALL_GHCB_NOT_REGISTERED 1
#define UCALL_GHCB_WRONG_USAGE 2
#define UCALL_GHCB_WRONG_SCRATCH 3
#define UCALL_GHCB_MISSING 4
#define UCALL_GHCB_WRONG_INPUT 5
#define UCALL_GHCB_WRONG_EVENT 6

/*
 * Guest-hypervisor communication block (GHCB specification, 2.2): a page of shared memory.  A field
 * counts if its bit in valid_bitmap, number offset / 8, is set.
 */
struct ucall_ghcb {
	uint64_t reserved0[0x1f8 / 8];
	uint64_t rax; /* 0x1f8 */
	uint64_t reserved1[(0x308 - 0x200) / 8];
	uint64_t rcx; /* 0x308 */
	uint64_t rdx;
	uint64_t rbx;
	uint64_t reserved2[(0x390 - 0x320) / 8];
	uint64_t sw_exit_code; /* 0x390 */
	uint64_t sw_exit_info_1;
	uint64_t sw_exit_info_2;
	uint64_t sw_scratch;
	uint64_t reserved3[(0x3e8 - 0x3b0) / 8];
	uint64_t xcr0; /* 0x3e8 */
	uint64_t valid_bitmap[2];
	uint8_t reserved4[0xffa - 0x400];
	uint16_t protocol_version; /* 0xffa */
	uint32_t usage; /* 0: this layout */
};

/* Internal: checks the layout above. */
#ifdef __cplusplus
#define UCALL_SEV_ASSERT(cond) static_assert(cond, "GHCB")
#else
#define UCALL_SEV_ASSERT(cond) _Static_assert(cond, "GHCB")
#endif
UCALL_SEV_ASSERT(sizeof(struct ucall_ghcb) == 4096);
UCALL_SEV_ASSERT(offsetof(struct ucall_ghcb, rcx) == 0x308);
UCALL_SEV_ASSERT(offsetof(struct ucall_ghcb, sw_exit_code) == 0x390);
UCALL_SEV_ASSERT(offsetof(struct ucall_ghcb, xcr0) == 0x3e8);
UCALL_SEV_ASSERT(offsetof(struct ucall_ghcb, valid_bitmap) == 0x3f0);
UCALL_SEV_ASSERT(offsetof(struct ucall_ghcb, protocol_version) == 0xffa);
#undef UCALL_SEV_ASSERT

/* The bit of a GHCB field in valid_bitmap. */
#define UCALL_GHCB_BIT(field) (offsetof(struct ucall_ghcb, field) / 8)

#if defined(__x86_64__)

UCALL_INLINE uint64_t ucall_rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
	return (uint64_t)high << 32 | low;
}

UCALL_INLINE void ucall_wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

/* This guest's protection, as the host says: enum ucall_bell_protection and flags. */
UCALL_INLINE uint32_t ucall_guest_protection(void)
{
	return ((const volatile struct ucall_bell *)UCALL_BELL_ADDRESS)->protection;
}

/*
 * VMGEXIT, APM 15.35.6: exits to the hypervisor, which reads the GHCB's MSR.  SEV-ES and SEV-SNP,
 * ring 0.
 */
UCALL_INLINE void ucall_vmgexit(void)
{
	if (ucall_guest_protection() & UCALL_BELL_EMULATED)
		ucall_wrmsr(UCALL_MSR_VMGEXIT, 0);
	else
		__asm__ volatile("rep; vmmcall" : : : "memory");
}

/* Makes a request of the MSR protocol; returns the answer. */
UCALL_INLINE uint64_t ucall_ghcb_msr_call(uint64_t request)
{
	ucall_wrmsr(UCALL_MSR_GHCB, request);
	ucall_vmgexit();
	return ucall_rdmsr(UCALL_MSR_GHCB);
}

/* This vCPU's GHCB; its guest-physical address is in the mailbox. */
UCALL_INLINE volatile struct ucall_ghcb *ucall_this_ghcb(void)
{
	return (volatile struct ucall_ghcb *)UCALL_GHCB_ADDRESS;
}

/*
 * Makes the request `code` with `info_1` through the GHCB.  The caller has filled in the registers
 * for it; valid_0 and valid_1, the two words of valid_bitmap, say which these are.  Returns
 * sw_exit_info_1[31:0].  Interrupts must be off.
 */
UCALL_INLINE uint32_t ucall_ghcb_call(uint64_t code, uint64_t info_1, uint64_t valid_0,
				      uint64_t valid_1)
{
	struct ucall_mailbox *m = ucall_this_mailbox();
	volatile struct ucall_ghcb *g = ucall_this_ghcb();

	/* GHCB specification, 2.3.2: an SNP guest registers its GHCB before it uses it. */
	if ((ucall_guest_protection() & UCALL_BELL_TYPE) == UCALL_BELL_SEV_SNP &&
	    !m->ghcb_registered) {
		ucall_ghcb_msr_call(m->ghcb | UCALL_GHCB_REGISTER_REQUEST);
		m->ghcb_registered = 1;
	}
	g->sw_exit_code = code;
	g->sw_exit_info_1 = info_1;
	g->sw_exit_info_2 = 0;
	g->valid_bitmap[0] = valid_0;
	g->valid_bitmap[1] = valid_1 | 1ull << (UCALL_GHCB_BIT(sw_exit_code) - 64) |
			     1ull << (UCALL_GHCB_BIT(sw_exit_info_1) - 64) |
			     1ull << (UCALL_GHCB_BIT(sw_exit_info_2) - 64);
	g->protocol_version = 2;
	g->usage = 0;
	ucall_wrmsr(UCALL_MSR_GHCB, m->ghcb);
	ucall_vmgexit();
	return (uint32_t)g->sw_exit_info_1;
}

/*
 * SEV-SNP: makes the page at guest-physical address `gpa` private, or shared with the host.  The
 * guest then uses it at an address that is mapped accordingly: see ucall_vm_alias().  Its contents
 * are lost.  Validates private memory before use, or invalidates it before it is given up, with
 * PVALIDATE (APM volume 3) at `gva`, the guest-virtual address where it is private; emulation needs
 * none.  Returns 0, or another value if this failed.
 */
UCALL_INLINE uint32_t ucall_guest_set_private(uint64_t gpa, uint64_t gva, int is_private)
{
	int real = !(ucall_guest_protection() & UCALL_BELL_EMULATED);
	uint64_t answer;
	uint32_t failed = 0;

	if (real && !is_private)
		__asm__ volatile(".byte 0xf2, 0x0f, 0x01, 0xff" /* pvalidate */
				 : "=a"(failed)
				 : "a"(gva), "c"(0), "d"(0)
				 : "memory", "cc");
	if (failed)
		return failed;
	answer = ucall_ghcb_msr_call((is_private ? 1ull : 2ull) << 52 | (gpa & ~0xfffull) |
				     UCALL_GHCB_PAGE_STATE_REQUEST);
	if ((answer & 0xfff) != UCALL_GHCB_PAGE_STATE || answer >> 32)
		return answer >> 32 ? (uint32_t)(answer >> 32) : 1;
	if (real && is_private)
		__asm__ volatile(".byte 0xf2, 0x0f, 0x01, 0xff"
				 : "=a"(failed)
				 : "a"(gva), "c"(0), "d"(1)
				 : "memory", "cc");
	return failed;
}

#endif /* __x86_64__ */

#ifdef __cplusplus
}
#endif

#endif /* UCALL_SEV_H */
