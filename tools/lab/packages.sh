# SPDX-License-Identifier: MIT
# The cache of `ucall lab`: Debian's kernels and libraries for other machines.  Sourced by lab.sh.
#
#	CACHE/ARCH/libraries/sysroot	what programs of ARCH need
#	CACHE/ARCH/kernel-SUITE[+...]	kernel, modules/MODULE/NN.ko in the order of loading
#	CACHE/ARCH/libucall*		libucall itself: build.sh
#
# This machine is not changed: packages come through an apt root in the cache, made from this
# machine's Debian sources, and apt checks them.

to_cache="set UCALL_LAB_CACHE to a folder that you can write to"

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
	sysroot=$cache/$arch/libraries/sysroot
}

# Ends if the cache cannot be filled.
check_cache() { # MEGABYTES
	said=$(mkdir -p "$cache/$arch" 2>&1) ||
		die 77 "cannot create the cache folder $cache/$arch: $(reason "$said"); $to_cache"
	said=$( (: >>"$folder.lock") 2>&1) ||
		die 77 "cannot write $folder.lock in the cache folder: $(reason "$said"); $to_cache"
	free=$(df -Pk "$cache" | awk 'END { if ($(NF - 2) ~ /^[0-9]+$/) print int($(NF - 2) / 1024) }')
	test "${free:-$1}" -ge "$1" ||
		die 77 "the cache folder $cache has $free MB free, and $arch needs $1 MB; free some, or" \
			"set UCALL_LAB_CACHE to a folder with more"
}

# Locks an open descriptor; tells if another process has it.
wait_for_lock() { # DESCRIPTOR WORDS
	flock -n "$1" || {
		working "$2"
		flock "$1"
		working
	}
}

# Fills a folder of the cache by a command, once; another process may be doing the same.
fill() { # FOLDER MEGABYTES COMMAND...
	folder=$1 needed=$2
	shift 2
	test ! -e "$folder/complete" || return 0
	check_cache "$needed"
	doing="filling the cache folder $folder"
	advice="free $needed MB there, or set UCALL_LAB_CACHE to another folder that you can write to"
	exec 8>"$folder.lock"
	wait_for_lock 8 "waiting for another process to fill $folder"
	if test ! -e "$folder/complete"; then
		rm -rf "$folder"
		mkdir -p "$folder"
		"$@"
		: >"$folder/complete"
	fi
	exec 8>&-
	doing=
}

# ---- packages ----

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

need_apt() {
	need apt-get apt
	need dpkg-deb dpkg
	need_file "$keyring" debian-archive-keyring
}

# The Debian archive in this machine's apt sources.
find_archive() {
	uri=$(apt-get indextargets --format '$(ORIGIN)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
		sed -n 's,^Debian|main|\(.*/debian/\)$,\1,p' | head -n 1)
	test "$uri" || die 77 "this machine has no Debian archive among its apt sources"
}

# Makes an apt root for a suite; fails if the suite has no such package.
open_suite() { # SUITE PACKAGE
	mkdir -p "$folder/apt/state/lists/partial" "$folder/apt/cache/archives/partial"
	: >"$folder/apt/status"
	echo "deb [signed-by=$keyring] $uri $1 main" >"$folder/apt/sources"
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
	log=$(apt-get -qq update 2>&1) && apt-cache show "$2" >/dev/null 2>&1
}

# Ends if apt's messages, in `log`, are about this machine and not about the archive's content.
check_log() {
	case $log in
	*"No space left on device"* | *"Disk quota exceeded"* | *"Write error"* | *"write error"*)
		why="the disk of the cache folder $cache is full; free $needed MB, or set UCALL_LAB_CACHE to"
		why="$why a folder with more"
		;;
	*"Temporary failure resolving"* | *"Could not resolve"* | *"Could not connect"* | *"Cannot initiate"* | \
		*"onnection timed out"* | *"onnection failed"* | *"is unreachable"*)
		why="apt cannot reach $uri: no network; connect this machine, or set UCALL_LAB_CACHE to a"
		why="$why folder that was filled by \"ucall lab $machine\" on another one"
		;;
	*" is expired "* | *"is not valid yet"*)
		why="the archive of suite $suite is not valid at the moment: its Release file is out of date, as"
		why="$why the lines above say; try later, or another suite"
		;;
	*"Mirror sync in progress"*)
		why="the archive of suite $suite is not valid at the moment: $uri is being updated; try later"
		;;
	*" 404 "* | *"does not have a Release file"*) return 0 ;; # another suite may be there
	*"Failed to fetch"*) why="apt could not fetch from $uri, as the lines above say" ;;
	*) return 0 ;;
	esac
	printf '%s\n' "$log" >&2
	die 77 "$why"
}

# Opens the first of some suites that has a package, as `suite`.
open_suites() { # PACKAGE SUITE...
	wanted=$1
	shift
	find_archive
	for suite; do
		open_suite "$suite" "$wanted" && return
		check_log
	done
	test ! "$log" || printf '%s\n' "$log" >&2
	die 77 "no $wanted for $deb in $* of $uri, this machine's Debian archive"
}

# Those of the named packages that exist: names differ between suites.
present() {
	for name; do
		apt-cache policy "$name" 2>/dev/null | grep -q "Candidate: [0-9]" && echo "$name"
	done
}

# Downloads packages of the open suite into $folder/debs.
download() { # PACKAGE...
	mkdir -p "$folder/debs"
	log=$(cd "$folder/debs" && apt-get -qq download "$@" 2>&1) || {
		check_log
		printf '%s\n' "$log" >&2
		die 77 "the packages of $suite for $deb could not be fetched"
	}
}

# Downloads packages and unpacks them into $folder/sysroot.
take_packages() { # PACKAGE...
	download "$@"
	mkdir -p "$folder/sysroot"
	# A merged /usr from the beginning: packages have files in both.
	for d in bin sbin lib lib64; do
		mkdir -p "$folder/sysroot/usr/$d"
		ln -s "usr/$d" "$folder/sysroot/$d"
	done
	for package_file in "$folder"/debs/*.deb; do
		dpkg-deb --fsys-tarfile "$package_file" | tar -x --keep-directory-symlink -C "$folder/sysroot"
	done
	rm -rf "$folder/debs" "$folder/apt"
}

fill_libraries() {
	working "fetching libraries for $arch"
	open_suites libc6 $suites
	take_packages $(present libc6 libc6-dev libgcc-s1 linux-libc-dev libelf1 libelf1t64 libelf-dev libdw1 \
		libdw1t64 libdw-dev zlib1g zlib1g-dev libzstd1 liblzma5 liblzma-dev libbz2-1.0 libbz2-dev \
		libzstd-dev busybox-static)
	rm -rf "$folder/sysroot/usr/share"
	working
}

need_libraries() {
	need flock util-linux
	test -e "$cache/$arch/libraries/complete" || need_apt
}

fetch_libraries() {
	fill "$cache/$arch/libraries" $megabytes fill_libraries
}

# ---- kernels ----

# A module without the signature at its end, which costs the emulator seconds to check.
unsigned() { # FILE
	if test "$(tail -c 28 "$1")" = "~Module signature appended~"; then
		set -- "$1" $(tail -c 32 "$1" | od -An -tu1 -N 4)
		head -c "-$(((($2 * 256 + $3) * 256 + $4) * 256 + $5 + 40))" "$1"
	else
		cat "$1"
	fi
}

# Takes a module of KVM with the modules that it needs, numbered.
take_module() { # NAME
	mkdir -p "$folder/modules/$1"
	n=10
	for file in $(modprobe -d "$folder/sysroot" -S "$version" --show-depends "$1" | sed -n 's/^insmod \([^ ]*\).*/\1/p'); do
		case $file in
		*.xz) xz -dc "$file" >"$folder/module" ;;
		*.zst) zstd -qdc "$file" >"$folder/module" ;;
		*) cp "$file" "$folder/module" ;;
		esac
		unsigned "$folder/module" >"$folder/modules/$1/$n.ko"
		n=$((n + 1))
	done
	rm -f "$folder/module"
	test $n -gt 10 || die 125 "the kernel $version has no module $1"
}

fill_kernel() { # SUITE...
	working "fetching the kernel of $1 for $arch"
	open_suites "$package" "$@"
	kernel=$(apt-cache depends "$package" | sed -n 's/.*Depends: \(linux-image-.*\)/\1/p' | head -n 1)
	test "$kernel" || die 125 "the package $package of $suite names no kernel"
	# Later suites split it into parts.
	take_packages "$kernel" $(apt-cache depends "$kernel" |
		sed -n 's/.*Depends: \(linux-\(binary\|modules\)-.*\)/\1/p' | sort -u)
	for image in "$folder"/sysroot/boot/vmlinu[xz]-* "$folder"/sysroot/usr/lib/modules/*/vmlinu[xz]; do
		test ! -e "$image" || cp "$image" "$folder/kernel"
	done
	test -e "$folder/kernel" || die 125 "the package $kernel has no kernel in a place that is known here"
	version=$(basename "$folder"/sysroot/usr/lib/modules/*)
	depmod -b "$folder/sysroot" "$version" 2>/dev/null
	for name in $modules; do
		take_module "$name"
	done
	rm -rf "$folder/sysroot"
	echo "$version" >"$folder/version"
	working
}

# Sets `kernel_folder`.
find_kernel() {
	kernel_folder=$cache/$arch/kernel-$(echo $kernel_suites | tr ' ' +)
	need flock util-linux
	test -e "$kernel_folder/complete" || {
		need_apt
		need depmod kmod
		need modprobe kmod
		need xz xz-utils
	}
}

fetch_kernel() {
	fill "$kernel_folder" "$kernel_megabytes" fill_kernel $kernel_suites
}
