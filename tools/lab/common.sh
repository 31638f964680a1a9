# SPDX-License-Identifier: MIT
# What the scripts of `ucall lab` and `ucall kselftest` share: messages, progress, and their own end.
# Needs `self`, the command's name, and `here`, the folder of the lab's scripts.  A script may define
# clean_up(), which is called at its end.
set -eu

unset CDPATH
# The messages of other programs are read here.
LC_ALL=C
# depmod and modprobe are there.
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL PATH
{ : >&2; } 2>/dev/null || exec 2>/dev/null

work=	# this run's own folder
doing=	# what a command that fails was for, and what to do; empty: nothing to say
advice=
progress= # the process that tells of what is being done

die() { # STATUS WORDS
	status=$1
	shift
	doing=
	working
	printf '%s: %s\n' "$self" "$*" >&2
	exit "$status"
}

clean_up() {
	:
}

# A command that fails ends this script; its own message comes first.
at_exit() {
	status=$?
	trap '' HUP INT TERM
	working
	clean_up
	test ! "$work" || rm -rf "$work" 2>/dev/null || { chmod -R u+w "$work" && rm -rf "$work"; }
	if test "$doing" && test $status -ne 0 && test $status -ne 77; then
		printf '%s: %s failed, as the lines above say; %s\n' "$self" "$doing" "$advice" >&2
		status=77
	fi
	exit $status
}
trap at_exit EXIT
trap 'die 129 "ended by SIGHUP"' HUP
trap 'die 130 "ended by SIGINT"' INT
trap 'die 143 "ended by SIGTERM"' TERM

# Tells what is being done, and for how long: on a terminal in one line, else a line every 10 s.
# Without WORDS: it is done.
working() { # [WORDS]
	if test "$progress"; then
		kill -KILL "$progress" 2>/dev/null || true
		wait "$progress" 2>/dev/null || true
		progress=
		test ! -t 2 || printf '\r\033[K' >&2
	fi
	test $# -gt 0 || return 0
	test -t 2 || echo "$self: $*" >&2
	(
		trap - EXIT HUP INT TERM
		exec 8>&-
		seconds=0
		while kill -0 $$ 2>/dev/null; do
			if test -t 2; then
				printf '\r%s: %s, %d s\033[K' "$self" "$*" $seconds >&2
			elif test $seconds -gt 0 && test $((seconds % 10)) -eq 0; then
				echo "$self: $*, $seconds s" >&2
			fi
			sleep 1 >/dev/null 2>&1
			seconds=$((seconds + 1))
		done
	) >/dev/null &
	progress=$!
}

# need and need_file note what is missing here; check_needs() ends with all of it in one message.
missing='' to_install=''
need() { # PROGRAM PACKAGE...
	command -v "$1" >/dev/null || note_missing "$@"
}

need_file() { # FILE PACKAGE...
	test -r "$1" || note_missing "$@"
}

note_missing() { # WHAT PACKAGE...
	case ", $missing, " in
	*", $1, "*) return 0 ;;
	esac
	missing="$missing${missing:+, }$1"
	shift
	for package_name; do
		case " $to_install " in
		*" $package_name "*) ;;
		*) to_install="$to_install${to_install:+ }$package_name" ;;
		esac
	done
}

check_needs() {
	case $missing in
	'') ;;
	*,*) die 77 "$missing are missing; install $to_install" ;;
	*) die 77 "$missing is missing; install $to_install" ;;
	esac
}

# Why a shell's or another program's message says that it failed: its last part.
reason() { # MESSAGE
	printf %s "${1##*: }"
}

quote() {
	for word; do
		printf "'%s' " "$(printf %s "$word" | sed "s/'/'\\\\''/g")"
	done
}

make_work() {
	said=$(mktemp -d 2>&1) ||
		die 77 "cannot make a folder in ${TMPDIR:-/tmp}: $(reason "$said"); set TMPDIR to a folder that you can write to"
	work=$said
}

is_number() { # TEXT LOWEST HIGHEST
	case $1 in
	'' | *[!0-9]* | ??????????*) return 1 ;;
	esac
	test "$1" -ge "$2" && test "$1" -le "$3"
}
