// SPDX-License-Identifier: MIT
/*
 * Guests' own exception handlers.  In Unicorn an exception ends in a hook, and it cannot call a
 * handler.  So the engine does what the exception stubs of a guest on KVM do (arch/dispatch.h): it
 * writes the frame to the vCPU's handler stack, saves the message area of the mailbox, and goes on
 * in the handler, which returns to an address with a hook.
 *
 * State that is not in struct ucall_frame (condition codes, vector registers) is saved in a Unicorn
 * context and restored afterwards.
 */
#include <errno.h>

#include "arch/byte-order.h"
#include "arch/stubs.h"
#include "base/error.h"
#include "machine/memory.h"
#include "cpu.h"

/* Where handlers return to: each emulator's own page, next to the core's in the mailbox's slot. */
#define RETURN_PAGE 0x8000140000

/* Where the guest goes on if the instruction at v->pc raises an exception; 0: it has no fix-up. */
static uint64_t find_fixup(struct unicorn_vcpu *v)
{
	const struct ucall_machine *vm = v->vcpu->vm;
	struct ucall_fixup f;

	for (uint64_t at = vm->fixups.start; at < vm->fixups.end; at += sizeof(f)) {
		if (uc_mem_read(v->uc, at, &f, sizeof(f)))
			return 0;
		if (at + (uint64_t)(int64_t)(int32_t)ucall_guest32(vm->arch, (uint32_t)f.at) ==
		    v->pc)
			return at + offsetof(struct ucall_fixup, to) +
			       (uint64_t)(int64_t)(int32_t)ucall_guest32(vm->arch, (uint32_t)f.to);
	}
	return 0;
}

bool unicorn_takes_exception(struct unicorn_vcpu *v)
{
	const struct ucall_exit *exit = &v->vcpu->exit;
	struct unicorn_level *level = &v->levels[v->depth];

	if (exit->reason != UCALL_EXIT_EXCEPTION)
		return false;
	v->next.to = find_fixup(v);
	if (v->next.to) {
		v->next.what = NEXT_FIXUP;
		return true;
	}
	v->next.to = ucall_machine_handler(v->vcpu->vm, exit->u.exception.vector);
	if (!v->next.to || v->depth == UNICORN_DEPTH)
		return false;
	if ((!level->context && uc_context_alloc(v->uc, &level->context)) ||
	    uc_context_save(v->uc, level->context))
		return false;
	unicorn_read_registers(v, &level->frame);
	level->frame.pc = v->cpu->resume ? v->cpu->resume(v, exit) : v->pc;
	level->frame.vector = exit->u.exception.vector;
	level->frame.code = exit->u.exception.code;
	level->frame.address = exit->u.exception.address;
	level->frame.unknown = exit->u.exception.unknown;
	v->next.what = NEXT_HANDLER;
	return true;
}

/* ---- when the emulation has stopped ---- */

static int fail(uc_err err)
{
	return ucall_fail(EIO, "Unicorn: the guest's exception handler: %s", uc_strerror(err));
}

static void fix_up(struct unicorn_vcpu *v)
{
	const struct ucall_arch *arch = v->vcpu->vm->arch;

	unicorn_set(v, v->cpu->gpr[arch->result_register],
		    UCALL_TRAPPED + v->vcpu->exit.u.exception.vector);
	v->pc = v->next.to;
}

static int enter(struct unicorn_vcpu *v)
{
	struct unicorn_level *level = &v->levels[v->depth];
	const uint64_t none = 0;
	struct ucall_frame frame;
	uc_err err;

	level->at = UCALL_HANDLER_STACK_TOP - (uint64_t)v->depth * UCALL_HANDLER_STRIDE -
		    (sizeof(frame) + 15) / 16 * 16;
	ucall_guest_frame(v->vcpu->vm->arch, &frame, &level->frame);
	err = uc_mem_write(v->uc, level->at, &frame, sizeof(frame));
	if (!err)
		err = uc_mem_read(v->uc, UCALL_MAILBOX_ADDRESS, level->messages,
				  sizeof(level->messages));
	if (!err)
		err = uc_mem_write(v->uc, UCALL_MAILBOX_ADDRESS, &none, sizeof(none));
	if (!err)
		err = uc_mem_write(v->uc,
				   UCALL_MAILBOX_ADDRESS + offsetof(struct ucall_mailbox, shared),
				   &none, sizeof(none));
	if (!err)
		err = v->cpu->call(v, level->at, RETURN_PAGE);
	if (err)
		return fail(err);
	v->depth++;
	v->pc = v->next.to;
	return 0;
}

static int leave(struct unicorn_vcpu *v)
{
	struct unicorn_level *level = &v->levels[--v->depth];
	struct ucall_frame frame;
	uc_err err = uc_mem_read(v->uc, level->at, &frame, sizeof(frame));

	if (!err)
		err = uc_mem_write(v->uc, UCALL_MAILBOX_ADDRESS, level->messages,
				   sizeof(level->messages));
	if (!err)
		err = uc_context_restore(v->uc, level->context);
	if (err)
		return fail(err);
	ucall_guest_frame(v->vcpu->vm->arch, &frame, &frame);
	/* Write flags only if they were changed: Unicorn's condition code may not be in them. */
	unicorn_write_registers(v, &frame, frame.flags != level->frame.flags);
	v->pc = frame.pc;
	return 0;
}

int unicorn_go_on(struct unicorn_vcpu *v)
{
	int what = v->next.what;

	v->next.what = NEXT_NOTHING;
	switch (what) {
	case NEXT_FIXUP:
		fix_up(v);
		return 0;
	case NEXT_HANDLER:
		return enter(v);
	default:
		return leave(v);
	}
}

static void on_return(uc_engine *uc, uint64_t address, uint32_t size, void *data)
{
	struct unicorn_vcpu *v = data;

	if (!v->depth)
		return; /* a wild jump: the guest spins there */
	v->next.what = NEXT_RETURN;
	uc_emu_stop(uc);
}

uc_err unicorn_init_handlers(struct unicorn_vcpu *v)
{
	uint8_t code[64];
	uc_hook hook;
	uc_err err;

	for (size_t i = 0; i < sizeof(code); i++)
		code[i] = v->cpu->spin[i % sizeof(v->cpu->spin)];
	/* Writable too: on s390x Unicorn treats a fetch from read-only memory as a bad access. */
	err = uc_mem_map(v->uc, RETURN_PAGE, UCALL_PAGE_SIZE, UC_PROT_ALL);
	if (!err)
		err = uc_mem_write(v->uc, RETURN_PAGE, code, sizeof(code));
	return err ? err
		   : uc_hook_add(v->uc, &hook, UC_HOOK_CODE, (void *)(uintptr_t)on_return, v,
				 RETURN_PAGE, RETURN_PAGE);
}

void unicorn_drop_handlers(struct unicorn_vcpu *v)
{
	for (int i = 0; i < UNICORN_DEPTH; i++) {
		if (v->levels[i].context)
			uc_context_free(v->levels[i].context);
		v->levels[i].context = NULL;
	}
	v->depth = 0;
	v->next.what = NEXT_NOTHING;
}
