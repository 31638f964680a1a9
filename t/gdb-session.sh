#!/bin/sh
# SPDX-License-Identifier: MIT
# The real gdb: guests of each architecture, the session of docs/DEBUGGING.md, the command's options.
. "$top_srcdir/t/tap.sh"
ucall=$top_builddir/tools/ucall
unset UCALL_BACKEND UCALL_ENGINE UCALL_GDB
gdb=gdb-multiarch
command -v $gdb >/dev/null || gdb=gdb
command -v $gdb >/dev/null || skip_all "no gdb; install gdb-multiarch"

cat >"$scratch/guest.c" <<'EOF2'
#include <ucall/guest.h>

static volatile int depth;
static volatile unsigned long watched;

static UCALL_GUEST __attribute__((noinline)) int inner(int n)
{
	depth += n; /* line 8 */
	watched = 7;
	return depth;
}

static UCALL_GUEST __attribute__((noinline)) int outer(int n)
{
	int x = inner(n) + 1; /* line 15 */

	return x;
}

UCALL_GUEST void guest_main(unsigned long n)
{
	GUEST_SYNC(1);
	outer((int)n); /* line 23 */
	GUEST_SYNC(2);
	GUEST_DONE();
}
EOF2

# Waits until a socket is there.
await() {
	for i in 1 2 3 4 5 6 7 8 9 10; do
		test -S "$1" && return
		sleep 0.1
	done
	sleep 2
	test -S "$1"
}

# Runs gdb's commands, each an argument; its output is in $scratch/gdb.
session() { # ARG...
	for command; do
		shift
		set -- "$@" -ex "$command"
	done
	timeout 60 $gdb -nx -batch -iex 'set debuginfod enabled off' -iex 'set sysroot /' \
		-ex "target remote $scratch/socket" "$@" </dev/null >"$scratch/gdb" 2>&1
}

seen() { # PATTERN NAME
	grep -q "$1" "$scratch/gdb"
	status=$?
	ok $status "$2"
	test $status -eq 0 || diag <"$scratch/gdb"
}

for arch in x86_64 aarch64 s390x riscv64; do
	elf=$scratch/guest-$arch.elf
	if ! "$ucall" cc --arch $arch -g -O1 -o "$elf" "$scratch/guest.c" >"$scratch/out" 2>&1; then
		skip "$(head -n 1 "$scratch/out")" "$arch"
		continue
	fi
	if test $gdb = gdb && test $arch != "$(uname -m)"; then
		skip "gdb is for this machine only; install gdb-multiarch" "$arch"
		continue
	fi
	"$ucall" run --gdb=unix:"$scratch/socket" "$elf" 5 >"$scratch/out" 2>&1 &
	if ! await "$scratch/socket"; then
		wait $!
		skip "$(head -n 1 "$scratch/out")" "$arch"
		continue
	fi
	session 'break inner' continue backtrace 'info threads' 'watch watched' continue finish delete \
		'monitor break SYNC' continue backtrace 'print depth' 'set var depth = 9' 'print depth' continue
	status=$?
	ok $status "$arch: gdb ends"
	wait $!
	ok $? "$arch: the guest ends"
	seen '^#2 .*guest_main (n=5) at .*guest.c:23' "$arch: a breakpoint by name, and a backtrace with lines"
	seen '^\* 1 .*vCPU 0' "$arch: a vCPU is a thread"
	seen '^New value = 7' "$arch: a watched variable"
	seen '^Value returned is \$1 = 5' "$arch: finish"
	seen '^vCPU 0: SYNC 2' "$arch: it stops at a message"
	seen '^#[0-9] .*guest_main (n=5) at .*guest.c:24' "$arch: and shows where it was sent"
	seen '^\$3 = 9' "$arch: a variable is written"
	seen 'exited normally' "$arch: gdb hears of the end"
done

# A function that gdb calls returns to the ELF's entry point.
if test -e "$scratch/guest-aarch64.elf" && test $gdb = gdb-multiarch; then
	"$ucall" run --gdb=unix:"$scratch/socket" "$scratch/guest-aarch64.elf" 5 >"$scratch/out" 2>&1 &
	if await "$scratch/socket"; then
		session 'break outer' continue 'print inner(37)' 'print depth' continue
		wait $!
		seen '^\$2 = 37' "gdb calls a guest function"
		seen 'exited normally' "and the guest goes on"
	else
		wait $!
		skip "$(head -n 1 "$scratch/out")" "gdb calls a guest function"
	fi
fi

# Registers that are closed: gdb shows messages and shared memory.
elf=$scratch/guest-x86_64.elf
if test "$(uname -m)" = x86_64 && test -e "$elf"; then
	"$ucall" run -p emulated-sev-es --gdb=unix:"$scratch/socket" "$elf" 5 >"$scratch/out" 2>&1 &
	if await "$scratch/socket"; then
		session 'monitor break SYNC' continue 'monitor ucall' detach
		wait $!
		ok $? "closed registers: the guest ends"
		seen '^vCPU 0: SYNC 1' "closed registers: it stops at a message"
		seen '^Registers are closed' "closed registers: monitor says so"
	else
		wait $!
		skip "$(head -n 1 "$scratch/out")" "closed registers"
	fi
fi

# ---- the session of the document ----
document=$top_srcdir/docs/DEBUGGING.md
sed -n '/^    \$ UCALL_GDB=/,/^[^ ]/s/^    //p' "$document" >"$scratch/session"
same() { # Addresses differ from run to run, and so does the path of the source.
	sed 's/0x[0-9a-f]\{8,\}/ADDRESS/g; s,[^ (]*examples/,examples/,g; /^$/d; /^\$ /d; /^Remote debugging/d; /^Reading symbols/d'
}
if test "$(uname -m)" != x86_64; then
	skip "examples/broken is for x86_64" "the session of docs/DEBUGGING.md"
elif ! "$ucall" list | grep -q "^x86_64 .*kvm.*" || ! test -w /dev/kvm; then
	skip "the session shows engine kvm, which is not here" "the session of docs/DEBUGGING.md"
elif ! gcc -g -O2 -I"$top_srcdir/include" "$top_srcdir/examples/broken.c" -o "$scratch/broken" -Wl,--whole-archive \
	"$top_builddir/libucall/libucall-guest.a" -Wl,--no-whole-archive -L"$top_builddir/libucall/.libs" -lucall 2>"$scratch/out"; then
	# With a sanitizer in the library, or link-time optimisation by another compiler.
	skip "gcc cannot build examples/broken as the session has it" "the session of docs/DEBUGGING.md"
else
	sed -n 's/^(gdb) //p' "$scratch/session" |
		while read -r command; do
			printf 'echo (gdb) %s\\n\n%s\n' "$command" "$command"
		done >"$scratch/commands"
	(cd "$scratch" && UCALL_GDB=unix:gdb.sock exec ./broken null) >"$scratch/out" 2>&1 &
	await "$scratch/gdb.sock"
	(cd "$scratch" && timeout 60 gdb -q -nx -batch -iex 'set debuginfod enabled off' -iex 'set sysroot /' \
		-ex 'target remote gdb.sock' -x commands) >"$scratch/gdb" 2>&1
	wait $!
	same <"$scratch/session" >"$scratch/wanted"
	same <"$scratch/gdb" | diff "$scratch/wanted" - >"$scratch/out"
	status=$?
	ok $status "the session of docs/DEBUGGING.md"
	test $status -eq 0 || diag <"$scratch/out"
fi

# ---- options ----
elf=$scratch/guest-$(uname -m).elf
for address in "" 0 65536 unix: name unix:/nonexistent/socket; do
	"$ucall" run --gdb="$address" "$elf" >"$scratch/out" 2>&1
	test $? -eq 2 && grep -q "gdb" "$scratch/out"
	ok $? "--gdb=$address: refused"
done
UCALL_GDB=nowhere "$ucall" run "$elf" 5 >"$scratch/out" 2>&1
test $? -eq 2 && grep -q "UCALL_GDB: cannot wait for gdb at nowhere: " "$scratch/out"
ok $? "UCALL_GDB: refused"
"$ucall" run --dry-run -p sev --gdb "$elf" >"$scratch/out" 2>&1
test $? -eq 2 && grep -q "cannot be used with" "$scratch/out"
ok $? "--dry-run with --gdb"
done_testing
