#!/bin/sh
# SPDX-License-Identifier: MIT
# Follows docs/BACKENDS.md, docs/ATTACH.md and docs/WRITING-TESTS.md to the letter: code goes into the file that its marker
# names, commands are run, and they must print what the document shows ("..." matches any lines).
. "$top_srcdir/t/installed-kit.sh"

test -z "$kvm" || skip_all "$kvm"
test "$(uname -m)" = x86_64 || skip_all "the tutorial's backend is for x86_64"
listing hello.c >hello.c
$CC hello.c $flags -o hello
ok $? "README's program builds"
mkdir bin && ln -s "$(command -v "${CC%% *}")" bin/cc # the tutorial says cc
PATH=$PWD/bin:$PATH

for document in BACKENDS ATTACH WRITING-TESTS; do
	# One step a line: "file NAME LINE", "run COMMAND", "says LINE".
	awk '
/^<!-- .* -->$/ { name = $2 }
/^```$/ { kind = ""; name = ""; next }
/^```c$/ { kind = "file"; next }
/^```console$/ { kind = "console"; next }
kind == "file" { print "file " name " " $0 }
kind == "console" && /^\$ / { print "run " substr($0, 3); next }
kind == "console" { print "says " $0 }
	' "$top_srcdir/docs/$document.md" >steps
	test "$(grep -c '^run' steps)" -ge 5 && test "$(grep -c '^file' steps)" -ge 30
	ok $? "docs/$document.md has code and commands"

	: >out
	lacks=
	while IFS= read -r line; do
		rest=${line#* }
		case $line in
		file\ *)
			lacks=
			printf '%s\n' "${rest#* }" >>"${rest%% *}" ;;
		run\ *)
			sh -c "$rest" >out 2>&1 </dev/null
			status=$?
			grep -q '^ucall: no compiler for' out && lacks=$(sed -n 's/^ucall: //p' out)
			case $lacks$rest in
			cc\ * | ucall\ *)
				ok $status "runs: $rest"
				test $status -eq 0 || diag <out
				;;
			esac
			test -z "$lacks" || skip "$lacks" "runs: $rest"
			;;
		"says ...") ;;
		says\ *)
			test -z "$lacks" || continue
			grep -qxF -e "$rest" out
			status=$?
			ok $status "says: $rest"
			test $status -eq 0 || diag <out
			;;
		esac
	done <steps
done

# README's commands for a backend of one's own.
sed -n '/^    ucall new/,/^$/s/^    //p' "$top_srcdir/README.md" >commands
test "$(grep -c . commands)" -ge 3
ok $? "README has commands for a new backend"
sh -e commands >out 2>&1 </dev/null
status=$?
ok $status "README's commands for a new backend"
test $status -eq 0 || diag <out
done_testing
