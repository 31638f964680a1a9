#!/bin/sh
# SPDX-License-Identifier: MIT
# The public headers compile on their own, as ISO C and C++ and with the compilers' extensions,
# without warnings and without the kernel's headers; so do README's first program and the headers'
# examples.  The library exports what they declare and nothing else.
. "$top_srcdir/t/tap.sh"

compile() { # HEADER COMPILER FLAG...
	name="<ucall/$1> with $2 $3 $4"
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

for header in "$top_srcdir"/include/ucall/*.h; do
	header=$(basename "$header")
	for cc in gcc clang; do
		for std in c11 c17 c2x gnu11; do
			compile $header $cc -std=$std -pedantic -Wstrict-prototypes
		done
	done
	for cc in g++ clang++; do
		for std in c++17 c++20 gnu++17; do
			compile $header $cc -std=$std -pedantic -x c++
		done
	done
done

# Attributes' names are a program's own macros, as in the kernel's tools.
cat >"$scratch/macros.c" <<'EOF'
#define noinline __attribute__((noinline))
#define always_inline inline __attribute__((always_inline))
#define used __attribute__((used))
#define target(x)
#define visibility(x)
#include <ucall/attach.h>
static UCALL_ATTACH_GUEST void guest(void)
{
	ucall_bell_ring(1);
}
EOF
gcc -Wall -Wextra -Werror -I"$top_srcdir/include" -c "$scratch/macros.c" -o "$scratch/macros.o" >"$scratch/out" 2>&1
ok $? "<ucall/attach.h> after macros named as attributes"
diag <"$scratch/out"

# A library built with a sanitizer needs programs built with it, too.
link=yes
nm -D "$top_builddir/libucall/.libs/libucall.so" | grep -q '__[at]san' && link=no

# program FILE NAME COMPILER FLAG...: it compiles and links.
program() {
	source=$1
	name="$2 with $3 $4 $5"
	shift 2
	if ! command -v "$1" >/dev/null; then
		skip "no $1; run ./bootstrap --install-deps=all" "$name"
		return
	fi
	compiler=$1
	shift
	if test $link = no; then
		set -- "$@" -I"$top_srcdir/include" -c "$source" -o "$scratch/program"
	else
		set -- "$@" -I"$top_srcdir/include" "$source" -x none -o "$scratch/program" \
			-Wl,--whole-archive "$top_builddir/libucall/libucall-guest.a" -Wl,--no-whole-archive \
			"$top_builddir/libucall/libucall-test.a" -L"$top_builddir/libucall/.libs" -lucall
	fi
	"$compiler" -Wall -Wextra -Werror "$@" >"$scratch/out" 2>&1
	status=$?
	ok $status "$name"
	test $status -eq 0 || diag <"$scratch/out"
}

# README's program, unchanged.
sed -n '/^<!-- hello.c -->$/,/^```$/p' "$top_srcdir/README.md" | sed '1,2d; /^```$/d' >"$scratch/hello.c"
# The example in <ucall/test.h>.
{
	echo '#include <ucall/test.h>'
	sed -n '/^ \*	static UCALL_GUEST/,/host_code });$/p' "$top_srcdir/include/ucall/test.h" | sed 's/^ \*//'
} >"$scratch/test.c"
# Every macro, and each field of a backend's metadata in the order of the structures.
cat >"$scratch/all.c" <<'EOF'
#include <stdio.h>
#include <ucall/plugin.h>

UCALL_BACKEND(.name = "all", .version = "1", .summary = "each field", .needs = UCALL_NEEDS_KVM,
	      .protections = UCALL_PROTECT_NONE, .default_for = UCALL_ARCH_X86_64,
	      .default_for_protections = UCALL_PROTECT_NONE,
	      .options = { { .name = "n", .type = UCALL_OPTION_UINT, .min = 1, .max = 2, .value = "1",
			     .help = "a number" } });

static UCALL_GUEST void guest_main(uint64_t a, int n)
{
	struct ucall *uc = (struct ucall *)(uintptr_t)a;

	ucall(UCALL_DONE, 0);
	ucall(UCALL_USER, 7, 1, 2, 3, 4, 5, 6, uc);
	ucall(UCALL_USER, n, 1, 2);
	ucall_wait(UCALL_USER, 1, a);
	ucall_shared(uc, UCALL_USER, 0);
	ucall_shared(uc, UCALL_USER, 2, n, uc);
	GUEST_PRINTF("none\n");
	GUEST_PRINTF("%d %s\n", n, "text");
	GUEST_PRINTF("%d %d %d %d %d %d %d %d %d %d %d %d\n", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, n);
	GUEST_ASSERT(n == 1);
	GUEST_ASSERT_EQ(n, 1);
	GUEST_ASSERT_4(n == 1, n, n, n, n);
	if (n == 7)
		GUEST_FAIL("none");
	if (n == 8)
		GUEST_FAIL("%d", n);
	GUEST_SHARED_SYNC(uc, 1);
	GUEST_SYNC_ARGS(1, 2, 3, 4, 5);
	GUEST_DONE();
}

int main(void)
{
	struct ucall_vm_config config = { .timeout_ms = 100 };
	struct ucall_vm *vm = ucall_vm_create(&config);

	(void)ucall_metadata_note;
	ucall_vcpu_add(vm, guest_main, 0);
	ucall_vcpu_add(vm, guest_main, 6, 1, 2, 3, 4, 5, vm);
	ucall_vcpu_add_symbol(vm, "guest_main", 1, 1);
	return 0;
}
EOF
for file in hello test all; do
	for cc in gcc clang; do
		for std in c11 c17 c2x gnu11; do
			program "$scratch/$file.c" "$file.c" $cc -std=$std -pedantic -O2 -Wno-missing-field-initializers \
				-Wno-unused-parameter
		done
	done
	for cc in g++ clang++; do
		for std in c++17 c++20 gnu++17; do
			# Designated initializers are C++20's.
			pedantic=-Wshadow
			test $std = c++20 && pedantic=-pedantic
			program "$scratch/$file.c" "$file.c" $cc -std=$std $pedantic -O2 -Wno-missing-field-initializers \
				-Wno-unused-parameter -Wno-c++20-designator -x c++
		done
	done
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
