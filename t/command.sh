#!/bin/sh
# SPDX-License-Identifier: MIT
# The ucall command and the example, as a user calls them.
. "$top_srcdir/t/tap.sh"
ucall=$top_builddir/tools/ucall
hello=$top_builddir/examples/hello
unset UCALL_BACKEND

run() { # EXPECTED-STATUS NAME COMMAND...
	expected=$1
	name=$2
	shift 2
	"$@" >"$scratch/out" 2>"$scratch/err"
	status=$?
	test $status -eq "$expected"
	status=$?
	ok $status "$name: exit status $expected"
	test $status -eq 0 || cat "$scratch/out" "$scratch/err" | diag
}

run 2 "no command" "$ucall"
has "$scratch/err" "usage: ucall COMMAND" "usage on standard error"
run 2 "unknown command" "$ucall" nosuch
has "$scratch/err" 'no command "nosuch"' "the message names it"
run 0 "--help" "$ucall" --help
has "$scratch/out" "demo" "help on standard output"
run 0 "--version" "$ucall" --version
run 0 "list" "$ucall" list
has "$scratch/out" "ucall-pio.so" "list has pio"
run 0 "list --json" "$ucall" list --json
has "$scratch/out" '"name": "mmio"' "JSON has mmio"
if command -v python3 >/dev/null; then
	python3 -m json.tool <"$scratch/out" >/dev/null
	ok $? "it is JSON"
else
	skip "no python3; run ./bootstrap --install-deps=all" "it is JSON"
fi
run 0 "-h" "$ucall" -h
run 0 "-V" "$ucall" -V
for c in list info demo run cc new conform lab kselftest bench; do
	for h in --help -h; do
		run 0 "$c $h" "$ucall" $c $h
		has "$scratch/out" "usage: ucall $c" "$c $h: on standard output"
	done
done
run 2 "run without a guest" "$ucall" run
has "$scratch/err" "See ucall run --help" "the message points to --help"
for n in -1 +1 0x "" 1x " 1" 99999999999999999999999; do
	run 2 "run --memory '$n'" "$ucall" run --memory "$n" guest.elf
	run 2 "run: argument '$n$n'" "$ucall" run guest.elf "$n$n"
done
for n in 0 -1 nan inf 1e9 "" 1s; do
	run 2 "run --timeout '$n'" "$ucall" run --timeout "$n" guest.elf
	has "$scratch/err" "is not a time" "--timeout '$n' is named"
done
run 2 "list --bogus" "$ucall" list --bogus
"$ucall" list | sed '/^$/,$d' | awk 'NR == 1 { at = index($0, "WORKS") } substr($0, at - 1, 1) != " " || substr($0, at, 1) == " " { bad = 1 } END { exit bad }'
ok $? "list keeps its columns aligned"
echo "no ELF" >"$scratch/text.so"
run 2 "info of a file that is not ELF" "$ucall" info "$scratch/text.so"
has "$scratch/out" "not an ELF file" "the message says so"
"$ucall" list >/dev/full 2>"$scratch/err"
test $? -ne 0
ok $? "a full disk is noticed"
for option in --help --version; do
	"$ucall" $option >/dev/full 2>"$scratch/err"
	test $? -eq 2
	ok $? "$option: a full disk is noticed"
done
"$ucall" list 0<&- 1>&- 2>"$scratch/err"
test $? -eq 2
ok $? "standard input and output are closed"
has "$scratch/err" "cannot write standard output" "the message says so"
run 2 "a command with an escape sequence" "$ucall" "$(printf 'x\033[31m')"
has "$scratch/err" 'x\x1b[31m' "it is escaped"
run 0 "info pio" "$ucall" info pio
has "$scratch/out" "port=0x3f8" "info has the option and its default"
run 2 "info nosuch" "$ucall" info nosuch
has "$scratch/err" "available: diag, halt, mmio, pio, ring, sbi" "it lists those that exist"
run 2 "info" "$ucall" info
run 0 "demo" "$ucall" demo
UCALL_PLUGIN_PATH=/nonexistent run 0 "list without backends" "$ucall" list
UCALL_PLUGIN_PATH=/nonexistent run 2 "nosuch backend" env UCALL_BACKEND=nosuch "$hello"
has "$scratch/err" "looked for ucall-nosuch.so in /nonexistent; no backend is available" "it says where it looked"

# A test that is run with a missing engine or backend does not pass by having no points.
run 1 "a test on an unknown engine" env UCALL_ENGINE=bochs "$top_builddir/t/done"
has "$scratch/out" 'Bail out! no engine "bochs"' "it says so"
run 1 "a test of an unknown backend" env UCALL_BACKEND=nosuch "$top_builddir/t/done"
has "$scratch/out" 'Bail out! no backend "nosuch"' "it says so"

if "$ucall" list | grep -q "^$(uname -m) *none"; then
	skip "no engine here" "hello"
else
	for b in pio mmio halt; do
		UCALL_BACKEND=$b "$hello" >"$scratch/$b" 2>&1
		ok $? "hello over $b"
		has "$scratch/$b" "backend $b" "it names the backend"
		sed 1d "$scratch/$b" >"$scratch/$b.guest"
		cmp -s "$scratch/$b.guest" "$scratch/pio.guest"
		ok $? "the same output over $b"
	done
	# When its reader is gone, a signal ends it, as with any program.
	printf '#include <ucall/guest.h>\nvoid guest_main(void)\n{\n\tGUEST_SYNC(1);\n\tGUEST_DONE();\n}\n' >"$scratch/g.c"
	if "$ucall" cc -o "$scratch/g.elf" "$scratch/g.c" >"$scratch/out" 2>&1; then
		{
			sleep 1
			"$ucall" run "$scratch/g.elf" 2>"$scratch/err"
			echo $? >"$scratch/status"
		} | :
		has "$scratch/status" 141 "run: nobody reads"
		test ! -s "$scratch/err"
		ok $? "it prints no error"
		"$ucall" run "$scratch/g.elf" 0<&- 1>&- 2>"$scratch/err"
		test $? -eq 2
		ok $? "run: standard input and output are closed"
	else
		skip "$(head -n 1 "$scratch/out")" "run: nobody reads"
	fi
	"$ucall" demo >"$scratch/out"
	for b in pio mmio halt; do
		grep "^$b .* ok .*SYNC 2 (2 40 42 80), DONE" "$scratch/out" >/dev/null
		ok $? "demo has $b with its messages"
	done
	awk '!/^engine / && length($0) > 100 { n++ } END { exit n > 0 }' "$scratch/out" && ! grep -q "$(printf '\033')" "$scratch/out"
	ok $? "demo's rows have at most 100 columns, and no colours in a file"
fi
done_testing
