#!/bin/sh
# SPDX-License-Identifier: MIT
# The kvm engine's code for other hosts compiles for them, without a warning.
. "$top_srcdir/t/tap.sh"

for a in aarch64 riscv64 s390x; do
	cc=$a-linux-gnu-gcc
	if ! command -v $cc >/dev/null; then
		skip "no $cc; run ./bootstrap --install-deps=all" "$a"
		continue
	fi
	if ! echo '#include <linux/kvm.h>' | $cc -fsyntax-only -x c - 2>/dev/null; then
		skip "no C library headers for $a; run ./bootstrap --install-deps=all" "$a"
		continue
	fi
	case $a in
	s390x) set -- ;;
	*) set -- "$top_srcdir/libucall/kvm/device.c" "$top_srcdir/libucall/kvm/one-reg.c" ;;
	esac
	for f in "$top_srcdir"/libucall/arch/"$a"/*.[cS] "$top_srcdir/libucall/arch/stubs.c" "$@" \
		"$top_srcdir/libucall/kvm/engine.c" "$top_srcdir/libucall/machine/memory.c" \
		"$top_srcdir/libucall/attach/attach.c"; do
		$cc -std=gnu11 -O2 -Wall -Wextra -Wno-unused-parameter -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror \
			-D_GNU_SOURCE -DUCALL_VERSION='"test"' -I"$top_srcdir/include" -I"$top_srcdir/libucall" -c "$f" \
			-o "$scratch/x.o" >"$scratch/out" 2>&1
		status=$?
		ok $status "$a: ${f#"$top_srcdir"/}"
		test $status -eq 0 || diag <"$scratch/out"
	done
	# Exception stubs are copied into guests: nothing in them may refer to another section.
	for level in -O0 -O2 -O3; do
		$cc -std=gnu11 $level -fPIC -D_GNU_SOURCE -I"$top_srcdir/include" -I"$top_srcdir/libucall" \
			-c "$top_srcdir/libucall/arch/$a/stub.c" -o "$scratch/x.o"
		"$a"-linux-gnu-objdump -r -j ucall_stubs "$scratch/x.o" >"$scratch/out"
		! grep -E '\.(rodata|data|bss)|GOT' "$scratch/out" >"$scratch/bad"
		ok $? "$a: stubs refer to nothing outside of their section ($level)"
		diag <"$scratch/bad"
	done
done
done_testing
