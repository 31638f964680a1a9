#!/bin/sh
# SPDX-License-Identifier: MIT
# The real KVM of another machine, booted in QEMU.  `ucall lab` runs this.
#
#	lab.sh fetch ARCH	kernel and libraries into the cache; prints the folder
#	lab.sh run ARCH [--root FOLDER]... [--timeout SECONDS] [--module-options OPTIONS] -- CMD [ARG...]
#
# CMD is a command of the machine; a relative path (./test) is a program of this one, copied there.
#
# QEMU's emulator (TCG) has the virtualization extensions of these machines, and the Debian kernel
# in it has KVM.  This machine is not changed: packages come through an apt root in the cache, made
# from this machine's Debian sources, and apt checks them.  Exit status of `run`: CMD's; 2 for bad
# usage; 77 if something is missing here, with a line that says what; 124 for a time limit; 125 if
# the machine ended otherwise.
set -eu

unset CDPATH
# The messages of other programs are read here.
LC_ALL=C
export LC_ALL
here=$(cd "$(dirname "$0")" && pwd)

work=	# this run's own folder
doing=	# what a command that fails was for, and what to do; empty: nothing to say
advice=

die() { # STATUS WORDS
	status=$1
	shift
	doing=
	printf 'ucall lab: %s\n' "$*" >&2
	exit "$status"
}

# A command that fails ends this script; its own message comes first.
at_exit() {
	status=$?
	test ! "$work" || rm -rf "$work"
	if test "$doing" && test $status -ne 0 && test $status -ne 77; then
		printf 'ucall lab: %s failed, as the lines above say; %s\n' "$doing" "$advice" >&2
		status=77
	fi
	exit $status
}
trap at_exit EXIT

# ---- the machines ----

machine() { # ARCH
	module= megabytes=250
	case $1 in
	aarch64 | arm64)
		arch=aarch64 deb=arm64 triplet=aarch64-linux-gnu suites=bookworm
		elf=AArch64 package=linux-image-cloud-arm64 console=ttyAMA0 qemu_package=qemu-system-arm
		qemu="qemu-system-aarch64 -M virt,virtualization=on,gic-version=3 -cpu cortex-a72"
		;;
	riscv64)
		# Not in bookworm.  Kernel and libraries come from one suite, to fit together.
		megabytes=500 arch=riscv64 deb=riscv64 triplet=riscv64-linux-gnu suites="trixie forky sid"
		elf=RISC-V package=linux-image-riscv64 console=ttyS0 qemu_package=qemu-system-misc module=kvm
		qemu="qemu-system-riscv64 -M virt -cpu rv64,h=true"
		;;
	x86_64 | x86_64-svm)
		arch=x86_64 deb=amd64 triplet=x86_64-linux-gnu suites=bookworm
		elf=X86-64 package=linux-image-cloud-amd64 console=ttyS0 qemu_package=qemu-system-x86 module=kvm_amd
		qemu="qemu-system-x86_64 -M q35 -cpu EPYC"
		;;
	s390x)
		# Only libraries, to build with.
		arch=s390x deb=s390x triplet=s390x-linux-gnu suites=bookworm package=
		test "$what" = fetch ||
			die 77 "QEMU's emulator has no SIE, which KVM on s390x needs: there is no" \
				"lab for s390x; its guests run on the engine unicorn"
		;;
	*)
		die 2 "no machine \"$1\"; use aarch64, riscv64 or x86_64"
		;;
	esac
}

need() { # PROGRAM PACKAGE
	command -v "$1" >/dev/null || die 77 "$1 is missing; install $2"
}

# ---- folders ----

to_cache="set UCALL_LAB_CACHE to a folder that you can write to"
to_tmp="set TMPDIR to a folder that you can write to"

# Why a shell's or another program's message says that it failed: its last part.
reason() { # MESSAGE
	printf %s "${1##*: }"
}

find_cache() {
	if test "${UCALL_LAB_CACHE:-}"; then
		cache=$UCALL_LAB_CACHE
	elif test "${XDG_CACHE_HOME:-}"; then
		cache=$XDG_CACHE_HOME/ucall-lab
	elif test "${HOME:-}"; then
		cache=$HOME/.cache/ucall-lab
	else
		die 77 "no folder for the cache: HOME is not set; $to_cache"
	fi
	case $cache in
	/*) ;;
	*) cache=$PWD/$cache ;;
	esac
	# apt's configuration and the lists of modprobe cannot have them in a path.
	case $cache in
	*[[:space:][:cntrl:]\"\'\\*?[]*)
		die 77 "the cache folder \"$cache\" has a space, a quote or one of \\*?[ in its path; set" \
			"UCALL_LAB_CACHE to a folder without them"
		;;
	esac
	folder=$cache/$arch
	test ! -e "$folder/complete" || return 0
	said=$(mkdir -p "$cache" 2>&1) ||
		die 77 "cannot create the cache folder $cache: $(reason "$said"); $to_cache"
	said=$( (: >>"$folder.lock") 2>&1) ||
		die 77 "cannot write $folder.lock in the cache folder: $(reason "$said"); $to_cache"
	free=$(df -Pk "$cache" | awk 'END { if ($(NF - 2) ~ /^[0-9]+$/) print int($(NF - 2) / 1024) }')
	test "${free:-$megabytes}" -ge $megabytes ||
		die 77 "the cache folder $cache has $free MB free, and $arch needs $megabytes MB; free some, or" \
			"set UCALL_LAB_CACHE to a folder with more"
}

make_work() {
	said=$(mktemp -d 2>&1) ||
		die 77 "cannot make a folder in ${TMPDIR:-/tmp}: $(reason "$said"); $to_tmp"
	work=$said
}

# ---- packages ----

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# The Debian archive in this machine's apt sources.
archive() {
	need apt-get "apt; the lab's kernels are Debian's"
	apt-get indextargets --format '$(ORIGIN)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
		sed -n 's,^Debian|main|\(.*/debian/\)$,\1,p' | head -n 1
}

apt_root() { # SUITE URI
	mkdir -p "$folder/apt/state/lists/partial" "$folder/apt/cache/archives/partial"
	: >"$folder/apt/status"
	echo "deb [signed-by=$keyring] $2 $1 main" >"$folder/apt/sources"
	cat >"$folder/apt/conf" <<-END
		Dir::State "$folder/apt/state";
		Dir::State::status "$folder/apt/status";
		Dir::Cache "$folder/apt/cache";
		Dir::Etc::sourcelist "$folder/apt/sources";
		Dir::Etc::sourceparts "-";
		APT::Architecture "$deb";
		APT::Architectures { "$deb"; };
		APT::Sandbox::User "";
		Acquire::Languages "none";
		Acquire::Retries "3";
	END
	APT_CONFIG=$folder/apt/conf
	export APT_CONFIG
	log=$(apt-get -qq update 2>&1) && apt-cache show "${package:-libc6}" >/dev/null 2>&1
}

# Ends if apt's messages, in `log`, are about this machine and not about the archive.
check_log() {
	case $log in
	*"No space left on device"* | *"Disk quota exceeded"* | *"Write error"* | *"write error"*)
		why="the disk of the cache folder $cache is full; free $megabytes MB, or set UCALL_LAB_CACHE to"
		why="$why a folder with more"
		;;
	*"Temporary failure resolving"* | *"Could not resolve"* | *"Could not connect"* | *"Cannot initiate"* | \
		*"onnection timed out"* | *"onnection failed"* | *"is unreachable"*)
		why="apt cannot reach $uri: no network; connect this machine, or set UCALL_LAB_CACHE to a"
		why="$why folder that was filled by \"ucall lab $arch\" on another one"
		;;
	*" 404 "* | *"does not have a Release file"*) return 0 ;; # another suite may be there
	*"Failed to fetch"*) why="apt could not fetch from $uri, as the lines above say" ;;
	*) return 0 ;;
	esac
	printf '%s\n' "$log" >&2
	die 77 "$why"
}

# Those of the named packages that exist: names differ between suites.
present() {
	for name; do
		apt-cache policy "$name" 2>/dev/null | grep -q "Candidate: [0-9]" && echo "$name"
	done
}

download() {
	uri=$(archive)
	test "$uri" || die 77 "this machine has no Debian archive among its apt sources"
	test -r "$keyring" || die 77 "$keyring is missing; install debian-archive-keyring"
	found=
	for suite in $suites; do
		apt_root "$suite" "$uri" && found=$suite && break
		check_log
	done
	test "$found" || {
		printf '%s\n' "$log" >&2
		die 77 "no ${package:-libc6} in $suites of $uri, this machine's Debian archive"
	}
	kernel=
	test ! "$package" || kernel=$(apt-cache depends "$package" | sed -n 's/.*Depends: \(linux-image-.*\)/\1/p' | head -n 1)
	# Later suites split it into parts.
	test ! "$kernel" || kernel="$kernel $(apt-cache depends "$kernel" | sed -n 's/.*Depends: \(linux-\(binary\|modules\)-.*\)/\1/p' |
		sort -u | tr '\n' ' ')"
	mkdir -p "$folder/debs"
	log=$(cd "$folder/debs" && apt-get -qq download $kernel $(present libc6 libc6-dev libgcc-s1 \
		linux-libc-dev libelf1 libelf1t64 libelf-dev libdw1 libdw1t64 libdw-dev zlib1g zlib1g-dev libzstd1 \
		liblzma5 liblzma-dev libbz2-1.0 libbz2-dev libzstd-dev busybox-static) 2>&1) || {
		check_log
		printf '%s\n' "$log" >&2
		die 77 "the packages of $found for $deb could not be fetched"
	}
}

# Takes the kernel, and KVM's module with the modules that it needs, numbered.
take_kernel() {
	test "$package" || return 0
	mkdir -p "$folder/modules"
	for image in "$folder"/sysroot/boot/vmlinu[xz]-* "$folder"/sysroot/usr/lib/modules/*/vmlinu[xz]; do
		test ! -e "$image" || cp "$image" "$folder/kernel"
	done
	version=$(basename "$folder"/sysroot/usr/lib/modules/*)
	test "$module" || return 0
	depmod -b "$folder/sysroot" "$version"
	n=10
	for file in $(modprobe -d "$folder/sysroot" -S "$version" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'); do
		case $file in
		*.xz) xz -dc "$file" >"$folder/modules/$n.ko" ;;
		*.zst) zstd -qdc "$file" >"$folder/modules/$n.ko" ;;
		*) cp "$file" "$folder/modules/$n.ko" ;;
		esac
		n=$((n + 1))
	done
	test $n -gt 10 || die 125 "the kernel $version has no module $module"
}

fetch() {
	test ! -e "$folder/complete" || return 0
	need depmod kmod
	need modprobe kmod
	need dpkg dpkg
	need xz xz-utils
	need flock util-linux
	doing="filling the cache folder $folder"
	advice="free $megabytes MB there, or set UCALL_LAB_CACHE to another folder that you can write to"
	# Another process may be fetching.
	exec 8>"$folder.lock"
	flock 8
	if test -e "$folder/complete"; then
		exec 8>&-
		doing=
		return
	fi
	rm -rf "$folder"
	mkdir -p "$folder/sysroot"
	# A merged /usr from the beginning: packages have files in both.
	for d in bin sbin lib lib64; do
		mkdir -p "$folder/sysroot/usr/$d"
		ln -s "usr/$d" "$folder/sysroot/$d"
	done
	echo "ucall lab: fetching ${package:+$package and }libraries for $arch" >&2
	download
	for package_file in "$folder"/debs/*.deb; do
		dpkg-deb --fsys-tarfile "$package_file" | tar -x --keep-directory-symlink -C "$folder/sysroot"
	done
	take_kernel
	rm -rf "$folder/debs" "$folder/sysroot/boot" "$folder/sysroot"/usr/lib/modules "$folder/sysroot/usr/share"
	: >"$folder/complete"
	exec 8>&-
	doing=
}

# ---- the image ----

is_elf() {
	test -f "$1" && test "$(head -c 4 "$1" | tr -d '\0' | cut -c 2-4)" = ELF
}

# Finds a library by name: this machine's if the architecture is the same, since programs were built
# with it; else the sysroot's.
find_library() { # NAME
	own=
	test "$arch" != "$(uname -m)" || own="/lib/$triplet /usr/lib/$triplet /lib64 /usr/lib64"
	for d in $own "$folder/sysroot/usr/lib/$triplet" "$folder/sysroot/usr/lib"; do
		test -e "$d/$1" && echo "$d/$1" && return 0
	done
	return 0
}

# A path would be read from this machine and written outside of the image.
check_name() { # FILE NAME
	case $2 in
	*/*) die 2 "$1 needs the library \"$2\", which is a path and not a name" ;;
	esac
}

# The names of the libraries that a file needs.
needed_by() { # FILE
	readelf -d "$1" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
	readelf -l "$1" 2>/dev/null | sed -n 's/.*program interpreter: .*\/\(.*\)\]/\1/p'
}

in_image() { # IMAGE NAME
	test "$(find "$1" -name "$2" | head -n 1)"
}

# Reports missing libraries before the machine boots; ends if the program itself needs one.
check_libraries() { # IMAGE
	while read -r name; do
		in_image "$1" "$name" && continue
		if test "$program" && needed_by "$program" | grep -qxF "$name"; then
			die 2 "$program needs $name, which is neither on this machine nor among the packages for $arch: put it into" \
				"a folder, as usr/lib/$triplet/$name, and pass that with --root"
		fi
		echo "ucall lab: $name, which a program in the machine needs, was not found; --root FOLDER adds it" >&2
	done <"$work/seen"
}

# Adds the libraries that programs in the image need, and those that these need.
add_libraries() { # IMAGE
	libraries=$1/usr/lib/$triplet
	mkdir -p "$libraries"
	again=yes
	: >"$work/seen"
	# The C library opens this one itself.
	cp -L "$(find_library libgcc_s.so.1)" "$libraries/" 2>/dev/null || true
	while test $again = yes; do
		again=no
		find "$1" -type f | while read -r file; do
			is_elf "$file" || continue
			needed_by "$file"
		done | sort -u >"$work/needed"
		while read -r name; do
			grep -qxF "$name" "$work/seen" && continue
			check_name "a program for the machine" "$name"
			echo "$name" >>"$work/seen"
			in_image "$1" "$name" && continue
			library=$(find_library "$name")
			test "$library" || continue
			cp -L "$library" "$libraries/$name"
			again=yes
		done <"$work/needed"
	done
	check_libraries "$1"
	# Where programs look for their interpreter.
	for name in "$libraries"/ld-*; do
		test -e "$name" || continue
		cp "$name" "$1/usr/lib/${name##*/}"
		cp "$name" "$1/usr/lib64/${name##*/}"
	done
}

# Adds this command's libucall to a machine of the same architecture: library, command, backends and
# modules, except the emulator, which the lab is not for.  tools/lab.c says where they are.
add_libucall() { # IMAGE
	test "${UCALL_LAB_COMMAND:-}" && test "$arch" = "$(uname -m)" && ! in_image "$1" libucall.so.0 || return 0
	mkdir -p "$1/usr/lib/$triplet" "$1/lab/ucall"
	cp -L "$UCALL_LAB_LIBRARY/libucall.so.0" "$1/usr/lib/$triplet/" 2>/dev/null || return 0
	cp "$UCALL_LAB_COMMAND" "$1/usr/bin/ucall"
	for kind in plugins modules; do
		mkdir "$1/lab/ucall/$kind"
	done
	(
		IFS=:
		# Earlier folders come first.
		for d in $UCALL_LAB_PLUGINS; do
			cp -n "$d"/ucall-*.so "$1/lab/ucall/plugins/" 2>/dev/null || true
		done
		for d in $UCALL_LAB_MODULES; do
			for m in symbols.so ciphers.so ucall-symbols; do
				test ! -f "$d/$m" || cp -n "$d/$m" "$1/lab/ucall/modules/" || true
			done
		done
	)
	cat >"$1/lab/environment" <<-END
		UCALL_PLUGIN_PATH=/lab/ucall/plugins
		UCALL_MODULE_PATH=/lab/ucall/modules
		export UCALL_PLUGIN_PATH UCALL_MODULE_PATH
	END
}

pack() { # IMAGE ROOT...
	image=$1
	shift
	mkdir -p "$image/usr/bin" "$image/usr/sbin" "$image/usr/lib" "$image/usr/lib64" "$image/lab/modules" "$image/dev" \
		"$image/proc" "$image/sys" "$image/tmp"
	for d in bin sbin lib lib64; do
		ln -s "usr/$d" "$image/$d"
	done
	for root; do
		tar -c -C "$root" . | tar -x --keep-directory-symlink -C "$image"
	done
	cp "$folder/sysroot/usr/bin/busybox" "$image/bin/busybox"
	ln -sf busybox "$image/bin/sh"
	cp "$here/init" "$image/init"
	chmod 755 "$image/init"
	cp "$folder"/modules/* "$image/lab/modules/" 2>/dev/null || true
	add_libucall "$image"
	add_libraries "$image"
	(cd "$image" && find . | cpio --quiet -o -H newc) | gzip -1
}

# ---- booting ----

# AIA, the interrupt controller of KVM on riscv64; in QEMU 7 its names begin with x-.
add_aia() {
	for names in smaia=true,ssaia=true x-smaia=true,x-ssaia=true; do
		echo quit | timeout 20 $qemu,$names -S -display none -serial none -monitor stdio -nic none >/dev/null 2>&1 || continue
		qemu=$qemu,$names
		return
	done
}

quote() {
	for word; do
		printf "'%s' " "$(printf %s "$word" | sed "s/'/'\\\\''/g")"
	done
}

boot() {
	timeout "$limit" $qemu -accel tcg -m 1024 -smp 1 -display none -serial stdio -monitor none -no-reboot \
		-nic none -kernel "$folder/kernel" -initrd "$work/initrd" \
		-append "console=$console quiet loglevel=1 panic=-1" </dev/null 2>&1 || echo "ucall-lab: qemu $?"
}

# Checks the program that is copied to the machine.
check_program() {
	test -f "$program" ||
		die 2 "no program $program here; name the machine's own by a full path or none"
	is_elf "$program" || return 0
	readelf -h "$program" | grep -q "Machine:.*$elf" ||
		die 2 "$program is not a program for $arch; compile it with $triplet-gcc"
	for name in $(needed_by "$program"); do
		check_name "$program" "$name"
	done
}

run() {
	roots= program=
	limit=${UCALL_LAB_TIMEOUT:-300} options=
	while test $# -gt 0; do
		case $1 in
		--)
			shift
			break
			;;
		--root | --timeout | --module-options)
			test $# -ge 2 || die 2 "$1 needs a value"
			;;
		*) die 2 "unexpected \"$1\"; the command comes after --" ;;
		esac
		case $1 in
		--root)
			test -d "$2" || die 2 "--root: no folder $2"
			roots="$roots $(quote "$(cd "$2" && pwd)")"
			;;
		--timeout)
			case $2 in
			'' | *[!0-9]*) die 2 "--timeout $2: give seconds" ;;
			esac
			limit=$2
			;;
		--module-options) options=$2 ;;
		esac
		shift 2
	done
	test $# -gt 0 || set -- sh -c 'uname -a; ls -l /dev/kvm'
	case $1 in
	/*) ;;
	*/*)
		program=$1
		shift
		set -- "/lab/${program##*/}" "$@"
		;;
	esac
	if test "$program"; then
		need readelf binutils
		check_program
	fi
	find_cache
	make_work
	need readelf binutils
	need "${qemu%% *}" "$qemu_package"
	test $arch != riscv64 || add_aia
	need cpio cpio
	fetch
	doing="making the machine's files in $work"
	advice="set TMPDIR to a folder that you can write to, with enough space"
	mkdir -p "$work/image/lab"
	test ! "$program" || cp -L "$program" "$work/image/lab/"
	quote "$@" >"$work/image/lab/command"
	echo "$options" >"$work/image/lab/options"
	test "$roots" || test ! -d "${UCALL_LAB_ROOT:-/nonexistent}/$arch/root" ||
		roots=$(quote "$UCALL_LAB_ROOT/$arch/root")
	test "$roots$program" || test "$arch" = "$(uname -m)" ||
		echo "ucall lab: only busybox is in the machine; --root FOLDER adds programs," \
			"\`make check-lab\` adds those of this build" >&2
	eval "pack \"\$work/image\" $roots" >"$work/initrd"
	# CMD's output comes between two lines of /init; all output is kept for an early end.
	boot | tr -d '\r' | work=$work awk '
		BEGIN { console = ENVIRON["work"] "/console"; status = ENVIRON["work"] "/status" }
		/^ucall-lab: begin$/ { inside = 1; next }
		/^ucall-lab: exit [0-9]+$/ { print $3 >status; inside = 0; next }
		/^ucall-lab: qemu / { print $3 >(status ".qemu"); next }
		inside { print; fflush() }
		{ print >console }'
	doing=
	test ! -e "$work/status" || exit "$(cat "$work/status")"
	echo "ucall lab: the $arch machine ended before the command did; its last lines:" >&2
	tail -n 20 "$work/console" >&2 2>/dev/null || true
	test "$(cat "$work/status.qemu" 2>/dev/null)" != 124 || die 124 "it ran for $limit s, the limit (--timeout)"
	exit 125
}

case ${1:-} in
fetch | run) test $# -ge 2 || die 2 "usage: lab.sh $1 ARCH" ;;
*) die 2 "usage: lab.sh fetch|run ARCH ..." ;;
esac
what=$1
machine "$2"
shift 2
if test "$what" = fetch; then
	find_cache
	fetch
	echo "$folder"
else
	run "$@"
fi
