#!/bin/sh
# SPDX-License-Identifier: MIT
# ucall lab: what it refuses, and a command's output and status, if a machine was fetched before.
. "$top_srcdir/t/tap.sh"
ucall=$top_builddir/tools/ucall

refused() { # STATUS WORDS ARGUMENT...
	wanted=$1 words=$2
	shift 2
	"$ucall" lab "$@" >"$scratch/out" 2>&1
	test $? -eq "$wanted"
	ok $? "lab $*: exit status $wanted"
	has "$scratch/out" "$words" "it says why"
}
refused 2 "usage: ucall lab ARCH"
refused 2 "no machine \"vax\"; there are aarch64, riscv64 and x86_64" vax
refused 77 "QEMU's emulator has no SIE" s390x
refused 2 "what is \"ls\"?" aarch64 ls

ran=
for arch in aarch64 riscv64 x86_64; do
	test -e "$UCALL_LAB_CACHE/$arch/complete" && ran=$arch && break
done
if test -z "$ran"; then
	skip "no kernel has been fetched; make check-lab does" "a command"
	done_testing
fi
mkdir -p "$scratch/root/etc"
echo "it is there" >"$scratch/root/etc/note"
"$ucall" lab "$ran" --root "$scratch/root" -- sh -c 'cat /etc/note; test -c /dev/kvm && echo "a '"'"'KVM'"'"'"; exit 7' \
	>"$scratch/out" 2>"$scratch/err"
status=$?
test $status -eq 7
ok $? "a command's exit status"
test $status -eq 7 || diag <"$scratch/err"
has "$scratch/out" "it is there" "a file of --root"
has "$scratch/out" "a 'KVM'" "a KVM, and quotes as they were"
"$ucall" lab "$ran" --timeout 20 -- reboot -f >"$scratch/out" 2>"$scratch/err"
test $? -eq 125
ok $? "a machine that ends before the command: exit status 125"
has "$scratch/err" "ended before the command did" "it says so"
done_testing
