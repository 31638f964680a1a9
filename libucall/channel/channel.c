// SPDX-License-Identifier: MIT
/* A channel's backend: which one, whether it can serve this machine, and its code in the guest. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/byte-order.h"
#include "base/error.h"
#include "base/handle.h"
#include "base/options.h"
#include "base/text.h"
#include "channel.h"
#include "machine/pages.h"
#include "plugin/backend.h"
#include "protect/protect.h"
#include "queued.h"

/* Loads the plugin named by the configuration or the environment, or the default; its options. */
static int choose_plugin(struct ucall_channel *c, const char *text)
{
	char *chosen = NULL, *name;

	if (!text) {
		text = secure_getenv("UCALL_BACKEND");
		if (text && !*text)
			text = NULL;
	}
	if (!text)
		text = chosen =
			ucall_backend_default(c->traits.arch->bit, c->traits.protection->bit);
	if (!text)
		return -1;
	name = ucall_config_name(text, "backend");
	c->backend = name ? ucall_backend_load(name) : NULL;
	free(name);
	if (c->backend) {
		c->ops = c->backend->ops;
		/* The copy that was checked, which has this library's size. */
		c->ops.metadata = &c->backend->note.metadata;
		c->args = ucall_args_parse(c->ops.metadata, ucall_config_options(text), "backend");
	}
	free(chosen);
	return c->args ? 0 : -1;
}

/* Sets c->ops, c->args and the name. */
static int choose_backend(struct ucall_channel *c, const char *backend, const struct ucall_ops *ops,
			  const char *ops_options)
{
	if (!ops) {
		if (choose_plugin(c, backend))
			return -1;
	} else {
		if (c->traits.separate_image)
			return ucall_fail(
				EOPNOTSUPP,
				"the program's own backend (ops) has its guest code in the "
				"program; a VM with a separate guest ELF needs a plugin");
		if (ucall_backend_copy_ops(&c->ops, ops) ||
		    ucall_ops_check_pairs(c->ops.send_cmd, c->ops.recv_cmd, c->ops.send_cmd_shared,
					  c->ops.recv_cmd_shared))
			return ucall_fail_in("the program's own backend");
		c->args = ucall_args_parse(c->ops.metadata, ops_options, "backend");
		if (!c->args)
			return -1;
	}
	c->backend_name = ucall_strndup(c->ops.metadata->name, sizeof(c->ops.metadata->name));
	return c->backend_name ? 0 : -1;
}

/* True if it can ring in this VM's guests, with an address or (shared) without. */
static bool rings(const struct ucall_channel *c, bool shared)
{
	if (c->backend)
		return ucall_code_has_entry(
			&c->backend->note.code[ucall_arch_index(c->traits.arch)], &c->ops, shared);
	return shared ? c->ops.send_cmd_shared != NULL : c->ops.send_cmd != NULL;
}

/* True if its doorbell would raise #VC in a guest that does not handle it. */
static bool needs_missing_vc(const struct ucall_channel *c, const struct ucall_metadata *md)
{
	return (md->needs & UCALL_NEEDS_GUEST_VC) && c->traits.protection->exit_vector &&
	       !c->traits.guest_vc;
}

/*
 * Adds the names of all backends that have guest code for the VM's architecture and can serve it.
 */
static void add_suitable(const struct ucall_channel *c, struct ucall_text *t)
{
	struct ucall_backend_info *all;
	size_t count;

	all = ucall_backends(&count);
	for (size_t i = 0; all && i < count; i++)
		if (!all[i].problem && (all[i].archs & c->traits.arch->bit) &&
		    (all[i].metadata.protections & c->traits.protection->bit) &&
		    !needs_missing_vc(c, &all[i].metadata))
			ucall_text_add(t, "%s%s", t->used ? ", " : "", all[i].metadata.name);
	if (!all)
		ucall_text_add(t, "unknown (%s)", ucall_error());
	ucall_backends_free(all);
}

/* Says why the backend cannot serve VMs with this protection, and which backends can. */
static int refuse_protection(const struct ucall_channel *c)
{
	char text[512] = "";
	struct ucall_text t = { text, sizeof(text), 0 };

	if (c->traits.protection->bit == UCALL_PROTECT_NONE)
		return ucall_fail(EOPNOTSUPP, "backend %s is for confidential VMs only (%s)",
				  c->backend_name, c->traits.attached ? "protection" : "protect");
	add_suitable(c, &t);
	if (!(c->ops.metadata->protections & c->traits.protection->bit))
		return ucall_fail(EOPNOTSUPP,
				  "backend %s does not work in a VM with protection %s (its "
				  "metadata's protections); these do: %s",
				  c->backend_name, c->traits.protection->name,
				  t.used ? text : "none here");
	return ucall_fail(EOPNOTSUPP,
			  "backend %s cannot serve an %s VM as it is: registers are encrypted "
			  "there, so its "
			  "doorbell raises %s in the guest instead of an exit that the host could "
			  "read; use "
			  "one of these: %s; or set guest_vc in the VM's configuration, for a "
			  "guest with a %s "
			  "handler",
			  c->backend_name, c->traits.protection->name,
			  c->traits.protection->exit_exception, t.used ? text : "none here",
			  c->traits.protection->exit_exception);
}

/* Says that it has no guest code for the VM's architecture, and which backends do. */
static int refuse_arch(const struct ucall_channel *c)
{
	char text[512] = "";
	struct ucall_text t = { text, sizeof(text), 0 };

	add_suitable(c, &t);
	return ucall_fail(EOPNOTSUPP, "backend %s has no guest code for %s; %s%s", c->backend_name,
			  c->traits.arch->name,
			  t.used ? "these do: "
				 : "no backend here does (with a compiler for it, "
				   "`ucall cc --backend` adds it)",
			  text);
}

/* Refuses what would hang or fault later. */
static int check_backend(struct ucall_channel *c)
{
	const struct ucall_metadata *md = c->ops.metadata;

	if (!rings(c, false) && !rings(c, true))
		return refuse_arch(c);
	if ((md->needs & UCALL_NEEDS_NO_IRQCHIP) && c->traits.irqchip)
		return ucall_fail(EOPNOTSUPP,
				  "backend %s cannot serve a VM with an in-kernel interrupt "
				  "controller (irqchip): its doorbell would not reach the host; "
				  "leave irqchip out or choose another backend",
				  md->name);
	if ((md->needs & UCALL_NEEDS_KVM) && !c->traits.has_kvm)
		return ucall_fail(EOPNOTSUPP,
				  "backend %s needs KVM for its doorbell; this VM has engine %s; "
				  "`ucall list` says why kvm is not used, or choose another "
				  "backend",
				  md->name, c->traits.engine);
	if ((md->needs & UCALL_NEEDS_RING0) && c->traits.ring != 0)
		return ucall_fail(EOPNOTSUPP,
				  "backend %s needs guest functions in ring 0: its doorbell is a "
				  "privileged instruction; this VM has ring %d",
				  md->name, c->traits.ring);
	if (!(md->protections & c->traits.protection->bit) || needs_missing_vc(c, md))
		return refuse_protection(c);
	if (c->via == UCALL_VIA_DEFAULT && c->traits.attached)
		c->via = rings(c, false) ? UCALL_VIA_ADDRESS : UCALL_VIA_MAILBOX;
	if (c->via == UCALL_VIA_ADDRESS && c->traits.protection->bit != UCALL_PROTECT_NONE &&
	    (!c->traits.attached || ucall_protection_closes(c->traits.protection)))
		return ucall_fail(
			EOPNOTSUPP,
			"UCALL_VIA_ADDRESS cannot work in an %s VM: the address is guest-virtual, "
			"and the host can neither walk the guest's page tables nor read private "
			"memory%s; leave `via` out",
			c->traits.protection->name,
			ucall_protection_closes(c->traits.protection)
				? ", and the register that holds it is encrypted"
				: "");
	if (c->via == UCALL_VIA_MAILBOX && !c->machine->map_own)
		return ucall_fail(
			EOPNOTSUPP,
			"backend %s sends only by mailbox, which needs map_own() in the attach "
			"configuration",
			md->name);
	if (c->via == UCALL_VIA_ADDRESS && c->traits.attached && !rings(c, false))
		return ucall_fail(EOPNOTSUPP,
				  "backend %s cannot carry an address; attach with via = "
				  "UCALL_ATTACH_BY_MAILBOX and map_own()",
				  md->name);
	if (c->via == UCALL_VIA_DEFAULT)
		c->via = rings(c, true) || c->traits.protection->bit != UCALL_PROTECT_NONE
				 ? UCALL_VIA_MAILBOX
				 : UCALL_VIA_ADDRESS;
	if (c->via == UCALL_VIA_MAILBOX && !rings(c, true))
		return ucall_fail(EOPNOTSUPP,
				  "backend %s has no send_cmd_shared and recv_cmd_shared for "
				  "UCALL_VIA_MAILBOX",
				  md->name);
	if (c->via == UCALL_VIA_ADDRESS && !rings(c, false))
		return ucall_fail(EOPNOTSUPP,
				  "backend %s has no send_cmd and recv_cmd for UCALL_VIA_ADDRESS: "
				  "its doorbell carries nothing",
				  md->name);
	return 0;
}

int ucall_channel_choose(struct ucall_channel *c, const char *backend, const struct ucall_ops *ops,
			 const char *ops_options)
{
	if (!c->address)
		c->address = UCALL_MAILBOX_ADDRESS;
	return choose_backend(c, backend, ops, ops_options) || check_backend(c) ? -1 : 0;
}

/* ---- in the guest ---- */

size_t ucall_channel_code_size(const struct ucall_channel *c)
{
	const struct ucall_code *code = &c->backend->note.code[ucall_arch_index(c->traits.arch)];

	return ucall_page_align((code->link_address & (UCALL_PAGE_SIZE - 1)) + code->size);
}

/* Copies a plugin's guest code to where the guest ABI says; sets *ring to its entry point. */
static int install_code(struct ucall_channel *c, uint64_t *ring)
{
	const struct ucall_code *code = &c->backend->note.code[ucall_arch_index(c->traits.arch)];
	size_t lead = code->link_address & (UCALL_PAGE_SIZE - 1);
	uint32_t entry = code->entry[c->via == UCALL_VIA_MAILBOX];
	uint8_t *to = c->machine->map(c->data, ucall_channel_address(c, UCALL_CODE_ADDRESS),
				      lead + code->size, UCALL_MAP_EXEC);

	if (!to)
		return -1;
	memcpy(to + lead, code->bytes, code->size);
	if (entry == UCALL_ENTRY_OPS)
		entry = (uint32_t)(*ring - c->backend->code);
	*ring = ucall_channel_address(c, UCALL_CODE_ADDRESS) + lead + entry;
	return 0;
}

int ucall_channel_open(struct ucall_channel *c)
{
	uint64_t ring = (uint64_t)(uintptr_t)(c->via == UCALL_VIA_ADDRESS ? c->ops.send_cmd
									  : c->ops.send_cmd_shared);

	c->bell = c->machine->map(c->data, ucall_channel_address(c, UCALL_BELL_ADDRESS),
				  sizeof(*c->bell), 0);
	if (!c->bell || (c->backend && install_code(c, &ring)))
		return -1;
	c->bell->guest_abi = ucall_guest32(c->traits.arch, UCALL_GUEST_ABI);
	c->bell->protection = ucall_guest32(
		c->traits.arch,
		c->traits.protection->bell |
			(c->traits.attached && c->via == UCALL_VIA_ADDRESS ? UCALL_BELL_NO_MAILBOX
									   : 0));
	c->bell->ring = ucall_guest64(c->traits.arch, ring);
	ucall_forget_error();
	if (c->ops.init && c->ops.init(c->vm, c->args)) {
		ucall_fail_if_silent("init");
		return ucall_fail_in("backend %s", c->backend_name);
	}
	c->backend_ready = true;
	return 0;
}

void ucall_channel_close(struct ucall_channel *c, bool inherited)
{
	if (c->backend_ready && c->ops.uninit && !inherited)
		c->ops.uninit(c->vm);
	c->backend_ready = false;
	ucall_args_free(c->args);
	free(c->backend_name);
}

/* ---- a vCPU's port ---- */

int ucall_port_open(struct ucall_port *port, struct ucall_channel *c)
{
	port->channel = c;
	port->ops = &ucall_port_plain;
	if (c->traits.attached && c->via == UCALL_VIA_ADDRESS)
		return 0;
	port->mailbox =
		c->machine->map_own(port->cpu, c->address, sizeof(*port->mailbox), UCALL_MAP_WRITE);
	if (!port->mailbox)
		return -1;
	port->mailbox->vcpu = ucall_guest32(c->traits.arch, port->number);
	return c->queue_lines ? ucall_queued_open(port) : 0;
}

int ucall_port_start(struct ucall_port *port)
{
	struct ucall_channel *c = port->channel;

	ucall_forget_error();
	if (c->ops.vcpu_init && c->ops.vcpu_init(c->vm, port->vcpu)) {
		ucall_fail_if_silent("vcpu_init");
		return ucall_fail_in("backend %s", c->backend_name);
	}
	port->backend_ready = true;
	return 0;
}

void ucall_port_leave(struct ucall_port *port, bool inherited)
{
	struct ucall_channel *c = port->channel;

	if (port->backend_ready && c->ops.vcpu_fini && !inherited)
		c->ops.vcpu_fini(c->vm, port->vcpu);
	port->backend_ready = false;
}

void ucall_port_close(struct ucall_port *port, bool inherited)
{
	if (port->ops && port->ops->close)
		port->ops->close(port, inherited);
}

void ucall_port_reset(struct ucall_port *port)
{
	memset(port->mailbox, 0, UCALL_NEST_SIZE);
	memset(&port->mailbox->fault, 0, sizeof(port->mailbox->fault));
	if (port->ops->reset)
		port->ops->reset(port);
}
