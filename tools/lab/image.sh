# SPDX-License-Identifier: MIT
# The initramfs of a machine of `ucall lab`: busybox, KVM's modules, the user's programs and
# libucall, with the libraries that they need.  Sourced by lab.sh.

is_elf() {
	test -f "$1" && test "$(head -c 4 "$1" | tr -d '\0' | cut -c 2-4)" = ELF
}

# Finds a library by name: this machine's if the architecture is the same, since programs were built
# with it; else the sysroot's.
find_library() { # NAME
	own=
	test "$arch" != "$(uname -m)" || own="/lib/$triplet /usr/lib/$triplet /lib64 /usr/lib64"
	for d in $own "$sysroot/usr/lib/$triplet" "$sysroot/usr/lib"; do
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

# True if the image has a library where the loader looks.
in_image() { # IMAGE NAME
	test "$(find "$1"/usr/lib* "$1"/.lab -name "$2" 2>/dev/null | head -n 1)"
}

# Reports missing libraries before the machine boots; ends if the program itself needs one.
check_libraries() { # IMAGE
	while read -r name; do
		in_image "$1" "$name" && continue
		if test "$program" && needed_by "$program" | grep -qxF "$name"; then
			die 2 "$program needs $name, which is neither in this machine's library folders nor among the packages for" \
				"$arch: put it into a folder, as usr/lib/$triplet/$name, and pass that with --root" \
				"(RPATH and LD_LIBRARY_PATH are not looked at)"
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

# Adds libucall, unless the user's files have it: what build.sh built, or this command's own library,
# command, backends and modules, except the emulator, which the lab is not for.  tools/lab.c says
# where these are.
add_libucall() { # IMAGE
	! in_image "$1" libucall.so.0 || return 0
	if test "$libucall"; then
		tar -c -C "$libucall" . | tar -x --keep-directory-symlink -C "$1"
		test ! -e "$1/usr/lib/ucall/lab/interrupts-on.so" ||
			cp "$1/usr/lib/ucall/lab/interrupts-on.so" "$1/.lab/"
		return
	fi
	test "${UCALL_LAB_COMMAND:-}" && test "$arch" = "$(uname -m)" || return 0
	mkdir -p "$1/usr/lib/$triplet" "$1/.lab/ucall"
	cp -L "$UCALL_LAB_LIBRARY/libucall.so.0" "$1/usr/lib/$triplet/" 2>/dev/null || return 0
	place "$UCALL_LAB_COMMAND" "$1/usr/bin/ucall"
	cp "$UCALL_LAB_PRELOAD/interrupts-on.so" "$1/.lab/" 2>/dev/null || true
	for kind in plugins modules; do
		mkdir -p "$1/.lab/ucall/$kind"
	done
	(
		IFS=:
		# Earlier folders come first.
		for d in $UCALL_LAB_PLUGINS; do
			cp -n "$d"/ucall-*.so "$1/.lab/ucall/plugins/" 2>/dev/null || true
		done
		for d in $UCALL_LAB_MODULES; do
			for m in symbols.so ciphers.so gdb.so trace.so ucall-symbols; do
				test ! -f "$d/$m" || cp -n "$d/$m" "$1/.lab/ucall/modules/" || true
			done
		done
	)
	cat >>"$1/.lab/environment" <<-END
		UCALL_PLUGIN_PATH=/.lab/ucall/plugins
		UCALL_MODULE_PATH=/.lab/ucall/modules
		export UCALL_PLUGIN_PATH UCALL_MODULE_PATH
	END
}

# What the command finds in its environment.
add_environment() { # IMAGE
	test -t 1 || echo 'export NO_COLOR=1' >>"$1/.lab/environment"
	for name in UCALL_BACKEND UCALL_ENGINE UCALL_TIMEOUT UCALL_TEST_FORK UCALL_TEST_LIMIT UCALL_TEST \
		UCALL_TEST_RING UCALL_TEST_ROUNDS UCALL_TEST_VMS; do
		eval "value=\${$name:-}"
		test ! "$value" || echo "export $name=$(quote "$value")" >>"$1/.lab/environment"
	done
	# Bochs does not end a guest that spins with interrupts off; docs/LAB.md.
	test "$emulator" != bochs || test ! -e "$1/.lab/interrupts-on.so" ||
		echo 'export LD_PRELOAD=/.lab/interrupts-on.so' >>"$1/.lab/environment"
}

# The user's files may have replaced a folder by a link to one of this machine.
check_folders() { # IMAGE
	for d in bin sbin lib lib64; do
		case $(readlink "$1/$d") in
		"/usr/$d" | "usr/$d") ln -sfn "usr/$d" "$1/$d" ;;
		*) die 2 "--root: /$d is not a link to usr/$d" ;;
		esac
	done
	for d in usr usr/bin usr/sbin usr/lib usr/lib64 "usr/lib/$triplet" usr/lib/ucall lab .lab .lab/modules .lab/ucall \
		dev proc sys tmp; do
		test ! -L "$1/$d" || die 2 "--root: /$d is a link; it must be a folder"
	done
}

# Puts a file into the image, never through a link.
place() { # FILE IMAGE-FILE
	rm -rf "$2"
	cp -L "$1" "$2"
}

pack() { # IMAGE ROOT...
	image=$1
	shift
	mkdir -p "$image/usr/bin" "$image/usr/sbin" "$image/usr/lib" "$image/usr/lib64" "$image/lab" "$image/dev" \
		"$image/proc" "$image/sys" "$image/tmp"
	for d in bin sbin lib lib64; do
		ln -s "usr/$d" "$image/$d"
	done
	for root; do
		tar -c -f "$work/root.tar" -C "$root" . ||
			die 2 "--root: not all files of $root can be read, as the lines above say"
		tar -x -f "$work/root.tar" --keep-directory-symlink -C "$image"
		rm -f "$work/root.tar"
	done
	check_folders "$image"
	rm -rf "$image/.lab/modules" "$image/.lab/ucall"
	mkdir -p "$image/.lab/modules"
	for name in command options module token environment; do
		rm -rf "${image:?}/.lab/$name"
	done
	printf '%s\n' "$words" >"$image/.lab/command"
	printf '%s\n' "$options" >"$image/.lab/options"
	printf '%s\n' "$module" >"$image/.lab/module"
	printf '%s\n' "$token" >"$image/.lab/token"
	eval "set -- $files"
	for file; do
		place "$file" "$image/lab/${file##*/}"
	done
	place "$sysroot/usr/bin/busybox" "$image/bin/busybox"
	rm -rf "$image/bin/sh"
	ln -s busybox "$image/bin/sh"
	place "$here/init" "$image/init"
	place "$here/run-tests" "$image/bin/run-tests"
	chmod 755 "$image/init" "$image/bin/run-tests"
	test ! "$module" || cp "$kernel_folder/modules/$module"/* "$image/.lab/modules/"
	add_libucall "$image"
	add_environment "$image"
	add_libraries "$image"
	# Not compressed: the emulated machine would be slow to unpack it.
	(cd "$image" && find . | cpio --quiet -o -H newc)
}
