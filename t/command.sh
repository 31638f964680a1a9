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
has "$scratch/err" 'no command "nosuch"' "it is named"
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
	skip "no python3" "it is JSON"
fi
run 2 "list --bogus" "$ucall" list --bogus
run 0 "info pio" "$ucall" info pio
has "$scratch/out" "port=0x3f8" "info has the option and its default"
run 2 "info nosuch" "$ucall" info nosuch
has "$scratch/err" "these are there: diag, halt, mmio, pio, ring, sbi" "it lists what there is"
run 2 "info" "$ucall" info
run 0 "demo" "$ucall" demo
UCALL_PLUGIN_PATH=/nonexistent run 0 "list without backends" "$ucall" list
# An installed libucall of the same prefix would be found here.
UCALL_PLUGIN_PATH=/nonexistent run 2 "nosuch backend" env UCALL_BACKEND=nosuch "$hello"
has "$scratch/err" "looked for ucall-nosuch.so in /nonexistent, " "it says where it looked"

# A test that is to be run with what there is not does not pass by having no points.
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
	"$ucall" demo >"$scratch/out"
	for b in pio mmio halt; do
		grep "^$b .* ok .*SYNC 2 (2 40 42 80), DONE" "$scratch/out" >/dev/null
		ok $? "demo has $b with its messages"
	done
fi
done_testing
