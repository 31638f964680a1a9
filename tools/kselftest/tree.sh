# SPDX-License-Identifier: MIT
# The kernel tree of `ucall kselftest`, and the builds in it.  Sourced by kselftest.sh.
#
#	TREE/tools/testing/selftests/kvm		the tests as they are
#	TREE/tools/testing/selftests/kvm_libucall	a copy, with overlay/ laid over it
#	TREE/out/ARCH-WAY				a build of it; WAY is stock, address or mailbox

# What the tests need of a tree; not every version has all of it.
tree_parts="Makefile arch/arm64/tools scripts/subarch.include include/linux/pci_ids.h tools/testing/selftests/kvm
	tools/testing/selftests/rseq tools/testing/selftests/cgroup tools/testing/selftests/vfio
	tools/testing/selftests/*.h tools/testing/selftests/*/*.h tools/testing/selftests/*.mk tools/include tools/arch tools/build tools/scripts
	tools/lib/*.[ch] drivers/dma/ioat/*.h drivers/dma/idxd/*.h drivers/net/ethernet/intel/igb/*.h"

# The newest suite that has a source package; headers of the same version come with it.
source_suites="trixie-backports trixie"

fill_tree() {
	working "fetching the newest kernel source package"
	open_suites linux-source ${source_suite:-$source_suites}
	package=$(apt-cache depends linux-source | sed -n 's/.*Depends: \(linux-source-.*\)/\1/p' | head -n 1)
	download "$package" linux-libc-dev
	working "unpacking $package"
	set -f
	set --
	for part in $tree_parts; do
		set -- "$@" "linux-source-*/$part"
	done
	set +f
	dpkg-deb --fsys-tarfile "$folder"/debs/linux-source-*.deb | tar -xO --wildcards '*/linux-source-*.tar.xz' |
		xz -dc | tar -x -C "$folder" --strip-components=1 --wildcards --no-wildcards-match-slash "$@" 2>"$folder/tar.log" || true
	take_headers "$folder"/debs/linux-libc-dev*.deb "$folder"
	rm -rf "$folder/debs" "$folder/apt"
	working
}

# Unpacks a package of headers as `make headers` leaves them, with the asm of each architecture apart.
take_headers() { # PACKAGE TREE
	mkdir -p "$2/headers" "$2/usr"
	dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2/headers"
	cp -a "$2/headers/usr/include" "$2/usr/"
	for a in x86_64 aarch64 riscv64 s390x; do
		mkdir "$2/usr/$a"
		cp -rL "$2/headers/usr/include/$a-linux-gnu/asm" "$2/usr/$a/"
	done
	rm -rf "$2/headers"
}

# Another run may be building in it.
locked=
lock_tree() { # TREE
	test "$locked" != "$1" || return 0
	locked=$1
	exec 7>"$1/lock"
	wait_for_lock 7 "waiting for another process that builds in $1"
}

# Sets `tree`, a copy that is this command's own, `version`, and `arch_folder`, the tests' name for arch.
prepare_tree() {
	need flock util-linux
	machine_arch=$deb
	mkdir -p "$cache/kselftest" 2>/dev/null || true
	if test ! "$tree"; then
		tree=$cache/kselftest/linux${source_suite:+-$source_suite}
		test -e "$tree/complete" || {
			need_apt
			need xz xz-utils
		}
		check_needs
		deb=$(dpkg --print-architecture)
		fill "$tree" 600 fill_tree
		deb=$machine_arch
	else
		check_needs
		copy=$cache/kselftest/tree-$(printf %s "$tree" | cksum | tr ' ' -)
		test -e "$tree/usr/include/linux/kvm.h" ||
			die 77 "$tree has no usr/include/linux/kvm.h; run \"make headers\" in it"
		mkdir -p "$copy"
		lock_tree "$copy"
		working "copying the tests of $tree"
		for d in "$copy"/*; do
			case $d in
			*/out | */lock) ;;
			*) chmod -R u+w "$d" && rm -rf "$d" ;;
			esac
		done
		# Not every version has all parts, and tar tells of those that are missing.
		(
			cd "$tree"
			tar -c --ignore-failed-read $tree_parts usr/include usr/$arch 2>/dev/null
		) | tar -x -C "$copy" || die 77 "$tree could not be copied to $copy, as the lines above say"
		chmod -R u+w "$copy"
		working
		tree=$copy
	fi
	version=$(sed -n 's/^VERSION = //p; s/^PATCHLEVEL = /./p' "$tree/Makefile" | tr -d '\n')
	selftests=$tree/tools/testing/selftests
	arch_folder=
	# Before Linux 6.15 with other names.
	for d in $kernel_arch $arch; do
		test ! -e "$selftests/kvm/lib/$d/ucall.c" || arch_folder=$d
	done
	test "$arch_folder" || die 77 "the selftests of Linux $version have no lib/$kernel_arch/ucall.c"
	grep -q '^void \*ucall_arch_get_ucall' "$selftests/kvm/lib/$arch_folder/ucall.c" ||
		die 77 "the selftests of Linux $version have another kind of ucall; a tree of 6.8 or later has this one"
}

# Adds lines to a Makefile of tests, where the list of the library's sources is complete.
add_fragment() { # MAKEFILE FRAGMENT
	fragment=$2 awk '
		{ print }
		/^LIBKVM \+= \$\(LIBKVM_\$\(ARCH/ {
			while ((getline line < ENVIRON["fragment"]) > 0)
				print line
			done = 1
		}
		END { exit !done }' "$1" >"$1.new" ||
		die 77 "the Makefile of the selftests of Linux $version is of a kind that this command does not know"
	mv "$1.new" "$1"
}

# Lays our files over a folder of tests, and tells its Makefile of them.
lay_over() { # FOLDER
	test ! -e "$1/lib/ucall_libucall.c" ||
		die 2 "this tree has libucall's patches already; give one without them"
	cp -pR "$tools/overlay/lib" "$tools/overlay/include" "$tools/overlay/ucall_cost_test.c" "$1/"
	makefile=$1/Makefile.kvm
	test -e "$makefile" || makefile=$1/Makefile
	add_fragment "$makefile" "$tools/overlay/Makefile.libucall"
}

# Makes the copy with our files.  What has not changed keeps its time, so that it is not built again.
make_copy() {
	rm -rf "$selftests/kvm_libucall"
	cp -a "$selftests/kvm" "$selftests/kvm_libucall"
	lay_over "$selftests/kvm_libucall"
	builds=$tree/out
	cmp -s "$tools/overlay/Makefile.libucall" "$builds/fragment" || rm -rf "$builds"
	mkdir -p "$builds"
	cp "$tools/overlay/Makefile.libucall" "$builds/fragment"
}

# Sets the compiler and where libucall is, for programs that run on the machine.
find_compiler() {
	if test "$arch" = "$(uname -m)"; then
		prefix='' flags='' include_folder=$UCALL_KSELFTEST_INCLUDE library_folder=$UCALL_LAB_LIBRARY
		archive_folder=$library_folder
		# In a build that is not installed.
		test -e "$archive_folder/libucall-guest.a" || archive_folder=$library_folder/..
	else
		get_libucall
		prefix=$triplet- include_folder=${libucall%/root}/include library_folder=$libucall/usr/lib
		archive_folder=${libucall%/root}/archives
		flags="-Wl,-rpath-link,$sysroot/usr/lib/$triplet -Wl,--allow-shlib-undefined"
	fi
	need "${prefix}gcc" "gcc${prefix:+-}$(printf %s "${prefix%-}" | tr _ -)"
	need make make
	test "$kernel_arch" != x86 || test ! -e "$selftests/vfio/lib" || need_file /usr/include/uuid/uuid.h uuid-dev
	check_needs
}

# Makes a build; tests that cannot be built are left out, as `make -k` does.
make_tests() { # WAY TARGET...
	way=$1
	shift
	out=$builds/$arch-$way
	case $way in
	stock) libucall_way='' words=stock ;;
	address) libucall_way=1 words="with libucall" ;;
	mailbox) libucall_way=mailbox words="with libucall's mailbox" ;;
	esac
	mkdir -p "$out"
	for target; do
		set -- "$@" "$out/$target"
		shift
	done
	working "building the tests of Linux $version for $arch, $words"
	# A program of an earlier build must not stand for one that cannot be built.
	run_make "$@" || {
		programs_of "$way" | (cd "$out" && xargs -r rm -f)
		run_make "$@" || true
	}
	working
}

run_make() { # TARGET...
	(
		unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES LIBUCALL
		make -C "$selftests/kvm_libucall" -k -j"$(nproc)" ARCH=$kernel_arch CROSS_COMPILE="$prefix" OUTPUT="$out" \
			${libucall_way:+LIBUCALL=$libucall_way} LIBUCALL_CFLAGS="-I$include_folder" \
			LIBUCALL_LIBS="-L$library_folder -L$archive_folder -lucall" USERLDFLAGS="$flags" \
			USERCFLAGS="-I$tree/usr/$arch" "$@"
	) >"$out/log" 2>&1
}

programs_of() { # WAY
	test ! -d "$builds/$arch-$1" || (
		cd "$builds/$arch-$1"
		find . -type f -perm -u+x ! -name '*.sh' ! -name '*.py' ! -name '*.so' ! -path './tools/*' | sed 's,^\./,,' | sort
	)
}

# The names of tests in full: x86/msrs_test for msrs.
find_names() { # [TEST...]
	for name; do
		found=
		case $name in
		lib/* | *../* | ./* | /* | *[!a-zA-Z0-9_/-]*) die 2 "$name: not the name of a test" ;;
		esac
		for full in "$name" "$name"_test "$arch_folder/$name" "$arch_folder/$name"_test; do
			test ! -e "$selftests/kvm_libucall/$full.c" || found=$full
		done
		test "$found" || die 2 "Linux $version has no test $name for $arch"
		echo "$found"
	done
}

# Lists the tests that all builds have in $work/tests, those that are asked for or all.
build_selftests() { # WAYS [TEST...]
	ways=$1
	shift
	lock_tree "$tree"
	find_compiler
	make_copy
	find_names "$@" >"$work/names"
	test ! -s "$work/names" || echo ucall_cost_test >>"$work/names"
	for way in stock $ways; do
		make_tests "$way" $(cat "$work/names")
		programs_of "$way" >"$work/$way"
		if test "$way" = stock; then
			test -s "$work/stock" || {
				grep -E 'error|No rule|cannot' "$out/log" | head -n 10 >&2
				die 77 "no test of Linux $version could be built, as the lines above say"
			}
			# What was asked for, or what can be built as it is: what is not there counts as lost.
			if test -s "$work/names"; then sort -u "$work/names"; else cat "$work/stock"; fi >"$work/tests"
		fi
		comm -23 "$work/tests" "$work/$way" | while read -r name; do
			echo "$self: $name could not be built, $words; $out/log says why" >&2
		done
	done
	link_programs
	exec 7>&-
	locked=
}

# Links to the programs in `programs`: another build may replace them while they run.
link_programs() {
	for d in "$cache"/kselftest/run-*; do
		test ! -d "$d" || kill -0 "${d##*run-}" 2>/dev/null || rm -rf "$d"
	done
	rm -rf "$cache/kselftest/run-$$"
	programs=$cache/kselftest/run-$$
	mkdir "$programs"
	for way in stock $ways; do
		cp -al "$builds/$arch-$way" "$programs/$way"
	done
}
