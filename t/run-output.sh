#!/bin/sh
# SPDX-License-Identifier: MIT
# Output for scripts: `ucall run --tap` and `--json`, a test program's --list, bash's completion.
. "$top_srcdir/t/tap.sh"
ucall=$top_builddir/tools/ucall
unset UCALL_BACKEND UCALL_ENGINE UCALL_TEST

cat >"$scratch/guest.c" <<'EOF'
#include <ucall/guest.h>

UCALL_GUEST void guest_main(unsigned long wrong)
{
	GUEST_SYNC(1);
	GUEST_PRINTF("ok 7 - \"quoted\" \\ and\n#two");
	GUEST_SYNC_ARGS(2, 3, 4, 5, 6);
	ucall(0x140, 2, 8UL, 9UL);
	GUEST_ASSERT_EQ(wrong, 0UL);
	GUEST_DONE();
}
EOF
elf=$scratch/guest.elf
"$ucall" cc -o "$elf" "$scratch/guest.c" >"$scratch/out" 2>&1 || skip_all "$(head -n 1 "$scratch/out")"

# ---- TAP ----
"$ucall" run --tap "$elf" 0 >"$scratch/out" 2>"$scratch/err"
status=$?
grep -q "no engine\|cannot be used" "$scratch/err" && skip_all "$(head -n 1 "$scratch/err")"
test $status -eq 0
ok $? "--tap: exit status 0"
cat >"$scratch/wanted" <<'EOF'
ok 1 - SYNC 1
# ok 7 - "quoted" \ and
# #two
ok 2 - SYNC 2 (0x3 0x4 0x5 0x6)
ok 3 - command 0x140 (0x8 0x9)
ok 4 - DONE
1..4
EOF
diff "$scratch/wanted" "$scratch/out" >&2
ok $? "--tap: a point for each message, the guest's text as comments"

"$ucall" run --tap "$elf" 5 >"$scratch/out" 2>"$scratch/err"
status=$?
test $status -ne 0 && grep -q '^not ok 4 - .*wrong == 0UL' "$scratch/out" && test "$(tail -n 1 "$scratch/out")" = 1..4 &&
	! grep -vqE '^(ok|not ok|#|1\.\.)' "$scratch/out" && ! test -s "$scratch/err"
ok $? "--tap: a failed assertion is the last point, and stdout has nothing but TAP"

# ---- JSON ----
"$ucall" run --json "$elf" 0 >"$scratch/out" 2>"$scratch/err"
ok $? "--json: exit status 0"
cat >"$scratch/wanted" <<'EOF'
{"message": "sync", "stage": 1, "args": []}
{"message": "printf", "text": "ok 7 - \"quoted\" \\ and\u000a#two"}
{"message": "sync", "stage": 2, "args": [3, 4, 5, 6]}
{"message": "command", "command": 320, "args": [8, 9]}
{"message": "done"}
EOF
diff "$scratch/wanted" "$scratch/out" >&2
ok $? "--json: an object for each message"

"$ucall" run --json "$elf" 5 >"$scratch/out" 2>"$scratch/err"
status=$?
test $status -ne 0 && tail -n 1 "$scratch/out" | grep -q '^{"message": "error", "errno": "ECANCELED", "text": ".*wrong == 0UL'
ok $? "--json: a failed assertion is the last object"
if command -v python3 >/dev/null; then
	python3 -c 'import json, sys
for line in sys.stdin: json.loads(line)' <"$scratch/out"
	ok $? "--json: each line is JSON"
else
	skip "no python3; install python3" "--json: each line is JSON"
fi

# ---- text that is hard to print, and guests that do not run ----
cat >"$scratch/hard.c" <<'EOF'
#include <ucall/guest.h>

UCALL_GUEST void guest_main(void)
{
	GUEST_PRINTF("%c|\n", 0);
	GUEST_PRINTF("\xe2\x82");
	GUEST_PRINTF("\xac and \xe2\x82");
	GUEST_SYNC(1);
	GUEST_FAIL("\\# TODO");
}
EOF
"$ucall" cc -o "$scratch/hard.elf" "$scratch/hard.c"
"$ucall" run --json "$scratch/hard.elf" 2>&1 | head -n 4 >"$scratch/out"
printf '%s\n' '{"message": "printf", "text": "\u0000|\u000a"}' '{"message": "printf", "text": "€ and "}' \
	'{"message": "printf", "text": "\ufffd\ufffd"}' '{"message": "sync", "stage": 1, "args": []}' >"$scratch/wanted"
diff "$scratch/wanted" "$scratch/out" >&2
ok $? "--json: a NUL, and characters that messages share"
"$ucall" run --tap "$scratch/hard.elf" 2>&1 | grep -F "not ok 2" >"$scratch/out"
grep -qF '\\\# TODO' "$scratch/out"
ok $? "--tap: no directive in a failed point"

"$ucall" run --json /nonexistent.elf 2>"$scratch/err" | grep -q '^{"message": "error", .*/nonexistent.elf' && test -s "$scratch/err"
ok $? "--json: no guest"
"$ucall" run --tap /nonexistent.elf 2>"$scratch/err" | grep -q '^Bail out! .*/nonexistent.elf' && test -s "$scratch/err"
ok $? "--tap: no guest"
for flag in --json --tap "--core $scratch/core"; do
	"$ucall" run --dry-run -p sev $flag "$elf" >"$scratch/out" 2>&1
	test $? -eq 2 && grep -q "cannot be used with" "$scratch/out"
	ok $? "--dry-run with ${flag%% *}"
done
cp "$elf" "$scratch/guest2.elf"
"$ucall" run --core "$scratch/guest2.elf" "$scratch/guest2.elf" 1 >"$scratch/out" 2>&1
test $? -eq 2 && cmp -s "$elf" "$scratch/guest2.elf"
ok $? "a core file does not replace the guest"

# ---- a test program's arguments ----
program=$top_builddir/t/printf
if test -x "$program"; then
	"$program" --list >"$scratch/out"
	name=$(head -n 1 "$scratch/out")
	test "$name" && test "$(sort -u "$scratch/out" | wc -l)" -eq "$(wc -l <"$scratch/out")"
	ok $? "--list: each name once"
	"$program" "$name" >"$scratch/out" 2>&1
	grep -qF ": $name" "$scratch/out" && ! grep -E '^(not )?ok' "$scratch/out" | grep -v '# SKIP' | grep -vqF ": $name"
	ok $? "a name as an argument: only that test"
	UCALL_TEST=$name "$program" >"$scratch/by-environment" 2>&1
	diff "$scratch/out" "$scratch/by-environment" >&2
	ok $? "UCALL_TEST: the same"
	"$program" 'no such name' >"$scratch/out" 2>&1
	test $? -eq 2 && grep -q 'no test "no such name"' "$scratch/out"
	ok $? "a name that no test has: exit status 2, and told"
	"$program" "$name" "$name" >"$scratch/out" 2>&1
	test $? -eq 2 && grep -q "^usage" "$scratch/out"
	ok $? "two names: usage"
	"$program" --list >"$scratch/wanted"
	UCALL_TEST='' "$program" --list | cmp -s "$scratch/wanted" -
	ok $? "an empty UCALL_TEST is the same as none"
	UCALL_TEST='x
ok 1 - y' "$program" >"$scratch/out" 2>&1
	! grep -q "^ok" "$scratch/out"
	ok $? "a value of UCALL_TEST is not TAP"
	"$program" --list >/dev/full 2>"$scratch/err"
	test $? -eq 1 && "$program" "$name" >/dev/full 2>>"$scratch/err"
	test $? -eq 1 && test "$(grep -c "cannot write standard output" "$scratch/err")" -eq 2
	ok $? "standard output that is full"
else
	skip "t/printf is not built" "a test program's arguments"
fi

# ---- completion ----
# complete WORD...: what bash would offer for the last of them.
complete() {
	bash -c '. "$1"; ucall=$2; shift 2
		ucall() { "$ucall" "$@"; }
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_ucall
		echo " ${COMPREPLY[*]} "' bash "$top_srcdir/tools/completion/ucall" "$ucall" "$@" 2>&1
}
if command -v bash >/dev/null; then
	complete ucall k | grep -q '^ kselftest $'
	ok $? "completion: commands"
	complete ucall run --js | grep -q '^ --json $'
	ok $? "completion: options, from the command's help"
	complete ucall run -p emulated- | grep -q ' emulated-sev-es .*emulated-tdx '
	ok $? "completion: kinds of protection"
	complete ucall run --backend p | grep -q ' pio '
	ok $? "completion: backends"
else
	skip "no bash" "completion"
fi
done_testing
