#!/bin/sh
# SPDX-License-Identifier: MIT
# Under small limits of the system, messages name what ran out, and nothing passes or is skipped.
. "$top_srcdir/t/tap.sh"
cp "$top_srcdir/tools/demo-guest.c" "$top_srcdir/tools/demo-guest.h" "$scratch/" || exit 1

# limited LIMIT PROGRAM [ARG...]: runs a program of this build under a limit of the shell's ulimit.
limited() {
	limit=$1 program=$top_builddir/$2
	shift 2
	# Not libtool's script, which needs more than the program.
	test ! -x "${program%/*}/.libs/${program##*/}" || program=${program%/*}/.libs/${program##*/}
	# What runs this test leaves files open.
	(ulimit $limit && exec "$program" "$@") >"$scratch/out" 2>&1 </dev/null \
		3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
}

ended() { # STATUS WANTED NAME
	test "$1" -eq "$2"
	status=$?
	ok $status "$3: exit status $2"
	test $status -eq 0 || { echo "exit status $1"; cat "$scratch/out"; } | diag
}

# ---- open files: 0 to 2 and one more, which the dynamic linker and a folder need ----

for command in list demo "conform mmio"; do
	# shellcheck disable=SC2086
	limited "-n 4" tools/ucall $command
	status=$?
	test $status -eq 1 || test $status -eq 2
	ok $? "four open files, $command: it fails"
	has "$scratch/out" "Too many open files" "it says why"
done
if "$top_builddir/tools/ucall" cc -o "$scratch/guest.elf" "$scratch/demo-guest.c" >"$scratch/out" 2>&1; then
	limited "-n 4" tools/ucall run "$scratch/guest.elf" 1 2
	ended $? 2 "four open files, run"
	has "$scratch/out" "Too many open files" "it says why"
else
	skip "no compiler for guests" "four open files, run"
fi
limited "-n 4" t/printf
ended $? 1 "four open files, a test program"
has "$scratch/out" "Bail out!" "it skips nothing"
has "$scratch/out" "Too many open files" "it says why"

# ---- size of files ----

# The output is a file too.
limited "-f 0" tools/ucall new x "$scratch/new"
ended $? 2 "files of 0 bytes, new"

# ---- stack and address space ----

# A sanitizer needs more of both.
nm -D "$top_builddir/libucall/.libs/libucall.so" 2>/dev/null | grep -q "__[at]san" && {
	skip "this build has sanitizers" "stack and address space"
	done_testing
}
if (ulimit -s 64) 2>/dev/null; then
	limited "-s 64" t/printf --point 'unknown conversions'
	ended $? 0 "a stack of 64 KiB, a backtrace"
else
	skip "this shell has no ulimit -s" "a stack of 64 KiB"
fi

if ! test -e "$top_builddir/libucall/modules/unicorn/.libs/unicorn.so"; then
	skip "built without unicorn, and says so" "little address space"
elif (ulimit -v 15000) 2>/dev/null; then
	limited "-v 15000" tools/ucall list
	! grep -q "install libunicorn-dev" "$scratch/out"
	status=$?
	ok $status "little address space: no package is named as the cause"
	test $status -eq 0 || diag <"$scratch/out"
else
	skip "this shell has no ulimit -v" "little address space"
fi
done_testing
