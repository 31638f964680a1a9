#!/bin/sh
# SPDX-License-Identifier: MIT
# make check-lab, check-lab-all: builds libucall and its tests for each machine of a matrix, and runs
# them there.
#	check.sh MATRIX
set -u
lab=$top_srcdir/tools/lab/lab.sh
work=t/lab/work
UCALL_LAB_CACHE=${UCALL_LAB_CACHE:-$(pwd)/t/lab/cache}
export UCALL_LAB_CACHE
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES UCALL_BACKEND UCALL_ENGINE

say() {
	echo "check-lab: $*"
}

# The tests of a build; programs with a libtool script are in .libs.
copy_tests() { # BUILD FOLDER [TEST...]
	build=$1 folder=$2
	shift 2
	rm -rf "$folder"
	mkdir -p "$folder/t"
	cp "$top_srcdir/t/lab/settings.sh" "$top_srcdir/t/lab/tests.sh" "$folder/"
	chmod 755 "$folder/settings.sh"
	test $# -gt 0 || set -- $(make -s -C "$build" list-tests)
	for test; do
		test=t/${test#t/}
		program=$build/t/.libs/${test##*/}
		test -e "$program" || program=$build/$test
		cp "$program" "$folder/t/" || exit 1
	done
}

# Builds the tests for an architecture, once; sets `build`.
build_tests() { # ARCH
	if test "$1" = "$(uname -m)"; then
		build=.
		return
	fi
	if test -e "$work/$1.build"; then
		build=$(cat "$work/$1.build")
		return
	fi
	log=$work/$1.log
	say "building libucall and its tests for $1"
	root=$(sh "$lab" libucall "$1" 2>"$log") || {
		status=$?
		say "$1: $(sed -n 's/^ucall lab: //p' "$log" | tail -n 1)"
		return $status
	}
	build=${root%/root}/build
	make -C "$build" -j"$(nproc)" check TESTS= >"$log" 2>&1 || {
		tail -n 30 "$log"
		say "$1: making the tests failed"
		return 1
	}
	echo "$build" >"$work/$1.build"
}

mkdir -p "$work"
rm -f "$work"/*.build
grep '^#tests ' "$1" >"$work/folders"
while read -r word folder arch tests; do
	build_tests "$arch" </dev/null
	case $? in
	0) copy_tests "$build" "$work/$folder" $tests ;;
	# The matrix tells what is missing here.
	77) mkdir -p "$work/$folder" ;;
	*) exit 1 ;;
	esac
done <"$work/folders" || exit 1

sed "s,@srcdir@,$top_srcdir,g" "$1" >"$work/matrix"
exec ucall lab --matrix "$work/matrix" --out "$work/results" --jobs "${JOBS:-$(nproc)}" -- sh /tests.sh
