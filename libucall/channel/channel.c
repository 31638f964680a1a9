// SPDX-License-Identifier: MIT
/* A VM's backend: which one, whether it can serve this VM, and its code in the guest. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/backend.h"
#include "base/byte-order.h"
#include "base/error.h"
#include "machine/memory.h"
#include "base/options.h"
#include "protect/protect.h"
#include "base/text.h"
#include "channel.h"

/* The plugin that the configuration or the environment names, or the default, and its options. */
static int choose_plugin(struct ucall_vm *vm, const char *text)
{
	char *chosen = NULL, *name;

	if (!text) {
		text = secure_getenv("UCALL_BACKEND");
		if (text && !*text)
			text = NULL;
	}
	if (!text)
		text = chosen = ucall_backend_default(vm->arch->bit, vm->protection->bit);
	if (!text)
		return -1;
	name = ucall_config_name(text);
	vm->backend = name ? ucall_backend_load(name) : NULL;
	free(name);
	if (vm->backend) {
		vm->ops = vm->backend->ops;
		/* The copy that was checked, which has this library's size. */
		vm->ops.metadata = &vm->backend->note.metadata;
		vm->args = ucall_args_parse(vm->ops.metadata, ucall_config_options(text), "backend");
	}
	free(chosen);
	return vm->args ? 0 : -1;
}

/* Sets vm->ops, vm->args and the name. */
static int choose_backend(struct ucall_vm *vm, const struct ucall_vm_config *config)
{
	if (!config->ops) {
		if (choose_plugin(vm, config->backend))
			return -1;
	} else {
		if (vm->image)
			return ucall_fail(EOPNOTSUPP,
					  "the program's own backend (ops) has its guest code in the "
					  "program; a VM with a separate guest ELF needs a plugin");
		if (ucall_backend_copy_ops(&vm->ops, config->ops) ||
		    ucall_ops_check_pairs(vm->ops.send_cmd, vm->ops.recv_cmd,
					  vm->ops.send_cmd_shared, vm->ops.recv_cmd_shared))
			return ucall_fail_in("the program's own backend");
		vm->args = ucall_args_parse(vm->ops.metadata, config->ops_options, "backend");
		if (!vm->args)
			return -1;
	}
	vm->backend_name = ucall_strndup(vm->ops.metadata->name, sizeof(vm->ops.metadata->name));
	return vm->backend_name ? 0 : -1;
}

/* Does it ring in this VM's guests, by an address or (shared) without? */
static bool rings(const struct ucall_vm *vm, bool shared)
{
	if (vm->backend)
		return ucall_code_has(&vm->backend->note.code[ucall_arch_index(vm->arch)], &vm->ops,
				      shared);
	return shared ? vm->ops.send_cmd_shared != NULL : vm->ops.send_cmd != NULL;
}

/* Would its doorbell raise #VC where nothing handles that? */
static bool lacks_vc(const struct ucall_vm *vm, const struct ucall_metadata *md)
{
	return (md->needs & UCALL_NEEDS_GUEST_VC) && vm->protection->closes_regs && !vm->guest_vc;
}

/* The names of all backends that have guest code for the VM's architecture and can serve its kind. */
static void add_suitable(const struct ucall_vm *vm, struct ucall_text *t)
{
	struct ucall_backend_info *all;
	size_t count;

	all = ucall_backends(&count);
	for (size_t i = 0; all && i < count; i++)
		if (!all[i].problem && (all[i].archs & vm->arch->bit) &&
		    (all[i].metadata.protections & vm->protection->bit) &&
		    !lacks_vc(vm, &all[i].metadata))
			ucall_text_add(t, "%s%s", t->used ? ", " : "", all[i].metadata.name);
	ucall_backends_free(all);
}

/* The backend cannot serve VMs with that protection: why, and which can? */
static int refuse_protection(const struct ucall_vm *vm)
{
	char text[512] = "";
	struct ucall_text t = { text, sizeof(text), 0 };

	if (vm->protection->bit == UCALL_PROTECT_NONE)
		return ucall_fail(EOPNOTSUPP, "backend %s is for confidential VMs only (protect)",
				  vm->backend_name);
	add_suitable(vm, &t);
	if (!lacks_vc(vm, vm->ops.metadata))
		return ucall_fail(
			EOPNOTSUPP,
			"backend %s does not claim to work in an %s VM (its metadata's protections); "
			"these do: %s",
			vm->backend_name, vm->protection->name, t.used ? text : "none here");
	return ucall_fail(
		EOPNOTSUPP,
		"backend %s cannot serve an %s VM as it is: registers are encrypted there, so its "
		"doorbell raises #VC in the guest instead of an exit that the host could read; use "
		"one of these: %s; or set guest_vc in the VM's configuration, for a guest with a #VC "
		"handler",
		vm->backend_name, vm->protection->name, t.used ? text : "none here");
}

/* It has no guest code for the VM's architecture: which have? */
static int refuse_arch(const struct ucall_vm *vm)
{
	char text[512] = "";
	struct ucall_text t = { text, sizeof(text), 0 };

	add_suitable(vm, &t);
	return ucall_fail(EOPNOTSUPP, "backend %s has no guest code for %s; %s%s", vm->backend_name,
			  vm->arch->name,
			  t.used ? "these have: "
				 : "no backend here has (where there is a compiler for "
				   "it, `ucall cc --backend` adds it)",
			  text);
}

/* Refuses what would hang or fault later. */
static int check_backend(struct ucall_vm *vm)
{
	const struct ucall_metadata *md = vm->ops.metadata;

	if (!rings(vm, false) && !rings(vm, true))
		return refuse_arch(vm);
	if ((md->needs & UCALL_NEEDS_NO_IRQCHIP) && vm->irqchip)
		return ucall_fail(EOPNOTSUPP,
				  "backend %s cannot serve a VM with an in-kernel interrupt "
				  "controller (irqchip): its doorbell would not reach the host; "
				  "leave irqchip out or choose another backend",
				  md->name);
	if ((md->needs & UCALL_NEEDS_KVM) && !(vm->engine->can & UCALL_CAN_KVM))
		return ucall_fail(EOPNOTSUPP,
				  "backend %s asks KVM itself for its doorbell; this VM has engine "
				  "%s; see `ucall list` for why kvm is not used, or choose another "
				  "backend",
				  md->name, vm->engine->name);
	if ((md->needs & UCALL_NEEDS_RING0) && vm->ring != 0)
		return ucall_fail(EOPNOTSUPP,
				  "backend %s needs guest functions in ring 0, its doorbell is a "
				  "privileged instruction; this VM has ring %d",
				  md->name, vm->ring);
	if (!(md->protections & vm->protection->bit) || lacks_vc(vm, md))
		return refuse_protection(vm);
	if (vm->via == UCALL_VIA_ADDRESS && vm->protection->bit != UCALL_PROTECT_NONE)
		return ucall_fail(
			EOPNOTSUPP,
			"UCALL_VIA_ADDRESS cannot work in an %s VM: the address is the guest's, and "
			"the host can neither walk its page tables nor read what is private%s; leave "
			"`via` out",
			vm->protection->name,
			vm->protection->closes_regs ? ", and the register with it is encrypted" : "");
	if (vm->via == UCALL_VIA_DEFAULT)
		vm->via = rings(vm, true) || vm->protection->bit != UCALL_PROTECT_NONE
				  ? UCALL_VIA_MAILBOX
				  : UCALL_VIA_ADDRESS;
	if (vm->via == UCALL_VIA_MAILBOX && !rings(vm, true))
		return ucall_fail(EOPNOTSUPP,
				  "backend %s has no send_cmd_shared and recv_cmd_shared for "
				  "UCALL_VIA_MAILBOX",
				  md->name);
	if (vm->via == UCALL_VIA_ADDRESS && !rings(vm, false))
		return ucall_fail(EOPNOTSUPP,
				  "backend %s has no send_cmd and recv_cmd for UCALL_VIA_ADDRESS: "
				  "its doorbell carries nothing",
				  md->name);
	return 0;
}

int ucall_vm_choose_backend(struct ucall_vm *vm, const struct ucall_vm_config *config)
{
	return choose_backend(vm, config) || check_backend(vm) ? -1 : 0;
}

/* Copies a plugin's guest code to where the guest ABI says; *ring is where it is entered. */
static int install_code(struct ucall_vm *vm, uint64_t *ring)
{
	const struct ucall_backend *b = vm->backend;
	const struct ucall_code *code = &b->note.code[ucall_arch_index(vm->arch)];
	size_t lead = code->link_address & (UCALL_PAGE_SIZE - 1);
	uint32_t entry = code->entry[vm->via == UCALL_VIA_MAILBOX];

	vm->code_size = ucall_page_align(lead + code->size);
	vm->code = ucall_memory_pages(vm, vm->code_size / UCALL_PAGE_SIZE);
	if (!vm->code)
		return -1;
	memcpy((uint8_t *)ucall_memory_pointer(vm, vm->code, vm->code_size) + lead, code->bytes,
	       code->size);
	if (entry == UCALL_ENTRY_OPS)
		entry = (uint32_t)(*ring - b->code);
	*ring = UCALL_CODE_ADDRESS + lead + entry;
	return 0;
}

int ucall_vm_install_backend(struct ucall_vm *vm)
{
	uint64_t ring = (uint64_t)(uintptr_t)(vm->via == UCALL_VIA_ADDRESS ? vm->ops.send_cmd
									   : vm->ops.send_cmd_shared);

	vm->bell_gpa = ucall_memory_pages(vm, 1);
	if (!vm->bell_gpa)
		return -1;
	vm->bell = ucall_memory_pointer(vm, vm->bell_gpa, UCALL_PAGE_SIZE);
	if (vm->backend && install_code(vm, &ring))
		return -1;
	vm->bell->guest_abi = ucall_guest32(vm->arch, UCALL_GUEST_ABI);
	vm->bell->protection = ucall_guest32(vm->arch, vm->protection->bell);
	vm->bell->ring = ucall_guest64(vm->arch, ring);
	ucall_forget_error();
	if (vm->ops.init && vm->ops.init(vm, vm->args)) {
		ucall_fail_unsaid("init");
		return ucall_fail_in("backend %s", vm->backend_name);
	}
	vm->backend_ready = true;
	return 0;
}

int ucall_vcpu_install_backend(struct ucall_vcpu *vcpu)
{
	struct ucall_vm *vm = vcpu->vm;

	ucall_forget_error();
	if (vm->ops.vcpu_init && vm->ops.vcpu_init(vm, vcpu)) {
		ucall_fail_unsaid("vcpu_init");
		return ucall_fail_in("backend %s", vm->backend_name);
	}
	vcpu->backend_ready = true;
	return 0;
}

void ucall_vcpu_remove_backend(struct ucall_vcpu *vcpu)
{
	struct ucall_vm *vm = vcpu->vm;

	if (vcpu->backend_ready && vm->ops.vcpu_fini && !vm->inherited)
		vm->ops.vcpu_fini(vm, vcpu);
	vcpu->backend_ready = false;
}

void ucall_vm_remove_backend(struct ucall_vm *vm)
{
	for (struct ucall_vcpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next)
		ucall_vcpu_remove_backend(vcpu);
	if (vm->backend_ready && vm->ops.uninit && !vm->inherited)
		vm->ops.uninit(vm);
	vm->backend_ready = false;
}

const char *ucall_vm_backend(const struct ucall_vm *vm)
{
	return vm ? vm->backend_name : NULL;
}

const char *ucall_vm_backend_path(const struct ucall_vm *vm)
{
	return vm ? (vm->backend ? vm->backend->path : NULL) : NULL;
}

/* ---- for backends ---- */

int ucall_vm_set_param(struct ucall_vm *vm, unsigned int n, uint64_t value)
{
	if (ucall_is_null(vm, "ucall_vm_set_param"))
		return -1;
	if (ucall_memory_set_up(vm, "ucall_vm_set_param"))
		return -1;
	if (n >= UCALL_PARAMS)
		return ucall_fail(EINVAL, "ucall_vm_set_param: %u; there are %d", n, UCALL_PARAMS);
	vm->bell->param[n] = ucall_guest64(vm->arch, value);
	return 0;
}

int ucall_vm_set_queue(struct ucall_vm *vm, uint32_t lines, bool polled)
{
	const uint32_t least = 64; /* a message can have 34 */

	if (ucall_is_null(vm, "ucall_vm_set_queue"))
		return -1;
	if (ucall_memory_set_up(vm, "ucall_vm_set_queue"))
		return -1;
	if (lines < least || lines > UCALL_QUEUE_LINES_MOST || (lines & (lines - 1)))
		return ucall_fail(EINVAL,
				  "ucall_vm_set_queue: %u lines; give a power of two from %u to %u",
				  lines, least, UCALL_QUEUE_LINES_MOST);
	if (vm->via == UCALL_VIA_ADDRESS)
		return ucall_fail(EOPNOTSUPP,
				  "ucall_vm_set_queue: with UCALL_VIA_ADDRESS each message is where "
				  "its exit says; leave `via` out");
	vm->queue_lines = lines;
	vm->queue_polled = polled;
	return 0;
}

uint64_t ucall_vm_map_device(struct ucall_vm *vm, uint64_t gpa, size_t size)
{
	if (ucall_is_null(vm, "ucall_vm_map_device"))
		return 0;
	uint64_t gva = vm->memory.heap + UCALL_PAGE_SIZE, first = gpa & ~(uint64_t)0xfff;
	uint64_t pages = ucall_page_align(gpa - first + size);

	if (ucall_memory_set_up(vm, "ucall_vm_map_device"))
		return 0;
	if (!size || gpa + size < gpa || pages > UCALL_MEM_MAX) {
		ucall_fail(EINVAL, "cannot map %zu bytes at guest-physical address 0x%llx", size,
			   (unsigned long long)gpa);
		return 0;
	}
	if (first < vm->memory.size) {
		ucall_fail(EINVAL,
			   "guest-physical address 0x%llx is guest memory, where no access exits; "
			   "give an address of 0x%zx or more",
			   (unsigned long long)gpa, vm->memory.size);
		return 0;
	}
	if (vm->flat)
		gva = first;
	if (ucall_memory_map_device(vm, gva, first, pages))
		return 0;
	if (!vm->flat)
		vm->memory.heap = gva + pages;
	return gva + (gpa - first);
}

void ucall_vm_set_backend_data(struct ucall_vm *vm, void *data)
{
	if (!vm)
		return;
	vm->backend_data = data;
}

void *ucall_vm_backend_data(const struct ucall_vm *vm)
{
	return vm ? vm->backend_data : NULL;
}
