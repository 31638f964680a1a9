#!/bin/sh
# SPDX-License-Identifier: MIT
# `make abi-check`: abi-check.sh BASELINE SUPPRESSIONS LIBRARY, with TAP output.  Added symbols
# are allowed; `make abi-update` updates the baseline.
echo "1..1"
if ! command -v abidiff >/dev/null; then
	echo "ok 1 - the library's ABI # SKIP no abidiff; install abigail-tools"
	echo "# SKIP: 1"
	exit 0
fi
if abidiff --no-added-syms --suppressions "$2" "$1" "$3" >abi.out 2>&1; then
	echo "ok 1 - the library's ABI matches the baseline"
	echo "# PASS: 1"
	status=0
else
	sed 's/^/# /' abi.out
	echo "not ok 1 - the library's ABI matches the baseline"
	echo "# FAIL: 1"
	status=1
fi
rm -f abi.out
exit $status
