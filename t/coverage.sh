#!/bin/sh
# SPDX-License-Identifier: MIT
# A program with --coverage shows what its guests executed.
. "$top_srcdir/t/tap.sh"
unset UCALL_BACKEND
library=$top_builddir/libucall
test ! -d "$library/.libs" || shared=$library/.libs

cat >"$scratch/adds.c" <<'EOF'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucall/guest.h>
#include <ucall/ucall.h>

static UCALL_GUEST void guest_main(int rounds)
{
	static int sum;

	for (int i = 0; i < rounds; i++)
		sum += i; /* the loop */
	GUEST_SYNC(1);
	if (rounds < 0)
		sum++; /* never */
	for (int i = 0; i < 2 * rounds; i++)
		sum += i; /* after the first message */
	GUEST_DONE();
}

static void check(int bad, const char *what)
{
	if (!bad)
		return;
	fprintf(stderr, "%s: %s\n", what, ucall_error());
	exit(1);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "free";
	struct ucall_vm_config config = { .protect = !strcmp(how, "private") ? "emulated-sev" : NULL };
	struct ucall_vm *vm = ucall_vm_create(&config);
	struct ucall_vcpu *vcpu;
	struct ucall uc;

	check(!vm, "create");
	vcpu = ucall_vcpu_add(vm, guest_main, 1, 7);
	check(!vcpu, "vcpu");
	check(ucall_vm_launch(vm), "launch");
	check(ucall_next(vcpu, &uc) != UCALL_SYNC, "SYNC");
	if (!strcmp(how, "private"))
		check(ucall_vm_sync_coverage(vm) < 0, "sync");
	if (!strcmp(how, "sync")) {
		check(ucall_vm_sync_coverage(vm) < 1, "sync");
		check(ucall_vm_sync_coverage(vm), "once more");
		return 0; /* without ucall_vm_free() */
	}
	if (!strcmp(how, "snapshot")) {
		check(ucall_vm_snapshot(vm), "snapshot");
		check(ucall_next(vcpu, &uc) != UCALL_DONE, "DONE");
		check(ucall_vm_restore(vm), "restore");
	}
	check(ucall_next(vcpu, &uc) != UCALL_DONE, "DONE");
	ucall_vm_free(vm);
	return 0;
}
EOF

# Builds the program anew.
build() { # CC
	(cd "$scratch" && rm -f ./*.gcda ./*.gcno ./*.gcov &&
		$1 --coverage -DUCALL_COVERAGE -O0 -g -I"$include" -c adds.c &&
		$1 --coverage -o adds adds.o $guest "${shared:-$library}/libucall.so")
}
# Runs it; adds.c.gcov has the counts.
run() { # GCOV HOW
	(cd "$scratch" && rm -f ./*.gcda && LD_LIBRARY_PATH=${shared:-$library}:$LD_LIBRARY_PATH ./adds "$2" &&
		$1 -o . adds.gcno) >"$scratch/out" 2>&1
}
# The line with that comment was executed so often; "#####": never.
counted() { # COUNT COMMENT
	grep -q "^ *$1\*\{0,1\}:.*/\* $2 \*/" "$scratch/adds.c.gcov" && return
	grep "/\* $2 \*/" "$scratch/adds.c.gcov" | diag
	return 1
}

include=$(cd "$top_srcdir/include" && pwd)
library=$(cd "$library" && pwd)
shared=${shared:+$(cd "$shared" && pwd)}
guest=$library/libucall-guest.a

for pair in "gcc:gcov" "clang:llvm-cov gcov"; do
	cc=${pair%%:*} gcov=${pair#*:}
	if ! command -v "$cc" >/dev/null || ! command -v "${gcov%% *}" >/dev/null; then
		skip "no $cc with $gcov" "$cc"
		continue
	fi
	if ! build $cc >"$scratch/out" 2>&1; then
		grep -q 'undefined reference to .__[a-z]*san_' "$scratch/out" && skip_all "the library has sanitizers, which this program has not"
		ok 1 "$cc --coverage builds the program"
		diag <"$scratch/out"
		continue
	fi
	run "$gcov" free || {
		grep -qE "no engine|cannot be used" "$scratch/out" && skip_all "$(grep -m 1 -E "no engine|cannot be used" "$scratch/out")"
		diag <"$scratch/out"
	}
	counted 7 "the loop" && counted 14 "after the first message" && counted "#####" "never"
	ok $? "$cc: after ucall_vm_free()"
	run "$gcov" free && (cd "$scratch" && LD_LIBRARY_PATH=${shared:-$library}:$LD_LIBRARY_PATH ./adds &&
		$gcov -o . adds.gcno) >"$scratch/out" 2>&1 && counted 14 "the loop"
	ok $? "$cc: a second run adds to the first"
	run "$gcov" sync && counted 7 "the loop" && counted "#####" "after the first message"
	ok $? "$cc: ucall_vm_sync_coverage(), and the VM is never freed"
	if run "$gcov" snapshot; then
		counted 7 "the loop" && counted 28 "after the first message"
		ok $? "$cc: what a restore undoes was executed nevertheless"
	elif grep -q "^snapshot: " "$scratch/out"; then
		skip "$(head -n 1 "$scratch/out")" "$cc: what a restore undoes was executed nevertheless"
	else
		ok 1 "$cc: what a restore undoes was executed nevertheless"
		diag <"$scratch/out"
	fi
	if run "$gcov" private; then
		ok 1 "$cc: private memory is refused"
	elif grep -q "^create: " "$scratch/out"; then
		skip "$(head -n 1 "$scratch/out")" "$cc: private memory is refused"
	else
		grep -q "^sync: .*counts in private memory" "$scratch/out"
		ok $? "$cc: private memory is refused"
	fi
done

# A test by <ucall/test.h>: each point runs in its own process.
if command -v gcc >/dev/null && command -v gcov >/dev/null; then
	cat >"$scratch/adds.c" <<'EOF'
#include <ucall/test.h>

static UCALL_GUEST void guest_main(int rounds)
{
	static volatile int sum;

	for (int i = 0; i < rounds; i++)
		sum += i; /* the loop */
	GUEST_DONE();
}

static void host_main(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	(void)vm;
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

UCALL_TESTS({ "one", UCALL_TEST_GUEST(guest_main), .host = host_main, .nargs = 1, .args = { 3 } },
	    { "two", UCALL_TEST_GUEST(guest_main), .host = host_main, .nargs = 1, .args = { 4 } });
EOF
	guest="$library/libucall-test.a $library/libucall-guest.a"
	build gcc >"$scratch/out" 2>&1 && run gcov "*" &&
		n=$(sed -n 's/^1\.\.//p' "$scratch/out") && counted "$((n / 2 * 7))" "the loop"
	status=$?
	ok $status "points in processes of their own"
	test $status -eq 0 || diag <"$scratch/out"
fi
# Separate guest ELFs: the host adds their counters to gcov's files.
ucall=$(cd "$top_builddir/tools" && pwd)/ucall
mkdir "$scratch/elf"
cat >"$scratch/elf/guest.c" <<'EOF'
#include <ucall/guest.h>

static UCALL_GUEST __attribute__((noinline)) int add(int rounds)
{
	volatile int sum = 0;

	for (int i = 0; i < rounds; i++)
		sum += i; /* the loop */
	return sum;
}

UCALL_GUEST void guest_main(unsigned long rounds)
{
	add((int)rounds);
	if (rounds == 1000)
		add(1); /* never */
	GUEST_DONE();
}
EOF
for arch in x86_64 aarch64 s390x riscv64; do
	if ! (cd "$scratch/elf" && rm -f ./*.gc* && "$ucall" cc --arch $arch -O0 --coverage -o guest.elf guest.c) >"$scratch/out" 2>&1; then
		skip "$(head -n 1 "$scratch/out")" "guest ELF, $arch"
		continue
	fi
	run_elf() { # OPTION...
		(cd "$scratch/elf" && "$ucall" run "$@" guest.elf 7) >"$scratch/out" 2>&1
	}
	run_elf --coverage
	status=$?
	if grep -qE "no engine|cannot be used|has no guest code" "$scratch/out"; then
		skip "$(head -n 1 "$scratch/out")" "guest ELF, $arch"
		continue
	fi
	(cd "$scratch/elf" && gcov guest.elf-guest.gcno && cp guest.c.gcov "$scratch/adds.c.gcov") >>"$scratch/out" 2>&1
	test $status -eq 0 && counted 7 "the loop" && counted "#####" "never"
	ok $? "guest ELF, $arch: its counters"
	run_elf --coverage && (cd "$scratch/elf" && gcov guest.elf-guest.gcno && cp guest.c.gcov "$scratch/adds.c.gcov") >>"$scratch/out" 2>&1 &&
		counted 14 "the loop"
	ok $? "guest ELF, $arch: a second run adds to the first"
	test "$(ls "$scratch/elf" | grep -c '\.gcno$')" -eq 1
	ok $? "guest ELF, $arch: no notes of the runtime"
	cp "$scratch/elf/guest.elf-guest.gcda" "$scratch/before"
	run_elf && cmp -s "$scratch/before" "$scratch/elf/guest.elf-guest.gcda"
	ok $? "guest ELF, $arch: only if it is asked for"
	# What is there and is another's file, or damaged, is replaced.
	head -c 50 "$scratch/before" >"$scratch/elf/guest.elf-guest.gcda"
	run_elf --coverage && (cd "$scratch/elf" && gcov guest.elf-guest.gcno && cp guest.c.gcov "$scratch/adds.c.gcov") >>"$scratch/out" 2>&1 &&
		counted 7 "the loop"
	ok $? "guest ELF, $arch: a damaged file is replaced"
done
if "$ucall" cc -o "$scratch/plain.elf" "$scratch/elf/guest.c" >"$scratch/out" 2>&1; then
	"$ucall" run --coverage "$scratch/plain.elf" 1 >"$scratch/out" 2>&1
	status=$?
	if grep -qE "no engine|cannot be used" "$scratch/out"; then
		skip "$(head -n 1 "$scratch/out")" "a guest without counters"
	else
		test $status -eq 2 && grep -q "no coverage: .*has no counters; compile it with" "$scratch/out"
		ok $? "a guest without counters"
	fi
fi
done_testing
