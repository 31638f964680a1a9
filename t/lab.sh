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
refused 2 "usage: ucall lab MACHINE"
refused 2 "no machine \"vax\"; use aarch64, aarch64-pkvm, riscv64, x86_64-svm (or x86_64) or x86_64-vmx" vax
refused 77 "QEMU's emulator has no SIE" s390x
refused 2 "unexpected \"ls\"" aarch64 ls
refused 2 "root needs a value" aarch64 --root
refused 2 "no folder /nonexistent" aarch64 --root /nonexistent -- ls
refused 2 "timeout 1m: give seconds" aarch64 --timeout 1m -- ls
refused 2 "timeout 0: give seconds, 1 or more" aarch64 --timeout 0 -- ls
refused 2 "--kernel Sid; ls: give a suite of Debian, such as bookworm" aarch64 --kernel "Sid; ls" -- ls
refused 2 "--smp 0: give a number of CPUs, 1 to 64" aarch64 --smp 0 -- ls
refused 2 "--memory 16: give a number of MiB, 256 to 65536" aarch64 --memory 16 -- ls
refused 2 "--memory 1G: give a number of MiB" aarch64 --memory 1G -- ls
if command -v bochs xorriso >/dev/null; then
	refused 2 "--smp 2: the machine x86_64-vmx has one CPU" x86_64-vmx --smp 2 -- ls
else
	refused 77 " missing; install " x86_64-vmx -- ls
fi
# All of it at once, before anything is fetched: a PATH with what the script itself uses.
mkdir "$scratch/few"
for tool in awk cat cksum cut df dirname env find getconf grep head id ls mkdir mktemp nproc od printf readlink realpath rm sed sh \
	sort tail tr uname xargs; do
	command -v $tool >/dev/null && ln -s "$(command -v $tool)" "$scratch/few/$tool"
done
whole_path=$PATH
PATH=$scratch/few
UCALL_LAB_CACHE=$scratch/empty "$ucall" lab riscv64 -- ls >"$scratch/out" 2>&1
status=$?
PATH=$whole_path
test $status -eq 77
ok $? "lab without any program that it needs: exit status 77"
has "$scratch/out" "readelf, cpio, qemu-system-riscv64, flock, apt-get, dpkg-deb, " "all that is missing is named at once"
has "$scratch/out" "are missing; install binutils cpio qemu-system-misc util-linux " "with the packages"
# ---- what is missing of the environment; nothing is fetched ----

# These need no program of the lab: where one is not installed, a replacement that is not run.
mkdir "$scratch/tools"
for tool in cpio readelf qemu-system-aarch64 flock apt-get dpkg-deb depmod modprobe xz make pkg-config aarch64-linux-gnu-gcc; do
	command -v $tool >/dev/null && continue
	printf '#!/bin/sh\nexit 1\n' >"$scratch/tools/$tool"
	chmod 755 "$scratch/tools/$tool"
done

missing() { # WORDS NAME=VALUE...
	words=$1
	shift
	env -u HOME -u XDG_CACHE_HOME -u UCALL_LAB_CACHE PATH="$PATH:$scratch/tools" "$@" "$ucall" lab aarch64 -- true \
		>"$scratch/out" 2>&1
	test $? -eq 77
	ok $? "lab with $*: exit status 77"
	has "$scratch/out" "$words" "it says why"
}
write="set UCALL_LAB_CACHE to a folder that you can write to"
missing "no folder for the cache: HOME is not set; $write" A=
missing "no folder for the cache: HOME is not set; $write" HOME= XDG_CACHE_HOME= UCALL_LAB_CACHE=
echo >"$scratch/file"
missing "cannot create the cache folder $scratch/file/.cache/ucall-lab/aarch64: Not a directory; $write" HOME="$scratch/file"
missing "cannot create the cache folder $scratch/file/ucall-lab/aarch64: Not a directory; $write" XDG_CACHE_HOME="$scratch/file"
missing "cannot create the cache folder $scratch/file/aarch64: Not a directory; $write" UCALL_LAB_CACHE="$scratch/file"
if test -r /usr/share/keyrings/debian-archive-keyring.gpg; then
	mkdir -p "$scratch/cache/aarch64/libraries.lock"
	missing "cannot write $scratch/cache/aarch64/libraries.lock in the cache folder: " UCALL_LAB_CACHE="$scratch/cache"
else
	skip "no keys of Debian's archive; install debian-archive-keyring" "a lock that cannot be written"
fi
for name in "a b" "a'b" 'a"b' 'a\b'; do
	missing "the cache folder \"$scratch/$name\" has a space, a quote" UCALL_LAB_CACHE="$scratch/$name"
done
if test "$(id -u)" -ne 0; then
	mkdir -m 555 "$scratch/read-only"
	missing "read-only/cache/aarch64: Permission denied; $write" UCALL_LAB_CACHE="$scratch/read-only/cache"
	missing "cannot make a folder in $scratch/read-only: " UCALL_LAB_CACHE="$scratch/full" TMPDIR="$scratch/read-only"
else
	skip "root may write anywhere" "a folder that is read-only"
fi
mkdir -p "$scratch/full/aarch64/libraries"
: >"$scratch/full/aarch64/libraries/complete"
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
	PATH="$scratch/bin:$PATH:$scratch/tools"

# ---- programs ----

if command -v readelf >/dev/null; then
	refused 2 "no file ./nosuch here" aarch64 -- ./nosuch
	cp "$(command -v cat)" "$scratch/cat"
	case $(uname -m) in
	aarch64) other=riscv64 ;;
	*) other=aarch64 ;;
	esac
	cd "$scratch" || exit 1
	refused 2 ", not for $other; compile it with \"ucall lab $other --cc\" or $other-linux-gnu-gcc" $other -- ./cat
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
