// SPDX-License-Identifier: MIT
/*
 * Private memory on KVM: memory slots at the addresses that stand for private pages, backed by memory
 * of their own, and others at those that stand for shared pages.  A guest reaches a page only by the
 * address that the page has a slot at; an access by another exits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include "base/error.h"
#include "cpu.h"
#include "machine/machine.h"

#define LOWEST_BIT 36 /* above guest memory and devices */
#define HIGHEST_BIT 51

#define SLOTS_MORE 32
_Static_assert(SLOTS_MORE > UCALL_BACKEND_SLOTS, "find_free_slot()");

/* How many slots a guest can make this use, if KVM has as many: each change looks at all of them. */
#define SLOTS_MOST 4096

/* Up to this size, a slot is replaced by a larger one if its neighbour becomes of the same kind. */
#define GROWS_TO (1u << 20)

int x86_init(struct x86_cpu *cpu, int fd)
{
	int have = ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS);

	cpu->fd = fd;
	cpu->slots_most = have > 0 && have < SLOTS_MOST ? (uint32_t)have : SLOTS_MOST;
	pthread_mutex_init(&cpu->gate, NULL);
	pthread_cond_init(&cpu->gate_moved, NULL);
	return have < 0 ? ucall_fail_call("KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS") : 0;
}

void x86_fini(struct x86_cpu *cpu, bool inherited)
{
	free(cpu->slots);
	ucall_private_free(&cpu->pages);
	if (inherited)
		return;
	pthread_cond_destroy(&cpu->gate_moved);
	pthread_mutex_destroy(&cpu->gate);
}

int x86_set_slot(int fd, uint32_t slot, uint64_t gpa, uint64_t size, const void *memory)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uint64_t)(uintptr_t)memory,
	};

	return ioctl(fd, KVM_SET_USER_MEMORY_REGION, &region);
}

int x86_find_address_bit(int fd, uint64_t *found, const struct kvm_cpuid2 *cpuid)
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
	bit = width - 1 < HIGHEST_BIT ? width - 1 : HIGHEST_BIT;
	for (; bit >= LOWEST_BIT; bit--) {
		r = x86_set_slot(fd, 0, 1ull << bit, UCALL_PAGE_SIZE, page);
		if (!r || errno != EINVAL)
			break;
	}
	if (bit < LOWEST_BIT)
		ucall_fail(EOPNOTSUPP,
			   "this KVM has no free guest-physical address bit to tell private memory "
			   "from shared: its guests have %u bits, and bits %d to %d were tried",
			   width, LOWEST_BIT, HIGHEST_BIT);
	else if (r || (r = x86_set_slot(fd, 0, 1ull << bit, 0, page)))
		ucall_fail_call("KVM_SET_USER_MEMORY_REGION");
	munmap(page, UCALL_PAGE_SIZE);
	*found = r ? 0 : 1ull << bit;
	return r;
}

/* ---- slots ---- */

static int drop_slot(struct ucall_machine *vm, uint32_t i)
{
	struct x86_cpu *cpu = x86_cpu(vm);
	const struct x86_slot *s = &cpu->slots[i];

	if (x86_set_slot(cpu->fd, i,
			 ucall_memory_entry(&vm->memory, s->start, s->kind == X86_SHARED), 0, NULL))
		return ucall_fail_call("KVM_SET_USER_MEMORY_REGION");
	cpu->slots[i].size = 0;
	return 0;
}

/* The number of a free slot, -1 after ucall_fail(). */
static int find_free_slot(struct x86_cpu *cpu)
{
	struct x86_slot *more;
	uint32_t i = 0;

	while (i < cpu->slot_count && (cpu->slots[i].size || ucall_is_backends_slot(i)))
		i++;
	if (i < cpu->slot_count)
		return (int)i;
	/* More than backends can have. */
	more = ucall_realloc(cpu->slots, (i + SLOTS_MORE) * sizeof(*more));
	if (!more)
		return -1;
	memset(more + i, 0, SLOTS_MORE * sizeof(*more));
	cpu->slots = more;
	cpu->slot_count = i + SLOTS_MORE;
	while (ucall_is_backends_slot(i))
		i++;
	return (int)i;
}

/* Drops the slot of that kind that ends at *start, if it is small, and takes its pages. */
static int take_neighbour(struct ucall_machine *vm, uint64_t *start, enum x86_page kind)
{
	const struct x86_cpu *cpu = x86_cpu(vm);

	for (uint32_t i = 0; i < cpu->slot_count; i++) {
		const struct x86_slot *s = &cpu->slots[i];

		if (!s->size || s->kind != kind || s->start + s->size != *start ||
		    s->size >= GROWS_TO)
			continue;
		*start = s->start;
		return drop_slot(vm, i);
	}
	return 0;
}

/* Puts [start, end) into a free slot. */
static int add_slot(struct ucall_machine *vm, uint64_t start, uint64_t end, enum x86_page kind)
{
	const struct ucall_memory *mem = &vm->memory;
	struct x86_cpu *cpu = x86_cpu(vm);
	const bool is_shared = kind == X86_SHARED;
	int i;

	if (start >= end || kind == X86_ABSENT)
		return 0;
	i = find_free_slot(cpu);
	if (i < 0)
		return -1;
	if (x86_set_slot(cpu->fd, (uint32_t)i, ucall_memory_entry(mem, start, is_shared),
			 end - start, ucall_memory_side(mem, start, end - start, is_shared)))
		return ucall_fail_call("KVM_SET_USER_MEMORY_REGION");
	cpu->slots[i] = (struct x86_slot){ start, end - start, kind };
	return 0;
}

int x86_track_slots(struct ucall_machine *vm, const struct x86_slot *slots, uint32_t count)
{
	struct x86_cpu *cpu = x86_cpu(vm);

	cpu->slots = ucall_calloc(16, sizeof(*cpu->slots));
	if (!cpu->slots)
		return -1;
	cpu->slot_count = 16;
	for (uint32_t i = 0; i < count; i++)
		cpu->slots[i] = slots[i];
	return 0;
}

/* A change can need two slots more. */
static int check_room(const struct x86_cpu *cpu)
{
	uint32_t used = UCALL_BACKEND_SLOT + UCALL_BACKEND_SLOTS;

	for (uint32_t i = 0; i < cpu->slot_count; i++)
		used += cpu->slots[i].size != 0;
	return used + 2 <= cpu->slots_most
		       ? 0
		       : ucall_fail(ENOSPC,
				    "the guest's private and shared memory is in too many pieces: "
				    "%u memory slots are in use",
				    used);
}

int x86_change_slots(struct ucall_machine *vm, uint64_t start, uint64_t end, enum x86_page kind)
{
	const struct x86_cpu *cpu = x86_cpu(vm);
	uint32_t count = cpu->slot_count;

	if (check_room(cpu))
		return -1;
	for (uint32_t i = 0; i < count; i++) {
		const struct x86_slot old = cpu->slots[i];
		uint64_t old_end = old.start + old.size;

		if (!old.size || old.start >= end || start >= old_end)
			continue;
		if (drop_slot(vm, i) || add_slot(vm, old.start, start, old.kind) ||
		    add_slot(vm, end, old_end, old.kind))
			return -1;
	}
	if (kind != X86_ABSENT && take_neighbour(vm, &start, kind))
		return -1;
	return add_slot(vm, start, end, kind);
}

/* ---- no vCPU runs while they change ---- */

void x86_enter(struct x86_cpu *cpu)
{
	pthread_mutex_lock(&cpu->gate);
	while (cpu->paused)
		pthread_cond_wait(&cpu->gate_moved, &cpu->gate);
	cpu->running++;
	pthread_mutex_unlock(&cpu->gate);
}

void x86_leave(struct x86_cpu *cpu)
{
	pthread_mutex_lock(&cpu->gate);
	cpu->running--;
	pthread_cond_broadcast(&cpu->gate_moved);
	pthread_mutex_unlock(&cpu->gate);
}

void x86_pause(struct ucall_machine *vm)
{
	struct x86_cpu *cpu = x86_cpu(vm);
	struct timespec until;

	pthread_mutex_lock(&cpu->gate);
	while (cpu->paused)
		pthread_cond_wait(&cpu->gate_moved, &cpu->gate);
	cpu->paused = true;
	while (cpu->running) {
		for (struct ucall_cpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next)
			ucall_kvm_interrupt(vcpu);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 2000000; /* retry: a signal just before KVM_RUN has no effect */
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&cpu->gate_moved, &cpu->gate, &until);
	}
	pthread_mutex_unlock(&cpu->gate);
}

void x86_resume(struct x86_cpu *cpu)
{
	pthread_mutex_lock(&cpu->gate);
	cpu->paused = false;
	pthread_cond_broadcast(&cpu->gate_moved);
	pthread_mutex_unlock(&cpu->gate);
}
