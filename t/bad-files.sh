#!/bin/sh
# SPDX-License-Identifier: MIT
# Files that hang, exhaust or kill a program that trusts them: plugins, modules, guest ELFs.  A
# time limit that is reached here only means that the command would never have ended.
. "$top_srcdir/t/tap.sh"
needs_shared_objects
ucall=$top_builddir/tools/ucall
hello=$top_builddir/examples/hello
unset UCALL_BACKEND UCALL_ENGINE
test "$(uname -m)" = x86_64 || skip_all "t/bad-elf writes files for x86_64"

# ends LIMIT STATUS NAME COMMAND...: it ends by itself, with that status ("any": not by a signal).
ends() {
	limit=$1 expected=$2 name=$3
	shift 3
	timeout -k 1 "$limit" "$@" >"$scratch/out" 2>&1
	status=$?
	case $expected in
	any) test $status -lt 124 ;;
	*) test $status -eq "$expected" ;;
	esac
	s=$?
	ok $s "$name"
	test $s -eq 0 || { echo "status $status"; head -n 20 "$scratch/out"; } | diag
}

# ---- files that are not regular ----

mkdir "$scratch/folder"
mkfifo "$scratch/folder/ucall-fifo.so" "$scratch/fifo" || skip_all "no FIFO can be made here"
UCALL_PLUGIN_PATH=$scratch/folder ends 60 0 "ucall list with a FIFO in a plugin folder" "$ucall" list
has "$scratch/out" "ucall-fifo.so: not a regular file" "the message names it"
UCALL_PLUGIN_PATH=$scratch/folder:$UCALL_PLUGIN_PATH ends 60 any "a VM with the default backend beside it" "$hello"
UCALL_BACKEND=$scratch/fifo ends 60 2 "a FIFO as a plugin" "$hello"
UCALL_BACKEND=/dev/zero ends 60 2 "a device as a plugin" "$hello"
has "$scratch/out" "/dev/zero: not a regular file" "the message says so"
ends 60 2 "a FIFO as a guest" "$ucall" run "$scratch/fifo"
ends 60 2 "a terminal's device as a guest" "$ucall" run /dev/tty
mkdir "$scratch/modules"
mkfifo "$scratch/modules/unicorn.so" "$scratch/modules/symbols.so" "$scratch/modules/ciphers.so"
UCALL_MODULE_PATH=$scratch/modules ends 60 0 "FIFOs as modules" "$ucall" list
UCALL_MODULE_PATH=$scratch/modules UCALL_ENGINE=unicorn ends 60 2 "an engine that is a FIFO" "$hello"
has "$scratch/out" "unicorn.so: not a regular file" "the message says so"

# ---- truncated files ----

$CC -shared -fPIC -O2 -w -I"$top_srcdir/include" "$top_srcdir/t/plugins/good.c" -o "$scratch/good.so" \
	-L"$top_builddir/libucall/.libs" -lucall || not_built "the plugin"
pio=$top_builddir/plugins/pio/.libs/ucall-pio.so
size=$(wc -c <"$pio")
at=0
bad=
while test $at -lt "$size"; do
	head -c $at "$pio" >"$scratch/cut.so"
	UCALL_BACKEND=$scratch/cut.so timeout -k 1 60 "$hello" >"$scratch/out" 2>&1
	status=$?
	test $status -lt 124 || bad="$bad $at:$status"
	at=$((at + 401))
done
test -z "$bad"
ok $? "a plugin truncated to each of some hundred lengths"
test -z "$bad" || echo "length:status$bad" | diag
bad=
for n in 0 100 1000 4000 5000 9000; do
	rm -f "$scratch/modules/unicorn.so"
	head -c $n "$scratch/good.so" >"$scratch/modules/unicorn.so"
	UCALL_MODULE_PATH=$scratch/modules UCALL_ENGINE=unicorn timeout -k 1 60 "$hello" >"$scratch/out" 2>&1
	status=$?
	test $status -eq 2 || bad="$bad $n:$status"
done
test -z "$bad"
ok $? "a truncated module"
test -z "$bad" || echo "length:status$bad" | diag

# ---- plugins that take long to check ----

# bad KIND IN OUT [ARG]
bad() {
	"$top_builddir/t/bad-elf" "$@" || { echo "Bail out! t/bad-elf $*"; exit 1; }
}
bad phdrs "$scratch/good.so" "$scratch/phdrs.so" 60000
ends 60 2 "a plugin with 60000 program headers" "$ucall" info "$scratch/phdrs.so"
has "$scratch/out" "60000 program headers" "the message says so"
head -c 8000000 /dev/zero | cat "$scratch/good.so" - >"$scratch/long.so"
bad notes "$scratch/long.so" "$scratch/notes.so"
ends 60 2 "a plugin whose notes each span the whole file" "$ucall" info "$scratch/notes.so"

# ---- metadata of a plugin that is refused ----

patch() { # OFFSET BYTES: in the metadata
	offset=$(grep -obUaP 'libucall\0\0\0\0\x01\0\0\0\x01\0\0\0' "$scratch/good.so" | head -n 1 | cut -d: -f1)
	cp "$scratch/good.so" "$scratch/patched/ucall-patched.so"
	printf "$2" | dd of="$scratch/patched/ucall-patched.so" bs=1 seek=$((offset + 12 + $1)) conv=notrunc 2>/dev/null
}
# list NAME: shows the patched plugin as a table, as JSON, and by itself.
list() {
	for how in list "list --json" "info patched"; do
		UCALL_PLUGIN_PATH=$scratch/patched "$ucall" $how >"$scratch/out" 2>&1
		! LC_ALL=C grep -q "$(printf '[\001-\010\013-\037\177-\377]')" "$scratch/out"
		s=$?
		ok $s "$1: ucall $how prints plain text"
		test $s -eq 0 || od -c "$scratch/out" | head -n 40 | diag
	done
	UCALL_PLUGIN_PATH=$scratch/patched "$ucall" list --json >"$scratch/out"
	! command -v python3 >/dev/null || python3 -m json.tool <"$scratch/out" >/dev/null
	ok $? "$1: it is JSON"
}
mkdir "$scratch/patched"
patch 80 "$(printf '%0128d' 0 | sed 's/0/\\377/g')" # the summary, and what follows
list "an unterminated text"
patch 48 '1\033]0;title\007\033[2J\377\302\205\000'
list "a version with control characters"
has "$scratch/out" "x1b]0;title" "they are escaped"

# ---- guest ELFs ----

cat >"$scratch/guest.c" <<'EOF'
#include <ucall/guest.h>
static UCALL_GUEST __attribute__((noinline)) void deeper(volatile int *p) { *p = 1; }
UCALL_GUEST void guest_main(void) { deeper((int *)16); GUEST_DONE(); }
EOF
if ! "$ucall" cc --arch x86_64 -o "$scratch/guest.elf" "$scratch/guest.c" >/dev/null 2>&1; then
	skip "no compiler for guests; run ./bootstrap --install-deps=all" "guest ELFs"
	done_testing
fi
# With the default engine.
ends 60 3 "a good guest" "$ucall" run "$scratch/guest.elf"
if test "$status" -ne 3; then
	skip "no engine here" "guest ELFs"
	done_testing
fi
named=$(grep -c "deeper (.*guest.c:2)" "$scratch/out")

# faults KIND NAME [ARG]: the fault is reported, and the report needs little memory.
faults() {
	bad "$1" "$scratch/guest.elf" "$scratch/bad.elf" $3
	# shellcheck disable=SC2039
	(ulimit -v $memory && exec timeout -k 1 60 "$ucall" run -e $engine "$scratch/bad.elf") >"$scratch/out" 2>&1
	status=$?
	test $status -eq 3 && grep -q "write to the null page" "$scratch/out"
	s=$?
	ok $s "$2"
	test $s -eq 0 || { echo "status $status"; head -n 20 "$scratch/out"; } | diag
}
# A sanitizer reserves terabytes.
memory=700000
nm -D "$top_builddir/libucall/.libs/libucall.so" | grep -q "__[at]san" && memory=unlimited
engine=kvm
"$ucall" run -e kvm "$scratch/guest.elf" >"$scratch/out" 2>&1
test $? -eq 3 || { engine=unicorn memory=unlimited; }

if test "$named" -eq 0; then
	skip "no libdw: functions are not named" "debug information"
else
	mkfifo "$scratch/debug"
	faults altlink "debug information that names a FIFO" "$scratch/debug"
	faults altlink "debug information that names a device" /dev/zero
	faults compressed "debug information that unpacks to 2 GiB" 2048
	faults quadratic "debug information that takes minutes" 60000
	has "$scratch/out" "deeper" "what was found before that is shown"
fi
faults symtabs "60000 symbol tables" 60000
bad symtabs "$scratch/guest.elf" "$scratch/bad.elf" 60000
ends 60 2 "60000 symbol tables, and an unknown symbol" "$ucall" run -E nowhere "$scratch/bad.elf"
has "$scratch/out" 'no symbol "nowhere"; its guest functions are: ' "the message lists them"
# A function's name is text from the file, too.
LC_ALL=C sed 's/deeper/d\x1b[31m/g' "$scratch/guest.elf" >"$scratch/colour.elf"
ends 60 3 "a function with control characters in its name" "$ucall" run "$scratch/colour.elf"
if test "$named" -ne 0; then
	has "$scratch/out" 'd\x1b[31m' "they are escaped"
fi
done_testing
