#!/bin/sh
# SPDX-License-Identifier: MIT
# `make installcheck`: the installed examples build with their own Makefile, and run.
. "$top_srcdir/t/installed-kit.sh"

test -z "$kvm" || skip_all "$kvm"
cp -R "$docdir/examples" examples && chmod -R u+w examples && cd examples || exit 1
make CC="$CC" >"$scratch/out" 2>&1
status=$?
ok $status "the installed examples build"
test $status -eq 0 || diag <"$scratch/out"
! grep -i warning "$scratch/out" >/dev/null
ok $? "without a warning"
make check CC="$CC" >"$scratch/out" 2>&1
status=$?
ok $status "they run"
test $status -eq 0 || diag <"$scratch/out"
has "$scratch/out" "write to the null page" "and broken explains what is wrong"

# What the documents and messages name is here.
for name in $(cat "$docdir"/*.md | grep -oE 'examples/[a-zA-Z0-9_./-]+' | sed 's/[.,]*$//' | sort -u); do
	test -e "$docdir/$name" || test -e "$docdir/$name.c"
	ok $? "the documents' $name is installed"
done
for name in $(cat "$docdir"/*.md | grep -oE 'docs/[A-Z-]+\.md' | sort -u); do
	test -e "$docdir/${name#docs/}"
	ok $? "the documents' $name is installed"
done
done_testing
