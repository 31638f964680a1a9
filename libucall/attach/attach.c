// SPDX-License-Identifier: MIT
/* VMs that somebody else made and runs: a channel over their owner's callbacks. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/kvm.h>
#include <ucall/attach.h>

#include "base/handle.h"
#include "base/options.h"
#include "base/process.h"
#include "channel/channel.h"
#include "channel/queue.h"
#include "kvm/kvm.h"
#include "machine/pages.h"
#include "protect/protect.h"

_Static_assert(UCALL_ATTACH_ADDRESS == UCALL_MAILBOX_ADDRESS, "attach.h");
_Static_assert(UCALL_ATTACH_BELL == UCALL_BELL_ADDRESS - UCALL_MAILBOX_ADDRESS, "attach.h");
_Static_assert(UCALL_ATTACH_AREA == UCALL_CODE_ADDRESS + UCALL_CODE_SIZE - UCALL_MAILBOX_ADDRESS,
	       "attach.h");
_Static_assert(UCALL_ATTACH_BY_MAILBOX == UCALL_VIA_MAILBOX &&
		       UCALL_ATTACH_BY_ADDRESS == UCALL_VIA_ADDRESS,
	       "");
_Static_assert(sizeof(((struct ucall_message *)0)->text) == UCALL_TEXT_SIZE, "attach.h");

struct attached_vcpu {
	struct ucall_vcpu handle;
	struct ucall_port port;
	struct attached_vcpu *next;
	void *owner;
	int fd;
	struct kvm_run *run;
	size_t run_size;
	struct ucall_exit exit;
	struct ucall last; /* the message of the exit, taken out of the mailbox; cmd 0: none */
};

struct attached_vm {
	struct ucall_vm handle;
	struct ucall_channel channel;
	struct ucall_attach_config config;
	struct ucall_machine_ops ops; /* those that the configuration has callbacks for */
	pthread_mutex_t lock; /* the list of vCPUs */
	struct attached_vcpu *vcpus;
	uint32_t slots; /* taken */
	uint32_t exit_reason; /* atomic */
	/* With pages larger than the area's parts: all of it, mapped as one.  NULL: not used. */
	uint8_t *area;
};

/* ---- what a channel needs ---- */

static int check_may_change(void *data, const char *what)
{
	const struct attached_vm *vm = data;

	return ucall_process_check(vm->channel.process, what);
}

static size_t page_size(const struct attached_vm *vm)
{
	return vm->config.page_size;
}

static size_t in_pages(const struct attached_vm *vm, size_t size)
{
	return (size + page_size(vm) - 1) / page_size(vm) * page_size(vm);
}

static unsigned int prot_of(unsigned int prot)
{
	return (prot & UCALL_MAP_WRITE ? UCALL_ATTACH_WRITE : 0) |
	       (prot & UCALL_MAP_EXEC ? UCALL_ATTACH_EXEC : 0);
}

static void *mapped(const char *function, void *p, uint64_t gva)
{
	if (!p) {
		ucall_fail(ENOMEM, "the owner's %s() gave no memory at 0x%llx", function,
			   (unsigned long long)gva);
	} else if ((uintptr_t)p % UCALL_PAGE_SIZE) {
		ucall_fail(EINVAL,
			   "the owner's %s() gave %p for 0x%llx, which is not the start of a page",
			   function, p, (unsigned long long)gva);
		p = NULL;
	}
	return p;
}

/* True if one page holds several parts of the area. */
static bool has_large_pages(const struct attached_vm *vm)
{
	return page_size(vm) > UCALL_PAGE_SIZE;
}

/* Maps all of the area as one; returns the host's view. */
static uint8_t *map_area(struct attached_vm *vm, struct attached_vcpu *vcpu)
{
	const struct ucall_attach_config *c = &vm->config;
	size_t size = in_pages(vm, UCALL_ATTACH_AREA);
	const unsigned int prot = UCALL_ATTACH_WRITE | UCALL_ATTACH_EXEC;

	return vcpu ? mapped("map_own",
			     c->map_own(c->owner, vcpu->owner, vm->channel.address, size, prot),
			     vm->channel.address)
		    : mapped("map", c->map(c->owner, vm->channel.address, size, prot),
			     vm->channel.address);
}

static void *map(void *data, uint64_t gva, size_t size, unsigned int prot)
{
	struct attached_vm *vm = data;
	const struct ucall_attach_config *c = &vm->config;

	if (!has_large_pages(vm))
		return mapped("map", c->map(c->owner, gva, in_pages(vm, size), prot_of(prot)), gva);
	/* With mailboxes, each vCPU gets a copy when it is attached. */
	if (!vm->area)
		vm->area = vm->channel.via == UCALL_VIA_MAILBOX ? ucall_calloc(1, UCALL_ATTACH_AREA)
								: map_area(vm, NULL);
	return vm->area ? vm->area + (gva - vm->channel.address) : NULL;
}

static void *map_own(void *cpu, uint64_t gva, size_t size, unsigned int prot)
{
	struct attached_vcpu *vcpu = cpu;
	struct attached_vm *vm = vcpu->port.channel->data;
	const struct ucall_attach_config *c = &vm->config;
	uint8_t *p;

	if (!has_large_pages(vm) || gva != vm->channel.address)
		return mapped(
			"map_own",
			c->map_own(c->owner, vcpu->owner, gva, in_pages(vm, size), prot_of(prot)),
			gva);
	p = map_area(vm, vcpu);
	if (p)
		memcpy(p, vm->area, UCALL_ATTACH_AREA);
	return p;
}

static uint64_t map_device(void *data, uint64_t gpa, size_t size)
{
	const struct ucall_attach_config *c = &((struct attached_vm *)data)->config;
	uint64_t gva = c->map_device(c->owner, gpa, size);

	if (!gva)
		ucall_fail(EINVAL,
			   "the owner's map_device() refused %zu bytes at guest-physical 0x%llx",
			   size, (unsigned long long)gpa);
	return gva;
}

static int read_guest(void *cpu, uint64_t gva, void *to, size_t size)
{
	const struct attached_vcpu *vcpu = cpu;
	const struct attached_vm *vm = vcpu->port.channel->data;

	if (vm->config.read(vm->config.owner, vcpu->owner, gva, to, size))
		return ucall_fail(
			EFAULT, "the owner's read() cannot read %zu bytes at guest address 0x%llx",
			size, (unsigned long long)gva);
	return 0;
}

/* With mailboxes nobody uses it, and it may cost an ioctl. */
static uint64_t argument(void *cpu)
{
	const struct attached_vcpu *vcpu = cpu;

	if (vcpu->port.channel->via == UCALL_VIA_MAILBOX)
		return 0;
	return ucall_kvm_arch.argument(vcpu->fd, vcpu->run);
}

static int get_regs(void *cpu, struct ucall_frame *regs)
{
	const struct attached_vcpu *vcpu = cpu;

	return ucall_kvm_arch.get_regs(NULL, vcpu->fd, vcpu->run, regs);
}

static int set_regs(void *cpu, const struct ucall_frame *regs)
{
	const struct attached_vcpu *vcpu = cpu;

	return ucall_kvm_arch.set_regs(NULL, vcpu->fd, vcpu->run, regs);
}

static int vm_fd(void *data)
{
	return ((struct attached_vm *)data)->config.vm_fd;
}

static int vcpu_fd(void *cpu)
{
	return ((struct attached_vcpu *)cpu)->fd;
}

static void *vcpu_run(void *cpu)
{
	return ((struct attached_vcpu *)cpu)->run;
}

static int take_slot(void *data)
{
	struct attached_vm *vm = data;

	if (vm->slots == vm->config.slots)
		return ucall_fail(ENOSPC,
				  "ucall_vm_take_slot: the attach configuration gives backends %u "
				  "memory slots; set "
				  "slots and first_slot",
				  vm->config.slots);
	return (int)(vm->config.first_slot + vm->slots++);
}

static void drop_vcpu(struct attached_vcpu *vcpu, bool inherited)
{
	ucall_port_leave(&vcpu->port, inherited);
	ucall_port_close(&vcpu->port, inherited);
	free(vcpu);
}

static void free_vm(void *data)
{
	struct attached_vm *vm = data;
	bool inherited = ucall_process_is_inherited(vm->channel.process);

	while (vm->vcpus) {
		struct attached_vcpu *vcpu = vm->vcpus;

		vm->vcpus = vcpu->next;
		drop_vcpu(vcpu, inherited);
	}
	ucall_channel_close(&vm->channel, inherited);
	if (vm->channel.via == UCALL_VIA_MAILBOX)
		free(vm->area);
	if (!inherited)
		pthread_mutex_destroy(&vm->lock);
	free(vm);
}

static const struct ucall_machine_ops attached_ops = {
	.free = free_vm,
	.check_may_change = check_may_change,
	.map = map,
	.map_own = map_own,
	.map_device = map_device,
	.read = read_guest,
	.argument = argument,
	.get_regs = get_regs,
	.set_regs = set_regs,
	.vm_fd = vm_fd,
	.vcpu_fd = vcpu_fd,
	.vcpu_run = vcpu_run,
	.take_slot = take_slot,
};

/* ---- the VM ---- */

#define MAX_AREA (64ull << 20) /* from the mailbox to the end of the longest queue */

static int check_config(struct ucall_attach_config *c)
{
	if (!c->page_size)
		c->page_size = UCALL_PAGE_SIZE;
	if (c->page_size != 4096 && c->page_size != 16384 && c->page_size != 65536)
		return ucall_fail(EINVAL, "page_size is %zu; give 4096, 16384 or 65536",
				  c->page_size);
	if (!c->address)
		c->address = UCALL_ATTACH_ADDRESS;
	if (c->address % c->page_size)
		return ucall_fail(EINVAL, "address is 0x%llx; give a multiple of page_size",
				  (unsigned long long)c->address);
	if (c->address > UINT64_MAX - MAX_AREA)
		return ucall_fail(EINVAL,
				  "address is 0x%llx; the shared area would go beyond the end",
				  (unsigned long long)c->address);
	if (c->first_slot > INT_MAX || c->slots > INT_MAX - c->first_slot)
		return ucall_fail(EINVAL, "first_slot is %u and slots %u; KVM has no such slots",
				  c->first_slot, c->slots);
	if (c->ring != 0 && c->ring != 3)
		return ucall_fail(EINVAL, "ring is %d; give 0 or 3", c->ring);
	if (c->via > UCALL_ATTACH_BY_ADDRESS)
		return ucall_fail(EINVAL,
				  "via is %u; give UCALL_ATTACH_BY_MAILBOX or "
				  "UCALL_ATTACH_BY_ADDRESS",
				  c->via);
	if (c->via == UCALL_ATTACH_BY_MAILBOX && !c->map_own)
		return ucall_fail(EINVAL, "via is UCALL_ATTACH_BY_MAILBOX, which needs map_own()");
	return 0;
}

static int check_descriptors(const struct ucall_attach_config *c)
{
	if (c->kvm_fd && ioctl(c->kvm_fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return ucall_fail(EINVAL, "kvm_fd is %d, which is not a descriptor of /dev/kvm",
				  c->kvm_fd);
	if (ioctl(c->vm_fd, KVM_GET_API_VERSION, 0) >= 0 ||
	    ioctl(c->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY) < 0)
		return ucall_fail(EINVAL,
				  "vm_fd is %d, which is not a descriptor of a VM (KVM_CREATE_VM)",
				  c->vm_fd);
	return 0;
}

/* Makes a VM and chooses its backend, but calls nothing of the backend yet. */
static struct attached_vm *choose(const struct ucall_attach_config *config)
{
	struct attached_vm *vm = ucall_calloc(1, sizeof(*vm));
	const struct ucall_attach_config *c;
	const struct ucall_arch *arch;
	const struct ucall_protection *protection;
	struct ucall_args *args;

	if (!vm)
		return NULL;
	c = &vm->config;
	vm->config = *config;
	vm->handle.channel = &vm->channel;
	vm->channel.vm = &vm->handle;
	vm->channel.data = vm;
	vm->channel.process = ucall_process_this();
	vm->channel.machine = &vm->ops;
	vm->ops = attached_ops;
	if (!c->map_own)
		vm->ops.map_own = NULL;
	if (!c->map_device)
		vm->ops.map_device = NULL;
	pthread_mutex_init(&vm->lock, NULL);
	arch = c->arch ? ucall_arch_find(c->arch) : ucall_arch_native;
	protection = arch ? ucall_protection_find(c->protection) : NULL;
	if (!protection || check_config(&vm->config))
		goto failed;
	if (arch != ucall_arch_native) {
		ucall_fail(EOPNOTSUPP,
			   "%s guests cannot be attached on this %s host: KVM runs only the host's "
			   "own architecture",
			   arch->name, ucall_arch_native->name);
		goto failed;
	}
	if (ucall_protection_closes(protection) || ucall_protection_is_emulated(protection)) {
		ucall_fail(EOPNOTSUPP,
			   "protection %s: the host must be able to read an attached guest's "
			   "registers, and emulation is for libucall's own VMs; give \"none\" or "
			   "\"sev\"",
			   protection->name);
		goto failed;
	}
	args = ucall_protection_options(protection, c->protection);
	if (!args)
		goto failed;
	ucall_args_free(args);
	vm->channel.address = c->address;
	vm->channel.via = (enum ucall_via)c->via;
	vm->channel.traits = (struct ucall_traits){
		.arch = arch,
		.protection = protection,
		.engine = "kvm",
		.has_kvm = true,
		.irqchip = c->irqchip,
		.attached = true,
		.ring = c->ring,
	};
	if (ucall_channel_choose(&vm->channel, c->backend, c->ops, c->ops_options))
		goto failed;
	if (c->device_gpa && ucall_args_set_default(vm->channel.args, "gpa", c->device_gpa)) {
		ucall_fail_in("device_gpa");
		goto failed;
	}
	return vm;

failed:
	free_vm(vm);
	return NULL;
}

/* Copies the caller's configuration: shorter from an older header, longer from a newer one. */
static int take_config(struct ucall_attach_config *full, const struct ucall_attach_config *config,
		       size_t config_size, const char *function)
{
	memset(full, 0, sizeof(*full));
	if (ucall_fail_if_null(config, function))
		return -1;
	if (config_size < offsetof(struct ucall_attach_config, read))
		return ucall_fail(EINVAL,
				  "%s: a configuration of %zu bytes is shorter than any version's",
				  function, config_size);
	for (size_t i = sizeof(*full); i < config_size; i++)
		if (((const uint8_t *)config)[i])
			return ucall_fail(EINVAL,
					  "the program sets a field of struct ucall_attach_config "
					  "that this libucall (%s) "
					  "does not have; install a newer one",
					  ucall_version());
	memcpy(full, config, config_size < sizeof(*full) ? config_size : sizeof(*full));
	return 0;
}

int ucall_attach_size_sized(const struct ucall_attach_config *config, size_t config_size,
			    size_t *for_vm, size_t *for_vcpu)
{
	struct ucall_attach_config full;
	struct attached_vm *vm =
		take_config(&full, config, config_size, "ucall_attach_size") ? NULL : choose(&full);
	size_t shared, own;
	bool mailboxes;

	if (!vm)
		return -1;
	mailboxes = vm->channel.via == UCALL_VIA_MAILBOX;
	if (has_large_pages(vm)) {
		shared = mailboxes ? 0 : in_pages(vm, UCALL_ATTACH_AREA);
		own = mailboxes ? in_pages(vm, UCALL_ATTACH_AREA) : 0;
	} else {
		shared = UCALL_PAGE_SIZE +
			 (vm->channel.backend ? ucall_channel_code_size(&vm->channel) : 0);
		own = mailboxes ? UCALL_PAGE_SIZE : 0;
	}
	if (mailboxes && vm->channel.ops.metadata->queue_lines)
		own += in_pages(vm, ucall_queue_size(vm->channel.ops.metadata->queue_lines));
	free_vm(vm);
	if (for_vm)
		*for_vm = shared;
	if (for_vcpu)
		*for_vcpu = own;
	return 0;
}

struct ucall_vm *ucall_vm_attach_sized(const struct ucall_attach_config *config, size_t config_size)
{
	struct ucall_attach_config full;
	struct attached_vm *vm;

	if (take_config(&full, config, config_size, "ucall_vm_attach"))
		return NULL;
	if (!full.map) {
		ucall_fail(EINVAL, "ucall_vm_attach: map() is missing in the configuration");
		return NULL;
	}
	if (check_descriptors(&full))
		return NULL;
	vm = choose(&full);
	if (vm && ucall_channel_open(&vm->channel)) {
		free_vm(vm);
		return NULL;
	}
	return vm ? &vm->handle : NULL;
}

/* The attached VM of a handle; NULL after ucall_fail(). */
static struct attached_vm *vm_of(const struct ucall_vm *vm, const char *function)
{
	if (ucall_fail_if_null(vm, function))
		return NULL;
	if (!vm->machine)
		return vm->channel->data;
	ucall_fail(
		EINVAL,
		"%s: this VM is libucall's own; use ucall_vcpu_add(), ucall_next() and get_ucall()",
		function);
	return NULL;
}

uint32_t ucall_vm_exit_reason(const struct ucall_vm *vm)
{
	const struct attached_vm *a = vm_of(vm, "ucall_vm_exit_reason");

	return a ? __atomic_load_n(&a->exit_reason, __ATOMIC_RELAXED) : 0;
}

/* ---- vCPUs ---- */

#define EXIT_RISCV_CSR 36 /* KVM_EXIT_RISCV_CSR, Linux 6.2 */
#if defined(__x86_64__)
#define IS_X86_64 true
#else
#define IS_X86_64 false
#endif

static bool has_number(struct attached_vm *vm, unsigned int number)
{
	bool has = false;

	pthread_mutex_lock(&vm->lock);
	for (const struct attached_vcpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next)
		has = has || vcpu->port.number == number;
	pthread_mutex_unlock(&vm->lock);
	return has;
}

struct ucall_vcpu *ucall_vcpu_attach(struct ucall_vm *handle, void *owner, unsigned int number,
				     int fd, struct kvm_run *run, size_t run_size)
{
	struct attached_vm *vm = vm_of(handle, "ucall_vcpu_attach");
	struct attached_vcpu *vcpu;

	if (!vm || ucall_process_check(vm->channel.process, "ucall_vcpu_attach"))
		return NULL;
	if (!run || run_size < sizeof(*run)) {
		ucall_fail(EINVAL,
			   "ucall_vcpu_attach: run must be the vCPU's struct kvm_run, all %s of it",
			   "KVM_GET_VCPU_MMAP_SIZE bytes");
		return NULL;
	}
	if (fcntl(fd, F_GETFD) < 0) {
		ucall_fail(EINVAL,
			   "ucall_vcpu_attach: fd is %d, which is not the descriptor of a vCPU",
			   fd);
		return NULL;
	}
	if (has_number(vm, number)) {
		ucall_fail(EEXIST,
			   "ucall_vcpu_attach: vCPU %u is already attached; call "
			   "ucall_vcpu_detach() first",
			   number);
		return NULL;
	}
	vcpu = ucall_calloc(1, sizeof(*vcpu));
	if (!vcpu)
		return NULL;
	vcpu->handle = (struct ucall_vcpu){ handle, &vcpu->port, NULL };
	vcpu->owner = owner;
	vcpu->fd = fd;
	vcpu->run = run;
	vcpu->run_size = run_size;
	vcpu->port.vcpu = &vcpu->handle;
	vcpu->port.cpu = vcpu;
	vcpu->port.channel = &vm->channel;
	vcpu->port.number = number;
	vcpu->port.exit = &vcpu->exit;
	if (ucall_port_open(&vcpu->port, &vm->channel) || ucall_port_start(&vcpu->port)) {
		drop_vcpu(vcpu, false);
		return NULL;
	}
	pthread_mutex_lock(&vm->lock);
	vcpu->next = vm->vcpus;
	vm->vcpus = vcpu;
	pthread_mutex_unlock(&vm->lock);
	return &vcpu->handle;
}

static struct attached_vcpu *vcpu_of(struct ucall_vcpu *vcpu, const char *function)
{
	if (ucall_fail_if_null(vcpu, function) || !vm_of(vcpu->vm, function) ||
	    ucall_process_check(vcpu->vm->channel->process, function))
		return NULL;
	return vcpu->port->cpu;
}

void ucall_vcpu_detach(struct ucall_vcpu *handle)
{
	/* In a forked child only ucall_vm_free() frees it. */
	struct attached_vcpu *vcpu = handle ? vcpu_of(handle, "ucall_vcpu_detach") : NULL;
	struct attached_vm *vm = vcpu ? vcpu->port.channel->data : NULL;

	if (!vcpu)
		return;
	pthread_mutex_lock(&vm->lock);
	for (struct attached_vcpu **p = &vm->vcpus; *p; p = &(*p)->next) {
		if (*p == vcpu) {
			*p = vcpu->next;
			break;
		}
	}
	pthread_mutex_unlock(&vm->lock);
	drop_vcpu(vcpu, false);
}

/* Decodes the exit of the owner's last KVM_RUN; true if it is the doorbell's. */
static bool rang(struct attached_vcpu *vcpu, uint64_t *where)
{
	struct attached_vm *vm = vcpu->port.channel->data;
	bool yes;

	memset(&vcpu->exit, 0, sizeof(vcpu->exit));
	ucall_kvm_decode(NULL, vcpu->run, vcpu->run_size, &vcpu->exit);
	*where = 0;
	yes = ucall_port_rang(&vcpu->port, where);
	if (!yes)
		vcpu->last.cmd = 0;
	else if (__atomic_load_n(&vm->exit_reason, __ATOMIC_RELAXED) != vcpu->exit.native)
		__atomic_store_n(&vm->exit_reason, vcpu->exit.native, __ATOMIC_RELAXED);
	if (vcpu->port.channel->via == UCALL_VIA_MAILBOX)
		*where = 0;
	return yes;
}

int ucall_vcpu_rang(struct ucall_vcpu *handle, uint64_t *where)
{
	struct attached_vcpu *vcpu = vcpu_of(handle, "ucall_vcpu_rang");
	uint64_t value;

	if (!vcpu)
		return -1;
	return rang(vcpu, where ? where : &value);
}

/*
 * By mailbox, the message is taken out, and kept in case it is asked for again; by address, it is
 * read each time.
 */
static int receive(struct attached_vcpu *vcpu)
{
	const bool by_mailbox = vcpu->port.channel->via == UCALL_VIA_MAILBOX;
	struct ucall *last = &vcpu->last;
	struct ucall next;
	uint64_t where;
	int cmd;

	if (!rang(vcpu, &where))
		return 0;
	if (where && !((struct attached_vm *)vcpu->port.channel->data)->config.read)
		return ucall_fail(EOPNOTSUPP,
				  "a message by address needs read() in the attach configuration");
	memset(&next, 0, offsetof(struct ucall, text) + 1);
	cmd = vcpu->port.ops->receive(&vcpu->port, NULL, &next);
	if (cmd == UCALL_PAGES || cmd == UCALL_SPAN)
		cmd = ucall_fail(EPROTO, "the guest sent %s, which is for libucall's own VMs",
				 cmd == UCALL_PAGES ? "UCALL_PAGES" : "UCALL_SPAN");
	if (cmd || !by_mailbox)
		*last = next;
	if (cmd < 0)
		last->cmd = 0;
	return cmd ? cmd : last->cmd;
}

void ucall_vcpu_forget(struct ucall_vcpu *handle)
{
	struct attached_vcpu *vcpu = handle ? vcpu_of(handle, "ucall_vcpu_forget") : NULL;

	if (vcpu)
		vcpu->last.cmd = 0;
}

int ucall_vcpu_message(struct ucall_vcpu *handle, struct ucall_message *message)
{
	struct attached_vcpu *vcpu = vcpu_of(handle, "ucall_vcpu_message");
	const struct ucall *uc;
	int cmd;

	if (!vcpu)
		return -1;
	cmd = receive(vcpu);
	uc = &vcpu->last;
	if (cmd <= 0 || !message)
		return cmd;
	message->cmd = uc->cmd;
	message->nargs = uc->nargs;
	memcpy(message->args, uc->args, sizeof(message->args));
	message->text_size = uc->text_size;
	memcpy(message->text, uc->text, uc->text_size + 1);
	return cmd;
}

bool ucall_vcpu_is_incomplete(struct ucall_vcpu *handle)
{
	struct attached_vcpu *vcpu = vcpu_of(handle, "ucall_vcpu_is_incomplete");
	uint64_t where;

	if (!vcpu)
		return false;
	rang(vcpu, &where);
	switch (vcpu->exit.native) {
	case KVM_EXIT_IO:
	case KVM_EXIT_MMIO:
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
	case KVM_EXIT_HYPERV:
	case KVM_EXIT_XEN:
	case KVM_EXIT_RISCV_SBI:
	case EXIT_RISCV_CSR:
		return true;
	default:
		return IS_X86_64 && vcpu->exit.native == KVM_EXIT_HYPERCALL;
	}
}
