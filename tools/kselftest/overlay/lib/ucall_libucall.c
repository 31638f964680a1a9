// SPDX-License-Identifier: MIT
/*
 * Takes the place of lib/ARCH/ucall.c of the kernel's KVM selftests if LIBUCALL is set: $UCALL_BACKEND
 * chooses how a guest calls its host.  The tests and the rest of their library stay as they are.
 *
 * The doorbell carries the address of the message, so that upstream's own pool of messages is used.
 * Each VM is attached when its ucalls are set up, and each vCPU at its first KVM_RUN, which this file
 * sees because the program's ioctl() is here.  Many tests expect the exit of the architecture's own
 * doorbell (UCALL_EXIT_REASON), so every doorbell's exit is shown as that one.
 *
 * With LIBUCALL=mailbox (LIBUCALL_MAILBOX is defined), the message of a VM with one vCPU is in
 * libucall's mailbox: one KVM_RUN for a message, and no other call.  All vCPUs of the selftests have
 * the same page tables, but each has its own mailbox, so VMs with several keep upstream's pool.
 *
 * All state is on the heap: what is in .data and .bss is loaded into each guest.
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kvm_util.h"
#include "ucall_common.h"

/* Of <ucall/ucall.h>, whose struct ucall is not the kernel's. */
void ucall_vm_free(struct ucall_vm *vm);
const char *ucall_error(void);

/* Guest addresses after the shared area. */
#define DEVICE_ADDRESS (LIBUCALL_ADDRESS + 0x10000000ull)

struct shim_vcpu {
	struct shim_vcpu *next;
	struct kvm_vcpu *vcpu;
	struct ucall_vcpu *bell;
	/* Of the last KVM_RUN: */
	bool rang;
	uint64_t where; /* by address: the message */
	uint32_t exit_reason; /* KVM's own, if it rang */
#ifdef LIBUCALL_MAILBOX
	struct ucall_vcpu *mailbox; /* NULL: none */
	struct ucall_message message; /* cmd 0: none */
	bool incomplete;
#endif
};

struct shim_vm {
	struct shim_vm *next;
	struct kvm_vm *vm;
	struct ucall_vm *bell;
	size_t run_size; /* of a struct kvm_run, mapped */
	bool no_irqchip; /* the backend has a place only where KVM has no interrupt controller */
	uint64_t device, device_size; /* guest-physical pages that exit; size 0: none */
	struct shim_vcpu *vcpus;
#ifdef LIBUCALL_MAILBOX
	struct ucall_vm *mailboxes; /* NULL: none */
	void *mailbox; /* the one that is mapped */
#endif
};

struct shim {
	pthread_mutex_t lock;
	struct shim_vm *vms;
};

static struct shim *shim;

/* Before main(), and so before there are threads. */
static void __attribute__((constructor)) init(void)
{
	shim = calloc(1, sizeof(*shim));
	if (shim)
		pthread_mutex_init(&shim->lock, NULL);
}

static void *map(void *owner, uint64_t gva, size_t size, unsigned int prot)
{
	struct kvm_vm *vm = ((struct shim_vm *)owner)->vm;
	size_t pages = (size + vm->page_size - 1) / vm->page_size;
	uint64_t gpa = vm_phy_pages_alloc(vm, pages, 2 * vm->page_size, vm->memslots[MEM_REGION_DATA]);

	virt_map(vm, gva, gpa, pages);
	return memset(addr_gpa2hva(vm, gpa), 0, pages * vm->page_size);
}

static uint64_t map_device(void *owner, uint64_t gpa, size_t size)
{
	struct shim_vm *s = owner;
	uint64_t page_size = s->vm->page_size, inside = gpa % page_size;

	if (s->device_size) /* mapped for the other kind of messages */
		return gpa - inside == s->device ? DEVICE_ADDRESS + inside : 0;
	s->device = gpa - inside;
	s->device_size = (inside + size + page_size - 1) / page_size * page_size;
	virt_map(s->vm, DEVICE_ADDRESS, s->device, s->device_size / page_size);
	return DEVICE_ADDRESS + inside;
}

static void forget_vcpus(struct shim_vm *s)
{
	while (s->vcpus) {
		struct shim_vcpu *vcpu = s->vcpus;

		s->vcpus = vcpu->next;
		ucall_vcpu_detach(vcpu->bell);
#ifdef LIBUCALL_MAILBOX
		if (vcpu->mailbox)
			ucall_vcpu_detach(vcpu->mailbox);
#endif
		free(vcpu);
	}
}

/* `whole`: the VM's memory goes, too. */
static void forget(struct kvm_vm *vm, bool whole)
{
	if (!shim)
		return;
	pthread_mutex_lock(&shim->lock);
	for (struct shim_vm **at = &shim->vms; *at; at = &(*at)->next) {
		struct shim_vm *s = *at;

		if (s->vm != vm)
			continue;
		forget_vcpus(s);
		if (whole) {
			*at = s->next;
			ucall_vm_free(s->bell);
#ifdef LIBUCALL_MAILBOX
			ucall_vm_free(s->mailboxes);
#endif
			free(s);
		}
		break;
	}
	pthread_mutex_unlock(&shim->lock);
}

#ifdef LIBUCALL_MAILBOX
void libucall_mailbox_send(uint64_t cmd, const uint64_t *args, uint32_t text_size);
char *libucall_mailbox_text(void);

/* Each guest has its own copy. */
static struct {
	int on; /* the host's */
	int busy; /* the guest's: a handler that sees this uses the pool */
} mailbox_state;

static void *map_own(void *owner, void *vcpu, uint64_t gva, size_t size, unsigned int prot)
{
	struct shim_vm *s = owner;

	return gva == UCALL_ATTACH_ADDRESS && size <= s->vm->page_size ? s->mailbox : NULL;
}

/* A second attachment of the VM, whose guests have their mailbox at the default address. */
static void attach_mailboxes(struct shim_vm *s, struct ucall_attach_config config)
{
	if (s->vm->va_bits < 41 || s->vm->page_size != 4096)
		return;
	config.via = UCALL_ATTACH_BY_MAILBOX;
	config.address = UCALL_ATTACH_ADDRESS;
	config.map_own = map_own;
	s->mailbox = map(s, UCALL_ATTACH_ADDRESS, s->vm->page_size, UCALL_ATTACH_WRITE);
	s->mailboxes = ucall_vm_attach(&config);
	TEST_ASSERT(s->mailboxes, "libucall: %s", ucall_error());
}

static void use_mailbox(struct kvm_vm *vm, bool on)
{
	int *state = addr_gva2hva(vm, (uint64_t)(uintptr_t)&mailbox_state.on);

	*state = on;
}

/* Mailboxes are used while there is one vCPU. */
static void attach_mailbox(struct shim_vm *s, struct shim_vcpu *vcpu)
{
	struct kvm_vcpu *each;
	unsigned int count = 0;

	if (!s->mailboxes)
		return;
	list_for_each_entry(each, &s->vm->vcpus, list)
		count++;
	use_mailbox(s->vm, count == 1);
	if (count != 1)
		return;
	vcpu->mailbox = ucall_vcpu_attach(s->mailboxes, vcpu->vcpu, vcpu->vcpu->id, vcpu->vcpu->fd,
					  vcpu->vcpu->run, s->run_size);
	TEST_ASSERT(vcpu->mailbox, "libucall: %s", ucall_error());
}
#endif

void ucall_arch_init(struct kvm_vm *vm, uint64_t mmio_gpa)
{
	struct ucall_attach_config config = {
		.kvm_fd = vm->kvm_fd,
		.vm_fd = vm->fd,
		.device_gpa = mmio_gpa,
		.page_size = vm->page_size,
		.address = LIBUCALL_ADDRESS,
		.map = map,
		.map_device = map_device,
#if defined(__x86_64__)
		.irqchip = true, /* the library makes one afterwards */
#endif
	};
	struct shim_vm *s;

	forget(vm, true);
	s = calloc(1, sizeof(*s));
	TEST_ASSERT(s, "no memory");
	s->vm = vm;
	config.owner = s;
	s->run_size = (size_t)ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	s->bell = ucall_vm_attach(&config);
	if (!s->bell && errno == EOPNOTSUPP && config.irqchip) {
		/* Tests that need an interrupt controller fail. */
		config.irqchip = false;
		s->no_irqchip = true;
		s->bell = ucall_vm_attach(&config);
	}
	TEST_ASSERT(s->bell, "libucall: %s", ucall_error());
#ifdef LIBUCALL_MAILBOX
	attach_mailboxes(s, config);
#endif
	pthread_mutex_lock(&shim->lock);
	s->next = shim->vms;
	shim->vms = s;
	pthread_mutex_unlock(&shim->lock);
}

static struct shim_vcpu *attach_vcpu(struct shim_vm *s, struct kvm_vcpu *vcpu)
{
	struct shim_vcpu *new = calloc(1, sizeof(*new));

	TEST_ASSERT(new, "no memory");
	new->vcpu = vcpu;
	new->bell = ucall_vcpu_attach(s->bell, vcpu, vcpu->id, vcpu->fd, vcpu->run, s->run_size);
	TEST_ASSERT(new->bell, "libucall: %s", ucall_error());
#ifdef LIBUCALL_MAILBOX
	attach_mailbox(s, new);
#endif
	new->next = s->vcpus;
	return s->vcpus = new;
}

/*
 * Finds the vCPU with that descriptor; `attach`: and attaches it the first time.  NULL if the
 * descriptor is not a vCPU's, or its VM makes no ucalls.
 */
static struct shim_vcpu *find_vcpu(int fd, bool attach)
{
	struct shim_vcpu *found = NULL;
	struct kvm_vcpu *vcpu;

	if (!shim)
		return NULL;
	pthread_mutex_lock(&shim->lock);
	for (struct shim_vm *s = shim->vms; s && !found; s = s->next) {
		for (found = s->vcpus; found; found = found->next)
			if (found->vcpu->fd == fd)
				break;
		if (found || !attach)
			continue;
		list_for_each_entry(vcpu, &s->vm->vcpus, list) {
			if (vcpu->fd != fd)
				continue;
			found = attach_vcpu(s, vcpu);
			break;
		}
	}
	pthread_mutex_unlock(&shim->lock);
	return found;
}

/* True for the creation of an interrupt controller that the VM's backend rules out. */
static bool is_unwanted(int fd, unsigned long request)
{
	bool unwanted = false;

#if defined(__x86_64__)
	if (request != KVM_CREATE_IRQCHIP || !shim)
		return false;
	pthread_mutex_lock(&shim->lock);
	for (struct shim_vm *s = shim->vms; s; s = s->next)
		unwanted = unwanted || (s->vm->fd == fd && s->no_irqchip);
	pthread_mutex_unlock(&shim->lock);
#endif
	return unwanted;
}

/* Looks for a message after a KVM_RUN that returned 0. */
static void look(struct shim_vcpu *s)
{
	struct kvm_run *run = s->vcpu->run;

#ifdef LIBUCALL_MAILBOX
	if (s->mailbox) {
		int cmd = ucall_vcpu_message(s->mailbox, &s->message);

		TEST_ASSERT(cmd >= 0, "libucall: %s", ucall_error());
		s->incomplete = cmd && ucall_vcpu_is_incomplete(s->mailbox);
		s->rang = cmd;
		s->where = 0;
	}
	if (!s->rang)
#endif
		s->rang = ucall_vcpu_rang(s->bell, &s->where) > 0;
	if (s->rang) {
		s->exit_reason = run->exit_reason;
		run->exit_reason = UCALL_EXIT_REASON;
	}
}

static int run_vcpu(struct shim_vcpu *s, int fd, void *arg)
{
	struct kvm_run *run = s->vcpu->run;
	/* It completes the last exit's instruction, and the exit is asked for again. */
	bool completes = run->immediate_exit;
	int r;

	/* KVM on riscv looks at the reason to complete the exit. */
	if (s->rang && run->exit_reason == UCALL_EXIT_REASON)
		run->exit_reason = s->exit_reason;
#ifdef LIBUCALL_MAILBOX
	s->incomplete = false;
	if (s->mailbox && !completes)
		ucall_vcpu_forget(s->mailbox);
#endif
	r = (int)syscall(SYS_ioctl, fd, KVM_RUN, arg);
	if (completes && r < 0 && errno == EINTR) {
		if (s->rang && run->exit_reason == s->exit_reason)
			run->exit_reason = UCALL_EXIT_REASON;
		errno = EINTR;
		return r;
	}
	s->rang = false;
#ifdef LIBUCALL_MAILBOX
	s->message.cmd = 0;
#endif
	if (!r)
		look(s);
	return r;
}

#ifdef LIBUCALL_MAILBOX
/* The state of a vCPU is asked for: the instruction of its last exit must be complete. */
static void complete(int fd)
{
	struct shim_vcpu *s = find_vcpu(fd, false);

	int error = errno;

	if (!s || !s->incomplete)
		return;
	s->vcpu->run->immediate_exit = 1;
	run_vcpu(s, fd, NULL);
	s->vcpu->run->immediate_exit = 0;
	errno = error;
}
#endif

/* The program's, and that of its libraries. */
int ioctl(int fd, unsigned long request, ...)
{
	struct shim_vcpu *s;
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == KVM_RUN && (s = find_vcpu(fd, true)))
		return run_vcpu(s, fd, arg);
	if (is_unwanted(fd, request))
		return 0;
#ifdef LIBUCALL_MAILBOX
	if (request != KVM_RUN)
		complete(fd);
#endif
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

void *ucall_arch_get_ucall(struct kvm_vcpu *vcpu)
{
	struct shim_vcpu *s = find_vcpu(vcpu->fd, false);

#if defined(__riscv)
	/* The library's trap handler reports what no test expects by a call of its own. */
	if (vcpu->run->exit_reason == KVM_EXIT_RISCV_SBI && (!s || !s->rang) &&
	    vcpu->run->riscv_sbi.extension_id == KVM_RISCV_SELFTESTS_SBI_EXT &&
	    vcpu->run->riscv_sbi.function_id == KVM_RISCV_SELFTESTS_SBI_UNEXP) {
		vcpu_dump(stderr, vcpu, 2);
		TEST_FAIL("a trap that the guest does not expect");
	}
#endif
	return s && s->rang ? (void *)(uintptr_t)s->where : NULL;
}

/* ---- the end of a VM, by -Wl,--wrap ---- */

void __real_kvm_vm_free(struct kvm_vm *vm);
void __real_kvm_vm_release(struct kvm_vm *vm);

void __wrap_kvm_vm_free(struct kvm_vm *vm)
{
	if (vm)
		forget(vm, true);
	__real_kvm_vm_free(vm);
}

void __wrap_kvm_vm_release(struct kvm_vm *vm)
{
	forget(vm, false);
	__real_kvm_vm_release(vm);
}

/* ---- messages, by -Wl,--wrap ---- */

#ifdef LIBUCALL_MAILBOX
void __real_ucall(uint64_t cmd, int nargs, ...);
void __real_ucall_fmt(uint64_t cmd, const char *fmt, ...);
void __real_ucall_assert(uint64_t cmd, const char *exp, const char *file, unsigned int line,
			 const char *fmt, ...);
uint64_t __real_get_ucall(struct kvm_vcpu *vcpu, struct ucall *uc);

/* True if a guest may use the mailbox, which libucall_mailbox_send() then must be called for. */
static UCALL_ATTACH_GUEST bool enter(uint64_t cmd)
{
	volatile int *busy = &mailbox_state.busy;

	/* libucall has messages of these numbers too, and others that mean something else. */
	if (!*(volatile int *)&mailbox_state.on || cmd < UCALL_SYNC || cmd > UCALL_DONE || *busy)
		return false;
	*busy = 1;
	return true;
}

static UCALL_ATTACH_GUEST void send(uint64_t cmd, const uint64_t *args, uint32_t text_size)
{
	libucall_mailbox_send(cmd, args, text_size);
	*(volatile int *)&mailbox_state.busy = 0;
}

/* Sends a formatted text; false if the mailbox is not to be used: then it is in `text`. */
static UCALL_ATTACH_GUEST bool send_text(uint64_t cmd, const uint64_t *args, char *text,
					 const char *fmt, va_list va)
{
	bool use_mailbox = enter(cmd);
	uint32_t size = 0;

	if (use_mailbox)
		text = libucall_mailbox_text();
	guest_vsnprintf(text, UCALL_BUFFER_LEN, fmt, va);
	if (!use_mailbox)
		return false;
	while (size < UCALL_BUFFER_LEN - 1 && text[size])
		size++;
	send(cmd, args, size);
	return true;
}

UCALL_ATTACH_GUEST void __wrap_ucall(uint64_t cmd, int nargs, ...)
{
	uint64_t args[UCALL_MAX_ARGS] = { 0 };
	va_list va;

	nargs = min(nargs, UCALL_MAX_ARGS);
	va_start(va, nargs);
	for (int i = 0; i < nargs; i++)
		args[i] = va_arg(va, uint64_t);
	va_end(va);
	if (enter(cmd))
		send(cmd, args, 0);
	else
		__real_ucall(cmd, nargs, args[0], args[1], args[2], args[3], args[4], args[5],
			     args[6]);
}

UCALL_ATTACH_GUEST void __wrap_ucall_fmt(uint64_t cmd, const char *fmt, ...)
{
	const uint64_t args[UCALL_MAX_ARGS] = { 0 };
	char text[UCALL_BUFFER_LEN];
	va_list va;

	va_start(va, fmt);
	if (!send_text(cmd, args, text, fmt, va))
		__real_ucall_fmt(cmd, "%s", text);
	va_end(va);
}

UCALL_ATTACH_GUEST void __wrap_ucall_assert(uint64_t cmd, const char *exp, const char *file,
					    unsigned int line, const char *fmt, ...)
{
	const uint64_t args[UCALL_MAX_ARGS] = { (uint64_t)exp, (uint64_t)file, line };
	char text[UCALL_BUFFER_LEN];
	va_list va;

	va_start(va, fmt);
	if (!send_text(cmd, args, text, fmt, va))
		__real_ucall_assert(cmd, exp, file, line, "%s", text);
	va_end(va);
}

uint64_t __wrap_get_ucall(struct kvm_vcpu *vcpu, struct ucall *uc)
{
	struct shim_vcpu *s = find_vcpu(vcpu->fd, false);

	if (!s || !s->rang || !s->message.cmd)
		return __real_get_ucall(vcpu, uc);
	if (uc) {
		memset(uc, 0, sizeof(*uc));
		uc->cmd = s->message.cmd;
		memcpy(uc->args, s->message.args, sizeof(uc->args));
		memcpy(uc->buffer, s->message.text, s->message.text_size + 1);
	}
	return s->message.cmd;
}
#endif

/* ---- guests of guests: tables of their own for guest-physical memory ---- */

#if defined(__x86_64__)
/* Tables have the memory slots; a doorbell that is an address is in none.  Returns the pages' VM. */
static struct shim_vm *device_of(struct kvm_vm *vm)
{
	struct shim_vm *s = shim ? shim->vms : NULL;

	while (s && s->vm != vm)
		s = s->next;
	return s && s->device_size ? s : NULL;
}

/* The names since Linux 7.0. */
__attribute__((weak)) void tdp_map(struct kvm_vm *vm, uint64_t nested_gpa, uint64_t gpa, uint64_t size);
__attribute__((weak)) void __real_tdp_identity_map_default_memslots(struct kvm_vm *vm);

void __wrap_tdp_identity_map_default_memslots(struct kvm_vm *vm)
{
	struct shim_vm *s = device_of(vm);

	__real_tdp_identity_map_default_memslots(vm);
	if (s)
		tdp_map(vm, s->device, s->device, s->device_size);
}

/* Before, for VMX alone. */
struct vmx_pages;
__attribute__((weak)) void nested_map(struct vmx_pages *vmx, struct kvm_vm *vm, uint64_t nested_gpa,
				      uint64_t gpa, uint64_t size);
__attribute__((weak)) void __real_nested_map_memslot(struct vmx_pages *vmx, struct kvm_vm *vm,
						     uint32_t memslot);

void __wrap_nested_map_memslot(struct vmx_pages *vmx, struct kvm_vm *vm, uint32_t memslot)
{
	struct shim_vm *s = device_of(vm);

	__real_nested_map_memslot(vmx, vm, memslot);
	if (s)
		nested_map(vmx, vm, s->device, s->device, s->device_size);
}
#endif
