#!/bin/sh
# SPDX-License-Identifier: MIT
# make check-kselftest: the kernel's own selftests over the backends, here and in machines of the lab.
#	kselftest.sh [short]	short: a few tests, here and on one machine
# What cannot be run is skipped, with its reason.
set -u
failed=0

run() { # ARG...
	echo "check-kselftest: ucall kselftest $*"
	./run ucall kselftest "$@"
	case $? in
	0) ;;
	77) echo "check-kselftest: skipped, as the line above says" ;;
	*) failed=1 ;;
	esac
}

if test "${1:-}" = short; then
	both="guest_print coalesced_io"
	run --fetch --messages address,mailbox --compare $both x86/kvm_clock x86/userspace_io x86/sync_regs x86/userspace_msr_exit \
		x86/recalc_apic_map x86/exit_on_emulation_failure steal_time irqfd
	run --fetch --lab aarch64 --kernel trixie-backports --messages address,mailbox --compare $both arm64/smccc_filter
	exit $failed
fi
run --fetch --messages address,mailbox --compare
run --fetch --lab x86_64-svm --kernel trixie-backports --compare
run --fetch --lab aarch64 --kernel trixie-backports --compare
run --fetch --lab riscv64 --kernel sid --compare
run --fetch --lab x86_64-vmx --kernel trixie --compare
run --fetch --arch s390x
run --fetch=trixie --messages address,mailbox --compare
exit $failed
