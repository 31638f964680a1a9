#!/bin/sh
# SPDX-License-Identifier: MIT
# Testbeds: a Debian system in a folder, and copies of it that are gone when their command ends.
#
#	testbed.sh image SUITE FOLDER [PACKAGE...]	makes the system with these packages, if it is not there
#	testbed.sh run [OPTION...] FOLDER CMD [ARG...]	runs CMD in a copy, with nothing of this environment
#	testbed.sh outside [OPTION...] FOLDER CMD [ARG...]	runs CMD here, with a copy at $testbed
#
#	--no-kvm		without /dev/kvm
#	--bind FOLDER:PATH	a folder of this machine, which can be written there
#	--read FOLDER:PATH	a folder of this machine, which can only be read
#
# A copy is an overlay in memory, in namespaces of its own: whatever ends it, no process, mount or file of it is
# left.  (If testbed.sh itself is killed, an empty folder is.)  Needs root.
set -eu
self=testbed.sh

die() { # STATUS WORDS
	status=$1
	shift
	printf '%s: %s\n' "$self" "$*" >&2
	exit "$status"
}

usage() {
	sed -n 's/^#	testbed/usage: testbed/p' "$0" >&2
	exit 2
}

# mount's options and bash's words separate names by these.
check_name() { # PATH
	case $1 in *[[:space:],:\\]*) die 2 "$1: a path without spaces, commas, colons and backslashes is needed" ;; esac
}

# The archive that this machine's apt uses.
mirror() {
	# shellcheck disable=SC2016 # apt's names
	apt-get indextargets --format '$(REPO_URI) $(COMPONENT) $(CREATED_BY)' 2>/dev/null |
		awk '$2 == "main" && $3 == "Packages" && $1 !~ /security/ { sub(/\/$/, "", $1); print $1; exit }'
}

image() { # SUITE FOLDER [PACKAGE...]
	suite=$1 image=${2%/}
	shift 2
	check_name "$image"
	mkdir -p "$(dirname "$image")"
	exec 9>"$image.lock"
	flock 9
	test ! -e "$image/etc/debian_version" || return 0
	test ! -e "$image" || die 2 "$image is there, and is not a system that \"testbed.sh image\" has made"
	command -v mmdebstrap >/dev/null || die 77 "mmdebstrap is missing; install mmdebstrap"
	archive=$(mirror)
	test "$archive" || die 77 "apt has no archive of Debian here: see /etc/apt/sources.list"
	packages=$(echo "$*" | tr ' ' ,)
	new=$image.new.$$
	trap 'rm -rf "$new"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' HUP TERM
	# An old archive's dates have passed.
	mmdebstrap --quiet --mode=root --variant=minbase --skip=cleanup/apt/lists ${packages:+--include="$packages"} \
		--dpkgopt=force-unsafe-io --aptopt='Acquire::Check-Valid-Until "false"' \
		--aptopt='Acquire::Check-Date "false"' --aptopt='Acquire::Languages "none"' \
		--aptopt='APT::Install-Recommends "false"' "$suite" "$new" "$archive" >&2 9>&- ||
		die 77 "the system $suite was not made, as the lines above say"
	mv -T "$new" "$image"
	trap - EXIT HUP INT TERM
}

# In the namespaces: mounts the copy.
mount_copy() { # IMAGE
	mkdir -p "$place"
	mount -t tmpfs -o "mode=755,size=${TESTBED_SIZE:-12g}" testbed "$place"
	mkdir "$place/upper" "$place/work" "$place/root"
	mount -t overlay -o "lowerdir=$1,upperdir=$place/upper,workdir=$place/work" testbed "$place/root"
	testbed=$place/root
	mount -t proc proc "$testbed/proc"
	mount -t sysfs -o ro sysfs "$testbed/sys"
	mount -t tmpfs -o mode=755 dev "$testbed/dev"
	for node in null zero full random urandom tty kvm; do
		test ! -c "/dev/$node" || cp -a "/dev/$node" "$testbed/dev/"
	done
	# The copy's own node: the machine's stays as it is.
	if test "$kvm" = no; then
		rm -f "$testbed/dev/kvm"
	elif test -c "$testbed/dev/kvm"; then
		chmod 666 "$testbed/dev/kvm"
	fi
	mkdir "$testbed/dev/pts" "$testbed/dev/shm"
	mount -t devpts -o newinstance,gid=5,mode=620,ptmxmode=666 devpts "$testbed/dev/pts"
	mount -t tmpfs -o mode=1777 shm "$testbed/dev/shm"
	mount -t tmpfs -o mode=1777 tmp "$testbed/tmp"
	ln -s pts/ptmx "$testbed/dev/ptmx"
	ln -s /proc/self/fd "$testbed/dev/fd"
	ln -s /proc/self/fd/0 "$testbed/dev/stdin"
	ln -s /proc/self/fd/1 "$testbed/dev/stdout"
	ln -s /proc/self/fd/2 "$testbed/dev/stderr"
	cp --remove-destination /etc/resolv.conf /etc/hosts "$testbed/etc/"
}

bind() { # ro|rw FOLDER:PATH
	# A link of the system, such as /var/run, leads out of it.
	test "$(chroot "$testbed" readlink -m "/${2#*:}")" = "${2#*:}" || die 2 "$2: the path has a link in the system"
	mkdir -p "$testbed/${2#*:}"
	mount --bind "${2%%:*}" "$testbed/${2#*:}"
	test "$1" = rw || mount -o remount,bind,ro "$testbed/${2#*:}"
}

# The second half of `run` and `outside`, in the namespaces.
inside() { # WHAT OPTION... IMAGE CMD...
	what=$1
	shift
	kvm=yes place=$testbed_place options=
	while case ${1:-} in --*) ;; *) false ;; esac do
		test "$1" != --no-kvm || kvm=no
		options="$options $1"
		shift
	done
	image=$1
	shift
	mount_copy "$image"
	for option in $options; do
		case $option in
		--bind=*) bind rw "${option#*=}" ;;
		--read=*) bind ro "${option#*=}" ;;
		esac
	done
	if test "$what" = outside; then
		export testbed
		exec "$@"
	fi
	# Not as process 1, which a signal of its own does not end; and without what a shell ignores for commands
	# in the background.
	# shellcheck disable=SC2016 # its own variables
	exec env -i --default-signal=INT,QUIT HOME=/root USER=root LOGNAME=root TERM=dumb LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		chroot "$testbed" sh -c 'cd && "$@"; exit $?' sh "$@"
}

copy() { # WHAT [OPTION...] FOLDER CMD [ARG...]
	what=$1
	shift
	options=
	while test $# -gt 0; do
		case $1 in
		--no-kvm) options="$options $1" ;;
		--bind | --read)
			test "${2:-}" || usage
			case $2 in *:/*) ;; *) die 2 "$1 $2: give FOLDER:PATH" ;; esac
			check_name "${2%%:*}"
			check_name "${2#*:}"
			options="$options $1=$2"
			shift
			;;
		-*) usage ;;
		*) break ;;
		esac
		shift
	done
	test $# -ge 2 || usage
	image=$(readlink -f "$1")
	shift
	check_name "$image"
	test -e "$image/etc/debian_version" || die 2 "$image is not a system that \"testbed.sh image\" has made"
	test "$(id -u)" = 0 || die 77 "only root can mount a testbed"
	namespace= testbed_place=
	trap 'test ! "$namespace" || { kill -KILL "$namespace"; wait "$namespace" || :; } 2>/dev/null; test ! "$testbed_place" || rmdir "$testbed_place"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' HUP TERM
	testbed_place=$(mktemp -d "${TMPDIR:-/tmp}/testbed-XXXXXX")
	export testbed_place
	# A signal ends a wait, but not a command in the foreground; one in the background has no input.
	{ exec 3<&0; } 2>/dev/null || exec 3</dev/null
	# If this shell ends before setpriv has begun, no signal comes.
	# shellcheck disable=SC2086,SC2016 # options have no spaces; sh's own variables
	setpriv --pdeathsig KILL sh -c 'test $PPID = "$1" || exit 1; shift; exec "$@"' sh $$ unshare --mount --propagation private --pid --fork --kill-child --mount-proc --ipc --uts -- \
		sh "$0" inside "$what" $options "$image" "$@" <&3 3<&- &
	namespace=$!
	status=0
	wait "$namespace" || status=$?
	namespace=
	exit $status
}

case ${1:-} in
image)
	test $# -ge 3 || usage
	shift
	image "$@"
	;;
run | outside) copy "$@" ;;
inside)
	test "${testbed_place:-}" || usage
	shift
	inside "$@"
	;;
*) usage ;;
esac
