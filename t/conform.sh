#!/bin/sh
# SPDX-License-Identifier: MIT
# ucall conform: the project's own backends pass it, and each fault fails it at the check that is meant
# for that fault.
. "$top_srcdir/t/tap.sh"
needs_shared_objects
ucall=$top_builddir/tools/ucall
unset UCALL_BACKEND UCALL_ENGINE

"$ucall" conform >"$scratch/out" 2>&1
test $? -eq 2
ok $? "no plugin: exit status 2"
"$ucall" conform nosuch >"$scratch/out" 2>&1
test $? -eq 2
ok $? "an unknown backend: exit status 2"
"$ucall" conform /dev/null >"$scratch/out" 2>&1
test $? -ne 0
ok $? "a file that is not a plugin"

"$ucall" list >"$scratch/list"
grep -q "^$(uname -m) *none" "$scratch/list" && {
	skip "no engine here" "tests that need one"
	done_testing
}

for n in -5 +5 " 5" 5x 0 "" 99999999999999999999; do
	"$ucall" conform --messages "$n" pio >"$scratch/out" 2>&1
	test $? -eq 2
	ok $? "--messages \"$n\" is refused"
done

# With few messages, so that a run is short: `make check` is run often.
conform() { # PLUGIN [ARG...]
	conform_plugin=$1
	shift
	"$ucall" conform --messages 600 "$@" "$conform_plugin" >"$scratch/out" 2>"$scratch/err"
}

for b in pio mmio halt diag sbi sev-shared; do
	if "$ucall" info $b | grep "^works here: *no" >"$scratch/why"; then
		skip "$(cut -c 1-150 "$scratch/why")" "$b conforms"
		continue
	fi
	conform $b
	status=$?
	ok $status "$b conforms"
	test $status -eq 0 || grep -A3 "^#\|^not" "$scratch/out" | head -n 20 | diag
	if test $b = pio; then
		test "$(grep -c '^ok' "$scratch/out")" -ge 30
		ok $? "it has at least 30 points"
	fi
done

build() { # NAME FLAG...
	name=$1
	shift
	$CC -shared -fPIC -O2 -w -I"$top_srcdir/include" "$@" "$top_srcdir/t/plugins/broken.c" \
		-o "$scratch/ucall-$name.so" -L"$top_builddir/libucall/.libs" -lucall
}

build broken || not_built "t/plugins/broken.c"
conform "$scratch/ucall-broken.so"
status=$?
ok $status "a correct backend conforms"
test $status -eq 0 || grep -A3 "^#\|^not" "$scratch/out" | head -n 20 | diag
conform "$scratch/ucall-broken.so" --point "texts*"
! grep '^ok' "$scratch/out" | grep -v -e ': texts' -e SKIP && grep -q '^ok .*: texts' "$scratch/out"
ok $? "--point runs only these"

# Each fault fails the point that is meant for it, which says what to fix.  FAULT:POINT:SENTENCE
faults() {
	cat <<-END
	CLOBBERS:0 to 7 arguments, by the mailbox:argument 7 of 7 is 0x0, and the guest sent
	ADDRESS:0 to 7 arguments, by the address:
	CLAIMS_ALL:made-up exits are declined:compare reason, direction, size and address
	CLAIMS_NONE:0 to 7 arguments, by the mailbox:an exit that backend
	GLOBAL:two VMs with different options:
	LEAKS:VMs leave nothing behind:file descriptors have become
	LEAKS_REFUSED:refused VMs leave nothing behind:file descriptors have become
	LEAKS_THREADS:VMs leave nothing behind:threads have become
	DEFAULT_ARCH:its claims are valid:
	DEFAULT_VALUE:each option's default is valid:
	METADATA:ucall_ops agree with the metadata:begin ucall_ops with UCALL_OPS
	TWICE:every message once and in order, by the mailbox:
	DROPS:every message once and in order, by the mailbox:did not reach the host
	NO_SUMMARY:version and summary:
	CLAIMS_LOADS:made-up exits are declined:a load from
	CLAIMS_HALTS:made-up exits are declined:it claims every halt
	CLAIMS_OTHERS:made-up exits are declined:a store to 0x
	LOADS:its exits are writes:use OUT, a store or WRMSR
	CHANGES_FIRST:registers are kept, by the mailbox:among the clobbers of its asm
	CHANGES_LAST:registers are kept, by the mailbox:among the clobbers of its asm
	WRITES_VCPU:the mailbox is left alone, by the mailbox:the vCPU's number
	WRITES_FAULT:the mailbox is left alone, by the mailbox:the fault area
	PRINTS:nothing is printed:a backend prints nothing
	SKIPS:a VM can be created:init() must serve every VM that the metadata claims
	LINE_IN_SUMMARY:version and summary:printable characters
	STARTS_PROCESS:it can be loaded:a process is started
	STARTS_THREAD:it can be loaded:a thread is started
	LEAVES_FD:it can be loaded:a file descriptor is left open
	SAYS_HELLO:it can be loaded:writes to standard output or error
	TAKES_STDIN:it can be loaded:file descriptors that are not its own
	SAYS_NOTHING:a VM can be created:its init() failed without calling ucall_fail()
	EXITS:it can be loaded:a constructor must return
	CRASHES:it can be loaded:died by SIGABRT
	HANGS:it can be loaded:exceeded its time limit
	INIT_EXITS:each option's default is valid:ended with exit status 0
	RECV_EXITS:0 to 7 arguments, by the mailbox:ended with exit status 0
	RECV_CRASHES:0 to 7 arguments, by the mailbox:died by SIGABRT
	SPINS:0 to 7 arguments, by the mailbox:without an exit
	END
	test "$(uname -m)" != x86_64 || echo "CHANGES_FLAGS:registers are kept, by the mailbox:end with cld"
	# Not with a sanitizer, which manages memory itself.
	"$ucall" conform --point "no memory*" "$scratch/ucall-broken.so" | grep -q SKIP || cat <<-END
	LEAKS_MEMORY:no memory is left behind:uninit() must free
	LEAKS_EXITS:no memory is left behind:recv must free
	END
}

# A constructor that hangs is given up after 5 s.
faults >"$scratch/faults"
while IFS=: read -r fault point sentence; do
	build broken -DBROKEN="$fault" -pthread
	UCALL_TIMEOUT=0.5 conform "$scratch/ucall-broken.so" --point "$point"
	test $? -eq 1 && grep -q "^not ok .*$point" "$scratch/out" && grep -qF -e "$sentence" "$scratch/out"
	status=$?
	ok $status "$fault fails at \"$point\""
	test $status -eq 0 || { echo "wanted: $sentence"; cat "$scratch/out"; } | diag
	printf '%s\t%s\t%s\n' "$fault" "$point" \
		"$(grep '^# ' "$scratch/out" | grep -v '^# vCPU\|^#  ' | grep -F -e "$sentence" | head -n 1 | cut -c 3-)" >>"$scratch/table"
done <"$scratch/faults"
# What conform says about each fault, for readers.
test ! "$CONFORM_TABLE" || cp "$scratch/table" "$CONFORM_TABLE"

# These faults must fail only one check.
for fault in LEAKS_REFUSED DEFAULT_ARCH NO_SUMMARY METADATA WRITES_FAULT; do
	build broken -DBROKEN="$fault"
	conform "$scratch/ucall-broken.so"
	test "$(grep '^not ok' "$scratch/out" | sed 's/.*: //; s/^not ok [0-9]* - //; s/, by the .*//' | sort -u | wc -l)" -eq 1
	ok $? "$fault fails at nothing else"
done

# A plugin that exits is not reported as success.
build broken -DBROKEN=EXITS
printf '#include <ucall/guest.h>\nvoid guest_main(void)\n{\n\tGUEST_DONE();\n}\n' >"$scratch/guest.c"
if "$ucall" cc -o "$scratch/guest.elf" "$scratch/guest.c" >"$scratch/out" 2>&1; then
	"$ucall" run --backend "$scratch/ucall-broken.so" "$scratch/guest.elf" >"$scratch/out" 2>&1
	test $? -eq 3
	ok $? "run: a plugin that calls _exit(0)"
	has "$scratch/out" "ended with exit status 0" "run says so"
else
	skip "$(head -n 1 "$scratch/out")" "run: a plugin that calls _exit(0)"
fi
UCALL_PLUGIN_PATH=$scratch "$ucall" demo >"$scratch/out" 2>&1
test $? -ne 0
ok $? "demo: a plugin that calls _exit(0)"
has "$scratch/out" "ended with exit status 0" "demo says so"

conform "$scratch/ucall-broken.so" --point "no such point"
test $? -eq 2
ok $? "--point that matches nothing"

build broken
cp "$scratch/ucall-broken.so" "$scratch/ucall-other.so"
build broken
mv "$scratch/ucall-broken.so" "$scratch/ucall-other.so"
conform "$scratch/ucall-other.so"
grep -q "^not ok .*its file is named after the backend" "$scratch/out"
ok $? "a file with another backend's name"
done_testing
