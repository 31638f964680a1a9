#!/bin/sh
# SPDX-License-Identifier: MIT
# Calls to memcpy() and the like, which compilers emit under one name for host and guest, reach the
# guest runtime in the guest and the C library in the host, however the program is built.
. "$top_srcdir/t/tap.sh"
lib=$top_builddir/libucall
test -f "$lib/.libs/libucall.so" || skip_all "no shared library"
if nm "$lib/libucall-test.a" 2>/dev/null | grep -q "U __\(asan\|tsan\|ubsan\|msan\)_"; then
	skip_all "this build has sanitizers; t/own-names tests that case"
fi

build() { # COMPILER FLAG...
	compiler=$1
	shift
	$compiler -w -D_GNU_SOURCE "$@" -I"$top_srcdir/include" "$top_srcdir/t/own-names.c" -o "$scratch/program" "$lib/libucall-test.a" \
		-Wl,--whole-archive "$lib/libucall-guest.a" -Wl,--no-whole-archive -L"$lib/.libs" -lucall -lpthread -ldl \
		>"$scratch/out" 2>&1
}

build cc -static-pie
test $? -ne 0 && grep -q "libucall\|lucall" "$scratch/out"
ok $? "-static-pie is refused by the linker, which names the library"

for compiler in gcc clang; do
	command -v $compiler >/dev/null || {
		skip "no $compiler; run ./bootstrap --install-deps=all" "$compiler"
		continue
	}
	for flags in "-O2" "-O0" "-O2 -no-pie -fno-pie" "-O2 -fno-plt" "-O2 -fno-plt -no-pie -fno-pie" "-O2 -flto" "-O2 -Wl,-z,now" \
		"-O2 -Wl,-z,lazy" "-O2 -D_FORTIFY_SOURCE=2" "-O3 -fstack-protector-strong" "-Os -ffunction-sections -Wl,--gc-sections"; do
		# shellcheck disable=SC2086
		if ! build $compiler $flags; then
			if test "${flags#*-flto}" != "$flags" && grep -q "LLVMgold\|plugin\|lto" "$scratch/out"; then
				skip "$compiler has no linker plugin for -flto here" "$compiler $flags"
				continue
			fi
			ok 1 "$compiler $flags: builds"
			diag <"$scratch/out"
			continue
		fi
		"$scratch/program" >"$scratch/out" 2>&1
		status=$?
		ok $status "$compiler $flags"
		test $status -eq 0 || grep -v "^ok" "$scratch/out" | diag
	done
done
done_testing
