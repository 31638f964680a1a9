// SPDX-License-Identifier: MIT
/*
 * Private memory on KVM: memslots at addresses with the C-bit, backed by memory of their own.  A
 * guest can reach that memory only with the C-bit in its page table entry.
 *
 * With SEV and SEV-ES every page exists twice.  With SEV-SNP a page is either private or shared, as
 * in the reverse map table: it has a slot at one of the two addresses, and an access by the other
 * exits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include "base/error.h"
#include "emulated.h"

#define C_BIT_LOWEST 36 /* above guest memory and devices */
#define C_BIT_HIGHEST 51

static int set_slot(int fd, uint32_t slot, uint64_t gpa, uint64_t size, const void *memory)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uint64_t)(uintptr_t)memory,
	};

	return ioctl(fd, KVM_SET_USER_MEMORY_REGION, &region);
}

/* Finds the highest address bit that works for this KVM's memslots and its vCPUs' page tables. */
int sev_find_c_bit(int fd, uint64_t *c_bit, const struct kvm_cpuid2 *cpuid)
{
	void *page = mmap(NULL, UCALL_PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int width = 36, bit;
	int r = -1;

	if (page == MAP_FAILED)
		return ucall_fail_call("mmap");
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 0x80000008)
			width = cpuid->entries[i].eax & 0xff;
	bit = width - 1 < C_BIT_HIGHEST ? width - 1 : C_BIT_HIGHEST;
	for (; bit >= C_BIT_LOWEST; bit--) {
		r = set_slot(fd, 0, 1ull << bit, UCALL_PAGE_SIZE, page);
		if (!r || errno != EINVAL)
			break;
	}
	if (bit < C_BIT_LOWEST)
		ucall_fail(EOPNOTSUPP,
			   "this KVM has no free guest-physical address bit for the C-bit: its "
			   "guests have %u bits, and bits %d to %d were tried",
			   width, C_BIT_LOWEST, C_BIT_HIGHEST);
	else if (r || (r = set_slot(fd, 0, 1ull << bit, 0, page)))
		ucall_fail_call("KVM_SET_USER_MEMORY_REGION");
	munmap(page, UCALL_PAGE_SIZE);
	*c_bit = r ? 0 : 1ull << bit;
	return r;
}

int sev_set_memory(struct ucall_machine *vm, int fd)
{
	const struct ucall_memory *mem = &vm->memory;

	if (set_slot(fd, 0, 0, mem->size, mem->base) ||
	    set_slot(fd, 1, ucall_memory_entry(mem, 0, false), mem->size, mem->private_base))
		return ucall_fail_call("KVM_SET_USER_MEMORY_REGION");
	return 0;
}

/* ---- SEV-SNP ---- */

bool sev_is_private(const struct ucall_machine *vm, uint64_t gpa)
{
	return ucall_private_has(&sev_vm(vm)->pages, &vm->memory, gpa);
}

/* Puts [start, end) into a free slot. */
static int add_slot(struct ucall_machine *vm, uint64_t start, uint64_t end, bool is_private)
{
	const struct ucall_memory *mem = &vm->memory;
	struct sev_vm *sev = sev_vm(vm);
	uint32_t i = 0;

	if (start >= end)
		return 0;
	while (i < sev->slot_count && sev->slots[i].size)
		i++;
	if (i == sev->slot_count) {
		struct sev_slot *more = ucall_realloc(sev->slots, (i + 16) * sizeof(*more));

		if (!more)
			return -1;
		memset(more + i, 0, 16 * sizeof(*more));
		sev->slots = more;
		sev->slot_count = i + 16;
	}
	if (set_slot(sev->fd, i, ucall_memory_entry(mem, start, !is_private), end - start,
		     ucall_memory_side(mem, start, end - start, !is_private)))
		return ucall_fail_call("KVM_SET_USER_MEMORY_REGION");
	sev->slots[i] = (struct sev_slot){ start, end - start, is_private };
	return 0;
}

static int drop_slot(struct ucall_machine *vm, uint32_t i)
{
	struct sev_vm *sev = sev_vm(vm);
	const struct sev_slot *s = &sev->slots[i];

	if (set_slot(sev->fd, i, ucall_memory_entry(&vm->memory, s->start, !s->is_private), 0,
		     NULL))
		return ucall_fail_call("KVM_SET_USER_MEMORY_REGION");
	sev->slots[i].size = 0;
	return 0;
}

int sev_split_memory(struct ucall_machine *vm)
{
	const struct ucall_memory *mem = &vm->memory;
	struct sev_vm *sev = sev_vm(vm);

	if (ucall_private_track(&sev->pages, mem))
		return -1;
	sev->slots = ucall_calloc(16, sizeof(*sev->slots));
	if (!sev->slots)
		return -1;
	sev->slot_count = 16;
	/* The two slots from sev_set_memory(). */
	sev->slots[0] = (struct sev_slot){ 0, mem->size, false };
	sev->slots[1] = (struct sev_slot){ 0, mem->size, true };
	if (drop_slot(vm, 0) || drop_slot(vm, 1))
		return -1;
	return add_slot(vm, 0, mem->next, true) || add_slot(vm, mem->next, mem->size, false) ? -1
											     : 0;
}

void sev_free_slots(struct sev_vm *sev)
{
	free(sev->slots);
	ucall_private_free(&sev->pages);
}

/* Makes [start, end) one slot; what remains of the slots that it cuts gets slots of its own. */
static int cut_slots(struct ucall_machine *vm, uint64_t start, uint64_t end, bool is_private)
{
	const struct sev_vm *sev = sev_vm(vm);
	uint32_t count = sev->slot_count;

	for (uint32_t i = 0; i < count; i++) {
		const struct sev_slot old = sev->slots[i];
		uint64_t old_end = old.start + old.size;

		if (!old.size || old.start >= end || start >= old_end)
			continue;
		if (drop_slot(vm, i) || add_slot(vm, old.start, start, old.is_private) ||
		    add_slot(vm, end, old_end, old.is_private))
			return -1;
	}
	return add_slot(vm, start, end, is_private);
}

void sev_enter(struct sev_vm *sev)
{
	pthread_mutex_lock(&sev->gate);
	while (sev->paused)
		pthread_cond_wait(&sev->gate_moved, &sev->gate);
	sev->running++;
	pthread_mutex_unlock(&sev->gate);
}

void sev_leave(struct sev_vm *sev)
{
	pthread_mutex_lock(&sev->gate);
	sev->running--;
	pthread_cond_broadcast(&sev->gate_moved);
	pthread_mutex_unlock(&sev->gate);
}

/* Waits until no vCPU is in KVM_RUN, and keeps them out of it. */
static void pause_vcpus(struct ucall_machine *vm)
{
	struct sev_vm *sev = sev_vm(vm);
	struct timespec until;

	pthread_mutex_lock(&sev->gate);
	while (sev->paused)
		pthread_cond_wait(&sev->gate_moved, &sev->gate);
	sev->paused = true;
	while (sev->running) {
		for (struct ucall_cpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next)
			ucall_kvm_interrupt(vcpu);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 2000000; /* retry: a signal just before KVM_RUN has no effect */
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&sev->gate_moved, &sev->gate, &until);
	}
	pthread_mutex_unlock(&sev->gate);
}

static void resume_vcpus(struct sev_vm *sev)
{
	pthread_mutex_lock(&sev->gate);
	sev->paused = false;
	pthread_cond_broadcast(&sev->gate_moved);
	pthread_mutex_unlock(&sev->gate);
}

int sev_restore_pages(struct ucall_machine *vm, const uint32_t *private_bits)
{
	const uint64_t pages = vm->memory.size / UCALL_PAGE_SIZE;
	const uint32_t *now = sev_vm(vm)->pages.private_bits;

	for (uint64_t first = 0, end; first < pages; first = end) {
		bool was = ucall_private_is_set(private_bits, first);

		end = first + 1;
		if (ucall_private_is_set(now, first) == was)
			continue;
		while (end < pages && ucall_private_is_set(private_bits, end) == was &&
		       ucall_private_is_set(now, end) != was)
			end++;
		if (cut_slots(vm, first * UCALL_PAGE_SIZE, end * UCALL_PAGE_SIZE, was))
			return -1;
		ucall_private_mark(&sev_vm(vm)->pages, first * UCALL_PAGE_SIZE,
				   (end - first) * UCALL_PAGE_SIZE, was);
	}
	return 0;
}

int sev_set_private(struct ucall_machine *vm, uint64_t gpa, size_t size, bool is_private)
{
	struct sev_vm *sev = sev_vm(vm);
	int r;

	pause_vcpus(vm);
	r = cut_slots(vm, gpa, gpa + size, is_private);
	for (uint64_t at = gpa; !r && at < gpa + size; at += UCALL_PAGE_SIZE) {
		if (sev_is_private(vm, at) == is_private)
			continue;
		r = sev_convert_page(vm, at, is_private);
		if (!r)
			ucall_private_mark(&sev_vm(vm)->pages, at, UCALL_PAGE_SIZE, is_private);
	}
	resume_vcpus(sev);
	return r;
}
