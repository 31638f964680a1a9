# SPDX-License-Identifier: MIT
# TAP for shell tests: ". tap.sh", then points, then `done_testing`.
points=0
failures=0
unset UCALL_TEST_ARCH # these tests choose architectures themselves

ok() { # STATUS NAME
	points=$((points + 1))
	if test "$1" -eq 0; then
		echo "ok $points - $2"
	else
		echo "not ok $points - $2"
		failures=$((failures + 1))
	fi
}

skip() { # REASON NAME
	points=$((points + 1))
	echo "ok $points - $2 # SKIP $1"
}

skip_all() { # REASON
	echo "1..0 # SKIP $1"
	exit 0
}

diag() {
	sed 's/^/# /'
}

# has FILE TEXT NAME: the file has a line with the text.
has() {
	grep -qF -e "$2" "$1"
	status=$?
	ok $status "$3"
	test $status -eq 0 || { echo "wanted: $2"; cat "$1"; } | diag
}

# Skips all unless $CC can build a shared object; what it cannot build after this is a failure.
needs_shared_objects() {
	echo 'int x;' | $CC -shared -fPIC -x c - -o "$scratch/trivial.so" 2>/dev/null ||
		skip_all "$CC cannot build a shared object here"
}

not_built() { # NAME
	ok 1 "$1 is built"
	done_testing
}

done_testing() {
	echo "1..$points"
	exit $((failures > 0))
}

# A folder of this test's own, gone when it ends.
scratch=$(mktemp -d "${TMPDIR:-/tmp}/ucall-test-XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT
