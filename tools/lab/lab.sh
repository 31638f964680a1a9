#!/bin/sh
# SPDX-License-Identifier: MIT
# The real KVM of another machine, booted in an emulator.  `ucall lab` runs this.
#
#	lab.sh run MACHINE [OPTION...] -- CMD [ARG...]
#	lab.sh matrix FILE [OPTION...] -- CMD [ARG...]	see matrix.sh
#	lab.sh run-one FOLDER		one run of a matrix
#	lab.sh cc MACHINE [ARG...]	compiles for the machine, see build.sh
#	lab.sh libraries MACHINE	fetches the libraries; prints the folder
#	lab.sh libucall MACHINE		builds libucall for it; prints the folder
#
# CMD is a command of the machine.  What is a file here by a relative path (./test) is copied there.
#
# The emulators have the virtualization extensions of these machines, and the Debian kernel in them
# has KVM.  Exit status of `run`: CMD's; 2 for bad usage; 77 if something is missing here, with a line
# that says what; 124 for a time limit; 125 if the machine ended otherwise.
set -eu

self="ucall lab"
here=$(unset CDPATH && cd "$(dirname "$0")" && pwd)
emulator_process=
. "$here/common.sh"

stop_emulator() {
	test "$emulator_process" || return 0
	# A signal may come before the process has its own way to take it.
	tries=0
	while kill -0 "$emulator_process" 2>/dev/null && test $tries -lt 100; do
		kill -TERM "$emulator_process" 2>/dev/null || true
		sleep 0.1
		tries=$((tries + 1))
	done
	kill -KILL "$emulator_process" 2>/dev/null || true
	wait "$emulator_process" 2>/dev/null || true
	emulator_process=
}

clean_up() {
	stop_emulator
}

. "$here/machines.sh"
. "$here/packages.sh"
. "$here/build.sh"
. "$here/image.sh"

# ---- the command ----

# A program of this machine by its full path is not in the other one.
check_path() { # WORD
	case $1 in
	/bin/* | /sbin/* | /usr/bin/* | /usr/sbin/*) return 0 ;;
	/*) ;;
	*) return 0 ;;
	esac
	test -e "$work/image$1" || test ! -e "$1" ||
		die 2 "$1 is on this machine and not in the other one; name it by a relative path, or add it with --root"
}

# Reads the options of `run`; sets `options_count`, how many words they are.
read_options() {
	roots='' limit=${UCALL_LAB_TIMEOUT:-300} options='' smp=1 memory=1024
	is_number "$limit" 1 999999999 || die 2 "UCALL_LAB_TIMEOUT=$limit: give seconds, 1 or more"
	options_count=$#
	while test $# -gt 0 && test "$1" != --; do
		case $1 in
		--root | --timeout | --module-options | --kernel | --smp | --memory)
			test $# -ge 2 || die 2 "$1 needs a value"
			;;
		--cc) die 2 "--cc comes right after the machine" ;;
		*) die 2 "unexpected \"$1\"; the command comes after --" ;;
		esac
		case $1 in
		--root)
			test -d "$2" || die 2 "--root: no folder $2"
			roots="$roots $(quote "$(cd "$2" && pwd)")"
			;;
		--timeout)
			is_number "$2" 1 999999999 || die 2 "--timeout $2: give seconds, 1 or more"
			limit=$2
			;;
		--module-options)
			case $2 in
			*=*,*=*) die 2 "--module-options $2: separate options by spaces" ;;
			esac
			options=$2
			;;
		--kernel)
			case $2 in
			'' | *[!a-z0-9-]*)
				die 2 "--kernel $2: give a suite of Debian, such as bookworm, trixie, trixie-backports or sid"
				;;
			esac
			kernel_suites=$2
			;;
		--smp)
			is_number "$2" 1 64 || die 2 "--smp $2: give a number of CPUs, 1 to 64"
			smp=$2
			;;
		--memory)
			is_number "$2" 256 65536 || die 2 "--memory $2: give a number of MiB, 256 to 65536"
			memory=$2
			;;
		esac
		shift 2
	done
	options_count=$((options_count - $#))
}

# Checks a file before it is copied to the machine: a program must be of the machine's architecture.
check_file() { # FILE
	is_elf "$1" || return 0
	need readelf binutils
	check_needs
	readelf -h "$1" | grep -q "Machine:.*$elf" ||
		die 2 "$1 is for $(readelf -h "$1" | sed -n 's/.*Machine: *//p'), not for $arch; compile it with" \
			"\"ucall lab $machine --cc\" or $triplet-gcc"
	for name in $(needed_by "$1"); do
		check_name "$1" "$name"
	done
}

# Notes a file to be copied; the machine has it as /lab/NAME.
take_file() { # FILE
	case $files in
	*"'./$1' "*) return 0 ;;
	esac
	test -r "$1" || die 2 "cannot read $1"
	check_file "$1"
	case $files in
	*"/${1##*/}'"*) die 2 "two files are named ${1##*/}; the machine has them in one folder" ;;
	esac
	files="$files $(quote "./$1")"
}

# Sets `words`, the machine's command, and `files`, what is copied for it.
read_command() { # CMD [ARG...]
	words='' files='' program=
	for word; do
		case $word in
		/*) ;;
		./* | ../*)
			case $word in
			*[[:space:]]*) ;; # of a shell's, perhaps
			*)
				test -f "$word" || die 2 "no file $word here; name the machine's own by a full path or none"
				take_file "$word"
				word=/lab/${word##*/}
				;;
			esac
			;;
		*/*)
			if test ! "$words"; then
				test -f "$word" ||
					die 2 "no program $word here; name the machine's own by a full path or none"
				take_file "$word"
				word=/lab/${word##*/}
			fi
			;;
		esac
		test "$words" || test ! "$files" || program=$1
		words="$words$(quote "$word")"
	done
}

# Shows the command's output, which /init puts between two lines; all that comes otherwise is kept
# for an early end.  (awk would not show a line before it has read a block.)
show() {
	inside='' empty='' return=$(printf '\r')
	while IFS= read -r line || test "$line"; do
		line=${line%"$return"}
		line=${line%"$return"}
		case $inside,$line in
		,"ucall-lab: begin $token")
			inside=yes
			working
			test ! "${lab_begun:-}" || : >"$lab_begun"
			;;
		,"ucall-lab: module "*)
			echo "${line#ucall-lab: module }" >"$work/refused"
			return
			;;
		yes,"ucall-lab: exit $token "*)
			echo "${line##* }" >"$work/status"
			return
			;;
		# The last empty line is from /init.
		yes,) empty="$empty
" ;;
		yes,*)
			printf '%s%s\n' "$empty" "$line"
			empty=
			;;
		*) printf '%s\n' "$line" >>"$work/console" ;;
		esac
	done
	printf %s "$empty"
}

run() { # MACHINE [OPTION...] -- CMD [ARG...]
	machine "$1"
	shift
	read_options "$@"
	shift "$options_count"
	test $# -eq 0 || shift
	test $# -gt 0 || set -- sh -c 'uname -a; ls -l /dev/kvm'
	. "$here/$emulator.sh"
	test "$module" || test ! "$options" ||
		die 2 "--module-options $options: on $machine, KVM is not a module"
	read_command "$@"
	find_cache
	make_work
	need readelf binutils
	need cpio cpio
	need_emulator
	need_libraries
	find_kernel
	find_libucall
	check_needs
	prepare_emulator
	fetch_libraries
	fetch_kernel
	build_libucall
	doing="making the machine's files in $work"
	advice="set TMPDIR to a folder that you can write to, with enough space"
	token=$(od -An -N 8 -tx1 /dev/urandom | tr -d ' \n')
	eval "pack \"\$work/image\" $roots" >"$work/initrd"
	eval "check_path $words"
	rm -rf "$work/image"
	command_line="console=$console quiet loglevel=1 panic=-1 cryptomgr.notests $boot_options"
	working "booting $machine with Linux $(cat "$kernel_folder/version")"
	mkfifo "$work/serial"
	(
		trap - EXIT HUP INT TERM
		emulate
	) >"$work/serial" 2>"$work/emulator" </dev/null &
	emulator_process=$!
	(
		trap - EXIT HUP INT TERM
		show <"$work/serial"
	) &
	# Signals end a wait.
	shown=0
	wait $! || shown=$?
	if test -e "$work/status"; then
		doing=
		exit "$(cat "$work/status")"
	fi
	test ! -e "$work/refused" || die 2 "--module-options $options: $(cat "$work/refused")"
	test $shown -eq 0 || die 125 "the command's output cannot be written"
	emulator_status=0
	wait "$emulator_process" || emulator_status=$?
	emulator_process=
	test $emulator_status != 124 || die 124 "it ran for $limit s, the limit (--timeout)"
	doing=
	working
	{
		echo "ucall lab: the machine $machine ended before the command did; its last lines:"
		tail -n 20 "$work/console" 2>/dev/null || true
		grep -v "warning: TCG doesn't support" "$work/emulator" || true
	} >&2
	exit 125
}

what=${1:-}
case $what in
run | matrix | run-one | cc | libraries | libucall) test $# -ge 2 || die 2 "usage: lab.sh $1 ..." ;;
*) die 2 "usage: lab.sh run|matrix|libraries|libucall ..." ;;
esac
shift
case $what in
run) run "$@" ;;
matrix)
	. "$here/matrix.sh"
	matrix "$@"
	;;
run-one)
	. "$here/matrix.sh"
	run_one "$1"
	;;
cc)
	machine "$1"
	shift
	find_cache
	test "$arch" = "$(uname -m)" || need_compiler
	get_libucall
	compile "$@"
	;;
libraries)
	machine "$1"
	find_cache
	need_libraries
	check_needs
	fetch_libraries
	echo "$cache/$arch/libraries"
	;;
libucall)
	machine "$1"
	find_cache
	get_libucall
	echo "$libucall"
	;;
esac
