#!/bin/sh
# SPDX-License-Identifier: MIT
# ucall conform: the project's own backends pass it, and each fault fails it at the check that is meant
# for that fault.
. "$top_srcdir/t/tap.sh"
ucall=$top_builddir/tools/ucall
unset UCALL_BACKEND UCALL_ENGINE

"$ucall" conform >"$scratch/out" 2>&1
test $? -eq 2
ok $? "no plugin: exit status 2"
"$ucall" conform --messages none pio >"$scratch/out" 2>&1
test $? -eq 2
ok $? "a count that is none: exit status 2"
"$ucall" conform nosuch >"$scratch/out" 2>&1
test $? -eq 2
ok $? "an unknown backend: exit status 2"
"$ucall" conform /dev/null >"$scratch/out" 2>&1
test $? -ne 0
ok $? "no plugin at all"

"$ucall" list >"$scratch/list"
grep -q "^$(uname -m) *none" "$scratch/list" && {
	skip "no engine here" "what needs one"
	done_testing
}

# N, so that a run is short: `make check` is run often.
conform() { # PLUGIN
	"$ucall" conform --messages 600 "$1" >"$scratch/out" 2>"$scratch/err"
}

for b in pio mmio halt diag sbi sev-shared; do
	if "$ucall" info $b | grep "^works here: *no" >"$scratch/why"; then
		skip "$(cut -c 1-150 "$scratch/why")" "$b conforms"
		continue
	fi
	conform $b
	status=$?
	ok $status "$b conforms"
	test $status -eq 0 || grep -A3 "^#\|^not" "$scratch/out" | head -n 20 | diag
	if test $b = pio; then
		test "$(grep -c '^ok' "$scratch/out")" -ge 30
		ok $? "it has 30 points and more"
	fi
done

build() { # NAME FLAG...
	name=$1
	shift
	$CC -shared -fPIC -O2 -w -I"$top_srcdir/include" "$@" "$top_srcdir/t/plugins/broken.c" \
		-o "$scratch/ucall-$name.so" -L"$top_builddir/libucall/.libs" -lucall
}

build broken || { skip "$CC cannot build a shared object here" "faults"; done_testing; }
conform "$scratch/ucall-broken.so"
status=$?
ok $status "a backend that is right conforms"
test $status -eq 0 || grep -A3 "^#\|^not" "$scratch/out" | head -n 20 | diag

# FAULT:CHECK: that check fails.
while IFS=: read -r fault check; do
	build broken -DBROKEN="$fault"
	conform "$scratch/ucall-broken.so"
	test $? -eq 1 && grep -q "^not ok .*$check" "$scratch/out"
	status=$?
	ok $status "$fault fails at \"$check\""
	test $status -eq 0 || { echo "it failed at:"; grep "^not" "$scratch/out"; } | diag
done <<EOF
CLOBBERS:0 to 7 arguments, by the mailbox
ADDRESS:0 to 7 arguments, by the address
CLAIMS_ALL:made-up exits are declined
CLAIMS_NONE:0 to 7 arguments, by the mailbox
GLOBAL:two VMs with different options
LEAKS:VMs leave nothing behind
LEAKS_REFUSED:refused VMs leave nothing behind
DEFAULT_ARCH:what it claims it can have
DEFAULT_VALUE:each option's default is valid
METADATA:ucall_ops agree with the metadata
TWICE:every message once and in order, by the mailbox
DROPS:every message once and in order, by the mailbox
NO_SUMMARY:version and summary
CLAIMS_LOADS:made-up exits are declined
EOF

# And these alone, where one check is meant.
for fault in LEAKS_REFUSED DEFAULT_ARCH NO_SUMMARY METADATA; do
	build broken -DBROKEN="$fault"
	conform "$scratch/ucall-broken.so"
	test "$(grep '^not ok' "$scratch/out" | sed 's/.*: //; s/^not ok [0-9]* - //' | sort -u | wc -l)" -eq 1
	ok $? "$fault fails at nothing else"
done

cp "$scratch/ucall-broken.so" "$scratch/ucall-other.so"
build broken
mv "$scratch/ucall-broken.so" "$scratch/ucall-other.so"
conform "$scratch/ucall-other.so"
grep -q "^not ok .*its file has the name by which it is found" "$scratch/out"
ok $? "a file with another backend's name"
done_testing
