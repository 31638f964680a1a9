#!/bin/sh
# SPDX-License-Identifier: MIT
# `ucall new` in an empty folder, with only the installed kit: what it writes builds, passes its test and
# conforms; what it refuses; and the example backends, away from the source.
. "$top_srcdir/t/installed-kit.sh"

# README's program, built before the backend exists.
unset LDFLAGS CFLAGS CPPFLAGS # this build's flags are not the user's
mkdir "$scratch/empty"
cd "$scratch/empty" || exit 1
listing hello.c >"$scratch/hello.c"
$CC "$scratch/hello.c" $flags -o hello

step() { # NAME COMMAND...
	name=$1
	shift
	if test -n "$kvm"; then
		skip "$kvm" "$name"
		return
	fi
	"$@" >"$scratch/out" 2>&1
	status=$?
	ok $status "$name"
	test $status -eq 0 || tail -n 30 "$scratch/out" | diag
}

ucall new ring0 >"$scratch/out" 2>&1 && cd ring0 && make CC="$CC" >>"$scratch/out" 2>&1
status=$?
ok $status "ucall new: what it writes builds"
test $status -eq 0 || diag <"$scratch/out"
grep -q warning "$scratch/out"
test $? -ne 0
ok $? "without a warning"
step "its test passes" make check CC="$CC"
has "$scratch/out" "ok 1 - ./ucall-ring0.so" "over this backend"
step "it conforms" ucall conform --messages 2000 ./ucall-ring0.so
grep -q "^not ok" "$scratch/out"
test $? -ne 0
ok $? "only ok lines"
UCALL_PLUGIN_PATH=$PWD UCALL_BACKEND=ring0 step "an existing program runs over it" ../hello
UCALL_PLUGIN_PATH=$PWD ucall list >"$scratch/out"
has "$scratch/out" "$PWD/ucall-ring0.so" "ucall list shows it"
make install DESTDIR="$scratch/destination" >/dev/null &&
	test -e "$scratch/destination$libdir/ucall/ucall-ring0.so"
ok $? "it installs"
ucall cc --backend ring0.c -o "$scratch/ucall-ring0.so" >"$scratch/out" 2>&1 && make clean &&
	test -z "$(ls ./*.so 2>/dev/null)"
ok $? "ucall cc builds it too"

# refused NAME WORDS ARGUMENT...
refused() {
	name=$1 words=$2
	shift 2
	ucall new "$@" >"$scratch/out" 2>&1
	test $? -eq 2 && grep -qF -e "$words" "$scratch/out"
	status=$?
	ok $status "ucall new: $name"
	test $status -eq 0 || diag <"$scratch/out"
}
cd .. || exit 1
before=$(ls -R | cksum)
refused "no name" "usage:"
refused "too many arguments" "usage:" a b c
refused "a name with a capital letter" '"Ring" cannot be the name' Ring
refused "a name with a slash" '"../x" cannot be the name' ../x
refused "the name of its own test" "choose another name" test
refused "a backend's name" "backend pio already exists" pio
refused "existing files" "already exists; nothing was written" ring0
refused "a folder that cannot be made" "cannot make the folder" x nosuch/folder
test "$before" = "$(ls -R | cksum)"
ok $? "and nothing is written"

if command -v autoreconf >/dev/null && command -v libtoolize >/dev/null; then
	ACLOCAL_PATH=$(dirname "$bindir")/share/aclocal${ACLOCAL_PATH:+:$ACLOCAL_PATH}
	export ACLOCAL_PATH
	ucall new my-bell auto --autotools >"$scratch/out" 2>&1 && cd auto && {
		autoreconf -i && ./configure CC="$CC" && make
	} >>"$scratch/out" 2>&1
	status=$?
	ok $status "ucall new --autotools: what it writes builds"
	test $status -eq 0 || tail -n 30 "$scratch/out" | diag
	step "its test passes" make check
	has "$scratch/out" "# FAIL:  0" "none fails"
	make install DESTDIR="$scratch/destination" >"$scratch/out" 2>&1 &&
		test -e "$scratch/destination$libdir/ucall/ucall-my-bell.so"
	ok $? "it installs"
	cd .. || exit 1
else
	skip "no autoreconf or libtoolize; run ./bootstrap --install-deps" "ucall new --autotools"
fi

# The examples, away from the source.
cp -R "$docdir/examples/backends" "$scratch/empty/backends" && chmod -R u+w backends &&
	cd backends && make CC="$CC" >"$scratch/out" 2>&1
status=$?
ok $status "the example backends build"
test $status -eq 0 || diag <"$scratch/out"
for b in msr rom; do
	if test "$(uname -m)" != x86_64 || ! ucall list | grep -q "^kvm .*yes"; then
		skip "it needs KVM" "the example $b conforms"
		continue
	fi
	step "the example $b conforms" ucall conform --messages 2000 ./ucall-$b.so
	grep -q "^not ok" "$scratch/out"
	test $? -ne 0
	ok $? "$b: only ok lines"
done
done_testing
