#!/bin/sh
# SPDX-License-Identifier: MIT
# fuzz/run.sh SECONDS: builds each fuzz target with clang and runs it from its seeds, in TAP.
# Called by `make fuzz-check`, which gives top_srcdir and LIBS.
seconds=${1:-20}
targets="config note mailbox exit walk image"
host=$(uname -m)
test "$host" = x86_64 && targets="$targets insn ghcb"
work=fuzz/work
number=0
failed=0
started=0

if ! echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
	clang -fsanitize=fuzzer -x c - -o /dev/null 2>/dev/null; then
	echo "1..0 # SKIP no clang with libFuzzer; run ./bootstrap --install-deps=all"
	exit 0
fi

# All of the core, for each: what a target does not use costs nothing.
core=$(find "$top_srcdir/libucall" -name '*.c' ! -path '*/guest/*' ! -name 'test*.c' \
	\( ! -path '*/arch/*' -o -path "*/arch/$host/*" -o -name radix.c -o -name arch.c -o -name paging.c \
	-o -name decode.c -o -name escape.c \))
case $host in
x86_64) ;;
s390x) core="$core $top_srcdir/libucall/arch/stub-page.c" ;;
*) core="$core $top_srcdir/libucall/arch/stub-page.c $top_srcdir/libucall/arch/kvm-device.c
	$top_srcdir/libucall/arch/one-reg.c" ;;
esac
flags="-g -O1 -std=gnu11 -D_GNU_SOURCE -DUCALL_VERSION=\"fuzz\" -DUCALL_BACKEND_DIR=\"/nonexistent\"
	-I$top_srcdir/include -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined"
mkdir -p $work

one() { # TARGET
	t=$1
	mkdir -p $work/$t
	# shellcheck disable=SC2086
	clang $flags "$top_srcdir/fuzz/$t.c" $core "$top_srcdir/libucall/arch/$host/stubs.S" \
		-o $work/fuzz-$t $LIBS -ldl -lpthread || return 1
	"./$work/fuzz-$t" -max_total_time="$seconds" -timeout=10 -print_final_stats=1 \
		-artifact_prefix=$work/$t- $work/$t "$top_srcdir/fuzz/corpus/$t" >$work/$t.log 2>&1
}

echo "1..$(echo $targets | wc -w)"
for t in $targets; do
	{
		one "$t"
		echo $? >$work/$t.status
	} &
	# Two at a time.
	started=$((started + 1))
	test $((started % 2)) -eq 1 || wait
done
wait
for t in $targets; do
	number=$((number + 1))
	status=$(cat $work/$t.status)
	executions=$(sed -n 's/^stat::number_of_executed_units: *//p' $work/$t.log)
	covered=$(sed -n 's/.* cov: \([0-9]*\).*/\1/p' $work/$t.log | tail -n 1)
	if test $status -eq 0 && test "${executions:-0}" -gt 0; then
		echo "ok $number - $t: $executions executions, $covered edges covered"
	else
		echo "not ok $number - $t"
		tail -n 40 $work/$t.log | sed 's/^/# /'
		failed=$((failed + 1))
	fi
done
echo "# PASS: $((number - failed))"
echo "# FAIL: $failed"
exit $((failed > 0))
