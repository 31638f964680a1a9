// SPDX-License-Identifier: MIT
/* VMs: from a configuration to a VM with memory, image and backend. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "error.h"
#include "image.h"
#include "memory.h"
#include "options.h"
#include "vcpu.h"
#include "vm.h"

#define DEFAULT_TIMEOUT_MS 10000

/* ---- configuration ---- */

static int parse_timeout(int *timeout_ms)
{
	const char *text = secure_getenv("UCALL_TIMEOUT");
	double seconds;
	char *end;

	*timeout_ms = DEFAULT_TIMEOUT_MS;
	if (!text || !*text)
		return 0;
	seconds = strtod(text, &end);
	if (end == text || *end || !(seconds > 0) || seconds > 1e6)
		return ucall_fail(EINVAL,
				  "UCALL_TIMEOUT=%s is no time; give seconds, such as 10 or 0.5",
				  text);
	*timeout_ms = seconds < 0.001 ? 1 : (int)(seconds * 1000);
	return 0;
}

static int apply_config(struct ucall_vm *vm, const struct ucall_vm_config *config)
{
	vm->engine = &ucall_engine_kvm;
	vm->arch = &ucall_arch_native;
	vm->output = config->output;
	vm->irqchip = config->irqchip;
	vm->ring = config->ring;
	vm->via = config->via;
	vm->timeout_ms = config->timeout_ms;
	if (vm->ring != 0 && vm->ring != 3)
		return ucall_fail(EINVAL, "ring is %d; give 0 or 3", vm->ring);
	if ((unsigned int)vm->via > UCALL_VIA_ADDRESS)
		return ucall_fail(EINVAL, "via is %d; give one of enum ucall_via", (int)vm->via);
	if (vm->timeout_ms < -1)
		return ucall_fail(EINVAL, "timeout_ms is %d; give a time, 0 or -1", vm->timeout_ms);
	return vm->timeout_ms ? 0 : parse_timeout(&vm->timeout_ms);
}

/* ---- backend ---- */

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
		text = chosen = ucall_backend_default(vm->arch->bit, UCALL_PROTECT_NONE);
	if (!text)
		return -1;
	name = ucall_config_name(text);
	vm->backend = name ? ucall_backend_load(name) : NULL;
	free(name);
	if (vm->backend) {
		vm->ops = vm->backend->ops;
		/* The copy that was checked, which has this library's size. */
		vm->ops.metadata = &vm->backend->note.metadata;
		vm->args = ucall_args_parse(vm->ops.metadata, ucall_config_options(text));
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
		if (ucall_backend_copy_ops(&vm->ops, config->ops))
			return ucall_fail_in("the program's own backend");
		vm->args = ucall_args_parse(vm->ops.metadata, config->ops_options);
		if (!vm->args)
			return -1;
	}
	vm->backend_name = strndup(vm->ops.metadata->name, sizeof(vm->ops.metadata->name));
	return vm->backend_name ? 0 : ucall_fail(ENOMEM, "out of memory");
}

/* Refuses what would hang or fault later. */
static int check_backend(struct ucall_vm *vm)
{
	const struct ucall_metadata *md = vm->ops.metadata;

	if ((md->needs & UCALL_NEEDS_NO_IRQCHIP) && vm->irqchip)
		return ucall_fail(EOPNOTSUPP,
				  "backend %s cannot serve a VM with an in-kernel interrupt "
				  "controller (irqchip): its doorbell would not reach the host; "
				  "leave irqchip out or choose another backend",
				  md->name);
	if ((md->needs & UCALL_NEEDS_RING0) && vm->ring != 0)
		return ucall_fail(EOPNOTSUPP,
				  "backend %s needs guest functions in ring 0, its doorbell is a "
				  "privileged instruction; this VM has ring %d",
				  md->name, vm->ring);
	if (!(md->protections & UCALL_PROTECT_NONE))
		return ucall_fail(EOPNOTSUPP, "backend %s is for confidential VMs only", md->name);
	if (vm->via == UCALL_VIA_DEFAULT)
		vm->via = vm->ops.send_cmd_shared ? UCALL_VIA_MAILBOX : UCALL_VIA_ADDRESS;
	if (vm->via == UCALL_VIA_MAILBOX && !vm->ops.send_cmd_shared)
		return ucall_fail(EOPNOTSUPP,
				  "backend %s has no send_cmd_shared and recv_cmd_shared for "
				  "UCALL_VIA_MAILBOX",
				  md->name);
	if (vm->via == UCALL_VIA_ADDRESS && !vm->ops.send_cmd)
		return ucall_fail(EOPNOTSUPP,
				  "backend %s has no send_cmd and recv_cmd for UCALL_VIA_ADDRESS: "
				  "its doorbell carries nothing",
				  md->name);
	return 0;
}

/* The bell page, and the backend's guest code at the address that the guest ABI gives. */
static int install_backend(struct ucall_vm *vm)
{
	uint64_t ring = (uint64_t)(uintptr_t)(vm->via == UCALL_VIA_ADDRESS ? vm->ops.send_cmd
									   : vm->ops.send_cmd_shared);

	vm->bell_gpa = ucall_memory_pages(vm, 1);
	if (!vm->bell_gpa)
		return -1;
	vm->bell = ucall_memory_pointer(vm, vm->bell_gpa, UCALL_PAGE_SIZE);
	vm->bell->guest_abi = UCALL_GUEST_ABI;
	if (vm->backend) {
		const struct ucall_backend *b = vm->backend;
		size_t lead = b->note.native.link_address & (UCALL_PAGE_SIZE - 1);

		vm->code_size = ucall_page_align(lead + b->note.native.size);
		vm->code = ucall_memory_pages(vm, vm->code_size / UCALL_PAGE_SIZE);
		if (!vm->code)
			return -1;
		memcpy((uint8_t *)ucall_memory_pointer(vm, vm->code, vm->code_size) + lead,
		       b->note.native.bytes, b->note.native.size);
		ring = UCALL_CODE_ADDRESS + lead + (ring - b->code);
	}
	vm->bell->ring = ring;
	if (vm->ops.init && vm->ops.init(vm, vm->args))
		return ucall_fail_in("backend %s", vm->backend_name);
	vm->backend_ready = true;
	return 0;
}

/* ---- public ---- */

static int build(struct ucall_vm *vm, const struct ucall_vm_config *config)
{
	if (apply_config(vm, config) || choose_backend(vm, config) || check_backend(vm))
		return -1;
	if (vm->engine->vm_init(vm, config) || ucall_memory_init(vm, config->mem_size))
		return -1;
	if (ucall_image_copy(vm) || vm->arch->vm_init(vm))
		return -1;
	return install_backend(vm);
}

struct ucall_vm *ucall_vm_create_sized(const struct ucall_vm_config *config, size_t config_size)
{
	struct ucall_vm_config full;
	struct ucall_vm *vm;

	/* A program built with an older header has a shorter configuration. */
	memset(&full, 0, sizeof(full));
	if (config) {
		const uint8_t *bytes = (const uint8_t *)config;

		for (size_t i = sizeof(full); i < config_size; i++) {
			if (bytes[i]) {
				ucall_fail(EINVAL,
					   "the program sets a field of struct ucall_vm_config that "
					   "this libucall (%s) does not have; install a newer one",
					   ucall_version());
				return NULL;
			}
		}
		memcpy(&full, config, config_size < sizeof(full) ? config_size : sizeof(full));
	}
	vm = calloc(1, sizeof(*vm));
	if (!vm) {
		ucall_fail(ENOMEM, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&vm->lock, NULL);
	if (build(vm, &full)) {
		ucall_vm_free(vm);
		return NULL;
	}
	return vm;
}

void ucall_vm_free(struct ucall_vm *vm)
{
	int error = errno;

	if (!vm)
		return;
	if (vm->backend_ready && vm->ops.uninit)
		vm->ops.uninit(vm);
	while (vm->vcpus) {
		struct ucall_vcpu *vcpu = vm->vcpus;

		vm->vcpus = vcpu->next;
		ucall_vcpu_free(vcpu);
	}
	if (vm->engine)
		vm->engine->vm_fini(vm);
	ucall_memory_fini(vm);
	ucall_args_free(vm->args);
	free(vm->backend_name);
	pthread_mutex_destroy(&vm->lock);
	free(vm);
	errno = error;
}

const char *ucall_vm_backend(const struct ucall_vm *vm)
{
	return vm->backend_name;
}

const char *ucall_vm_backend_path(const struct ucall_vm *vm)
{
	return vm->backend ? vm->backend->path : NULL;
}

const char *ucall_vm_engine(const struct ucall_vm *vm)
{
	return vm->engine->name;
}

const char *ucall_vm_arch(const struct ucall_vm *vm)
{
	return vm->arch->name;
}

enum ucall_via ucall_vm_via(const struct ucall_vm *vm)
{
	return vm->via;
}

int ucall_vm_fd(const struct ucall_vm *vm)
{
	return vm->engine->vm_fd(vm);
}

int ucall_engine_check(const char *engine)
{
	if (strcmp(engine, ucall_engine_kvm.name) != 0)
		return ucall_fail(EINVAL, "no engine \"%s\"; there is: %s", engine,
				  ucall_engine_kvm.name);
	return ucall_engine_kvm.check(NULL);
}

/* ---- for backends ---- */

int ucall_vm_set_param(struct ucall_vm *vm, unsigned int n, uint64_t value)
{
	if (n >= UCALL_PARAMS)
		return ucall_fail(EINVAL, "ucall_vm_set_param: %u; there are %d", n, UCALL_PARAMS);
	vm->bell->param[n] = value;
	return 0;
}

uint64_t ucall_vm_map_device(struct ucall_vm *vm, uint64_t gpa, size_t size)
{
	uint64_t gva = vm->memory.heap + UCALL_PAGE_SIZE, first = gpa & ~(uint64_t)0xfff;
	uint64_t pages = ucall_page_align(gpa - first + size);

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
	if (ucall_memory_map(vm, gva, first, pages, UCALL_MAP_WRITE))
		return 0;
	vm->memory.heap = gva + pages;
	return gva + (gpa - first);
}

void ucall_vm_set_backend_data(struct ucall_vm *vm, void *data)
{
	vm->backend_data = data;
}

void *ucall_vm_backend_data(const struct ucall_vm *vm)
{
	return vm->backend_data;
}
