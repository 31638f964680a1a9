#!/bin/sh
# SPDX-License-Identifier: MIT
# freeze.sh VERSION: what t/abi keeps of a release, as its users' compilers make it: a backend, a program
# and guests, into t/abi/VERSION.  Called by `make abi-freeze`, on x86_64.
set -eu
umask 022
version=$1
folder=$top_srcdir/t/abi/$version
test ! -e "$folder" || {
	echo "abi-freeze: $folder is there: what was released does not change" >&2
	exit 1
}
test "$(uname -m)" = x86_64 || {
	echo "abi-freeze: the frozen backend and program are for x86_64; run it there" >&2
	exit 1
}
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
flags="-O2 -s -I$top_srcdir/include -ffile-prefix-map=$top_srcdir=."
library="-L$top_builddir/libucall/.libs -lucall"
# shellcheck disable=SC2086 # flags
{
	$CC -shared -fPIC $flags "$top_srcdir/t/abi/1/plugin.c" -o "$new/ucall-abi1.so" $library
	$CC $flags "$top_srcdir/examples/hello.c" -o "$new/hello" -Wl,--whole-archive "$top_builddir/libucall/libucall-guest.a" \
		-Wl,--no-whole-archive $library
}
for arch in x86_64 aarch64 s390x riscv64; do
	ucall cc --arch $arch -o "$new/guest-$arch.elf" "$top_srcdir/examples/guest-hello.c" -Wl,--strip-debug
done
chmod 755 "$new"
mv -T "$new" "$folder"
trap - EXIT
ls -l "$folder"
