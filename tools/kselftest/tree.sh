# SPDX-License-Identifier: MIT
# The kernel tree of `ucall kselftest`, and the two builds in it.  Sourced by kselftest.sh.

# What the tests need of a tree; not every version has all of it.
tree_parts="Makefile arch/arm64/tools scripts/subarch.include include/linux/pci_ids.h tools/testing/selftests/kvm
	tools/testing/selftests/rseq tools/testing/selftests/cgroup tools/testing/selftests/vfio
	tools/testing/selftests/*.h tools/testing/selftests/*/*.h tools/testing/selftests/*.mk tools/include tools/arch tools/build tools/scripts
	tools/lib/*.[ch] drivers/dma/ioat/*.h drivers/dma/idxd/*.h drivers/net/ethernet/intel/igb/*.h"

# The newest suite that has a source package; headers of the same version come with it.
source_suites="trixie-backports trixie"

fill_tree() {
	working "fetching the newest kernel source package"
	open_suites linux-source $source_suites
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
	for a in x86_64 aarch64 riscv64; do
		cp -rL "$2/headers/usr/include/$a-linux-gnu/asm" "$2/usr/asm-$a"
	done
	rm -rf "$2/headers"
}

# Sets `tree`, a copy that is this command's own, and `version`.
prepare_tree() {
	need xz xz-utils
	machine_arch=$deb
	mkdir -p "$cache/kselftest" 2>/dev/null || true
	if test ! "$tree"; then
		deb=$(dpkg --print-architecture)
		fill "$cache/kselftest/linux" 600 fill_tree
		deb=$machine_arch
		tree=$cache/kselftest/linux
	else
		copy=$cache/kselftest/tree-$(printf %s "$tree" | cksum | tr ' ' -)
		mkdir -p "$copy"
		working "copying the tests of $tree"
		(
			cd "$tree"
			tar -c --ignore-failed-read $tree_parts usr/include 2>/dev/null
		) | tar -x -C "$copy" --skip-old-files 2>/dev/null || true
		(
			cd "$tree"
			find tools/testing/selftests/kvm -type f -newer "$copy/copied" 2>/dev/null | tar -c -T - 2>/dev/null
		) | tar -x -C "$copy" 2>/dev/null || true
		: >"$copy/copied"
		test -e "$copy/usr/include/linux/kvm.h" ||
			die 77 "$tree has no usr/include/linux/kvm.h; run \"make headers\" in it"
		working
		tree=$copy
	fi
	version=$(sed -n 's/^VERSION = //p; s/^PATCHLEVEL = /./p' "$tree/Makefile" | tr -d '\n')
	selftests=$tree/tools/testing/selftests
	test -e "$selftests/kvm/include/$kernel_arch/ucall.h" ||
		die 77 "the selftests of Linux $version have no include/$kernel_arch/ucall.h; a tree of 6.15 or later has"
	test ! -e "$tree/usr/asm-$arch" || {
		rm -rf "$tree/usr/include/asm"
		cp -a "$tree/usr/asm-$arch" "$tree/usr/include/asm"
	}
}

# Sets the compiler and where libucall is, for programs that run on the machine.
find_libucall() {
	if test "$arch" = "$(uname -m)"; then
		prefix='' include_folder=$UCALL_KSELFTEST_INCLUDE library_folder=$UCALL_LAB_LIBRARY flags=
	else
		fetch_libraries
		build_libucall
		prefix=$triplet- include_folder=${libucall%/root}/include library_folder=$libucall/usr/lib
		flags="-Wl,-rpath-link,$sysroot/usr/lib/$triplet -Wl,--allow-shlib-undefined"
	fi
	command -v "${prefix}gcc" >/dev/null || die 77 "${prefix}gcc is missing; install gcc${prefix:+-}$(printf %s "${prefix%-}" | tr _ -)"
	need make make
	test "$kernel_arch" != x86 || test -e /usr/include/uuid/uuid.h || die 77 "uuid/uuid.h is missing; install uuid-dev"
}

# Makes a folder of tests; those that cannot be built are left out, as `make -k` does.
make_tests() { # FOLDER WORDS
	working "building the tests of Linux $version for $arch, $2"
	LDLIBS=$libraries make -C "$selftests/$1" -k -j"$(nproc)" ARCH=$kernel_arch CROSS_COMPILE=$prefix \
		USERCFLAGS="-I$include_folder" USERLDFLAGS="$link" >"$cache/kselftest/$1.log" 2>&1 || true
	working
}

programs_of() { # FOLDER
	(cd "$selftests/$1" && find . -type f -perm -u+x ! -name '*.sh' ! -name '*.py' ! -name '*.so' ! -path './tools/*' | sed 's,^\./,,' | sort)
}

# Lists the tests that both builds have in $work/tests.
build_selftests() { # [TEST...]
	find_libucall
	stock=kvm-$arch shim=kvm_libucall-$arch
	for d in "$stock" "$shim"; do
		test -e "$selftests/$d" || cp -a "$selftests/kvm" "$selftests/$d"
	done
	link=$flags libraries=
	make_tests "$stock" stock
	for pair in "shim.c lib/$kernel_arch/ucall.c" "shim.h include/$kernel_arch/ucall.h"; do
		set_to=$selftests/$shim/${pair#* }
		cmp -s "$tools/${pair% *}" "$set_to" || cp "$tools/${pair% *}" "$set_to"
	done
	link="$flags -L$library_folder -Wl,--wrap=kvm_vm_free,--wrap=kvm_vm_release"
	test $kernel_arch != x86 || link="$link -Wl,--wrap=tdp_identity_map_default_memslots"
	libraries=-lucall
	make_tests "$shim" "with libucall"
	programs_of "$stock" >"$work/stock"
	programs_of "$shim" >"$work/shim"
	test -s "$work/stock" || {
		grep -E 'error|No rule|cannot' "$cache/kselftest/$stock.log" | head -n 10 >&2
		die 77 "no test of Linux $version could be built, as the lines above say"
	}
	comm -12 "$work/stock" "$work/shim" >"$work/tests"
	comm -23 "$work/stock" "$work/shim" | while read -r name; do
		echo "$self: $name could not be built with libucall; $cache/kselftest/$shim.log says why" >&2
	done
	if test $# -gt 0; then
		cp "$work/tests" "$work/all"
		for name; do
			grep -xF -e "$name" -e "$kernel_arch/$name" -e "${name}_test" -e "$kernel_arch/${name}_test" "$work/all" ||
				die 2 "Linux $version has no test $name for $arch"
		done >"$work/tests"
	fi
}
