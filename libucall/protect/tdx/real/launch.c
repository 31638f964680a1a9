// SPDX-License-Identifier: MIT
/* Launching trust domains: see launch.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "launch.h"
#include "protect/tdx/abi.h"
#include "protect/x86/launch-args.h"

#define IRQ_ROUTES 24 /* of the I/O APIC that user space would have */
#define GPAW_48 48

#define RESET_SIZE UCALL_PAGE_SIZE

union arguments {
	uint64_t number; /* passed as it is */
	struct kvm_enable_cap cap;
	struct x86_memfd memfd;
	struct x86_memory_region memory;
	struct x86_attributes attributes;
	struct tdx_region region;
	struct tdx_capabilities *capabilities;
	struct tdx_init_vm *init_vm;
};

#define LAUNCH struct tdx_launch
#include "protect/launch-steps.h"

/* ---- the VM ---- */

static void fill_create(const struct tdx_launch *l, union arguments *a)
{
	a->number = TDX_VM_TYPE;
}

static void list_create(const union arguments *a, FILE *out)
{
	fprintf(out, "KVM_X86_TDX_VM");
}

static int take_create(struct tdx_launch *l, union arguments *a, int r)
{
	l->vm_fd = r;
	return 0;
}

static void fill_irqchip(const struct tdx_launch *l, union arguments *a)
{
	a->cap.cap = KVM_CAP_SPLIT_IRQCHIP;
	a->cap.args[0] = IRQ_ROUTES;
}

static void list_irqchip(const union arguments *a, FILE *out)
{
	fprintf(out, "{cap=KVM_CAP_SPLIT_IRQCHIP, args[0]=%llu}",
		(unsigned long long)a->cap.args[0]);
}

static void fill_hypercall(const struct tdx_launch *l, union arguments *a)
{
	x86_fill_hypercall(&a->cap);
}

static void list_hypercall(const union arguments *a, FILE *out)
{
	x86_list_hypercall(&a->cap, out);
}

static void fill_capabilities(const struct tdx_launch *l, union arguments *a)
{
	a->capabilities = l->capabilities;
}

static void list_capabilities(const union arguments *a, FILE *out)
{
	fprintf(out, "{cpuid.nent=%d} (returns what a TD can have)", TDX_CPUID_MOST);
}

static struct kvm_cpuid_entry2 *find_entry(const struct kvm_cpuid2 *cpuid, uint32_t function,
					   uint32_t index)
{
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		if (e->function == function &&
		    (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == index))
			return (struct kvm_cpuid_entry2 *)(uintptr_t)e;
	}
	return NULL;
}

void tdx_filter_cpuid(const struct tdx_capabilities *capabilities,
		      const struct kvm_cpuid2 *supported, struct kvm_cpuid2 *out)
{
	out->nent = 0;
	for (uint32_t i = 0; i < capabilities->cpuid.nent && i < TDX_CPUID_MOST; i++) {
		const struct kvm_cpuid_entry2 *can = &capabilities->cpuid.entries[i];
		const struct kvm_cpuid_entry2 *has =
			find_entry(supported, can->function, can->index);
		struct kvm_cpuid_entry2 *e = &out->entries[out->nent];

		if (!has)
			continue;
		*e = *can;
		e->eax &= has->eax;
		e->ebx &= has->ebx;
		e->ecx &= has->ecx;
		e->edx &= has->edx;
		/* Bits 23:16: the width of its addresses, which says where the shared bit is. */
		if (e->function == 0x80000008)
			e->eax = (e->eax & ~0xff0000u) | GPAW_48 << 16;
		out->nent++;
	}
}

static int take_capabilities(struct tdx_launch *l, union arguments *a, int r)
{
	if (l->attributes & ~l->capabilities->supported_attrs)
		return ucall_fail(EINVAL,
				  "attributes=0x%" PRIx64 ": KVM supports 0x%" PRIx64 " of them",
				  l->attributes, l->capabilities->supported_attrs);
	if (l->supported)
		tdx_filter_cpuid(l->capabilities, l->supported, &l->init_vm->cpuid);
	return 0;
}

static void fill_init_vm(const struct tdx_launch *l, union arguments *a)
{
	a->init_vm = l->init_vm;
	a->init_vm->attributes = l->attributes;
}

static void list_init_vm(const union arguments *a, FILE *out)
{
	fprintf(out,
		"{attributes=0x%" PRIx64 ", xfam=0x%" PRIx64
		", mrconfigid=0, mrowner=0, mrownerconfig=0, cpuid=what KVM and a TD both have, "
		"0x80000008.EAX[23:16]=%d}",
		a->init_vm->attributes, a->init_vm->xfam, GPAW_48);
}

/* ---- its memory ---- */

/* The reset page is behind the rest. */
static void fill_memfd(const struct tdx_launch *l, union arguments *a)
{
	a->memfd.size = l->memory_size + RESET_SIZE;
}

static void list_memfd(const union arguments *a, FILE *out)
{
	x86_list_memfd(&a->memfd, out);
}

static int take_memfd(struct tdx_launch *l, union arguments *a, int r)
{
	l->memfd = r;
	return 0;
}

static void fill_memory(const struct tdx_launch *l, union arguments *a)
{
	x86_fill_memory(&a->memory, l->memory, l->memory_size, l->memfd);
}

static void fill_reset(const struct tdx_launch *l, union arguments *a)
{
	fill_memory(l, a);
	a->memory.slot = 1;
	a->memory.guest_phys_addr = TDX_RESET_PAGE;
	a->memory.memory_size = RESET_SIZE;
	a->memory.userspace_addr = (uint64_t)(uintptr_t)l->reset_memory;
	a->memory.guest_memfd_offset = l->memory_size;
}

static void list_memory(const union arguments *a, FILE *out)
{
	x86_list_memory(&a->memory, out);
}

static void fill_private(const struct tdx_launch *l, union arguments *a)
{
	a->attributes.size = l->memory_size;
	a->attributes.attributes = X86_ATTRIBUTE_PRIVATE;
}

static void fill_private_reset(const struct tdx_launch *l, union arguments *a)
{
	fill_private(l, a);
	a->attributes.address = TDX_RESET_PAGE;
	a->attributes.size = RESET_SIZE;
}

static void list_private(const union arguments *a, FILE *out)
{
	x86_list_private(&a->attributes, out);
}

/* ---- vCPUs ---- */

static void fill_vcpu(const struct tdx_launch *l, union arguments *a)
{
	a->number = l->start;
}

static void list_vcpu(const union arguments *a, FILE *out)
{
	fprintf(out, "0x%" PRIx64 " (its RCX)", a->number);
}

/* ---- its contents ---- */

static void fill_region(const struct tdx_launch *l, union arguments *a)
{
	const struct tdx_contents *c;

	if (l->content == l->content_count)
		return;
	c = &l->contents[l->content];
	a->region.source_addr = (uint64_t)(uintptr_t)c->source;
	a->region.gpa = c->gpa;
	a->region.nr_pages = c->size / UCALL_PAGE_SIZE;
}

static void list_region(const union arguments *a, FILE *out)
{
	fprintf(out, "{source_addr=0x%" PRIx64 ", gpa=0x%" PRIx64 ", nr_pages=%" PRIu64 "}",
		a->region.source_addr, a->region.gpa, a->region.nr_pages);
}

/* KVM says what is left of a region; then comes the next one. */
static int take_region(struct tdx_launch *l, union arguments *a, int r)
{
	if (a->region.nr_pages)
		return 1;
	l->content++;
	fill_region(l, a);
	return l->content < l->content_count;
}

static void fill_nothing(const struct tdx_launch *l, union arguments *a)
{
}

/* ---- the steps ---- */

static const struct step steps[] = {
	{ .part = TDX_PART_CREATE,
	  .name = "KVM_CREATE_VM",
	  .request = KVM_CREATE_VM,
	  .fill = fill_create,
	  .list = list_create,
	  .take = take_create },

	{ .part = TDX_PART_INIT,
	  .name = "KVM_ENABLE_CAP",
	  .request = KVM_ENABLE_CAP,
	  .fill = fill_irqchip,
	  .list = list_irqchip },
	{ .part = TDX_PART_INIT,
	  .name = "KVM_ENABLE_CAP",
	  .request = KVM_ENABLE_CAP,
	  .fill = fill_hypercall,
	  .list = list_hypercall },
	{ .part = TDX_PART_INIT,
	  .name = "KVM_TDX_CAPABILITIES",
	  .command = TDX_CAPABILITIES,
	  .fill = fill_capabilities,
	  .list = list_capabilities,
	  .take = take_capabilities },
	{ .part = TDX_PART_INIT,
	  .name = "KVM_TDX_INIT_VM",
	  .command = TDX_INIT_VM,
	  .fill = fill_init_vm,
	  .list = list_init_vm },

	{ .part = TDX_PART_MEMORY,
	  .name = "KVM_CREATE_GUEST_MEMFD",
	  .request = X86_IOCTL_CREATE_MEMFD,
	  .fill = fill_memfd,
	  .list = list_memfd,
	  .take = take_memfd },
	{ .part = TDX_PART_MEMORY,
	  .name = "KVM_SET_USER_MEMORY_REGION2",
	  .request = X86_IOCTL_SET_MEMORY,
	  .fill = fill_memory,
	  .list = list_memory },
	{ .part = TDX_PART_MEMORY,
	  .name = "KVM_SET_USER_MEMORY_REGION2",
	  .request = X86_IOCTL_SET_MEMORY,
	  .fill = fill_reset,
	  .list = list_memory },
	{ .part = TDX_PART_MEMORY,
	  .name = "KVM_SET_MEMORY_ATTRIBUTES",
	  .request = X86_IOCTL_SET_ATTRIBUTES,
	  .fill = fill_private,
	  .list = list_private },
	{ .part = TDX_PART_MEMORY,
	  .name = "KVM_SET_MEMORY_ATTRIBUTES",
	  .request = X86_IOCTL_SET_ATTRIBUTES,
	  .fill = fill_private_reset,
	  .list = list_private },

	{ .part = TDX_PART_VCPU,
	  .name = "KVM_TDX_INIT_VCPU",
	  .command = TDX_INIT_VCPU,
	  .fill = fill_vcpu,
	  .list = list_vcpu },

	{ .part = TDX_PART_LAUNCH,
	  .name = "KVM_TDX_INIT_MEM_REGION",
	  .command = TDX_INIT_MEM_REGION,
	  .fill = fill_region,
	  .list = list_region,
	  .take = take_region },
	{ .part = TDX_PART_LAUNCH,
	  .name = "KVM_TDX_FINALIZE_VM",
	  .command = TDX_FINALIZE_VM,
	  .no_data = true,
	  .fill = fill_nothing },
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

static bool applies(const struct step *s, const struct tdx_launch *l, int part)
{
	return s->part == part;
}

static bool is_of_vcpu(const struct step *s)
{
	return !s->request && (s->command == TDX_INIT_VCPU || s->command == TDX_INIT_MEM_REGION);
}

static int fail_step(const struct step *s, uint64_t module)
{
	int error = errno;

	if (!module)
		return ucall_fail(error, "%s: %s", s->name, strerror(error));
	return ucall_fail(error, "%s: %s; the TDX module says 0x%" PRIx64, s->name, strerror(error),
			  module);
}

static int call_step(struct tdx_launch *l, const struct step *s, union arguments *a,
		     uint64_t *module)
{
	struct tdx_command command = { .id = s->command };
	int fd = s->part == TDX_PART_CREATE ? l->kvm_fd : is_of_vcpu(s) ? l->vcpu_fd : l->vm_fd;
	int r;

	*module = 0;
	if (s->part == TDX_PART_CREATE)
		return l->call(l->call_data, fd, s->request, (void *)(uintptr_t)a->number);
	if (s->request)
		return l->call(l->call_data, fd, s->request, a);
	switch (s->command) {
	case TDX_CAPABILITIES:
		a->capabilities->cpuid.nent = TDX_CPUID_MOST;
		command.data = (uint64_t)(uintptr_t)a->capabilities;
		break;
	case TDX_INIT_VM:
		command.data = (uint64_t)(uintptr_t)a->init_vm;
		break;
	case TDX_INIT_VCPU:
		command.data = a->number;
		break;
	case TDX_INIT_MEM_REGION:
		command.flags = TDX_MEASURE_REGION;
		command.data = (uint64_t)(uintptr_t)&a->region;
		break;
	default:
		break;
	}
	r = l->call(l->call_data, fd, X86_IOCTL_ENCRYPT_OP, &command);
	*module = command.hw_error;
	return r;
}

/* What the first two commands of KVM_MEMORY_ENCRYPT_OP read and write. */
static int make_buffers(struct tdx_launch *l)
{
	const size_t entries = TDX_CPUID_MOST * sizeof(struct kvm_cpuid_entry2);

	l->capabilities = ucall_calloc(1, sizeof(*l->capabilities) + entries);
	l->init_vm = ucall_calloc(1, sizeof(*l->init_vm) + entries);
	return l->capabilities && l->init_vm ? 0 : -1;
}

int tdx_launch(struct tdx_launch *l, enum tdx_part part)
{
	if (part == TDX_PART_INIT && make_buffers(l))
		return -1;
	return run_steps(steps, STEPS, l, (int)part);
}

static void list_step(const struct tdx_launch *l, const struct step *s, const union arguments *a,
		      FILE *out)
{
	if (s->part == TDX_PART_CREATE)
		fprintf(out, "ioctl(kvm, ");
	else if (is_of_vcpu(s))
		fprintf(out, "ioctl(vcpu%u, ", l->vcpu);
	else
		fprintf(out, "ioctl(vm, ");
	if (!s->request)
		fprintf(out, "KVM_MEMORY_ENCRYPT_OP, {id=%s, flags=%s, data=", s->name,
			s->command == TDX_INIT_MEM_REGION ? "KVM_TDX_MEASURE_MEMORY_REGION" : "0");
	else
		fprintf(out, "%s, ", s->name);
	if (s->no_data)
		fprintf(out, "0");
	else
		s->list(a, out);
	fprintf(out, "%s)\n", s->request ? "" : "}");
}

static void list_part(struct tdx_launch *l, enum tdx_part part, const uint64_t *starts,
		      unsigned int vcpus, FILE *out)
{
	if (part == TDX_PART_VCPU) {
		for (l->vcpu = 0; l->vcpu < vcpus; l->vcpu++) {
			list_new_vcpu(l->vcpu, out);
			l->start = starts[l->vcpu];
			list_steps(steps, STEPS, l, (int)part, out);
		}
		l->vcpu = 0;
		return;
	}
	if (part != TDX_PART_LAUNCH) {
		list_steps(steps, STEPS, l, (int)part, out);
		return;
	}
	/* One KVM_TDX_INIT_MEM_REGION for each piece; the last step follows once. */
	for (l->content = 0; l->content + 1 < l->content_count; l->content++)
		list_steps(steps, STEPS - 1, l, (int)part, out);
	list_steps(steps, STEPS, l, (int)part, out);
}

char *tdx_launch_list(struct tdx_launch *l, const uint64_t *starts, unsigned int vcpus)
{
	struct call_list list;

	if (make_buffers(l) || begin_list(&list))
		return NULL;
	for (enum tdx_part part = TDX_PART_CREATE; part < TDX_PARTS; part++)
		list_part(l, part, starts, vcpus, list.out);
	return end_list(&list);
}
