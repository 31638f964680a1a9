#!/bin/sh
# SPDX-License-Identifier: MIT
# Each exported function, public macro, environment variable, and command option is in a man page.  A function,
# a macro with arguments and one that README shows have a page of their own name.
. "$top_srcdir/t/tap.sh"

links=$top_builddir/docs/links
cat "$top_srcdir"/tools/ucall.1 "$top_srcdir"/libucall/*.3 "$top_srcdir"/plugins/*/*.7 "$top_builddir"/docs/*.3 |
	sed 's/\\-/-/g; s/\\f.//g; s/\\&//g' >"$scratch/pages"

# documented WHAT: the names in the file "names" are words of the pages.
documented() {
	while read -r name; do
		grep -qw -e "$name" "$scratch/pages" || echo "$name"
	done <"$scratch/names" >"$scratch/missing"
	test -s "$scratch/names" && test ! -s "$scratch/missing"
	ok $? "$1 ($(grep -c . "$scratch/names")) in a man page"
	sed 's/^/in no man page: /' "$scratch/missing" | diag
}

# linked WHAT: `man NAME` finds a page for each of them.
linked() {
	while read -r name; do
		ls "$links"/*/"$name.3" >/dev/null 2>&1 || echo "$name"
	done <"$scratch/names" >"$scratch/missing"
	test ! -s "$scratch/missing"
	ok $? "$1 with a page of that name"
	sed 's/^/no page: /' "$scratch/missing" | diag
}

library=$top_builddir/libucall/.libs/libucall.so
if test -e "$library"; then
	nm -D --defined-only "$library" | sed -n 's/.* T \(ucall_[a-z0-9_]*\).*/\1/p' |
		sort -u >"$scratch/names"
	documented "exported functions"
	linked "exported functions"
else
	skip "no shared library" "exported functions in a man page"
fi

# Macros with arguments, except those after a comment that begins with "Internal".
macros() {
	awk '/^\/\*/ { internal = 0 }
/^\/\* Internal/ || (/^ \* Internal/ && previous ~ /^\/\*$/) { internal = 1 }
!internal && /^#define [A-Za-z0-9_]+\(/ && $2 !~ /^[A-Za-z0-9_]+_\(/ { sub(/\(.*/, "", $2); print $2 }
{ previous = $0 }' "$top_srcdir"/include/ucall/*.h
}
macros | sort -u >"$scratch/names"
documented "public macros"
linked "public macros"

grep -ohE '\b(GUEST|UCALL)_[A-Z_]+\b' "$top_srcdir/README.md" | sort -u | while read -r name; do
	grep -qE "^#define $name\\b" "$top_srcdir"/include/ucall/*.h && echo "$name"
done >"$scratch/names"
documented "README's macros"
linked "README's macros"

# The variables that the code reads; those that the command sets for its own script are internal.
set_for_script=$(sed -n 's/.*set[a-z_]*("\(UCALL_[A-Z_]*\)".*/\1/p' "$top_srcdir/tools/lab.c")
find "$top_srcdir/libucall" "$top_srcdir/tools" -name '*.[ch]' -o -name '*.sh' | xargs sed -n '
/getenv(\|kit_folder(\|define UCALL_SEARCH/ s/.*"\(UCALL_[A-Z_]*\)".*/\1/p
s/.*\${*\(UCALL_[A-Z_]*\).*/\1/p' | sort -u | while read -r name; do
	case " $(echo $set_for_script) " in
	*" $name "*) ;;
	*) echo "$name" ;;
	esac
done >"$scratch/names"
documented "environment variables"

# Of the compiler's options, some are examples in the help.
ucall=$top_builddir/tools/ucall
for command in list info demo run cc conform bench lab kselftest new; do
	"$ucall" $command --help | grep -oE -e '(^|[][ (|,])--?[a-zA-Z][a-z-]*' | sed 's/^[^-]*//' |
		grep -vxE -e '--target|-M.*' | sort -u >"$scratch/options"
	sed 's/\\-/-/g; s/\\f.//g' "$top_srcdir/tools/ucall.1" >"$scratch/page"
	while read -r option; do
		grep -qE -e "(^|[^a-zA-Z-])$option([^a-zA-Z-]|$)" "$scratch/page" || echo "$option"
	done <"$scratch/options" >"$scratch/missing"
	test ! -s "$scratch/missing"
	ok $? "the options of ucall $command ($(grep -c . "$scratch/options")) in ucall(1)"
	sed "s/^/in ucall(1) without a description: ucall $command /" "$scratch/missing" | diag
done
done_testing
