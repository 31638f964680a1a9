/* SPDX-License-Identifier: MIT */
/*
 * Trust domains (Intel TDX): by KVM's own calls (real/), and by software on any KVM (emulated/).  This
 * file has what both use.
 */
#ifndef LIBUCALL_TDX_H
#define LIBUCALL_TDX_H

#include <ucall/tdx.h>

#include "abi.h"
#include "kvm/kvm.h"

extern const struct ucall_kvm_guards tdx_guards; /* kinds.c */
extern const struct ucall_kvm_guard tdx_emulated; /* emulated/emulated.c */
extern const struct ucall_kvm_guard tdx_real; /* real/real.c */

/* real/real.c: struct ucall_kvm_guards.launch_list. */
char *tdx_real_launch_list(const struct ucall_machine *vm,
			   const struct ucall_protection *protection,
			   const struct ucall_args *args);

/* KVM_EXIT_SYSTEM_EVENT's type of ReportFatalError (Linux 6.16), and what is in its data. */
#define TDX_SYSTEM_EVENT 7 /* KVM_SYSTEM_EVENT_TDX_FATAL */
#define TDX_SYSTEM_EVENT_REGS 16 /* general registers, in the order of their encoding */

/* Fills in exit->u.fatal. */
void tdx_decode_fatal(const struct kvm_run *run, struct ucall_exit *exit);

/* ---- start.c ---- */

/* The code of the reset page, UCALL_PAGE_SIZE bytes. */
extern const uint8_t tdx_reset_page[] UCALL_HIDDEN;

/*
 * Makes the page with which the vCPU starts (vcpu->boot.start_arg is its guest-physical address), and
 * page tables for the reset page in *reset_root, if that is 0.
 */
int tdx_make_start(struct ucall_cpu *vcpu, uint64_t *reset_root);
/* The vCPU's stack, which the guest accepts: its guest-physical address. */
uint64_t tdx_stack(const struct ucall_cpu *vcpu);

/* The first vCPU, which shares what the host needs.  tdx_share_by_first(): tells it so. */
struct ucall_cpu *tdx_first_vcpu(const struct ucall_machine *vm);
void tdx_share_by_first(struct ucall_machine *vm);
/* The last step of a launch: runs the first vCPU until it has shared what the host needs. */
int tdx_run_start(struct ucall_machine *vm);

/* Errors of both: -1 after ucall_fail(). */
int tdx_refuse_irqchip(void);
int tdx_refuse_launch(void);

/* struct ucall_guard.told: MapGPA has told already. */
int tdx_told(struct ucall_machine *vm, uint64_t gpa, size_t size, bool is_private);

#endif
