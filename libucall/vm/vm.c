// SPDX-License-Identifier: MIT
/* Creates and frees libucall's own VMs: a machine and a channel over it. */
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/process.h"
#include "machine/coverage-file.h"
#include "machine/coverage.h"
#include "machine/image.h"
#include "own.h"
#include "protect/protect.h"

#define DEFAULT_TIMEOUT_MS 10000

static int parse_timeout(int *timeout_ms)
{
	const char *text = secure_getenv("UCALL_TIMEOUT");
	double seconds;
	locale_t c;
	char *end;

	*timeout_ms = DEFAULT_TIMEOUT_MS;
	if (!text || !*text)
		return 0;
	c = newlocale(LC_ALL_MASK, "C", NULL); /* the program's locale may use a decimal comma */
	if (!c)
		return ucall_fail(errno, "newlocale: %s", strerror(errno));
	seconds = strtod_l(text, &end, c);
	freelocale(c);
	if (end == text || *end || !(seconds > 0) || seconds > 1e6)
		return ucall_fail(EINVAL,
				  "UCALL_TIMEOUT=%s is not a time; give seconds, such as 10 or 0.5",
				  text);
	*timeout_ms = seconds < 0.001 ? 1 : (int)(seconds * 1000);
	return 0;
}

static int apply_config(struct ucall_channel *c, const struct ucall_vm_config *config)
{
	c->output = config->output;
	c->via = config->via;
	c->timeout_ms = config->timeout_ms;
	if ((unsigned int)c->via > UCALL_VIA_ADDRESS)
		return ucall_fail(EINVAL, "via is %d; give one of enum ucall_via", (int)c->via);
	if (c->timeout_ms < -1)
		return ucall_fail(EINVAL, "timeout_ms is %d; give a time, 0 or -1", c->timeout_ms);
	return c->timeout_ms ? 0 : parse_timeout(&c->timeout_ms);
}

/* Sets up the channel's traits and backend; the machine's engine is known. */
static int choose_backend(struct ucall_own_vm *vm, const struct ucall_vm_config *config)
{
	struct ucall_machine *m = &vm->machine;

	vm->channel.vm = &vm->handle;
	vm->channel.machine = &ucall_own_ops;
	vm->channel.data = vm;
	vm->channel.process = m->process;
	vm->channel.traits = (struct ucall_traits){
		.arch = m->arch,
		.protection = m->protection,
		.engine = m->engine->name,
		.has_kvm = m->engine->can() & UCALL_CAN_KVM,
		.irqchip = m->irqchip,
		.guest_vc = m->guest_vc,
		.separate_image = m->image != NULL,
		.ring = m->ring,
	};
	if (ucall_channel_choose(&vm->channel, config->backend, config->ops, config->ops_options))
		return -1;
	m->wants_root = vm->channel.via == UCALL_VIA_ADDRESS;
	return 0;
}

static int build(struct ucall_own_vm *vm, const struct ucall_vm_config *config)
{
	if (ucall_machine_init(&vm->machine, NULL, NULL) || apply_config(&vm->channel, config) ||
	    ucall_machine_choose(&vm->machine, config) || choose_backend(vm, config) ||
	    ucall_machine_build(&vm->machine, config))
		return -1;
	ucall_machine_finish(&vm->machine);
	/* A backend's init() may already use the VM. */
	return ucall_trace_open(vm) || ucall_channel_open(&vm->channel) || ucall_debug_open(vm) ? -1
												: 0;
}

struct ucall_vm *ucall_vm_create_sized(const struct ucall_vm_config *config, size_t config_size)
{
	struct ucall_vm_config full;
	struct ucall_own_vm *vm;

	/* A program built with an older header has a shorter configuration. */
	memset(&full, 0, sizeof(full));
	if (config) {
		const uint8_t *bytes = (const uint8_t *)config;

		for (size_t i = sizeof(full); i < config_size; i++) {
			if (bytes[i]) {
				ucall_fail(
					EINVAL,
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
	vm->handle.channel = &vm->channel;
	vm->handle.machine = &vm->machine;
	if (build(vm, &full)) {
		ucall_vm_free(&vm->handle);
		return NULL;
	}
	return &vm->handle;
}

static void free_own(struct ucall_own_vm *vm)
{
	struct ucall_machine *m = &vm->machine;

	m->inherited = ucall_process_is_inherited(m->process);
	ucall_debug_close(vm, m->inherited);
	ucall_own_stop(vm);
	ucall_trace_close(vm, m->inherited);
	for (struct ucall_cpu *cpu = m->vcpus; cpu; cpu = cpu->next)
		ucall_port_leave(&ucall_own_vcpu(cpu)->port, m->inherited);
	ucall_channel_close(&vm->channel, m->inherited);
	if (!m->inherited)
		ucall_coverage_collect(m);
	ucall_own_drop_states(vm);
	while (m->vcpus) {
		struct ucall_cpu *cpu = m->vcpus;

		m->vcpus = cpu->next;
		ucall_own_vcpu_free(ucall_own_vcpu(cpu));
	}
	ucall_machine_fini(m);
	free(vm);
}

void ucall_vm_free(struct ucall_vm *vm)
{
	int error = errno;

	if (!vm)
		return;
	if (vm->machine)
		free_own(ucall_own_vm(vm->machine));
	else
		vm->channel->machine->free(vm->channel->data);
	errno = error;
}

int ucall_vm_sync_coverage(struct ucall_vm *handle)
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_sync_coverage");
	int r;

	if (!vm || ucall_process_check(vm->process, "ucall_vm_sync_coverage"))
		return -1;
	if (vm->memory.has_private)
		return ucall_fail(
			EPERM,
			"ucall_vm_sync_coverage: the guest counts in private memory, which "
			"the host of a VM with %s cannot read; test its coverage without "
			"protection",
			vm->protection->name);
	ucall_own_stop(ucall_own_vm(vm));
	if (!vm->image)
		return ucall_coverage_collect(vm);
	pthread_mutex_lock(&vm->lock);
	r = ucall_coverage_write(vm);
	pthread_mutex_unlock(&vm->lock);
	return r;
}

const char *ucall_vm_engine_reason(const struct ucall_vm *vm)
{
	return vm && vm->machine ? vm->machine->engine_reason : NULL;
}

bool ucall_vm_is_flat(const struct ucall_vm *vm)
{
	return vm && vm->machine ? vm->machine->flat : false;
}
