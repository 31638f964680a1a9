#!/bin/sh
# SPDX-License-Identifier: MIT
# ucall lab: what it refuses.  t/lab/program.sh tests what it does.
. "$top_srcdir/t/tap.sh"
ucall=$(cd "$top_builddir" && pwd)/tools/ucall

refused() { # STATUS WORDS ARGUMENT...
	wanted=$1 words=$2
	shift 2
	"$ucall" lab "$@" >"$scratch/out" 2>&1
	test $? -eq "$wanted"
	ok $? "lab $*: exit status $wanted"
	has "$scratch/out" "$words" "it says why"
}
refused 2 "usage: ucall lab ARCH"
refused 2 "no machine \"vax\"; use aarch64, riscv64 or x86_64" vax
refused 77 "QEMU's emulator has no SIE" s390x
refused 2 "unexpected \"ls\"" aarch64 ls
refused 2 "root needs a value" aarch64 --root
refused 2 "no folder /nonexistent" aarch64 --root /nonexistent -- ls
refused 2 "timeout 1m: give seconds" aarch64 --timeout 1m -- ls
if command -v readelf >/dev/null; then
	refused 2 "no program ./nosuch here" aarch64 -- ./nosuch
	cp "$(command -v cat)" "$scratch/cat"
	case $(uname -m) in
	aarch64) other=riscv64 ;;
	*) other=aarch64 ;;
	esac
	cd "$scratch" || exit 1
	refused 2 "is not a program for $other; compile it with $other-linux-gnu-gcc" $other -- ./cat
	cd "$OLDPWD" || exit 1
	printf 'int f(void); int main(void) { return f(); }\n' >"$scratch/main.c"
	printf 'int f(void); int f(void) { return 0; }\n' >"$scratch/f.c"
	case $(uname -m) in
	x86_64 | aarch64 | riscv64) own=$(uname -m) ;;
	*) own= ;;
	esac
	if test "$own" && $CC -shared -fPIC -Wl,-soname,../../../etc/hostname "$scratch/f.c" -o "$scratch/libf.so" &&
		$CC "$scratch/main.c" -o "$scratch/program" "$scratch/libf.so"; then
		cd "$scratch" || exit 1
		refused 2 "needs the library \"../../../etc/hostname\", which is a path and not a name" "$own" -- ./program
	else
		skip "$CC cannot build it" "a library by its path"
	fi
else
	skip "no readelf; install binutils" "programs"
fi
done_testing
