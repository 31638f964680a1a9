// SPDX-License-Identifier: MIT
/* VMs: from a configuration to a VM with memory, image and backend. */
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "image.h"
#include "memory.h"
#include "base/options.h"
#include "process.h"
#include "protect/protect.h"
#include "channel/runner.h"
#include "snapshot.h"
#include "vcpu.h"
#include "channel/channel.h"
#include "vm.h"

#define DEFAULT_TIMEOUT_MS 10000

/* ---- configuration ---- */

static int parse_timeout(int *timeout_ms)
{
	const char *text = secure_getenv("UCALL_TIMEOUT");
	double seconds;
	locale_t c;
	char *end;

	*timeout_ms = DEFAULT_TIMEOUT_MS;
	if (!text || !*text)
		return 0;
	c = newlocale(LC_ALL_MASK, "C", NULL); /* the program's may have a comma in numbers */
	if (!c)
		return ucall_fail(errno, "newlocale: %s", strerror(errno));
	seconds = strtod_l(text, &end, c);
	freelocale(c);
	if (end == text || *end || !(seconds > 0) || seconds > 1e6)
		return ucall_fail(EINVAL,
				  "UCALL_TIMEOUT=%s is no time; give seconds, such as 10 or 0.5",
				  text);
	*timeout_ms = seconds < 0.001 ? 1 : (int)(seconds * 1000);
	return 0;
}

/* The guest's architecture, and what runs it. */
static int choose_engine(struct ucall_vm *vm, const struct ucall_vm_config *config)
{
	const char *name = config->engine, *reason;

	if (config->image || config->image_data) {
		vm->image = ucall_image_open(config->image, config->image_data, config->image_size);
		if (!vm->image)
			return -1;
	}
	vm->arch = vm->image ? vm->image->arch : ucall_arch_native;
	if (config->arch) {
		const struct ucall_arch *arch = ucall_arch_find(config->arch);

		if (!arch)
			return -1;
		if (vm->image && arch != vm->arch)
			return ucall_fail(EINVAL,
					  "%s is a guest for %s, and the VM's configuration says %s",
					  vm->image->name, vm->arch->name, arch->name);
		if (arch != vm->arch)
			return ucall_fail(EINVAL,
					  "a %s guest on this %s host must be a separate guest ELF; make "
					  "one with `ucall cc --arch %s` and name it in the VM's "
					  "configuration (image)",
					  arch->name, vm->arch->name, arch->name);
	}
	vm->engine = ucall_engine_choose(name, vm->arch, config->kvm_device, &reason);
	if (!vm->engine)
		return -1;
	vm->engine_reason = ucall_strdup(reason);
	vm->flat = !(vm->engine->can & UCALL_CAN_PAGING);
	return vm->engine_reason ? 0 : -1;
}

/* Refuses what the engine cannot do, and tells whether another can. */
static int check_engine(const struct ucall_vm *vm)
{
	const struct {
		bool wanted;
		uint32_t bit;
		const char *what;
	} wishes[] = {
		{ vm->irqchip, UCALL_CAN_IRQCHIP, "an in-kernel interrupt controller (irqchip)" },
		{ vm->ring != 0, UCALL_CAN_RING3, "guest functions in ring 3" },
		{ vm->protection->bit != UCALL_PROTECT_NONE, UCALL_CAN_PROTECT,
		  "encrypted memory (protect)" },
	};

	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		bool kvm_can = (ucall_engine_kvm.can & wishes[i].bit) &&
			       (ucall_engine_kvm.archs & vm->arch->bit);

		if (wishes[i].wanted && !(vm->engine->can & wishes[i].bit))
			return ucall_fail(EOPNOTSUPP,
					  "engine %s cannot have %s for guests of %s%s (%s)",
					  vm->engine->name, wishes[i].what, vm->arch->name,
					  kvm_can ? "; engine kvm can" : "", vm->engine_reason);
	}
	return 0;
}

static int apply_config(struct ucall_vm *vm, const struct ucall_vm_config *config)
{
	vm->output = config->output;
	vm->irqchip = config->irqchip;
	vm->nested = config->nested;
	vm->ring = config->ring;
	vm->via = config->via;
	vm->timeout_ms = config->timeout_ms;
	if (vm->ring != 0 && vm->ring != 3)
		return ucall_fail(EINVAL, "ring is %d; give 0 or 3", vm->ring);
	if ((unsigned int)vm->via > UCALL_VIA_ADDRESS)
		return ucall_fail(EINVAL, "via is %d; give one of enum ucall_via", (int)vm->via);
	if (vm->timeout_ms < -1)
		return ucall_fail(EINVAL, "timeout_ms is %d; give a time, 0 or -1", vm->timeout_ms);
	vm->guest_vc = config->guest_vc;
	if (ucall_protect_choose(vm, config->protect))
		return -1;
	return vm->timeout_ms ? 0 : parse_timeout(&vm->timeout_ms);
}

/* ---- what the core puts into the guest ---- */

/* The code that a guest function returns to, where no exception stubs hold it. */
static int map_return(struct ucall_vm *vm)
{
	size_t size;
	const void *code = ucall_native.return_code(&size);
	uint64_t gpa = ucall_memory_pages(vm, 1);

	if (!gpa)
		return -1;
	memcpy(ucall_memory_pointer(vm, gpa, size), code, size);
	vm->return_address = UCALL_RETURN_ADDRESS;
	return ucall_memory_map(vm, UCALL_RETURN_ADDRESS, gpa, UCALL_PAGE_SIZE, UCALL_MAP_EXEC);
}

static int load_guest(struct ucall_vm *vm)
{
	if (vm->image ? ucall_image_load(vm) : ucall_image_copy(vm))
		return -1;
	if (!vm->flat) {
		if (ucall_native.vm_init(vm))
			return -1;
		vm->return_address = ucall_native.return_address();
	} else if (!vm->image) {
		return map_return(vm);
	}
	return 0;
}

/* ---- public ---- */

static int build(struct ucall_vm *vm, const struct ucall_vm_config *config)
{
	if (apply_config(vm, config) || choose_engine(vm, config))
		return -1;
	if (check_engine(vm) || ucall_vm_choose_backend(vm, config))
		return -1;
	if (vm->engine->vm_init(vm, config) || ucall_memory_init(vm, config->mem_size))
		return -1;
	return load_guest(vm) ? -1 : ucall_vm_install_backend(vm);
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
	vm = ucall_calloc(1, sizeof(*vm));
	if (!vm)
		return NULL;
	ucall_process_own(vm);
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
	vm->inherited = ucall_process_inherited(vm);
	ucall_runner_stop_all(vm);
	ucall_vm_remove_backend(vm);
	ucall_snapshot_free(vm);
	while (vm->vcpus) {
		struct ucall_vcpu *vcpu = vm->vcpus;

		vm->vcpus = vcpu->next;
		ucall_vcpu_free(vcpu);
	}
	if (vm->engine)
		vm->engine->vm_fini(vm);
	ucall_memory_fini(vm);
	ucall_image_close(vm->image);
	ucall_args_free(vm->args);
	ucall_args_free(vm->protect_args);
	free(vm->backend_name);
	free(vm->engine_reason);
	if (!vm->inherited)
		pthread_mutex_destroy(&vm->lock);
	free(vm);
	errno = error;
}

const char *ucall_vm_engine(const struct ucall_vm *vm)
{
	return vm ? vm->engine->name : NULL;
}

const char *ucall_vm_engine_reason(const struct ucall_vm *vm)
{
	return vm ? vm->engine_reason : NULL;
}

bool ucall_vm_is_flat(const struct ucall_vm *vm)
{
	return vm ? vm->flat : false;
}

const char *ucall_vm_arch(const struct ucall_vm *vm)
{
	return vm ? vm->arch->name : NULL;
}

int ucall_vm_ring(const struct ucall_vm *vm)
{
	return vm ? vm->ring : 0;
}

bool ucall_vm_has_irqchip(const struct ucall_vm *vm)
{
	return vm ? vm->irqchip : false;
}

enum ucall_via ucall_vm_via(const struct ucall_vm *vm)
{
	return vm ? vm->via : UCALL_VIA_DEFAULT;
}

int ucall_vm_fd(const struct ucall_vm *vm)
{
	if (ucall_is_null(vm, "ucall_vm_fd"))
		return -1;
	if (!vm->engine->vm_fd)
		return ucall_fail(EOPNOTSUPP, "ucall_vm_fd: a VM of engine %s has no descriptor",
				  vm->engine->name);
	return vm->engine->vm_fd(vm);
}
