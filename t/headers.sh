#!/bin/sh
# SPDX-License-Identifier: MIT
# The public headers compile alone, as C11 and as C++17, without a warning and without the kernel's;
# the library exports what they declare and nothing else.
. "$top_srcdir/t/tap.sh"

compile() { # HEADER COMPILER FLAG...
	name="<ucall/$1> with $2 $3"
	if ! command -v "$2" >/dev/null; then
		skip "no $2; run ./bootstrap --install-deps=all" "$name"
		return
	fi
	file=$1
	shift
	printf '#include <ucall/%s>\n#ifdef _LINUX_KVM_H\n#error linux/kvm.h\n#endif\n' "$file" \
		>"$scratch/x.c"
	printf '#ifdef __LINUX_KVM_H\n#error linux/kvm.h\n#endif\nint x;\n' >>"$scratch/x.c"
	"$@" -Wall -Wextra -Wshadow -Werror -I"$top_srcdir/include" -c "$scratch/x.c" \
		-o "$scratch/x.o" >"$scratch/out" 2>&1
	status=$?
	ok $status "$name"
	test $status -eq 0 || diag <"$scratch/out"
}

for header in abi guest ucall plugin test; do
	for cc in gcc clang; do
		compile $header.h $cc -std=c11 -Wstrict-prototypes
	done
	compile $header.h g++ -std=c++17 -x c++
	compile $header.h clang++ -std=c++17 -x c++
done

grep -h '^UCALL_PUBLIC' -A 3 "$top_srcdir"/include/ucall/*.h | tr '\n' ' ' |
	grep -o 'UCALL_PUBLIC[^(]*(' | sed 's/($//; s/.*[ *]//' | sort -u >"$scratch/declared"
nm -D --defined-only "$top_builddir/libucall/.libs/libucall.so" |
	sed -n 's/.* [TDBR] \([^@]*\).*/\1/p' | sort -u >"$scratch/exported"
diff "$scratch/declared" "$scratch/exported" >"$scratch/out"
status=$?
ok $status "libucall.so exports what the headers declare"
test $status -eq 0 || diag <"$scratch/out"

done_testing
