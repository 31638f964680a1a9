#!/bin/sh
# SPDX-License-Identifier: MIT
# A program under a debugger: breakpoints in guest functions and in a plugin do not change what the guest does, and the
# debugger finds the plugin's file.
. "$top_srcdir/t/tap.sh"
command -v gdb >/dev/null || skip_all "no gdb; install gdb"
hello=$top_builddir/examples/hello
test ! -x "$top_builddir/examples/.libs/hello" || hello=$top_builddir/examples/.libs/hello
unset UCALL_BACKEND UCALL_ENGINE
LSAN_OPTIONS=detect_leaks=0 # it does not work in a traced program
export LSAN_OPTIONS

"$hello" >"$scratch/plain" 2>&1 || skip_all "no engine here"
debug() { # GDB-ARG...
	gdb -nx -batch -iex 'set debuginfod enabled off' -iex 'set breakpoint pending on' "$@" \
		--args "$hello" >"$scratch/out" 2>&1
}
debug -ex run
grep -q "exited normally" "$scratch/out" || skip_all "gdb cannot run a program here: $(tail -n 1 "$scratch/out")"

debug -ex 'break guest_main' -ex 'break ucall_guest_print' -ex run
grep -q "^Breakpoint 1 at" "$scratch/out" && grep -q "exited normally" "$scratch/out"
status=$?
ok $status "breakpoints in guest functions"
test $status -eq 0 || diag <"$scratch/out"
while read -r line; do
	grep -qF -e "$line" "$scratch/out" || echo "$line"
done <"$scratch/plain" >"$scratch/missing"
test ! -s "$scratch/missing"
ok $? "the guest says the same as without a debugger"

backend=$(sed -n 's/.*backend \([a-z]*\).*/\1/p' "$scratch/plain" | head -n 1)
debug -ex "break ${backend}_recv" -ex run -ex 'info symbol $pc' -ex 'delete' -ex continue
# Without debug information gdb also says the address.
grep -Eq "Breakpoint 1[.0-9]*, (0x[0-9a-f]+ in )?${backend}_recv" "$scratch/out" && grep -q "exited normally" "$scratch/out"
status=$?
ok $status "a breakpoint in a plugin: it is loaded, and the debugger stops there"
test $status -eq 0 || diag <"$scratch/out"
debug -ex "break ${backend}_recv" -ex run -ex 'info sharedlibrary'
grep -q "/ucall-$backend.so" "$scratch/out"
status=$?
ok $status "the debugger knows the plugin by its file"
test $status -eq 0 || diag <"$scratch/out"
done_testing
