// SPDX-License-Identifier: MIT
/* The kinds of memory encryption. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/exceptions.h"
#include "arch/x86_64/layout.h"
#include "machine/engine.h"
#include "base/error.h"
#include "base/options.h"
#include "base/handle.h"
#include "base/process.h"
#include "protect.h"
#include "pkvm/emulated.h"
#include "base/text.h"

/* clang-format off */
static const struct ucall_option emulated_options[] = {
	{ .name = "trap_cpuid", .type = UCALL_OPTION_CHOICE, .choices = "no|step", .value = "no",
	  .help = "CPUID raises #VC: step finds it by single-stepping the guest (ring 0, slow)" },
	{ .name = "" },
};
/* clang-format on */

/* A guest's policy: SEV API specification, 3.2; SEV-SNP firmware ABI, 4.3. */
#define REAL(policy_max, policy_value) \
	{ .name = "policy", \
	  .type = UCALL_OPTION_UINT, \
	  .max = policy_max, \
	  .value = policy_value, \
	  .help = "the guest's policy, in the firmware's format" }, \
		{ .name = "api", \
		  .type = UCALL_OPTION_CHOICE, \
		  .choices = "auto|old|new", \
		  .value = "auto", \
		  .help = "KVM's calls from before Linux 6.10 (old), or since (new)" }, \
	{ \
		.name = "" \
	}

/* clang-format off */
static const struct ucall_option tdx_options[] = {
	{ .name = "attributes", .type = UCALL_OPTION_UINT, .max = UINT64_MAX, .value = "0x10000000",
	  .help = "the guest's TD attributes (bit 28: no #VE for pages that are not accepted)" },
	{ .name = "" },
};
static const struct ucall_option emulated_tdx_options[] = {
	{ .name = "trap", .type = UCALL_OPTION_CHOICE, .choices = "no|step", .value = "no",
	  .help = "TDCALL, CPUID, VMCALL, WBINVD: step finds them by single-stepping (ring 0, slow)" },
	{ .name = "map_pages", .type = UCALL_OPTION_UINT, .max = UINT32_MAX, .value = "0",
	  .help = "pages that the host does of one MapGPA before it answers \"retry\"; 0: all" },
	{ .name = "" },
};
static const struct ucall_option pkvm_options[] = {
	{ .name = "regs", .type = UCALL_OPTION_CHOICE, .choices = "open|closed", .value = "open",
	  .help = "the host's access to registers: Linux leaves it open so far" },
	{ .name = "" },
};
static const struct ucall_option sev_options[] = { REAL(UINT32_MAX, "0x1") };
static const struct ucall_option es_options[] = { REAL(UINT32_MAX, "0x5") };
static const struct ucall_option snp_options[] = { REAL(UINT64_MAX, "0x30000") };
/* clang-format on */

/*
 * AMD APM volume 2, 15.35: registers are encrypted, and an instruction that would exit raises #VC.
 */
#define CLOSED_SEV \
	.registers = UCALL_REGISTERS_CLOSED_BY_LAUNCH, .exit_vector = VECTOR_VC, \
	.exit_exception = "#VC", .vcpu_page = UCALL_GHCB_ADDRESS

#define ON_X86 .engine = "kvm", .archs = UCALL_ARCH_X86_64

/* Intel TDX Module Base specification: registers belong to the guest from its first instruction. */
#define TDX \
	.bit = UCALL_PROTECT_TDX, ON_X86, .registers = UCALL_REGISTERS_CLOSED, \
	.exit_vector = VECTOR_VE, .exit_exception = "#VE", .stop = X86_STOP_TDX

#define PKVM \
	.name = "pkvm", .summary = "the machine's own protected KVM (arm64)", \
	.bit = UCALL_PROTECT_PKVM, .engine = "kvm", .archs = UCALL_ARCH_AARCH64, \
	.bell = UCALL_BELL_PKVM, .options = pkvm_options

#define EMULATED_PKVM \
	.name = "emulated-pkvm", \
	.summary = "the rules of protected KVM (arm64), emulated by engine unicorn", \
	.bit = UCALL_PROTECT_PKVM, .engine = "unicorn", .archs = UCALL_ARCH_AARCH64, \
	.bell = UCALL_BELL_PKVM | UCALL_BELL_EMULATED, .emulation = &pkvm_emulation, \
	.options = pkvm_options

static const struct ucall_protection pkvm_closed = { PKVM,
						     .registers =
							     UCALL_REGISTERS_CLOSED_BY_LAUNCH };
static const struct ucall_protection emulated_pkvm_closed = {
	EMULATED_PKVM, .registers = UCALL_REGISTERS_CLOSED_BY_LAUNCH
};

/* The first is the default. */
static const struct ucall_protection kinds[] = {
	{ .name = "none",
	  .summary = "memory and registers are open to the host",
	  .bit = UCALL_PROTECT_NONE,
	  .archs = UINT32_MAX,
	  .bell = UCALL_BELL_NONE },
	{ .name = "emulated-sev",
	  .summary = "the rules of SEV, emulated by software on any KVM",
	  .bit = UCALL_PROTECT_SEV,
	  ON_X86,
	  .bell = UCALL_BELL_SEV | UCALL_BELL_EMULATED },
	{ .name = "emulated-sev-es",
	  .summary = "the same for SEV-ES: registers are closed too",
	  .bit = UCALL_PROTECT_SEV_ES,
	  ON_X86,
	  .bell = UCALL_BELL_SEV_ES | UCALL_BELL_EMULATED,
	  CLOSED_SEV,
	  .stop = X86_STOP_EMULATED,
	  .options = emulated_options },
	{ .name = "emulated-sev-snp",
	  .summary = "the same for SEV-SNP: pages are private or shared",
	  .bit = UCALL_PROTECT_SEV_SNP,
	  ON_X86,
	  .bell = UCALL_BELL_SEV_SNP | UCALL_BELL_EMULATED,
	  CLOSED_SEV,
	  .stop = X86_STOP_EMULATED,
	  .options = emulated_options },
	{ .name = "sev",
	  .summary = "the machine's own SEV, by KVM",
	  .bit = UCALL_PROTECT_SEV,
	  ON_X86,
	  .bell = UCALL_BELL_SEV,
	  .options = sev_options },
	{ .name = "sev-es",
	  .summary = "the machine's own SEV-ES, by KVM",
	  .bit = UCALL_PROTECT_SEV_ES,
	  ON_X86,
	  .bell = UCALL_BELL_SEV_ES,
	  CLOSED_SEV,
	  .stop = X86_STOP_VMGEXIT,
	  .options = es_options },
	{ .name = "sev-snp",
	  .summary = "the machine's own SEV-SNP, by KVM",
	  .bit = UCALL_PROTECT_SEV_SNP,
	  ON_X86,
	  .bell = UCALL_BELL_SEV_SNP,
	  CLOSED_SEV,
	  .stop = X86_STOP_VMGEXIT,
	  .options = snp_options },
	{ .name = "tdx",
	  .summary = "the machine's own TDX, by KVM",
	  TDX,
	  .bell = UCALL_BELL_TDX,
	  .options = tdx_options },
	{ .name = "emulated-tdx",
	  .summary = "the rules of TDX, emulated by software on any KVM",
	  TDX,
	  .bell = UCALL_BELL_TDX | UCALL_BELL_EMULATED,
	  .options = emulated_tdx_options },
	{ PKVM, .closed = &pkvm_closed },
	{ EMULATED_PKVM, .closed = &emulated_pkvm_closed },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const struct ucall_protection *find(const char *name)
{
	char names[256] = "";
	struct ucall_text t = { names, sizeof(names), 0 };

	for (size_t i = 0; i < KINDS; i++) {
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
		ucall_text_add(&t, "%s%s", i ? ", " : "", kinds[i].name);
	}
	ucall_fail(EINVAL, "unknown memory encryption \"%s\"; known: %s", name, names);
	return NULL;
}

const struct ucall_protection *ucall_protection_find(const char *protect)
{
	const struct ucall_protection *p;
	char *name;

	if (!protect || !*protect)
		return &kinds[0];
	name = ucall_config_name(protect, "protection");
	p = name ? find(name) : NULL;
	free(name);
	return p;
}

struct ucall_args *ucall_protection_options(const struct ucall_protection *p, const char *protect)
{
	struct ucall_metadata options = { .name = "" };

	snprintf(options.name, sizeof(options.name), "%s", p->name);
	for (int i = 0; p->options && p->options[i].name[0]; i++)
		options.options[i] = p->options[i];
	return ucall_args_parse(&options, protect ? ucall_config_options(protect) : NULL,
				"protection");
}

int ucall_protect_choose(struct ucall_machine *vm, const char *protect)
{
	vm->protection = ucall_protection_find(protect);
	if (!vm->protection)
		return -1;
	vm->needs_launch = vm->protection->bit != UCALL_PROTECT_NONE;
	ucall_args_free(vm->protection_options);
	vm->protection_options = ucall_protection_options(vm->protection, protect);
	if (!vm->protection_options)
		return -1;
	if (vm->protection->closed && ucall_args_uint(vm->protection_options, "regs"))
		vm->protection = vm->protection->closed;
	return 0;
}

/* KVM refuses to read or set them with SEV-ES (vcpu->arch.guest_state_protected). */
int ucall_machine_check_registers(const struct ucall_machine *vm, const char *what)
{
	if (!ucall_machine_registers_are_closed(vm))
		return 0;
	return ucall_fail(EINVAL, "%s: protection %s closes the registers to the host%s", what,
			  vm->protection->name,
			  vm->protection->registers == UCALL_REGISTERS_CLOSED ? ""
									      : " at the launch");
}

int ucall_protection_refuse_copy(struct ucall_machine *vm, uint64_t gpa, void *to, const void *from,
				 size_t size)
{
	return ucall_fail(
		EPERM,
		"guest-physical 0x%llx is the guest's own: the host of this %s VM cannot %s "
		"it before the guest shares it (guest_share()); UCALL_MEM_SHARED is shared from the start",
		(unsigned long long)gpa, vm->protection->name, to ? "read" : "write");
}

uint32_t ucall_protection_bit(const char *protect)
{
	const struct ucall_protection *p = ucall_fail_if_null(protect, "ucall_protection_bit")
						   ? NULL
						   : ucall_protection_find(protect);

	return p ? p->bit : 0;
}

/* The kind with that bit that is not emulated, or NULL. */
static const struct ucall_protection *kind_of(uint32_t bit)
{
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].bit == bit && !ucall_protection_is_emulated(&kinds[i]))
			return &kinds[i];
	return NULL;
}

const char *ucall_protection_name(uint32_t bit)
{
	const struct ucall_protection *p = kind_of(bit);

	return p ? p->name : NULL;
}

bool ucall_protection_closes_registers(uint32_t bit)
{
	const struct ucall_protection *p = kind_of(bit);

	return p && ucall_protection_closes(p);
}

struct ucall_protection_info *ucall_protections(void)
{
	struct ucall_protection_info *all = ucall_calloc(KINDS + 1, sizeof(*all));

	if (!all)
		return NULL;
	for (size_t i = 0; i < KINDS; i++) {
		all[i].name = kinds[i].name;
		all[i].summary = kinds[i].summary;
		all[i].bit = kinds[i].bit;
		all[i].engine = kinds[i].engine;
		all[i].archs = kinds[i].archs;
		if (!ucall_engine_check_protection(&kinds[i]))
			continue;
		/* Something ran out: nothing is known about this machine. */
		if (ucall_is_shortage(errno)) {
			ucall_free(all);
			return NULL;
		}
		snprintf(all[i].problem, sizeof(all[i].problem), "%.500s", ucall_error());
	}
	return all;
}
