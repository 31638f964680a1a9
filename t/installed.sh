#!/bin/sh
# SPDX-License-Identifier: MIT
# `make installcheck`: README's first program, built against the installed library by pkg-config
# alone, with the flags that people use.
. "$top_srcdir/t/tap.sh"
top_srcdir=$(cd "$top_srcdir" && pwd)
cd "$scratch" || exit 1 # compilers and profilers leave files where they are

test -z "$destdir" || skip_all "DESTDIR is not where the library will be; install to a prefix"
PKG_CONFIG_PATH=$libdir/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
LD_LIBRARY_PATH=$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PKG_CONFIG_PATH LD_LIBRARY_PATH
unset UCALL_PLUGIN_PATH UCALL_MODULE_PATH UCALL_BACKEND UCALL_ENGINE
unset UCALL_INCLUDE_PATH UCALL_GUEST_PATH UCALL_LIBRARY_PATH UCALL_DEMO_PATH

# The listing after the marker.
listing() {
	sed -n "/^<!-- $1 -->/,/^\`\`\`\$/{/^<!--/d;/^\`\`\`/d;p;}" "$top_srcdir/README.md"
}

listing hello.c >"$scratch/hello.c"
test "$(wc -l <"$scratch/hello.c")" -le 30 && grep -q GUEST_SYNC "$scratch/hello.c"
ok $? "README has the program"
flags=$(pkg-config --cflags --libs ucall)
ok $? "pkg-config knows ucall"
test -e "$(pkg-config --variable=backenddir ucall)/ucall-pio.so"
ok $? "and the backends' folder"
# Programs run on KVM, or on Unicorn; if there is neither they are built alone.
kvm=
if "$bindir/ucall" list | grep -q "^$(uname -m) *none"; then
	kvm="no engine here: see ucall list"
fi

hardened="-O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2 -Wformat -Werror=format-security
	-fPIE -pie -Wl,-z,relro -Wl,-z,now"
try() { # COMPILER FLAGS
	name="$*"
	if ! command -v "$1" >/dev/null; then
		skip "no $1; run ./bootstrap --install-deps=all" "$name"
		return
	fi
	if ! echo 'int main(void) { return 0; }' | "$@" -x c - -o "$scratch/hello" 2>/dev/null; then
		skip "$1 lacks a library for this; run ./bootstrap --install-deps=all" "$name"
		return
	fi
	rm -f ./*.gcda ./*.gcno
	"$@" -Wall -Wextra "$scratch/hello.c" $flags -o "$scratch/hello" >"$scratch/out" 2>&1 &&
		test ! -s "$scratch/out"
	status=$?
	ok $status "$name: builds without a warning"
	test $status -eq 0 || diag <"$scratch/out"
	if test -n "$kvm"; then
		skip "$kvm" "$name: runs"
		return
	fi
	for b in pio mmio halt; do
		UCALL_BACKEND=$b "$scratch/hello" >"$scratch/out" 2>&1
		status=$?
		printf 'the guest adds 2 and 40\nthe host got 42.0\n' | cmp -s - "$scratch/out" &&
			test $status -eq 0
		status=$?
		ok $status "$name: runs over $b"
		test $status -eq 0 || diag <"$scratch/out"
	done
}

for cc in gcc clang; do
	try $cc
	try $cc -O0
	try $cc -O2
	try $cc -O3 -march=native
	try $cc $hardened
	try $cc -O2 -fcf-protection -fstack-protector-all -ftrivial-auto-var-init=pattern
	try $cc -O2 -pg
	try $cc -O2 --coverage
	try $cc -O2 -no-pie -fno-pie
	try $cc -O0 -fsanitize=undefined
done
try gcc -O2 -flto
try gcc -O2 -fsanitize=address
# gcc 12's linker plugin is not clang's; lld has its own.
try clang -O2 -flto -fuse-ld=lld
try clang -O2 -fsanitize=address
try clang -O2 -fuse-ld=lld

# A backend from the installed kit alone.
$CC -shared -fPIC -O2 "$top_srcdir/plugins/halt/halt.c" $flags -o "$scratch/ucall-copy.so"
ok $? "a backend builds"
UCALL_PLUGIN_PATH=$scratch "$bindir/ucall" list >"$scratch/out"
has "$scratch/out" "$scratch/ucall-copy.so" "and is found"

# A backend that `ucall new` writes, in an empty folder, with only the installed kit; README's program
# was built before it existed.
PATH=$bindir:$PATH
LDFLAGS= # those of this build are not the user's
export PATH LDFLAGS
mkdir "$scratch/empty"
cd "$scratch/empty" || exit 1
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
UCALL_PLUGIN_PATH=$PWD UCALL_BACKEND=ring0 step "a program that was there before runs over it" ../hello
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
refused "too many words" "usage:" a b c
refused "a name with a capital letter" '"Ring" cannot be the name' Ring
refused "a name with a slash" '"../x" cannot be the name' ../x
refused "the name of its own test" "choose another name" test
refused "a backend's name" "there is a backend pio" pio
refused "files that are there" "is there already; nothing was written" ring0
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
cp -R "$top_srcdir/examples/backends" "$scratch/empty/backends" && chmod -R u+w backends &&
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
cd "$scratch" || exit 1

# A guest of another architecture from the installed kit alone, and the demo with its guests.
for a in x86_64 aarch64 s390x riscv64; do
	if "$bindir/ucall" list | grep -qE "^$a .*none"; then
		skip "no compiler or no engine for $a" "a guest for $a"
		continue
	fi
	"$bindir/ucall" cc --arch $a -o "$scratch/g.elf" "$top_srcdir/examples/guest-hello.c" \
		>"$scratch/out" 2>&1 && "$bindir/ucall" run "$scratch/g.elf" >>"$scratch/out" 2>&1
	status=$?
	ok $status "a guest for $a"
	test $status -eq 0 || diag <"$scratch/out"
done
"$bindir/ucall" demo >"$scratch/out" 2>&1
status=$?
ok $status "ucall demo"
test $status -eq 0 || diag <"$scratch/out"
done_testing
