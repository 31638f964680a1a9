// SPDX-License-Identifier: MIT
/* Launching VMs with encrypted memory: see launch.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "launch.h"
#include "protect/x86/launch-args.h"

#define SEV UCALL_PROTECT_SEV
#define ES UCALL_PROTECT_SEV_ES
#define SNP UCALL_PROTECT_SEV_SNP

#define OLD 1u
#define NEW 2u

#define GHCB_VERSION 2
#define RET_INVALID_LEN 4 /* SEV_RET_INVALID_LEN */

union arguments {
	uint64_t number; /* passed as it is */
	struct kvm_enable_cap cap;
	struct kvm_userspace_memory_region memory;
	struct sev_region region;
	struct sev_launch_start start;
	struct sev_launch_update_data update;
	struct sev_launch_measure measure;
	struct sev_guest_status status;
	struct x86_memory_region memory2;
	struct x86_attributes attributes;
	struct x86_memfd memfd;
	struct sev_init2 init2;
	struct sev_snp_launch_start snp_start;
	struct sev_snp_launch_update snp_update;
	struct sev_snp_launch_finish snp_finish;
};

#define LAUNCH struct sev_launch
#include "protect/launch-steps.h"

/* ---- the VM ---- */

static void fill_create(const struct sev_launch *l, union arguments *a)
{
	if (!l->old_api)
		a->number = l->bit == SEV ? SEV_VM_SEV : l->bit == ES ? SEV_VM_ES : SEV_VM_SNP;
}

static void list_create(const union arguments *a, FILE *out)
{
	static const char *const names[] = { "KVM_X86_DEFAULT_VM", "KVM_X86_SW_PROTECTED_VM",
					     "KVM_X86_SEV_VM", "KVM_X86_SEV_ES_VM",
					     "KVM_X86_SNP_VM" };

	fprintf(out, "%s", names[a->number]);
}

static int take_create(struct sev_launch *l, union arguments *a, int r)
{
	l->vm_fd = r;
	return 0;
}

static void fill_hypercall(const struct sev_launch *l, union arguments *a)
{
	x86_fill_hypercall(&a->cap);
}

static void list_hypercall(const union arguments *a, FILE *out)
{
	x86_list_hypercall(&a->cap, out);
}

static void fill_init2(const struct sev_launch *l, union arguments *a)
{
	/* Without a GHCB the version must be 0. */
	a->init2.ghcb_version = l->bit == SEV ? 0 : GHCB_VERSION;
}

static void list_init2(const union arguments *a, FILE *out)
{
	fprintf(out, "{vmsa_features=0x%" PRIx64 ", flags=0x%x, ghcb_version=%u}",
		a->init2.vmsa_features, a->init2.flags, a->init2.ghcb_version);
}

/* ---- its memory ---- */

static void fill_memory(const struct sev_launch *l, union arguments *a)
{
	a->memory.memory_size = l->memory_size;
	a->memory.userspace_addr = (uint64_t)(uintptr_t)l->memory;
}

static void list_memory(const union arguments *a, FILE *out)
{
	fprintf(out,
		"{slot=%u, flags=0x%x, guest_phys_addr=0x%llx, memory_size=0x%llx, "
		"userspace_addr=0x%llx}",
		a->memory.slot, a->memory.flags, (unsigned long long)a->memory.guest_phys_addr,
		(unsigned long long)a->memory.memory_size,
		(unsigned long long)a->memory.userspace_addr);
}

static void fill_memfd(const struct sev_launch *l, union arguments *a)
{
	a->memfd.size = l->memory_size;
}

static void list_memfd(const union arguments *a, FILE *out)
{
	x86_list_memfd(&a->memfd, out);
}

static int take_memfd(struct sev_launch *l, union arguments *a, int r)
{
	l->memfd = r;
	return 0;
}

static void fill_memory2(const struct sev_launch *l, union arguments *a)
{
	x86_fill_memory(&a->memory2, l->memory, l->memory_size, l->memfd);
}

static void list_memory2(const union arguments *a, FILE *out)
{
	x86_list_memory(&a->memory2, out);
}

/* ---- the launch of SEV and SEV-ES ---- */

static void fill_start(const struct sev_launch *l, union arguments *a)
{
	a->start.policy = (uint32_t)l->policy;
}

static void list_start(const union arguments *a, FILE *out)
{
	fprintf(out,
		"{handle=%u, policy=0x%x, dh_uaddr=0, dh_len=0, session_uaddr=0, session_len=0}",
		a->start.handle, a->start.policy);
}

static int take_start(struct sev_launch *l, union arguments *a, int r)
{
	l->handle = a->start.handle;
	return 0;
}

static uint64_t private_size(const struct sev_launch *l)
{
	return l->private_end - l->private_start;
}

static void fill_register(const struct sev_launch *l, union arguments *a)
{
	a->region.addr = (uint64_t)(uintptr_t)l->memory + l->private_start;
	a->region.size = private_size(l);
}

static void list_register(const union arguments *a, FILE *out)
{
	fprintf(out, "{addr=0x%" PRIx64 ", size=0x%" PRIx64 "}", a->region.addr, a->region.size);
}

static void fill_update(const struct sev_launch *l, union arguments *a)
{
	a->update.uaddr = (uint64_t)(uintptr_t)l->memory + l->private_start;
	a->update.len = (uint32_t)private_size(l);
}

static void list_update(const union arguments *a, FILE *out)
{
	fprintf(out, "{uaddr=0x%" PRIx64 ", len=0x%x}", a->update.uaddr, a->update.len);
}

/* Asks for the length, which the firmware returns with an error. */
static void fill_measure_length(const struct sev_launch *l, union arguments *a)
{
}

static void list_measure_length(const union arguments *a, FILE *out)
{
	fprintf(out, "{uaddr=0, len=0} (fails with SEV_RET_INVALID_LEN, and returns the length)");
}

static void list_measure(const union arguments *a, FILE *out)
{
	fprintf(out, "{uaddr=measurement, len=that length}");
}

static int take_measure(struct sev_launch *l, union arguments *a, int r)
{
	l->measurement_size = a->measure.len;
	if (l->measurement_size && l->measurement_size <= l->measurement_room)
		return 0;
	return ucall_fail(EPROTO,
			  "KVM_SEV_LAUNCH_MEASURE: the measurement has %u bytes, not 1 to %u",
			  l->measurement_size, l->measurement_room);
}

static void fill_measure(const struct sev_launch *l, union arguments *a)
{
	a->measure.uaddr = (uint64_t)(uintptr_t)l->measurement;
	a->measure.len = l->measurement_size;
}

static void list_status(const union arguments *a, FILE *out)
{
	fprintf(out, "{} (handle and policy as given, state=%d: running)", SEV_STATE_RUNNING);
}

static int take_status(struct sev_launch *l, union arguments *a, int r)
{
	if (a->status.handle == l->handle && a->status.state == SEV_STATE_RUNNING)
		return 0;
	return ucall_fail(
		EPROTO,
		"KVM_SEV_GUEST_STATUS: guest %u is in state %u after its launch; guest %u in state "
		"%d was expected",
		a->status.handle, a->status.state, l->handle, SEV_STATE_RUNNING);
}

/* ---- the launch of SEV-SNP ---- */

static void fill_snp_start(const struct sev_launch *l, union arguments *a)
{
	a->snp_start.policy = l->policy;
}

static void list_snp_start(const union arguments *a, FILE *out)
{
	fprintf(out, "{policy=0x%" PRIx64 ", gosvw=0, flags=0x%x}", a->snp_start.policy,
		a->snp_start.flags);
}

static void fill_attributes(const struct sev_launch *l, union arguments *a)
{
	a->attributes.address = l->private_start;
	a->attributes.size = private_size(l);
	a->attributes.attributes = X86_ATTRIBUTE_PRIVATE;
}

static void list_attributes(const union arguments *a, FILE *out)
{
	x86_list_private(&a->attributes, out);
}

static void fill_snp_update(const struct sev_launch *l, union arguments *a)
{
	a->snp_update.gfn_start = l->private_start >> 12;
	a->snp_update.uaddr = (uint64_t)(uintptr_t)l->source + l->private_start;
	a->snp_update.len = private_size(l);
	a->snp_update.type = SEV_SNP_PAGE_NORMAL;
}

static void list_snp_update(const union arguments *a, FILE *out)
{
	fprintf(out,
		"{gfn_start=0x%" PRIx64 ", uaddr=0x%" PRIx64 ", len=0x%" PRIx64
		", type=KVM_SEV_SNP_PAGE_TYPE_NORMAL, flags=0x%x} (again until len is 0)",
		a->snp_update.gfn_start, a->snp_update.uaddr, a->snp_update.len,
		a->snp_update.flags);
}

/* KVM advances the arguments past what it has done. */
static int take_snp_update(struct sev_launch *l, union arguments *a, int r)
{
	return a->snp_update.len != 0;
}

static void fill_nothing(const struct sev_launch *l, union arguments *a)
{
}

static void list_snp_finish(const union arguments *a, FILE *out)
{
	fprintf(out, "{id_block_en=%u, auth_key_en=%u, vcek_disabled=%u, host_data=0, flags=0x%x}",
		a->snp_finish.id_block_en, a->snp_finish.auth_key_en, a->snp_finish.vcek_disabled,
		a->snp_finish.flags);
}

/* ---- the steps ---- */

/* clang-format off */
static const struct step steps[] = {
	{ SEV_PART_CREATE, SEV | ES | SNP, OLD | NEW, "KVM_CREATE_VM", KVM_CREATE_VM, 0, false,
	  fill_create, list_create, take_create, 0 },

	{ SEV_PART_INIT, SNP, NEW, "KVM_ENABLE_CAP", KVM_ENABLE_CAP, 0, false,
	  fill_hypercall, list_hypercall, NULL, 0 },
	{ SEV_PART_INIT, SEV, OLD, "KVM_SEV_INIT", 0, SEV_INIT, true, fill_nothing, NULL, NULL, 0 },
	{ SEV_PART_INIT, ES, OLD, "KVM_SEV_ES_INIT", 0, SEV_ES_INIT, true, fill_nothing, NULL, NULL, 0 },
	{ SEV_PART_INIT, SEV | ES | SNP, NEW, "KVM_SEV_INIT2", 0, SEV_INIT2, false,
	  fill_init2, list_init2, NULL, 0 },

	{ SEV_PART_MEMORY, SEV | ES, OLD | NEW, "KVM_SET_USER_MEMORY_REGION", KVM_SET_USER_MEMORY_REGION,
	  0, false, fill_memory, list_memory, NULL, 0 },
	{ SEV_PART_MEMORY, SNP, NEW, "KVM_CREATE_GUEST_MEMFD", X86_IOCTL_CREATE_MEMFD, 0, false,
	  fill_memfd, list_memfd, take_memfd, 0 },
	{ SEV_PART_MEMORY, SNP, NEW, "KVM_SET_USER_MEMORY_REGION2", X86_IOCTL_SET_MEMORY, 0, false,
	  fill_memory2, list_memory2, NULL, 0 },

	{ SEV_PART_LAUNCH, SEV | ES, OLD | NEW, "KVM_SEV_LAUNCH_START", 0, SEV_LAUNCH_START, false,
	  fill_start, list_start, take_start, 0 },
	{ SEV_PART_LAUNCH, SEV | ES, OLD | NEW, "KVM_MEMORY_ENCRYPT_REG_REGION", SEV_IOCTL_REGISTER, 0,
	  false, fill_register, list_register, NULL, 0 },
	{ SEV_PART_LAUNCH, SEV | ES, OLD | NEW, "KVM_SEV_LAUNCH_UPDATE_DATA", 0, SEV_LAUNCH_UPDATE_DATA,
	  false, fill_update, list_update, NULL, 0 },
	{ SEV_PART_LAUNCH, ES, OLD | NEW, "KVM_SEV_LAUNCH_UPDATE_VMSA", 0, SEV_LAUNCH_UPDATE_VMSA, true,
	  fill_nothing, NULL, NULL, 0 },
	{ SEV_PART_LAUNCH, SEV | ES, OLD | NEW, "KVM_SEV_LAUNCH_MEASURE", 0, SEV_LAUNCH_MEASURE, false,
	  fill_measure_length, list_measure_length, take_measure, RET_INVALID_LEN },
	{ SEV_PART_LAUNCH, SEV | ES, OLD | NEW, "KVM_SEV_LAUNCH_MEASURE", 0, SEV_LAUNCH_MEASURE, false,
	  fill_measure, list_measure, take_measure, 0 },
	{ SEV_PART_LAUNCH, SEV | ES, OLD | NEW, "KVM_SEV_LAUNCH_FINISH", 0, SEV_LAUNCH_FINISH, true,
	  fill_nothing, NULL, NULL, 0 },
	{ SEV_PART_LAUNCH, SEV | ES, OLD | NEW, "KVM_SEV_GUEST_STATUS", 0, SEV_GUEST_STATUS, false,
	  fill_nothing, list_status, take_status, 0 },

	{ SEV_PART_LAUNCH, SNP, NEW, "KVM_SEV_SNP_LAUNCH_START", 0, SEV_SNP_LAUNCH_START, false,
	  fill_snp_start, list_snp_start, NULL, 0 },
	{ SEV_PART_LAUNCH, SNP, NEW, "KVM_SET_MEMORY_ATTRIBUTES", X86_IOCTL_SET_ATTRIBUTES, 0, false,
	  fill_attributes, list_attributes, NULL, 0 },
	{ SEV_PART_LAUNCH, SNP, NEW, "KVM_SEV_SNP_LAUNCH_UPDATE", 0, SEV_SNP_LAUNCH_UPDATE, false,
	  fill_snp_update, list_snp_update, take_snp_update, 0 },
	{ SEV_PART_LAUNCH, SNP, NEW, "KVM_SEV_SNP_LAUNCH_FINISH", 0, SEV_SNP_LAUNCH_FINISH, false,
	  fill_nothing, list_snp_finish, NULL, 0 },
};
/* clang-format on */

#define STEPS (sizeof(steps) / sizeof(steps[0]))

static bool applies(const struct step *s, const struct sev_launch *l, int part)
{
	return s->part == part && (s->kinds & l->bit) && (s->apis & (l->old_api ? OLD : NEW));
}

/* ---- firmware errors: <linux/psp-sev.h>, sev_ret_code ---- */

const char *sev_firmware_error(uint32_t error)
{
	static const char *const names[] = {
		[0x01] = "SEV_RET_INVALID_PLATFORM_STATE",
		[0x02] = "SEV_RET_INVALID_GUEST_STATE",
		[0x03] = "SEV_RET_INAVLID_CONFIG", /* spelt like this there */
		[0x04] = "SEV_RET_INVALID_LEN",
		[0x05] = "SEV_RET_ALREADY_OWNED",
		[0x06] = "SEV_RET_INVALID_CERTIFICATE",
		[0x07] = "SEV_RET_POLICY_FAILURE",
		[0x08] = "SEV_RET_INACTIVE",
		[0x09] = "SEV_RET_INVALID_ADDRESS",
		[0x0a] = "SEV_RET_BAD_SIGNATURE",
		[0x0b] = "SEV_RET_BAD_MEASUREMENT",
		[0x0c] = "SEV_RET_ASID_OWNED",
		[0x0d] = "SEV_RET_INVALID_ASID",
		[0x0e] = "SEV_RET_WBINVD_REQUIRED",
		[0x0f] = "SEV_RET_DFFLUSH_REQUIRED",
		[0x10] = "SEV_RET_INVALID_GUEST",
		[0x11] = "SEV_RET_INVALID_COMMAND",
		[0x12] = "SEV_RET_ACTIVE",
		[0x13] = "SEV_RET_HWSEV_RET_PLATFORM",
		[0x14] = "SEV_RET_HWSEV_RET_UNSAFE",
		[0x15] = "SEV_RET_UNSUPPORTED",
		[0x16] = "SEV_RET_INVALID_PARAM",
		[0x17] = "SEV_RET_RESOURCE_LIMIT",
		[0x18] = "SEV_RET_SECURE_DATA_INVALID",
		[0x19] = "SEV_RET_INVALID_PAGE_SIZE",
		[0x1a] = "SEV_RET_INVALID_PAGE_STATE",
		[0x1b] = "SEV_RET_INVALID_MDATA_ENTRY",
		[0x1c] = "SEV_RET_INVALID_PAGE_OWNER",
		[0x1d] = "SEV_RET_AEAD_OFLOW",
		[0x1f] = "SEV_RET_EXIT_RING_BUFFER",
		[0x20] = "SEV_RET_RMP_INIT_REQUIRED",
		[0x21] = "SEV_RET_BAD_SVN",
		[0x22] = "SEV_RET_BAD_VERSION",
		[0x23] = "SEV_RET_SHUTDOWN_REQUIRED",
		[0x24] = "SEV_RET_UPDATE_FAILED",
		[0x25] = "SEV_RET_RESTORE_REQUIRED",
		[0x26] = "SEV_RET_RMP_INITIALIZATION_FAILED",
		[0x27] = "SEV_RET_INVALID_KEY",
	};

	return error < sizeof(names) / sizeof(names[0]) ? names[error] : NULL;
}

/* ---- running the steps ---- */

static int fail_step(const struct step *s, uint64_t firmware)
{
	const char *name = sev_firmware_error((uint32_t)firmware);
	int error = errno;

	if (!firmware)
		return ucall_fail(error, "%s: %s", s->name, strerror(error));
	return ucall_fail(error, "%s: %s; the firmware says %s (0x%x)", s->name, strerror(error),
			  name ? name : "an unknown code", (unsigned int)firmware);
}

static int call_step(struct sev_launch *l, const struct step *s, union arguments *a,
		     uint64_t *firmware)
{
	int fd = s->part == SEV_PART_CREATE ? l->kvm_fd : l->vm_fd;
	struct sev_command command = {
		.id = s->command,
		.data = s->no_data ? 0 : (uint64_t)(uintptr_t)a,
		.sev_fd = (uint32_t)l->sev_fd,
	};
	int r;

	*firmware = 0;
	if (s->part == SEV_PART_CREATE)
		return l->call(l->call_data, fd, s->request, (void *)(uintptr_t)a->number);
	if (s->request)
		return l->call(l->call_data, fd, s->request, a);
	r = l->call(l->call_data, fd, X86_IOCTL_ENCRYPT_OP, &command);
	*firmware = command.error;
	return r;
}

int sev_launch(struct sev_launch *l, enum sev_part part)
{
	return run_steps(steps, STEPS, l, (int)part);
}

static void list_step(const struct sev_launch *l, const struct step *s, const union arguments *a,
		      FILE *out)
{
	fprintf(out, "ioctl(%s, ", s->part == SEV_PART_CREATE ? "kvm" : "vm");
	if (!s->request)
		fprintf(out, "KVM_MEMORY_ENCRYPT_OP, {id=%s, sev_fd=sev, data=", s->name);
	else
		fprintf(out, "%s, ", s->name);
	if (s->no_data)
		fprintf(out, "NULL");
	else
		s->list(a, out);
	fprintf(out, "%s)\n", s->request ? "" : "}");
}

/* Lists what the engine does for every VM between the parts. */
static void list_vcpus(unsigned int vcpus, FILE *out)
{
	for (unsigned int i = 0; i < vcpus; i++) {
		list_new_vcpu(i, out);
		fprintf(out,
			"ioctl(vcpu%u, KVM_SET_SREGS, ...)\n"
			"ioctl(vcpu%u, KVM_SET_REGS, ...)\n",
			i, i);
	}
}

char *sev_launch_list(const struct sev_launch *l, unsigned int vcpus)
{
	struct call_list list;

	if (begin_list(&list))
		return NULL;
	fprintf(list.out, "open(\"/dev/sev\")\n");
	for (enum sev_part part = SEV_PART_CREATE; part < SEV_PARTS; part++) {
		if (part == SEV_PART_LAUNCH)
			list_vcpus(vcpus, list.out);
		list_steps(steps, STEPS, l, (int)part, list.out);
	}
	return end_list(&list);
}
