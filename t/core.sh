#!/bin/sh
# SPDX-License-Identifier: MIT
# `ucall run --core`: a debugger shows where the guest was, for each architecture.
. "$top_srcdir/t/tap.sh"
ucall=$top_builddir/tools/ucall
unset UCALL_BACKEND UCALL_ENGINE
gdb=gdb-multiarch
command -v $gdb >/dev/null || gdb=gdb
command -v $gdb >/dev/null || skip_all "no gdb; install gdb-multiarch"

cat >"$scratch/guest.c" <<'EOF'
#include <ucall/guest.h>

static volatile int depth;

static UCALL_GUEST __attribute__((noinline)) void inner(volatile int *p)
{
	depth += 41;
	*p = 7; /* line 8 */
	depth--;
}

static UCALL_GUEST __attribute__((noinline)) void outer(volatile int *p)
{
	depth++;
	inner(p); /* line 15 */
	depth--;
}

UCALL_GUEST void guest_main(unsigned long address)
{
	GUEST_SYNC(1);
	outer((volatile int *)address); /* line 22 */
	GUEST_DONE();
}
EOF

for arch in x86_64 aarch64 s390x riscv64; do
	elf=$scratch/guest-$arch.elf core=$scratch/$arch.core
	if ! "$ucall" cc --arch $arch -g -O1 -fno-omit-frame-pointer -o "$elf" "$scratch/guest.c" >"$scratch/out" 2>&1; then
		skip "$(head -n 1 "$scratch/out")" "$arch"
		continue
	fi
	"$ucall" run --core "$core" "$elf" 0x123456789000 >"$scratch/out" 2>&1
	status=$?
	if grep -qE "no engine|cannot be used|has no guest code" "$scratch/out"; then
		skip "$(grep -m 1 -E "no engine|cannot be used|has no guest code" "$scratch/out")" "$arch"
		continue
	fi
	test $status -ne 0 && grep -qF "core file: $core" "$scratch/out"
	ok $? "$arch: a guest that faults leaves a core file"
	if test $gdb = gdb && test $arch != "$(uname -m)"; then
		skip "gdb is for this machine only; install gdb-multiarch" "$arch: gdb"
		continue
	fi
	grep -aq "^vCPU 0: 1 messages received" "$core" && grep -aq "^guest $arch" "$core"
	ok $? "$arch: its note"
	$gdb -nx -batch -iex 'set debuginfod enabled off' -ex bt -ex 'print depth' -ex 'info threads' "$elf" "$core" \
		>"$scratch/out" 2>&1
	grep -q "^#0 .*inner (.*guest.c:8" "$scratch/out" && grep -q "^#1 .*outer (.*guest.c:15" "$scratch/out" &&
		grep -q "^#2 .*guest_main (.*guest.c:22" "$scratch/out"
	status=$?
	ok $status "$arch: gdb shows where"
	test $status -eq 0 || diag <"$scratch/out"
	grep -q '^\$1 = 42$' "$scratch/out"
	ok $? "$arch: gdb reads the guest's variables"
done

# The program is its own guest: gdb finds its symbols where it was loaded.
cat >"$scratch/program.c" <<'EOF'
#include <stdio.h>
#include <ucall/ucall.h>

static UCALL_GUEST __attribute__((noinline)) void inner(volatile int *p)
{
	*p = 7; /* line 6 */
}

static UCALL_GUEST void guest_main(volatile int *p)
{
	inner(p); /* line 11 */
	GUEST_DONE();
}

int main(int argc, char **argv)
{
	struct ucall_vm *vm = ucall_vm_create(NULL);
	struct ucall_vcpu *vcpu = vm ? ucall_vcpu_add(vm, guest_main, 1, 0x123456789000) : NULL;

	if (!vcpu || ucall_next(vcpu, NULL) != -1 || ucall_vm_core(vm, argv[1])) {
		fprintf(stderr, "%s\n", ucall_error());
		return 1;
	}
	ucall_vm_free(vm);
	return 0;
}
EOF
if "$ucall" list | grep -q "^$(uname -m) *none"; then
	skip "no engine here" "a program that is its own guest"
elif $CC -g -O1 -I"$top_srcdir/include" -o "$scratch/program" "$scratch/program.c" -Wl,--whole-archive \
	"$top_builddir/libucall/libucall-guest.a" -Wl,--no-whole-archive -L"$top_builddir/libucall/.libs" -lucall \
	>"$scratch/out" 2>&1 && "$scratch/program" "$scratch/program.core" >"$scratch/out" 2>&1; then
	gdb -nx -batch -iex 'set debuginfod enabled off' -ex bt "$scratch/program" "$scratch/program.core" >"$scratch/out" 2>&1
	grep -q "^#0 .*inner (.*program.c:6" "$scratch/out" && grep -q "^#1 .*guest_main (.*program.c:11" "$scratch/out"
	status=$?
	ok $status "a program that is its own guest: gdb shows where"
	test $status -eq 0 || diag <"$scratch/out"
else
	skip "$(tail -n 1 "$scratch/out")" "a program that is its own guest"
fi

# More segments than a core file has: the stack, at the highest addresses, is there nevertheless.
cat >"$scratch/sparse.c" <<'EOF'
#include <ucall/guest.h>

static char array[40960][4096];

UCALL_GUEST void guest_main(unsigned long address)
{
	volatile unsigned long marked = 0x5ca1ab1e;

	for (int i = 0; i < 40960; i += 8)
		array[i][0] = 1;
	*(volatile char *)address = (char)marked;
}
EOF
"$ucall" cc -g -O1 -o "$scratch/sparse.elf" "$scratch/sparse.c" &&
	"$ucall" run -m 400 --core "$scratch/core" "$scratch/sparse.elf" 0x123456789000 >"$scratch/out" 2>&1
"$gdb" -nx -batch -iex 'set debuginfod enabled off' -ex 'print/x marked' "$scratch/sparse.elf" "$scratch/core" >"$scratch/out" 2>&1
grep -q '= 0x5ca1ab1e' "$scratch/out"
status=$?
ok $status "memory in many pieces"
test $status -eq 0 || diag <"$scratch/out"

"$ucall" run --core /nonexistent/core "$scratch/guest-$(uname -m).elf" 0x123456789000 >"$scratch/out" 2>&1
has "$scratch/out" "no core file: cannot create /nonexistent/core" "a core file that cannot be written is said"
done_testing
