#!/bin/sh
# SPDX-License-Identifier: MIT
# A wrong number of arguments is a compile error, if the compiler can see it.
. "$top_srcdir/t/tap.sh"

try() { # EXPECTED-STATUS CODE
	for cc in gcc clang; do
		for level in -O0 -O2; do
			name="$cc $level: $2"
			if ! command -v $cc >/dev/null; then
				skip "no $cc; run ./bootstrap --install-deps=all" "$name"
				continue
			fi
			printf '#include <ucall/guest.h>\nUCALL_GUEST void f(int n);\n' >"$scratch/x.c"
			printf 'UCALL_GUEST void f(int n) { (void)n; %s; }\n' "$2" >>"$scratch/x.c"
			$cc $level -Wall -Wextra -Werror -I"$top_srcdir/include" -c "$scratch/x.c" \
				-o "$scratch/x.o" >"$scratch/out" 2>&1
			status=$?
			test $status -eq "$1" &&
				{ test "$1" -eq 0 || grep -q 'number of arguments' "$scratch/out"; }
			status=$?
			ok $status "$name"
			test $status -eq 0 || diag <"$scratch/out"
		done
	done
}

try 0 'ucall(UCALL_DONE, 0)'
try 0 'ucall(UCALL_USER, 7, 1, 2, 3, 4, 5, 6, 7)'
try 0 'ucall(UCALL_USER, n, 1, 2)'
try 0 'GUEST_SYNC(n); GUEST_ASSERT_EQ(n, 1); GUEST_PRINTF("%d", n)'
try 1 'ucall(UCALL_USER, 8, 1, 2, 3, 4, 5, 6, 7, 8)'
try 1 'ucall(UCALL_USER, 2, 1)'
try 1 'ucall(UCALL_USER, 0, 1)'
try 1 'ucall_shared((struct ucall *)0, UCALL_USER, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9)'
done_testing
