#!/bin/sh
# SPDX-License-Identifier: MIT
# The exception stubs, which the core copies into guests, refer to nothing outside themselves: no table of a switch,
# no constant, no function of the host's.
. "$top_srcdir/t/tap.sh"
command -v objdump >/dev/null || skip_all "no objdump; install binutils"

find "$top_builddir/libucall/arch" -name 'libcore_la-*.o' >"$scratch/objects"
while read -r object; do
	objdump -t "$object" 2>/dev/null | awk '$0 ~ / ucall_stubs\t/ { print $NF }'
done <"$scratch/objects" | sort -u >"$scratch/own"
echo ucall_stubs >>"$scratch/own"
test "$(wc -l <"$scratch/own")" -gt 1 || skip_all "objdump finds no stubs: objects of link-time optimisation, or another architecture"
grep -qx ucall_stub_dispatch "$scratch/own"
ok $? "the stubs are found"

while read -r object; do
	# OFFSET TYPE SYMBOL+ADDEND
	objdump -r -j ucall_stubs "$object" 2>/dev/null | awk '$2 ~ /^R_/ { sub(/[-+]0x[0-9a-f]*$/, "", $3); print $3 }' |
		sort -u | grep -vxF -f "$scratch/own" | sed "s|^|${object##*/}: |"
done <"$scratch/objects" >"$scratch/out"
test ! -s "$scratch/out"
status=$?
ok $status "they refer to themselves alone"
test $status -eq 0 || diag <"$scratch/out"
done_testing
