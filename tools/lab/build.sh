# SPDX-License-Identifier: MIT
# libucall, its command and its backends for a machine of `ucall lab`.  Sourced by lab.sh.
#
# A machine of this machine's architecture gets those that run here.  For another one they are built
# from the sources that are installed with the command, once for each version of these, in the cache.
#
#	CACHE/ARCH/libucall[-SUM]/root			what is in the machine
#	CACHE/ARCH/libucall[-SUM]/{build,include,archives}	the build; headers and static libraries

find_source() {
	source=${UCALL_LAB_SOURCE:-}
	test -x "$source/configure" || die 77 "no sources of libucall in ${source:-share/libucall/source}; install libucall with its sources"
}

sum_of() { # FOLDER
	(cd "$1" && find . -type f | LC_ALL=C sort | xargs cat | cksum | tr ' ' -)
}

# Runs a step of the build; its output is shown only if it fails.
step() { # WORDS COMMAND...
	words=$1
	shift
	"$@" >"$folder/log" 2>&1 || {
		tail -n 30 "$folder/log" >&2
		die 77 "libucall could not be built for $arch: $words failed, as the lines above say"
	}
}

need_compiler() {
	need "$triplet-gcc" "gcc-$(echo "$triplet" | tr _ -)" "libc6-dev-$deb-cross"
	need make make
	need pkg-config pkg-config
}

# Builds $folder/build and installs in $folder/root; a second time only what has changed.
make_libucall() {
	need_compiler
	check_needs
	working "building libucall for $arch"
	libraries=$sysroot/usr/lib/$triplet
	set -- "$source/configure" --prefix=/usr --host="$triplet" --without-unicorn --without-libcrypto \
		CC="$triplet-gcc --sysroot=$sysroot" CFLAGS="-O2 -g" \
		LDFLAGS="-Wl,-rpath-link,$libraries -Wl,--allow-shlib-undefined"
	test "$(cat "$folder/configured" 2>/dev/null)" = "$*" || rm -rf "$folder/build"
	rm -rf "$folder/root"
	mkdir -p "$folder/build"
	(
		cd "$folder/build"
		PKG_CONFIG_LIBDIR=$libraries/pkgconfig
		PKG_CONFIG_SYSROOT_DIR=$sysroot
		export PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR
		# Libraries of a later suite may need a later C library than the compiler has.
		test -e Makefile || step configure "$@"
		step make make -j"$(nproc)"
		step "make install" make install install_lab_source=no DESTDIR="$folder/root"
	)
	echo "$*" >"$folder/configured"
	# What compiling needs is not in the machine.
	rm -rf "$folder/include" "$folder/archives"
	mkdir "$folder/archives"
	mv "$folder/root/usr/include" "$folder/include"
	mv "$folder"/root/usr/lib/*.a "$folder/archives/"
	rm -rf "$folder/root/usr/share" "$folder"/root/usr/lib/*.la
	working
}

# A build that is not installed makes its own sources each time, and what has changed since.
build_here() {
	folder=${libucall%/root}
	check_cache 150
	exec 8>"$folder.lock"
	flock 8
	if test -e "$folder/built" && test ! "$(find "$here/../.." -newer "$folder/built" \
		\( -name '*.[chS]' -o -name '*.mk' -o -name '*.am' -o -name '*.ac' -o -name '*.in' -o -name '*.map' \) \
		-not -path '*/t/lab/*' -not -path '*/lab-source/*' -print -quit)"; then
		exec 8>&-
		return
	fi
	rm -f "$folder/built"
	unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
	make -s -C "$UCALL_LAB_BUILD" lab-source >&2 || die 77 "make lab-source failed in $UCALL_LAB_BUILD"
	find_source
	make_libucall
	: >"$folder/built"
	exec 8>&-
}

# Sets `libucall` to the folder of libucall for the machine; empty: this machine's own is used.
find_libucall() {
	libucall=
	test "$arch" != "$(uname -m)" || return 0
	need flock util-linux
	libucall=$cache/$arch/libucall/root
	if test ! "${UCALL_LAB_BUILD:-}"; then
		find_source
		id=$(sum_of "$source")
		libucall=$cache/$arch/libucall-$id/root
	fi
	test -e "${libucall%/root}/complete" || test -e "${libucall%/root}/built" || need_compiler
}

build_libucall() {
	test "$libucall" || return 0
	if test "${UCALL_LAB_BUILD:-}"; then
		build_here
		return
	fi
	fill "${libucall%/root}" 150 make_libucall
	# Those of other versions.
	for d in "$cache/$arch"/libucall-*; do
		case $d in
		*-"$id" | *-"$id".lock) ;;
		*) test -d "$d" && flock -n "$d.lock" rm -rf "$d" || true ;;
		esac
	done
}

# Sets `libucall`, with all that building it and programs for it needs.
get_libucall() {
	need_libraries
	find_libucall
	check_needs
	fetch_libraries
	build_libucall
}

# A test or another program with libucall; a shared object, such as a backend, is not linked with it.
compile() { # ARG...
	if test ! "$libucall"; then
		exec "${CC:-cc}" "$@" $(pkg-config --cflags --libs ucall-test)
	fi
	folder=${libucall%/root}
	case " $* " in
	*" -shared "* | *" -c "*) libraries= ;;
	*)
		libraries="-lucall-test -Wl,--whole-archive -lucall-guest -Wl,--no-whole-archive -lucall"
		libraries="$libraries -Wl,-rpath-link,$sysroot/usr/lib/$triplet -Wl,--allow-shlib-undefined"
		;;
	esac
	exec "$triplet-gcc" --sysroot="$sysroot" -I"$folder/include" "$@" -L"$folder/archives" -L"$libucall/usr/lib" $libraries
}
