#!/bin/sh
# SPDX-License-Identifier: MIT
# What the documents name is there: files of the source, targets of make, commands and options of ucall.
# t/tutorial.sh runs the commands of those that have a program of their own.
. "$top_srcdir/t/tap.sh"

ucall=$top_builddir/tools/ucall
for document in "$top_srcdir"/*.md "$top_srcdir"/docs/*.md; do
	name=${document#"$top_srcdir"/}

	grep -oE '(examples|docs|t|tools|libucall|include|plugins|m4)/[A-Za-z0-9_./-]+' "$document" |
		sed 's/[.]*$//; s,/$,,' | sort -u | while read -r path; do
		for try in "$path" "$path.c" "libucall/$path" "plugins/$path"; do
			test -e "$top_srcdir/$try" && continue 2
		done
		echo "$path"
	done | grep -vE 'libucall/(arch|modules/unicorn)/ARCH|libucall/examples|^t/lab/(work|cache)|libucall/kselftest|include/ARCH|tools/testing/|^libucall/run$|^t/fuzz/corpus' >"$scratch/missing"
	test ! -s "$scratch/missing"
	ok $? "$name: the files that it names"
	sed 's/^/not there: /' "$scratch/missing" | diag

	# Lines of code: indented, or after a prompt.
	sed -n 's/^    //p; s/^\$ //p' "$document" | sed 's/[[:space:]]#.*//; s/&&/\n/g; s/;/\n/g' >"$scratch/code"
	grep -E '^ *make( |$)' "$scratch/code" | sed 's/^ *make//' | tr ' ' '\n' | grep -E '^[a-z][a-z-]*$' |
		sort -u | while read -r target; do
		grep -qE "^[a-z -]*\b$target\b[a-z -]*:" "$top_builddir/Makefile" || echo "make $target"
	done >"$scratch/missing"
	grep -oE '(^|[ /])ucall [a-z].*' "$scratch/code" | sed 's/^.*ucall //; s/ -- .*//' | while read -r command rest; do
		"$ucall" "$command" --help >"$scratch/help" 2>/dev/null || echo "ucall $command"
		for option in $rest; do
			case $option in
			--*) grep -q -e "${option%%=*}" "$scratch/help" || echo "ucall $command $option" ;;
			esac
		done
	done >>"$scratch/missing"
	test ! -s "$scratch/missing"
	ok $? "$name: the commands that it names"
	sed 's/^/not there: /' "$scratch/missing" | diag
done
done_testing
