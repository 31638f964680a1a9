#!/bin/sh
# SPDX-License-Identifier: MIT
# ucall cc and ucall run, for each architecture: messages, exit statuses, fault reports.
. "$top_srcdir/t/tap.sh"

cat >"$scratch/guest.c" <<'END'
#include <ucall/guest.h>
static UCALL_GUEST __attribute__((noinline)) void store(volatile uint64_t *p) { *p = 1; }
UCALL_GUEST void guest_null(uint64_t a) { store((uint64_t *)a); GUEST_DONE(); }
UCALL_GUEST void guest_trap(void) { __builtin_trap(); }
UCALL_GUEST void guest_jump(uint64_t a) { ((void (*)(void))a)(); GUEST_DONE(); }
UCALL_GUEST void guest_assert(uint64_t a) { GUEST_ASSERT_EQ(a, 42); GUEST_DONE(); }
UCALL_GUEST void guest_spin(void) { for (;;) ; }
UCALL_GUEST void guest_user(uint64_t a, uint64_t b) { ucall(0x123, 2, a, b); }
static uint64_t constant[2] = { 5, 6 };
UCALL_GUEST void guest_main(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	struct { uint64_t x[40]; } big = { { 0 } }; /* memset() by the compiler */
	big.x[39] = constant[1];
	GUEST_SYNC_ARGS(a, b, c, d, e);
	GUEST_SYNC_ARGS(f, big.x[39], (uint32_t)-1, 0, 0);
}
END

status() { # EXPECTED NAME COMMAND...
	want=$1
	name=$2
	shift 2
	"$@" >"$scratch/out" 2>&1
	got=$?
	test $got -eq "$want"
	ok $? "$name: exit status $want"
	test $got -eq "$want" || { echo "exit status $got"; cat "$scratch/out"; } | diag
}

run_on() { # ARCH ENGINE
	a=$1
	elf=$scratch/$a.elf
	export UCALL_ENGINE=$2
	status 0 "$a $2" ucall run -a $a "$scratch/hello-$a.elf"
	printf 'hello from vCPU 0, guest\nSYNC 1\nSYNC 2\nDONE\n' | cmp -s - "$scratch/out"
	ok $? "$a $2: all messages, in order"
	status 0 "$a $2 with arguments" ucall run "$elf" 1 2 0x30 4 5 6
	printf 'SYNC 1 (0x2 0x30 0x4 0x5)\nSYNC 6 (0x6 0xffffffff 0x0 0x0)\nDONE\n' |
		cmp -s - "$scratch/out"
	ok $? "$a $2: six arguments arrive"
	status 0 "$a $2 with another entry" ucall run -E guest_user "$elf" 7 8
	has "$scratch/out" "command 0x123 (0x7 0x8)" "$a $2: a command that the program defines"
	status 1 "$a $2: a failed assert" ucall run -E guest_assert "$elf" 41
	has "$scratch/out" "guest.c:6: assertion failed: a == 42 with 0x29, 0x2a" "$a $2: says where"
	status 124 "$a $2: a guest that spins" ucall run -t 0.05 -E guest_spin "$elf"
	has "$scratch/out" "in guest_spin" "$a $2: says where"
	status 3 "$a $2: a store to the null page" ucall run -E guest_null "$elf" 0x10
	has "$scratch/out" "0x10: write to the null page, in store" "$a $2: says what"
	has "$scratch/out" "guest.c:2)" "$a $2: says where"
	has "$scratch/out" "guest_null+" "$a $2: who called"
	status 3 "$a $2: a trap" ucall run -E guest_trap "$elf"
	has "$scratch/out" "in guest_trap" "$a $2: says where"
	status 3 "$a $2: a jump to nowhere" ucall run -E guest_jump "$elf" 0x123450
	has "$scratch/out" "0x123450: fetch from memory that is not mapped" "$a $2: says where to"
	unset UCALL_ENGINE
}

host=$(uname -m)
for a in x86_64 aarch64 s390x riscv64; do
	if ! ucall cc --arch $a -o "$scratch/hello-$a.elf" "$top_srcdir/examples/guest-hello.c" \
		>"$scratch/out" 2>&1; then
		if grep -q "no compiler for $a guests" "$scratch/out"; then
			skip "$(cat "$scratch/out")" "$a"
		else
			ok 1 "$a: ucall cc"
			diag <"$scratch/out"
		fi
		continue
	fi
	test ! -s "$scratch/out"
	ok $? "$a: ucall cc prints nothing"
	diag <"$scratch/out"
	status 0 "$a: ucall cc" ucall cc --arch $a -o "$scratch/$a.elf" "$scratch/guest.c"
	for e in kvm unicorn; do
		test $e = kvm && test $a != "$host" && continue
		problem=$(ucall list | sed -n "s/^$e .* no: //p")
		if test -n "$problem"; then
			skip "$problem" "$a $e"
		else
			run_on $a $e
		fi
	done
done

# Symbols for a table of fix-ups that cannot be.
if ucall cc -o "$scratch/fixups.elf" "$top_srcdir/examples/guest-hello.c" -Wl,--defsym=__start_ucall_fixups=0x400000 \
	-Wl,--defsym=__stop_ucall_fixups=0x20400000 >"$scratch/out" 2>&1; then
	status 2 "a table of fix-ups of 512 MiB" ucall run "$scratch/fixups.elf"
	has "$scratch/out" "a table of fix-ups of 0x20000000 bytes, from __start_ucall_fixups (0x400000)" "it says which"
fi

# Wrong usage.
good=$(ls "$scratch"/hello-*.elf 2>/dev/null | head -n 1)
status 2 "cc: nothing" ucall cc
status 2 "cc: an unknown architecture" ucall cc --arch vax -o "$scratch/x.elf" "$scratch/guest.c"
has "$scratch/out" 'unknown guest architecture "vax"; known: x86_64 (amd64), aarch64 (arm64), s390x, riscv64' \
	"it lists the known ones"
status 2 "cc: a missing argument" ucall cc -o
status 1 "cc: no such source" ucall cc -o "$scratch/x.elf" "$scratch/nosuch.c"
status 2 "run: nothing" ucall run
status 2 "run: no such file" ucall run "$scratch/nosuch.elf"
has "$scratch/out" "cannot open" "it says so"
status 2 "run: a script" ucall run "$top_srcdir/t/guests.sh"
has "$scratch/out" "not an ELF file" "it says so"
if test -n "$good"; then
	status 2 "run: an unknown option" ucall run --frob 1 "$good"
	status 2 "run: no such function" ucall run -E nosuch "$good"
	has "$scratch/out" 'no symbol "nosuch"; its guest functions are: guest_main' "it lists them"
	# Those of each architecture's runtime are not among them.
	for other in "$scratch"/hello-*.elf; do
		ucall run -E nosuch "$other" >"$scratch/list" 2>&1
		grep -q "no engine\|cannot be used\|has no guest code" "$scratch/list" && continue
		grep -q ': guest_main$' "$scratch/list"
		ok $? "${other##*/}: they are the guest's own"
	done
	status 2 "run: an argument that is not a number" ucall run "$good" seven
	status 2 "run: too many arguments" ucall run "$good" 1 2 3 4 5 6 7
	status 2 "run: an unknown engine" ucall run -e bochs "$good"
	has "$scratch/out" "known: kvm, unicorn" "it lists the known ones"
	status 2 "run: an unknown backend" ucall run -b nosuch "$good"
	status 2 "run: another architecture" ucall run -a riscv64 "$(ls "$scratch"/hello-[ax]*.elf | head -n 1)"
	has "$scratch/out" "configuration says riscv64" "it says so"
	status 2 "run: an invalid time" ucall run -t soon "$good"
	status 2 "run: too much memory" ucall run -m 9999 "$good"
	# Without the engine's module: the message says so, and how to get it.
	UCALL_MODULE_PATH=$scratch
	export UCALL_MODULE_PATH
	status 2 "run: no module" ucall run -e unicorn "$good"
	has "$scratch/out" "install libunicorn-dev and build libucall with it" "it says what to do"
	status 0 "list: no module" ucall list
	has "$scratch/out" "no: no engine unicorn" "it says so"
	echo "not a module" >"$scratch/unicorn.so"
	status 2 "run: a file that is not a module" ucall run -e unicorn "$good"
	has "$scratch/out" "no engine unicorn" "it says so"
fi

done_testing
