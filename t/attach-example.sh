#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/attach, a separate VMM, over each backend that can serve it, including third-party ones;
# docs/ATTACH.md shows that program.
. "$top_srcdir/t/tap.sh"
attach=$top_builddir/examples/attach
test -x "$attach" || skip_all "the example is for x86_64 and aarch64"
unset UCALL_BACKEND UCALL_ENGINE

sed -n '/^<!-- attach.c -->$/,/^```$/{/^<!--/d;/^```/d;p;}' "$top_srcdir/docs/ATTACH.md" | grep -v '^$' >"$scratch/shown"
grep -v '^$' "$top_srcdir/examples/attach.c" >"$scratch/is"
cmp -s "$scratch/shown" "$scratch/is"
ok $? "docs/ATTACH.md shows the current example"

test -r /dev/kvm && test -w /dev/kvm && test -c /dev/kvm && "$top_builddir/tools/ucall" list |
	grep -q "^$(uname -m).*kvm" || {
	skip "/dev/kvm cannot be opened" "the example"
	done_testing
}
cat >"$scratch/wanted" <<END
vCPU 0, step 1: 1
vCPU 1, step 1: 2
vCPU 0, step 2: 2
vCPU 1, step 2: 4
vCPU 0, step 3: 3
vCPU 1, step 3: 6
END
over() { # BACKEND NAME
	UCALL_BACKEND=$1 "$attach" >"$scratch/out" 2>&1
	status=$?
	test $status -eq 0 && { echo "backend $2"; cat "$scratch/wanted"; } | cmp -s - "$scratch/out"
	status=$?
	ok $status "over $2"
	test $status -eq 0 || diag <"$scratch/out"
}
over mmio mmio
over mmio,gpa=0xe0000000 mmio
if test "$(uname -m)" = x86_64; then
	over pio pio
	over halt halt
	for b in msr rom; do
		if $CC -shared -fPIC -I"$top_srcdir/include" "$top_srcdir/examples/backends/$b/$b.c" -o "$scratch/ucall-$b.so" \
			-L"$top_builddir/libucall/.libs" -lucall 2>"$scratch/out"; then
			case $b in
			msr) over "$scratch/ucall-msr.so" msr ;;
			rom)
				UCALL_BACKEND=$scratch/ucall-rom.so "$attach" >"$scratch/out" 2>&1
				test $? -eq 1 && grep -q "gives backends 0 memory slots" "$scratch/out"
				ok $? "a backend that wants a memory slot, which this program does not give"
				;;
			esac
		else
			ok 1 "$b is built"
			diag <"$scratch/out"
		fi
	done
fi
UCALL_BACKEND=ring "$attach" >"$scratch/out" 2>&1
test $? -eq 1 && grep -q '^attach: backend ring' "$scratch/out"
ok $? "a backend that cannot serve it is refused with a message"
done_testing
