#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/broken: every kind of failure ends the run with a report that says what and where.
. "$top_srcdir/t/tap.sh"
unset UCALL_BACKEND
only=$UCALL_ENGINE

# works ENGINE: true if it can be tested here.
works() {
	case ${only:-$1} in
	"$1") "$top_builddir/tools/ucall" list | grep -q "^$1 .* yes$" ;;
	*) false ;;
	esac
}

# tries FAULT EXIT-STATUS TEXT...
tries() {
	fault=$1
	expected=$2
	shift 2
	"$top_builddir/examples/broken" "$fault" >"$scratch/out" 2>&1
	status=$?
	test $status -eq "$expected"
	status=$?
	ok $status "$UCALL_ENGINE: $fault ends with exit status $expected"
	test $status -eq 0 || diag <"$scratch/out"
	for text; do
		has "$scratch/out" "$text" "$UCALL_ENGINE: $fault: $text"
	done
}

if test -e "$top_builddir/libucall/modules/symbols/.libs/symbols.so"; then
	in=', in '
	# Without debug information, function names are still there.
	caller='#1 '
else
	in=''
	caller='no function names'
fi
program=$top_builddir/examples/.libs/broken
test -e "$program" || program=$top_builddir/examples/broken
for UCALL_ENGINE in kvm unicorn; do
	export UCALL_ENGINE
	if ! works $UCALL_ENGINE; then
		skip "engine $UCALL_ENGINE does not work here, or another is set" "$UCALL_ENGINE"
		continue
	fi
	if test -n "$in" && readelf -S "$program" | grep -q debug_line; then
		tries null 3 'in guest_null (' 'broken.c:'
	fi
	tries null 3 'page fault (vector 14)' 'CR2 0x10: write to the null page' "${in}${in:+guest_null}" \
		"$caller" 'rax  0000000000000010' 'code: '
	# clang's sanitizers bring the library's functions into the program.
	nm "$top_builddir/examples/broken" "$top_builddir/examples/.libs/broken" 2>/dev/null |
		grep -q ' [TtWi] .*interceptor.*puts' ||
		tries libc 3 'guest called puts@lib' 'which is not in the guest; use GUEST_PRINTF'
	tries sse 3 'mark the function UCALL_GUEST'
	tries div0 3 'divide error (vector 0)'
	tries ud 3 'invalid opcode (vector 6)' 'code: 0f 0b'
	tries spin 124 'ran for 500 ms without an exit' "${in}${in:+guest_spin}"
	if test $UCALL_ENGINE = kvm; then
		tries halt 124 'ran for 500 ms without an exit'
		tries triple 3 'triple fault'
	else
		tries halt 2 'engine unicorn does not support an in-kernel interrupt controller'
	fi
	tries stack 3 'the stack of 64 KiB is full'
	tries wild-ring 3 'no guest memory is mapped at 0xdeadbeef000' "${in}${in:+guest_wild_ring}"
	tries assert 1 'broken.c:' 'assertion failed: answer == 42 with 0x29, 0x2a'
	tries nosuch 2 'usage: broken FAULT'
done
unset UCALL_ENGINE
works kvm || works unicorn || done_testing

# Without the module the report has addresses, and the reason why.
UCALL_MODULE_PATH=$top_builddir/libucall/modules/unicorn/.libs "$top_builddir/examples/broken" ud >"$scratch/out" 2>&1
has "$scratch/out" "invalid opcode" "a report without the symboliser"
done_testing
