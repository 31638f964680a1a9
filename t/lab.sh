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
# ---- what is missing of the environment; nothing is fetched ----

missing() { # WORDS NAME=VALUE...
	words=$1
	shift
	env -u HOME -u XDG_CACHE_HOME -u UCALL_LAB_CACHE "$@" "$ucall" lab aarch64 -- true >"$scratch/out" 2>&1
	test $? -eq 77
	ok $? "lab with $*: exit status 77"
	has "$scratch/out" "$words" "it says why"
}
write="set UCALL_LAB_CACHE to a folder that you can write to"
missing "no folder for the cache: HOME is not set; $write" A=
missing "no folder for the cache: HOME is not set; $write" HOME= XDG_CACHE_HOME= UCALL_LAB_CACHE=
echo >"$scratch/file"
missing "cannot create the cache folder $scratch/file/.cache/ucall-lab: Not a directory; $write" HOME="$scratch/file"
missing "cannot create the cache folder $scratch/file/ucall-lab: Not a directory; $write" XDG_CACHE_HOME="$scratch/file"
missing "cannot create the cache folder $scratch/file: File exists; $write" UCALL_LAB_CACHE="$scratch/file"
mkdir -p "$scratch/cache/aarch64.lock"
missing "cannot write $scratch/cache/aarch64.lock in the cache folder: " UCALL_LAB_CACHE="$scratch/cache"
for name in "a b" "a'b" 'a"b' 'a\b'; do
	missing "the cache folder \"$scratch/$name\" has a space, a quote" UCALL_LAB_CACHE="$scratch/$name"
done
if test "$(id -u)" -ne 0; then
	mkdir -m 555 "$scratch/read-only"
	missing "read-only/cache: Permission denied; $write" UCALL_LAB_CACHE="$scratch/read-only/cache"
	missing "cannot make a folder in $scratch/read-only: " UCALL_LAB_CACHE="$scratch/full" TMPDIR="$scratch/read-only"
else
	skip "root may write anywhere" "a folder that is read-only"
fi
mkdir -p "$scratch/full/aarch64"
: >"$scratch/full/aarch64/complete"
missing "cannot make a folder in $scratch/none: No such file or directory; set TMPDIR to a folder that you can write to" \
	UCALL_LAB_CACHE="$scratch/full" TMPDIR="$scratch/none"
missing "cannot read $scratch/none/lab.sh: No such file or directory; set UCALL_LAB_PATH" UCALL_LAB_PATH="$scratch/none"

# A machine that has no space: df is replaced.
mkdir "$scratch/bin"
cat >"$scratch/bin/df" <<-END
	#!/bin/sh
	echo "Filesystem 1024-blocks Used Available Capacity Mounted on"
	echo "none 4096 1024 3072 25% /"
END
chmod 755 "$scratch/bin/df"
missing "the cache folder $scratch/small has 3 MB free, and aarch64 needs" UCALL_LAB_CACHE="$scratch/small" \
	PATH="$scratch/bin:$PATH"

# ---- programs ----

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
