// SPDX-License-Identifier: MIT
/* What the firmware does for a VM: memory as its host sees it, and the measurement. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "emulated.h"

#define BLOCK 16 /* bytes that are encrypted together (APM volume 2, 7.10: AES-128) */

/* The page's number makes the same bytes look different in every page. */
static int page_cipher(struct ucall_machine *vm, bool encrypt, uint64_t page, const void *from,
		       void *to)
{
	const struct sev_vm *sev = sev_vm(vm);

	if (sev->ciphers->xts(encrypt, sev->key, page, from, to, UCALL_PAGE_SIZE))
		return ucall_fail(EIO, "libcrypto cannot encrypt a page of guest memory");
	return 0;
}

int sev_copy(struct ucall_machine *vm, uint64_t gpa, void *to, const void *from, size_t size)
{
	uint64_t offset = gpa & (UCALL_PAGE_SIZE - 1), page = gpa - offset;
	uint64_t first = offset & ~(uint64_t)(BLOCK - 1);
	uint64_t last = (offset + size + BLOCK - 1) & ~(uint64_t)(BLOCK - 1);
	uint8_t plain[UCALL_PAGE_SIZE], cipher[UCALL_PAGE_SIZE];
	uint8_t *memory = vm->memory.private_base + page;

	memcpy(plain, memory, sizeof(plain)); /* once: the guest may be writing */
	if (page_cipher(vm, true, page, plain, cipher))
		return -1;
	if (to) {
		memcpy(to, cipher + offset, size);
		return 0;
	}
	memcpy(cipher + offset, from, size);
	if (page_cipher(vm, false, page, cipher, plain))
		return -1;
	memcpy(memory + first, plain + first, last - first);
	return 0;
}

int sev_convert_page(struct ucall_machine *vm, uint64_t gpa, bool is_private)
{
	uint8_t *shared = vm->memory.base + gpa, *private = vm->memory.private_base + gpa;

	return is_private ? page_cipher(vm, false, gpa, shared, private)
			  : page_cipher(vm, true, gpa, private, shared);
}

/* ---- the measurement ---- */

/* PAGE_INFO, which is hashed for each page (SEV-SNP firmware ABI, table 65). */
struct page_info {
	uint8_t digest_current[UCALL_DIGEST_SIZE];
	uint8_t contents[UCALL_DIGEST_SIZE]; /* zero for a page of zeroes */
	uint16_t length;
	uint8_t page_type;
	uint8_t initial_migration_image;
	uint8_t vmpl_permissions[3];
	uint8_t reserved;
	uint64_t gpa;
};

#define PAGE_INFO_SIZE 0x70
_Static_assert(sizeof(struct page_info) == PAGE_INFO_SIZE, "PAGE_INFO");
_Static_assert(offsetof(struct page_info, gpa) == 0x68, "PAGE_INFO");

/* Table 64: types of pages. */
#define PAGE_NORMAL 1
#define PAGE_VMSA 2
#define PAGE_ZERO 3

#define VMSA_GPA 0xfffffffff000 /* SEV-SNP measures every VMSA at this address */

static int add_page(const struct sev_vm *sev, uint8_t *digest, uint8_t type, uint64_t gpa,
		    const void *page)
{
	struct page_info info = { .length = sizeof(info), .page_type = type, .gpa = gpa };

	memcpy(info.digest_current, digest, UCALL_DIGEST_SIZE);
	if ((type != PAGE_ZERO && sev->ciphers->sha384(page, UCALL_PAGE_SIZE, info.contents)) ||
	    sev->ciphers->sha384(&info, sizeof(info), digest))
		return ucall_fail(EIO, "libcrypto cannot hash a page of guest memory");
	return 0;
}

/* A segment of the VMSA. */
struct segment {
	uint16_t selector, attributes;
	uint32_t limit;
	uint64_t base;
};

/* The fields of a vCPU's initial state that the core sets: APM volume 2, table B-4. */
struct vmsa {
	struct segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	uint8_t reserved0[0xd0 - 0xa0];
	uint64_t efer; /* 0xd0 */
	uint8_t reserved1[0x148 - 0xd8];
	uint64_t cr4, cr3, cr0; /* 0x148 */
	uint8_t reserved2[0x170 - 0x160];
	uint64_t rflags, rip; /* 0x170 */
	uint8_t reserved3[0x1d8 - 0x180];
	uint64_t rsp; /* 0x1d8 */
	uint8_t reserved4[0x308 - 0x1e0];
	uint64_t rcx, rdx; /* 0x308 */
	uint8_t reserved5[0x330 - 0x318];
	uint64_t rsi, rdi, r8, r9; /* 0x330 */
	uint8_t reserved6[UCALL_PAGE_SIZE - 0x350];
};

_Static_assert(sizeof(struct vmsa) == UCALL_PAGE_SIZE, "VMSA");
_Static_assert(offsetof(struct vmsa, efer) == 0xd0, "VMSA");
_Static_assert(offsetof(struct vmsa, cr4) == 0x148, "VMSA");
_Static_assert(offsetof(struct vmsa, rflags) == 0x170, "VMSA");
_Static_assert(offsetof(struct vmsa, rsp) == 0x1d8, "VMSA");
_Static_assert(offsetof(struct vmsa, rcx) == 0x308, "VMSA");
_Static_assert(offsetof(struct vmsa, rsi) == 0x330, "VMSA");

static struct segment segment(const struct kvm_segment *s)
{
	return (struct segment){ s->selector,
				 (uint16_t)(s->type | s->s << 4 | s->dpl << 5 | s->present << 7 |
					    s->avl << 8 | s->l << 9 | s->db << 10 | s->g << 11),
				 s->limit, s->base };
}

static int add_vcpu(const struct sev_vm *sev, uint8_t *digest, const struct ucall_cpu *vcpu)
{
	int fd = vcpu->vm->engine->vcpu_fd(vcpu);
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct vmsa vmsa;

	if (ioctl(fd, KVM_GET_REGS, &regs) || ioctl(fd, KVM_GET_SREGS, &sregs))
		return ucall_fail_call("KVM_GET_REGS, KVM_GET_SREGS");
	memset(&vmsa, 0, sizeof(vmsa));
	vmsa.es = segment(&sregs.es);
	vmsa.cs = segment(&sregs.cs);
	vmsa.ss = segment(&sregs.ss);
	vmsa.ds = segment(&sregs.ds);
	vmsa.fs = segment(&sregs.fs);
	vmsa.gs = segment(&sregs.gs);
	vmsa.tr = segment(&sregs.tr);
	vmsa.ldtr = segment(&sregs.ldt);
	vmsa.gdtr = (struct segment){ .limit = sregs.gdt.limit, .base = sregs.gdt.base };
	vmsa.idtr = (struct segment){ .limit = sregs.idt.limit, .base = sregs.idt.base };
	vmsa.efer = sregs.efer;
	vmsa.cr0 = sregs.cr0;
	vmsa.cr3 = sregs.cr3;
	vmsa.cr4 = sregs.cr4;
	vmsa.rflags = regs.rflags;
	vmsa.rip = regs.rip;
	vmsa.rsp = regs.rsp;
	vmsa.rcx = regs.rcx;
	vmsa.rdx = regs.rdx;
	vmsa.rsi = regs.rsi;
	vmsa.rdi = regs.rdi;
	vmsa.r8 = regs.r8;
	vmsa.r9 = regs.r9;
	return add_page(sev, digest, PAGE_VMSA, VMSA_GPA, &vmsa);
}

static const struct ucall_cpu *find_vcpu(const struct ucall_machine *vm, unsigned int number)
{
	const struct ucall_cpu *vcpu = vm->vcpus;

	while (vcpu && vcpu->number != number)
		vcpu = vcpu->next;
	return vcpu;
}

int sev_measure(struct ucall_machine *vm)
{
	static const uint8_t zero[UCALL_PAGE_SIZE];
	const struct sev_vm *sev = sev_vm(vm);
	const struct ucall_memory *mem = &vm->memory;
	uint8_t digest[UCALL_DIGEST_SIZE] = { 0 };

	for (uint64_t gpa = UCALL_PAGE_SIZE; gpa < mem->next; gpa += UCALL_PAGE_SIZE) {
		const uint8_t *page = mem->private_base + gpa;
		bool is_zero = !memcmp(page, zero, sizeof(zero));

		if (add_page(sev, digest, is_zero ? PAGE_ZERO : PAGE_NORMAL, gpa, page))
			return -1;
	}
	for (unsigned int i = 0; ucall_protection_closes(vm->protection) && i < vm->vcpu_count; i++)
		if (add_vcpu(sev, digest, find_vcpu(vm, i)))
			return -1;
	memcpy(vm->measurement, digest, sizeof(digest));
	vm->measurement_size = sizeof(digest);
	return 0;
}
