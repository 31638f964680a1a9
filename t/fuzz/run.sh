#!/bin/sh
# SPDX-License-Identifier: MIT
# t/fuzz/run.sh SECONDS: builds each fuzz target with clang, as a fuzzing service does
# (.clusterfuzzlite/build.sh), and runs it from its seeds, with TAP output.  Called by
# `make fuzz-check`, which sets top_srcdir.
seconds=${1:-20}
work=$(pwd)/t/fuzz/work
number=0
failed=0
started=0

if ! echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
	clang -fsanitize=fuzzer -x c - -o /dev/null 2>/dev/null; then
	echo "1..0 # SKIP no clang with libFuzzer; run ./bootstrap --install-deps=all"
	exit 0
fi
rm -rf "$work/out"
mkdir -p "$work/out" "$work/objects"
if ! (cd "$top_srcdir" && CC=clang LIB_FUZZING_ENGINE=-fsanitize=fuzzer OUT=$work/out WORK=$work/objects \
	CFLAGS="-g -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined" \
	bash .clusterfuzzlite/build.sh) >"$work/build.log" 2>&1; then
	echo "1..1"
	echo "not ok 1 - the targets are built"
	tail -n 40 "$work/build.log" | sed 's/^/# /'
	exit 1
fi
targets=$(find "$work/out" -maxdepth 1 -type f -perm -u+x ! -name ucall-symbols ! -name '*.zip' -exec basename {} \; | sort)

one() { # TARGET
	t=$1
	mkdir -p "$work/$t"
	seeds=$top_srcdir/t/fuzz/corpus/$t
	test -d "$seeds" || seeds=
	# A target fails if a file, a guest or a plugin can exceed these limits.
	"$work/out/$t" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=1500 -malloc_limit_mb=300 -print_final_stats=1 \
		-detect_leaks=1 -artifact_prefix="$work/$t-" "$work/$t" $seeds >"$work/$t.log" 2>&1
}

echo "1..$(echo $targets | wc -w)"
for t in $targets; do
	{
		one "$t"
		echo $? >"$work/$t.status"
	} &
	# Two at a time.
	started=$((started + 1))
	test $((started % 2)) -eq 1 || wait
done
wait
for t in $targets; do
	number=$((number + 1))
	status=$(cat "$work/$t.status")
	executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$t.log")
	covered=$(sed -n 's/.* cov: \([0-9]*\).*/\1/p' "$work/$t.log" | tail -n 1)
	if grep -q "^SKIP: " "$work/$t.log"; then
		echo "ok $number - $t # SKIP $(sed -n 's/^SKIP: //p' "$work/$t.log" | head -n 1)"
	elif test "$status" -eq 0 && test "${executions:-0}" -gt 0; then
		echo "ok $number - $t: $executions executions, $covered edges covered"
	else
		echo "not ok $number - $t"
		tail -n 40 "$work/$t.log" | sed 's/^/# /'
		failed=$((failed + 1))
	fi
done
echo "# PASS: $((number - failed))"
echo "# FAIL: $failed"
exit $((failed > 0))
