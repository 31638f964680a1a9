// SPDX-License-Identifier: MIT
/*
 * The unicorn engine: guests of four architectures in software, by the CPU emulator Unicorn.
 *
 * Guests are flat.  Each vCPU is a separate emulator over the same memory, so its mailbox is just
 * another mapping at the same address.  An emulation runs on a stack of its own (fiber.h), and is
 * suspended from within the hook that saw the exit; stopping it there would roll back the current
 * block.
 *
 * Guest atomics are not atomic between emulators, so the vCPUs of a VM take turns: the one that
 * runs holds the turn, and passes it on after a slice if another waits.  Different VMs do not wait
 * for each other.
 *
 * One hook sees every instruction.  It stores the program counter, which is not exact anywhere else
 * in Unicorn, and ends a run for a time limit, a kick or a slice.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "machine/engine.h"
#include "machine/regions.h"
#include "protect/protect.h"
#include "cpu.h"

#define MAX_VCPUS 64
#define SLICE 16384 /* instructions, while another vCPU waits */
#define ADDRESS_SPACE ((rlim_t)3 << 29) /* what an emulator reserves, and a margin */

struct unicorn_vm {
	pthread_mutex_t lock;
	pthread_cond_t next;
	uint64_t tickets, serving; /* whose turn it is */
	int waiting; /* atomic */
};

static int fail(const char *what, uc_err err)
{
	return ucall_fail(err == UC_ERR_NOMEM ? ENOMEM : EIO, "Unicorn: %s: %s", what,
			  uc_strerror(err));
}

static int fail_stack(void)
{
	return ucall_fail(errno, "cannot reserve a stack for an emulation: %s", strerror(errno));
}

/* ---- turns ---- */

static void take_turn(struct unicorn_vm *u)
{
	uint64_t mine;

	pthread_mutex_lock(&u->lock);
	mine = u->tickets++;
	if (mine != u->serving) {
		__atomic_add_fetch(&u->waiting, 1, __ATOMIC_RELAXED);
		while (mine != u->serving)
			pthread_cond_wait(&u->next, &u->lock);
		__atomic_sub_fetch(&u->waiting, 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&u->lock);
}

static void give_turn(struct unicorn_vm *u)
{
	pthread_mutex_lock(&u->lock);
	u->serving++;
	if (u->serving != u->tickets)
		pthread_cond_broadcast(&u->next);
	pthread_mutex_unlock(&u->lock);
}

/* ---- hooks: on the fiber ---- */

static struct unicorn_vm *vm_of(const struct unicorn_vcpu *v)
{
	return v->vcpu->vm->engine_data;
}

static void leave(struct unicorn_vcpu *v, int why)
{
	v->left = why;
	fiber_leave(&v->fiber);
}

void unicorn_exit(struct unicorn_vcpu *v)
{
	leave(v, LEFT_EXIT);
}

/* The host's view of 4 bytes of code at v->pc; NULL if they are not all in one mapped page. */
static const uint8_t *code_at(struct unicorn_vcpu *v)
{
	const uint64_t offset = UCALL_PAGE_SIZE - 1;
	uint64_t page = v->pc & ~offset;

	if (page != v->code_page) {
		const struct ucall_cpu *vcpu = v->vcpu;
		const struct ucall_region *r =
			ucall_regions_find(&vcpu->vm->memory, vcpu->boot.root, page);

		v->code = r ? vcpu->vm->memory.private_base + r->gpa + (page - r->gva) : NULL;
		v->code_page = page;
	}
	return v->code && (v->pc & offset) <= UCALL_PAGE_SIZE - 4 ? v->code + (v->pc & offset)
								  : NULL;
}

void unicorn_read_registers(struct unicorn_vcpu *v, struct ucall_frame *frame)
{
	const struct unicorn_cpu *cpu = v->cpu;

	memset(frame, 0, sizeof(*frame));
	for (int i = 0; i < 32 && cpu->gpr[i]; i++)
		frame->gpr[i] = unicorn_get(v, cpu->gpr[i]);
	frame->pc = v->pc;
	frame->sp = unicorn_get(v, cpu->sp);
	frame->flags = cpu->flags ? unicorn_get(v, cpu->flags) : 0;
}

void unicorn_write_registers(struct unicorn_vcpu *v, const struct ucall_frame *frame, bool flags)
{
	const struct unicorn_cpu *cpu = v->cpu;

	for (int i = 0; i < 32 && cpu->gpr[i]; i++)
		unicorn_set(v, cpu->gpr[i], frame->gpr[i]);
	unicorn_set(v, cpu->sp, frame->sp);
	if (cpu->flags && flags)
		unicorn_set(v, cpu->flags, frame->flags);
}

/* Applies registers that the host has written; false if the guest goes on elsewhere. */
static bool take_registers(struct unicorn_vcpu *v)
{
	/* Written at an exit, they have that instruction's address, and the guest is behind it now. */
	bool goes_on = v->regs.pc == v->regs_pc;

	v->regs_written = false;
	unicorn_write_registers(v, &v->regs, true);
	if (!goes_on) {
		unicorn_set(v, v->cpu->pc, v->regs.pc);
		v->stepped = false; /* the instruction there has not begun */
	}
	return goes_on;
}

static int map_regions(struct unicorn_vcpu *v);
static void emulate(void *data);

/* How many instructions may pass until check_events(). */
static unsigned int budget_of(const struct unicorn_vcpu *v)
{
	return v->vcpu->stepping || v->breakpoint_count ? 0 : SLICE;
}

/* Between two instructions: single steps, new memory, kicks, the time limit, other vCPUs. */
static void check_events(struct unicorn_vcpu *v)
{
	v->budget = budget_of(v);
	if ((v->vcpu->stepping && v->stepped) ||
	    ucall_is_breakpoint(v->breakpoints, v->breakpoint_count, v->pc)) {
		leave(v, LEFT_STEP);
		v->budget = budget_of(v);
	}
	v->stepped = true;
	if (map_regions(v))
		leave(v, LEFT_FAILED);
	else if (__atomic_exchange_n(&v->kicked, 0, __ATOMIC_ACQUIRE))
		leave(v, LEFT_KICK);
	else if (v->deadline >= 0 && ucall_now_ns() >= v->deadline)
		leave(v, LEFT_TIMEOUT);
	else if (__atomic_load_n(&vm_of(v)->waiting, __ATOMIC_RELAXED))
		leave(v, LEFT_YIELD);
}

static void on_insn(uc_engine *uc, uint64_t address, uint32_t size, void *data)
{
	struct unicorn_vcpu *v = data;
	const uint8_t *code;

	v->pc = address;
	if (v->regs_written && !take_registers(v))
		return;
	if (!v->budget-- || __atomic_load_n(&v->kicked, __ATOMIC_RELAXED)) {
		check_events(v);
		if (v->regs_written && !take_registers(v))
			return;
	}
	if (!v->cpu->insn)
		return;
	code = code_at(v);
	if (code && v->cpu->insn(v, code, &v->vcpu->exit))
		unicorn_exit(v);
}

/*
 * Called before an exception is reported.  Since 2.0.2 Unicorn is exact on bad accesses only with a
 * TLB that ignores the emulated CPU's rules.  It is slow, so it is turned on only now, and the
 * instruction is repeated.
 */
static void repeat_exactly(struct unicorn_vcpu *v)
{
#ifdef uc_ctl_tlb_mode
	if (!v->exact)
		leave(v, LEFT_REPEAT); /* this fiber is not entered again */
#else
#endif
}

static void on_interrupt(uc_engine *uc, uint32_t number, void *data)
{
	struct unicorn_vcpu *v = data;

	if (v->cpu->hypercall && v->cpu->hypercall(v, number))
		return;
	if (number && number == v->cpu->maybe_access)
		repeat_exactly(v);
	v->cpu->interrupt(v, number, &v->vcpu->exit);
	if (unicorn_takes_exception(v))
		uc_emu_stop(uc);
	else
		unicorn_exit(v);
}

static bool on_invalid_insn(uc_engine *uc, void *data)
{
	struct unicorn_vcpu *v = data;

	v->cpu->invalid_insn(v, &v->vcpu->exit);
	if (!unicorn_takes_exception(v))
		unicorn_exit(v);
	return false;
}

static int start_repeat(struct unicorn_vcpu *v)
{
	uc_err err = unicorn_set(v, v->cpu->pc, v->pc);

	fiber_fini(&v->fiber);
	v->running = false;
	v->exact = true;
#ifdef uc_ctl_tlb_mode
	if (!err)
		err = uc_ctl_tlb_mode(v->uc, UC_TLB_VIRTUAL);
#endif
	if (err)
		return fail("repeating a bad access", err);
	return fiber_init(&v->fiber, emulate, v) ? fail_stack() : 0;
}

/* Unicorn 2.1 gives a hook the low 52 bits of an address; the program counter has all of them. */
static uint64_t fetch_address(struct unicorn_vcpu *v, uint64_t address)
{
	const uint64_t mask = (1ull << 52) - 1;
	uint64_t pc = 0;

	if (!uc_reg_read(v->uc, v->cpu->pc, &pc) && (pc & mask) == (address & mask))
		return pc;
	return address;
}

static bool on_bad_access(uc_engine *uc, uc_mem_type type, uint64_t address, int size,
			  int64_t value, void *data)
{
	struct unicorn_vcpu *v = data;
	size_t before = v->mapped;

	/* Memory that was allocated while this vCPU ran. */
	if (!unicorn_is_denied(type) && !map_regions(v) && v->mapped != before)
		return true;
	if (!unicorn_is_fetch(type))
		repeat_exactly(v);
	else
		v->pc = address = fetch_address(v, address);
	v->cpu->memory_fault(v, type, address, &v->vcpu->exit);
	if (!unicorn_takes_exception(v))
		unicorn_exit(v);
	return false;
}

/* Called before an access to a device, whose page is memory for Unicorn. */
static void on_device(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value,
		      void *data)
{
	struct unicorn_vcpu *v = data;
	struct ucall_exit *exit = &v->vcpu->exit;
	uint64_t mask = size >= 8 ? UINT64_MAX : (1ull << (8 * size)) - 1;

	exit->reason = UCALL_EXIT_MMIO;
	exit->u.mmio.gpa = address;
	exit->u.mmio.size = (uint32_t)size;
	exit->u.mmio.is_write = type == UC_MEM_WRITE;
	exit->u.mmio.data = type == UC_MEM_WRITE ? (uint64_t)value & mask : 0;
	unicorn_exit(v);
}

/* ---- memory ---- */

static uc_err map_device(struct unicorn_vcpu *v, const struct ucall_region *r)
{
	uc_err err = uc_mem_map(v->uc, r->gva, r->size, UC_PROT_READ | UC_PROT_WRITE);
	uc_hook hook;

	return err ? err
		   : uc_hook_add(v->uc, &hook, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE,
				 (void *)(uintptr_t)on_device, v, r->gva, r->gva + r->size - 1);
}

static uc_err map_region(struct unicorn_vcpu *v, const struct ucall_region *r)
{
	uint32_t prot = UC_PROT_READ | (r->prot & UCALL_MAP_WRITE ? UC_PROT_WRITE : 0) |
			(r->prot & UCALL_MAP_EXEC ? UC_PROT_EXEC : 0);

	if (r->root && r->root != v->vcpu->boot.root)
		return UC_ERR_OK;
	if (r->prot & UCALL_MAP_DEVICE)
		return map_device(v, r);
	return uc_mem_map_ptr(v->uc, r->gva, r->size, prot,
			      v->vcpu->vm->memory.private_base + r->gpa);
}

/* Maps the regions that are new since the last call. */
static int map_regions(struct unicorn_vcpu *v)
{
	const struct ucall_memory *mem = &v->vcpu->vm->memory;
	size_t count = ucall_regions_count(&v->vcpu->vm->memory);

	for (; v->mapped < count; v->mapped++) {
		uc_err err = map_region(v, &mem->regions[v->mapped]);

		if (err)
			return fail("mapping memory", err);
	}
	return 0;
}

/* ---- running ---- */

/* uc_emu_start() ends at this address, which must be one that no guest jumps to by mistake. */
#define NOWHERE 0x5ca1ab1e0ddba111

static void emulate(void *data)
{
	struct unicorn_vcpu *v = data;

	for (;;) {
		v->error = uc_emu_start(v->uc, v->pc, NOWHERE, 0, 0);
		v->failed = !v->error && v->next.what == NEXT_NOTHING &&
			    v->cpu->halts_by_exception &&
			    v->cpu->halts_by_exception(v, &v->vcpu->exit);
		if (v->failed)
			unicorn_takes_exception(v);
		if (v->next.what != NEXT_NOTHING) {
			if (unicorn_go_on(v))
				leave(v, LEFT_FAILED);
			continue;
		}
		v->running = false;
		v->left = LEFT_ENDED;
		fiber_leave(&v->fiber);
	}
}

static void go_on(struct unicorn_vcpu *v)
{
	v->running = true;
	fiber_enter(&v->fiber);
}

/* uc_emu_start() has returned by itself: a halt, unless Unicorn gave up. */
static void describe_end(struct unicorn_vcpu *v)
{
	struct ucall_exit *exit = &v->vcpu->exit;

	v->pc = unicorn_get(v, v->cpu->pc);
	exit->native = v->error;
	if (v->error) {
		exit->reason = UCALL_EXIT_OTHER;
		exit->u.other.suberror = 0;
	} else {
		exit->reason = UCALL_EXIT_HALT;
	}
}

static enum ucall_run_end end_run(struct unicorn_vcpu *v, enum ucall_run_end end)
{
	v->vcpu->exit.reason = end == UCALL_RUN_KICK ? UCALL_EXIT_KICK : UCALL_EXIT_TIMEOUT;
	return end;
}

static enum ucall_run_end unicorn_run(struct ucall_cpu *vcpu, int64_t deadline)
{
	struct unicorn_vcpu *v = vcpu->engine_data;
	struct unicorn_vm *u = vcpu->vm->engine_data;

	v->deadline = deadline;
	if (__atomic_load_n(&v->kicked, __ATOMIC_RELAXED) &&
	    __atomic_exchange_n(&v->kicked, 0, __ATOMIC_ACQUIRE))
		return end_run(v, UCALL_RUN_KICK);
	v->stepped = false;
	do {
		take_turn(u);
		vcpu->exit.native = 0;
		/* 0 maps new memory before the next instruction, not within an access. */
		v->budget = v->mapped == ucall_regions_count(&vcpu->vm->memory) ? budget_of(v) : 0;
		if (!v->running && v->regs_written)
			take_registers(v);
		if (!v->running)
			v->pc = unicorn_get(v, v->cpu->pc);
		go_on(v);
		v->stepped = v->stepped && v->left != LEFT_REPEAT;
		if (v->left == LEFT_REPEAT && start_repeat(v))
			v->left = LEFT_FAILED;
		give_turn(u);
	} while (v->left == LEFT_YIELD || v->left == LEFT_REPEAT);
	if (v->left == LEFT_FAILED)
		return UCALL_RUN_FAILED;
	if (v->left == LEFT_KICK)
		return end_run(v, UCALL_RUN_KICK);
	if (v->left == LEFT_TIMEOUT)
		return end_run(v, UCALL_RUN_TIMEOUT);
	if (v->left == LEFT_STEP)
		vcpu->exit.reason = UCALL_EXIT_DEBUG;
	if (v->left == LEFT_ENDED && !v->failed)
		describe_end(v);
	return UCALL_RUN_EXIT;
}

static int unicorn_set_stepping(struct ucall_cpu *vcpu, bool on)
{
	return 0;
}

static int unicorn_set_breakpoints(struct ucall_cpu *vcpu, const uint64_t *pcs, unsigned int count)
{
	struct unicorn_vcpu *v = vcpu->engine_data;

	v->breakpoints = pcs;
	v->breakpoint_count = count;
	return (int)count;
}

/* Async-signal-safe. */
static void unicorn_kick(struct ucall_cpu *vcpu)
{
	struct unicorn_vcpu *v = vcpu->engine_data;

	__atomic_store_n(&v->kicked, 1, __ATOMIC_RELEASE);
}

/* ---- vCPUs ---- */

static const struct {
	uint32_t arch; /* UCALL_ARCH_ */
	const struct unicorn_cpu *cpu;
} cpus[] = {
	{ UCALL_ARCH_X86_64, &unicorn_x86_64 },
	{ UCALL_ARCH_AARCH64, &unicorn_aarch64 },
	{ UCALL_ARCH_S390X, &unicorn_s390x },
	{ UCALL_ARCH_RISCV64, &unicorn_riscv64 },
};

#define CPUS (sizeof(cpus) / sizeof(cpus[0]))

/* The VM's architecture is one of unicorn_archs(). */
static const struct unicorn_cpu *cpu_of(const struct ucall_machine *vm)
{
	size_t i = 0;

	while (cpus[i].arch != vm->arch->bit)
		i++;
	return cpus[i].cpu;
}

static uc_err add_hooks(struct unicorn_vcpu *v)
{
	static const struct {
		int type;
		void *callback;
	} hooks[] = {
		{ UC_HOOK_CODE, (void *)on_insn },
		{ UC_HOOK_INTR, (void *)on_interrupt },
		{ UC_HOOK_INSN_INVALID, (void *)on_invalid_insn },
		{ UC_HOOK_MEM_UNMAPPED | UC_HOOK_MEM_PROT, (void *)on_bad_access },
	};
	uc_err err = UC_ERR_OK;
	uc_hook hook;

	for (size_t i = 0; !err && i < sizeof(hooks) / sizeof(hooks[0]); i++)
		err = uc_hook_add(v->uc, &hook, hooks[i].type, hooks[i].callback, v, 1, 0);
	return err;
}

static int boot(struct unicorn_vcpu *v)
{
	const struct ucall_boot *b = &v->vcpu->boot;
	uc_err err = v->cpu->boot(v, b, v->vcpu->vm->return_address);

	v->pc = b->entry;
	if (!err)
		err = unicorn_set(v, v->cpu->pc, b->entry);
	return err ? fail("writing registers", err) : 0;
}

/* Unicorn ends the process if it cannot reserve address space. */
static int check_limit(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_AS, &limit) && limit.rlim_cur < ADDRESS_SPACE)
		return ucall_fail(ENOMEM,
				  "engine unicorn reserves 1 GiB of address space for each vCPU; "
				  "raise the limit (ulimit -v unlimited)");
	return 0;
}

/* Makes the emulator and its stack. */
static int open_cpu(struct unicorn_vcpu *v)
{
	uc_err err;

	v->code_page = UINT64_MAX;
	v->exact = false;
	if (fiber_init(&v->fiber, emulate, v))
		return fail_stack();
	err = uc_open(v->cpu->uc_arch, v->cpu->uc_mode, &v->uc);
	if (!err && v->cpu->init)
		err = v->cpu->init(v);
	if (!err)
		err = add_hooks(v);
	if (!err)
		err = unicorn_init_handlers(v);
	if (err)
		return fail("making a CPU", err);
	return map_regions(v) ? -1 : boot(v);
}

/* A run that is suspended in a hook holds nothing but what is freed here. */
static void close_cpu(struct unicorn_vcpu *v)
{
	unicorn_drop_handlers(v);
	if (v->uc)
		uc_close(v->uc);
	v->uc = NULL;
	fiber_fini(&v->fiber);
}

static int unicorn_vcpu_init(struct ucall_cpu *vcpu)
{
	struct unicorn_vcpu *v;

	if (vcpu->number >= MAX_VCPUS)
		return ucall_fail(ENOSPC, "engine unicorn supports at most %d vCPUs in a VM",
				  MAX_VCPUS);
	if (check_limit())
		return -1;
	v = calloc(1, sizeof(*v));
	if (!v)
		return ucall_fail(ENOMEM, "out of memory");
	vcpu->engine_data = v;
	v->vcpu = vcpu;
	v->cpu = cpu_of(vcpu->vm);
	return open_cpu(v);
}

static void unicorn_vcpu_fini(struct ucall_cpu *vcpu)
{
	struct unicorn_vcpu *v = vcpu->engine_data;

	if (!v)
		return;
	/* In a forked child an emulator may have been copied while it ran: leave it alone. */
	if (!vcpu->vm->inherited)
		close_cpu(v);
	free(v);
	vcpu->engine_data = NULL;
}

/*
 * Makes a new emulator: the old one may have a run that has not ended, or an exception that the
 * guest has not taken (the next one would then be a double fault).
 */
static int unicorn_restart(struct ucall_cpu *vcpu)
{
	struct unicorn_vcpu *v = vcpu->engine_data;
	struct unicorn_vm *u = vcpu->vm->engine_data;
	int r;

	take_turn(u);
	close_cpu(v);
	v->mapped = 0;
	v->running = v->regs_written = v->psw_loaded = false;
	r = open_cpu(v);
	give_turn(u);
	return r;
}

/* ---- registers ---- */

static int unicorn_get_regs(struct ucall_cpu *vcpu, struct ucall_frame *regs)
{
	struct unicorn_vcpu *v = vcpu->engine_data;

	if (v->regs_written) {
		*regs = v->regs;
		return 0;
	}
	unicorn_read_registers(v, regs);
	return 0;
}

/* In most hooks the current block would overwrite them: they wait for the next instruction. */
static int unicorn_set_regs(struct ucall_cpu *vcpu, const struct ucall_frame *regs)
{
	struct unicorn_vcpu *v = vcpu->engine_data;

	if (!v->regs_written)
		v->regs_pc = v->pc;
	v->regs = *regs;
	v->regs_written = true;
	return 0;
}

static uint64_t unicorn_pc(struct ucall_cpu *vcpu)
{
	const struct unicorn_vcpu *v = vcpu->engine_data;

	return v->regs_written ? v->regs.pc : v->pc;
}

static uint64_t unicorn_argument(struct ucall_cpu *vcpu)
{
	struct unicorn_vcpu *v = vcpu->engine_data;

	return unicorn_get(v, v->cpu->gpr[v->cpu->argument]);
}

static uint64_t unicorn_root(struct ucall_cpu *vcpu)
{
	return vcpu->boot.root;
}

static void unicorn_code_written(struct ucall_machine *vm, uint64_t gva, size_t size)
{
	struct unicorn_vm *u = vm->engine_data;

	pthread_mutex_lock(&vm->lock);
	take_turn(u);
	for (struct ucall_cpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next) {
		const struct unicorn_vcpu *v = vcpu->engine_data;

		uc_ctl_remove_cache(v->uc, gva, gva + size);
	}
	give_turn(u);
	pthread_mutex_unlock(&vm->lock);
}

/* ---- VMs ---- */

static void unicorn_library(char *version, size_t size)
{
	unsigned int major, minor;

	uc_version(&major, &minor);
	snprintf(version, size, "%u.%u", major, minor);
}

static int unicorn_check(const char *device)
{
	unsigned int major, minor;

	uc_version(&major, &minor);
	if (major != UC_API_MAJOR)
		return ucall_fail(ENODEV, "this is Unicorn %u.%u; version %d is needed", major,
				  minor, UC_API_MAJOR);
	return 0;
}

static int check_protection(const struct ucall_protection *protection)
{
	if (protection->emulation)
		return 0;
	return ucall_fail(
		EOPNOTSUPP,
		"engine unicorn does not support protection %s; engine kvm does on the architecture that has it",
		protection->name);
}

static int unicorn_vm_init(struct ucall_machine *vm, const struct ucall_vm_config *config)
{
	struct unicorn_vm *u = calloc(1, sizeof(*u));

	if (!u)
		return ucall_fail(ENOMEM, "out of memory");
	pthread_mutex_init(&u->lock, NULL);
	pthread_cond_init(&u->next, NULL);
	vm->engine_data = u;
	return vm->protection->emulation ? vm->protection->emulation->vm_init(vm) : 0;
}

/* Each vCPU maps it by itself. */
static int unicorn_set_memory(struct ucall_machine *vm, void *memory, size_t size)
{
	return 0;
}

static void unicorn_vm_fini(struct ucall_machine *vm)
{
	struct unicorn_vm *u = vm->engine_data;

	if (!u)
		return;
	if (vm->guard)
		vm->protection->emulation->vm_fini(vm);
	if (!vm->inherited) {
		pthread_cond_destroy(&u->next);
		pthread_mutex_destroy(&u->lock);
	}
	free(u);
	vm->engine_data = NULL;
}

static const char *unicorn_exit_name(uint32_t native)
{
	return native ? uc_strerror((uc_err)native) : "an exit that the guest did not cause";
}

static uint32_t unicorn_archs(void)
{
	uint32_t archs = 0;

	for (size_t i = 0; i < CPUS; i++)
		archs |= cpus[i].arch;
	return archs;
}

static uint32_t unicorn_can(void)
{
	return UCALL_CAN_HANDLERS | UCALL_CAN_STEP | UCALL_CAN_PROTECT;
}

extern UCALL_PUBLIC const struct ucall_engine ucall_engine;
const struct ucall_engine ucall_engine = {
	.name = "unicorn",
	.version = UCALL_VERSION,
	.archs = unicorn_archs,
	.can = unicorn_can,
	.library = unicorn_library,
	.check = unicorn_check,
	.check_protection = check_protection,
	.vm_init = unicorn_vm_init,
	.set_memory = unicorn_set_memory,
	.vm_fini = unicorn_vm_fini,
	.vcpu_init = unicorn_vcpu_init,
	.vcpu_fini = unicorn_vcpu_fini,
	.restart = unicorn_restart,
	.run = unicorn_run,
	.set_stepping = unicorn_set_stepping,
	.set_breakpoints = unicorn_set_breakpoints,
	.kick = unicorn_kick,
	.exit_name = unicorn_exit_name,
	.get_regs = unicorn_get_regs,
	.set_regs = unicorn_set_regs,
	.pc = unicorn_pc,
	.argument = unicorn_argument,
	.root = unicorn_root,
	.code_written = unicorn_code_written,
};
