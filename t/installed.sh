#!/bin/sh
# SPDX-License-Identifier: MIT
# `make installcheck`: README's first program, built against the installed library with only
# pkg-config, with the flags that people use.
. "$top_srcdir/t/installed-kit.sh"

listing hello.c >"$scratch/hello.c"
test "$(wc -l <"$scratch/hello.c")" -le 30 && grep -q GUEST_SYNC "$scratch/hello.c"
ok $? "README has the program"
pkg-config --exists ucall
ok $? "pkg-config knows ucall"
test -e "$(pkg-config --variable=backenddir ucall)/ucall-pio.so"
ok $? "and the backends' folder"

hardened="-O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2 -Wformat -Werror=format-security
	-fPIE -pie -Wl,-z,relro -Wl,-z,now"
try() { # COMPILER FLAGS
	name="$*"
	if ! command -v "$1" >/dev/null; then
		skip "no $1; run ./bootstrap --install-deps=all" "$name"
		return
	fi
	if ! echo 'int main(void) { return 0; }' | "$@" -x c - -o "$scratch/hello" 2>/dev/null; then
		skip "$1 lacks a library for this; run ./bootstrap --install-deps=all" "$name"
		return
	fi
	rm -f ./*.gcda ./*.gcno
	"$@" -Wall -Wextra "$scratch/hello.c" $flags -o "$scratch/hello" >"$scratch/out" 2>&1 &&
		test ! -s "$scratch/out"
	status=$?
	ok $status "$name: builds without a warning"
	test $status -eq 0 || diag <"$scratch/out"
	if test -n "$kvm"; then
		skip "$kvm" "$name: runs"
		return
	fi
	for b in pio mmio halt; do
		UCALL_BACKEND=$b "$scratch/hello" >"$scratch/out" 2>&1
		status=$?
		printf 'the guest adds 2 and 40\nthe host got 42.0\n' | cmp -s - "$scratch/out" &&
			test $status -eq 0
		status=$?
		ok $status "$name: runs over $b"
		test $status -eq 0 || diag <"$scratch/out"
	done
}

for cc in gcc clang; do
	try $cc
	try $cc -O0
	try $cc -O2
	try $cc -O3 -march=native
	try $cc $hardened
	try $cc -O2 -fcf-protection -fstack-protector-all -ftrivial-auto-var-init=pattern
	try $cc -O2 -pg
	try $cc -O2 --coverage
	try $cc -O2 -no-pie -fno-pie
	try $cc -O0 -fsanitize=undefined
done
try gcc -O2 -flto
try gcc -O2 -fsanitize=address
# gcc 12's linker plugin is not clang's; lld has its own.
try clang -O2 -flto -fuse-ld=lld
try clang -O2 -fsanitize=address
try clang -O2 -fuse-ld=lld

# A backend, with only the installed kit.
$CC -shared -fPIC -O2 "$top_srcdir/plugins/halt/halt.c" $flags -o "$scratch/ucall-copy.so"
ok $? "a backend builds"
UCALL_PLUGIN_PATH=$scratch ucall list >"$scratch/out"
has "$scratch/out" "$scratch/ucall-copy.so" "and is found"

# A guest of another architecture, with only the installed kit, and the demo with its guests.
for a in x86_64 aarch64 s390x riscv64; do
	if ucall list | grep -qE "^$a .*none"; then
		skip "no compiler or no engine for $a" "a guest for $a"
		continue
	fi
	ucall cc --arch $a -o "$scratch/g.elf" "$top_srcdir/examples/guest-hello.c" \
		>"$scratch/out" 2>&1 && ucall run "$scratch/g.elf" >>"$scratch/out" 2>&1
	status=$?
	ok $status "a guest for $a"
	test $status -eq 0 || diag <"$scratch/out"
done
ucall demo >"$scratch/out" 2>&1
status=$?
ok $status "ucall demo"
test $status -eq 0 || diag <"$scratch/out"
done_testing
