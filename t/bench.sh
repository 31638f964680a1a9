#!/bin/sh
# SPDX-License-Identifier: MIT
# ucall bench: what it prints and writes, and what it refuses.  Times are not checked here.
. "$top_srcdir/t/tap.sh"
ucall=$top_builddir/tools/ucall
unset UCALL_BACKEND UCALL_ENGINE

refused() { # NAME WORDS ARGUMENT...
	name=$1 words=$2
	shift 2
	"$ucall" bench "$@" >"$scratch/out" 2>&1
	test $? -eq 2
	ok $? "$name: refused"
	has "$scratch/out" "$words" "$name: it says why"
}
refused "an extra argument" "usage:" pio
refused "a missing file name" "usage:" --json
refused "an unknown backend" "nosuch" --backend nosuch

"$ucall" list >"$scratch/list"
if grep -q "^$(uname -m) *none" "$scratch/list"; then
	skip "no engine here; see ucall list" "tests that need one"
	done_testing
fi
refused "a file that cannot be written" "cannot write $scratch/no/file" \
	--quick --backend mmio --json "$scratch/no/file"

"$ucall" bench --quick --json "$scratch/json" --svg "$scratch/svg" >"$scratch/out" 2>"$scratch/err"
status=$?
ok $status "every backend and engine"
test $status -eq 0 || diag <"$scratch/err"
has "$scratch/out" "BACKEND" "it prints a table"
has "$scratch/svg" "</svg>" "it draws a chart"
has "$scratch/json" '{"schema": 1,' "it writes JSON"
rows=$(grep -c '^{"name".*"ring":' "$scratch/json")
test "$rows" -ge 1 && test "$rows" -eq "$(grep -c '<text.*ring [03]<' "$scratch/svg")"
ok $? "a row for each backend, engine and ring in all three"
if command -v xmllint >/dev/null; then
	xmllint --noout "$scratch/svg" 2>"$scratch/err"
	ok $? "the chart is well-formed"
else
	skip "no xmllint; run ./bootstrap --install-deps=all" "the chart is well-formed"
fi
has "$scratch/svg" "Cost of a ucall" "it has the cost of a ucall"
has "$scratch/svg" "Cost of a message against messages per exit" "it has the cost of a message"
# A point for each depth; none if they were not measured.
test "$(grep -o '{"depth": ' "$scratch/json" | wc -l)" -eq \
	"$(($(grep -c '<circle' "$scratch/svg") - $(grep -c 'a queued message<' "$scratch/svg")))"
ok $? "a point for each depth"
for member in alive bare backends vm ring; do
	grep -q "^\"$member\": " "$scratch/json"
	ok $? "JSON has $member"
done
grep -q problem "$scratch/json"
test $? -ne 0
status=$?
if ! grep -q "^kvm .*yes" "$scratch/list"; then
	skip "no KVM" "each is measured"
	skip "no KVM" "a ucall is one ioctl"
	skip "no KVM" "guest instructions are counted"
else
	ok $status "each is measured"
	test $status -eq 0 || diag <"$scratch/json"
	! grep '^{"name".*"engine": "kvm"' "$scratch/json" | grep -qv '"ioctls": 1, '
	ok $? "a ucall is one ioctl"
	# At least as many as in the header: the count works.  14, plus what the build adds.
	insns=$(sed -n '/"mmio", "ring": 0, "engine": "kvm"/s/.*"guest_insns": \([0-9]*\),.*/\1/p' \
		"$scratch/json")
	test "${insns:-0}" -ge 8
	ok $? "guest instructions are counted"
fi

# The check of limits can fail.
check() { # LIMIT...
	printf '{"schema": 1, "limits": [\n' >"$scratch/limits"
	printf '%s,\n' "$@" >>"$scratch/limits"
	sh "$top_srcdir/t/bench/check.sh" "$scratch/limits" "$scratch/results" >"$scratch/out" 2>&1
}
cat >"$scratch/results" <<'END'
{"schema": 1,
"backends": [
{"name": "pio", "ring": 0, "engine": "kvm", "ratio": 2.25, "ratio_min": 2.1, "guest_insns": null}
],
"vm": {"create_ns": 5e5, "ratio": 1.25}}
END
check '{"name": "pio", "ring": 0, "engine": "kvm", "member": "ratio", "max": 2.25}'
ok $? "a figure at its limit"
check '{"name": "pio", "ring": 0, "engine": "kvm", "member": "ratio", "max": 2.24}'
test $? -eq 1
ok $? "a figure above it"
check '{"name": "vm", "member": "ratio", "max": 1.3, "target": 1.15}'
ok $? "a figure that misses its target"
has "$scratch/out" "the target is 1.15" "it says so"
check '{"name": "pio", "ring": 0, "engine": "kvm", "member": "guest_insns", "max": 9}' \
	'{"name": "pio", "ring": 3, "engine": "kvm", "member": "ratio", "max": 9}'
ok $? "missing figures"
has "$scratch/out" "0 within their limits, 0 not, 2 not measured" "it says so"
: >"$scratch/results"
check '{"name": "vm", "member": "ratio", "max": 1.3}'
test $? -eq 2
ok $? "no results"

"$ucall" bench --quick --backend mmio,gpa=0xd0008000 --json - >"$scratch/out" 2>"$scratch/err"
has "$scratch/out" '"name": "mmio,gpa=0xd0008000"' "one backend with an option, to the standard output"
grep -q BACKEND "$scratch/out"
test $? -ne 0
ok $? "no table is printed there"
done_testing
