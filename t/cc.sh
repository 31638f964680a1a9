#!/bin/sh
# SPDX-License-Identifier: MIT
# ucall cc: compilers by name and with options, objects, dependencies, wrong usage.
. "$top_srcdir/t/tap.sh"
ucall=$top_builddir/tools/ucall
unset UCALL_BACKEND UCALL_ENGINE
cat >"$scratch/own.h" <<'EOF'
#define STAGE 7
EOF
cat >"$scratch/guest.c" <<'EOF'
#include <ucall/guest.h>
#include "own.h"
#ifdef MORE
UCALL_GUEST void more(void);
#endif
UCALL_GUEST void guest_main(void)
{
	GUEST_SYNC(STAGE);
#ifdef MORE
	more();
#endif
	GUEST_DONE();
}
EOF
cat >"$scratch/more.c" <<'EOF'
#include <ucall/guest.h>
UCALL_GUEST void more(void);
UCALL_GUEST void more(void) { GUEST_SYNC(8); }
EOF

# cc STATUS NAME ARG...
cc() {
	want=$1 name=$2
	shift 2
	rm -f "$scratch/out.elf"
	"$ucall" cc "$@" >"$scratch/out" 2>&1
	got=$?
	test $got -eq "$want"
	s=$?
	ok $s "$name"
	test $s -eq 0 || { echo "exit status $got"; head -n 20 "$scratch/out"; } | diag
}

"$ucall" cc -o "$scratch/out.elf" "$scratch/guest.c" >"$scratch/out" 2>&1 || skip_all "no compiler here: $(head -n 1 "$scratch/out")"
for a in x86_64 aarch64 riscv64 s390x; do
	linker=ld.lld
	test $a = s390x && linker=s390x-linux-gnu-ld
	if ! command -v clang >/dev/null || ! command -v $linker >/dev/null; then
		skip "no clang with $linker; run ./bootstrap --install-deps=all" "$a by clang"
		continue
	fi
	cc 0 "$a by --cc clang" --arch $a --cc clang -o "$scratch/out.elf" "$scratch/guest.c"
	readelf -h "$scratch/out.elf" 2>/dev/null | grep -qi "machine:.*$(echo $a | sed 's/x86_64/X86-64/; s/riscv64/RISC-V/; s/s390x/S\/390/')"
	ok $? "$a: it is for that machine"
	test $a = s390x ||
		cc 0 "$a by clang with options" --arch $a --cc "clang --target=$a-linux-gnu -fuse-ld=lld -O1" \
			-o "$scratch/out.elf" "$scratch/guest.c"
done
cc 0 "-c" -c -DMORE -o "$scratch/guest.o" "$scratch/guest.c"
readelf -h "$scratch/guest.o" | grep -q "Type:.*REL"
ok $? "it is an object"
cc 0 "-c of another source" -c -o "$scratch/more.o" "$scratch/more.c"
cc 0 "two objects" -o "$scratch/out.elf" "$scratch/guest.o" "$scratch/more.o"
"$ucall" run "$scratch/out.elf" >"$scratch/run" 2>&1
if test $? -eq 0; then
	has "$scratch/run" "SYNC 8" "they run"
else
	skip "$(head -n 1 "$scratch/run")" "they run"
fi
cc 2 "-c of two sources" -c -o "$scratch/out.elf" "$scratch/guest.c" "$scratch/more.c"
cc 0 "-MD -MF FILE" -MD -MF "$scratch/d.d" -o "$scratch/out.elf" "$scratch/guest.c"
tr -d '\\\n' <"$scratch/d.d" >"$scratch/line"
has "$scratch/line" "$scratch/out.elf: " "its target is the output"
has "$scratch/line" "own.h" "the source's own header is there"
test -s "$scratch/out.elf"
ok $? "the guest is built, too"
rm -f "$scratch/out.d"
cc 0 "-MMD" -c -MMD -o "$scratch/out.o" "$scratch/guest.c"
has "$scratch/out.d" "own.h" "it is beside the output"
cc 0 "-include FILE, -D NAME" -include "$scratch/own.h" -D UNUSED -o "$scratch/out.elf" "$scratch/guest.c"
cc 2 "an unknown architecture" --arch vax -o "$scratch/out.elf" "$scratch/guest.c"
has "$scratch/out" "vax" "the message names it"
cc 2 "no output" "$scratch/guest.c"
cc 2 "--cc without a value" "$scratch/guest.c" --cc
cc 1 "a missing compiler" --cc no-such-compiler -o "$scratch/out.elf" "$scratch/guest.c"
cc 1 "a missing source" -o "$scratch/out.elf" "$scratch/nowhere.c"
export UCALL_INCLUDE_PATH UCALL_GUEST_PATH
include=$UCALL_INCLUDE_PATH
UCALL_INCLUDE_PATH=$scratch/none
cc 2 "no headers" -o "$scratch/out.elf" "$scratch/guest.c"
has "$scratch/out" "cannot read $scratch/none/ucall/guest.h: No such file or directory; install libucall's headers" "the message says what to install"
UCALL_INCLUDE_PATH=$include UCALL_GUEST_PATH=$scratch/none
cc 2 "no guest runtime" -o "$scratch/out.elf" "$scratch/guest.c"
has "$scratch/out" "cannot read $scratch/none/entry.c: " "the message names the file"
cc 0 "an object needs no runtime" -c -o "$scratch/guest.o" "$scratch/guest.c"
done_testing
