#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs in the machine of t/lab: checks the kernel module's settings (MODULE/parameters/NAME=VALUE),
# then runs each test of /t, one after another.
for setting; do
	value=$(cat "/sys/module/${setting%=*}")
	echo "ucall-lab: test setting"
	echo "1..1"
	test "$value" = "${setting##*=}" || printf "not "
	echo "ok 1 - ${setting%=*} is $value"
	echo "ucall-lab: status 0 0 s"
done
cd /t || exit 1
UCALL_TEST_LIMIT=${UCALL_TEST_LIMIT:-4}
UCALL_TEST_RING=0
UCALL_TEST_ROUNDS=${UCALL_TEST_ROUNDS:-1000}
export UCALL_TEST_LIMIT UCALL_TEST_RING UCALL_TEST_ROUNDS
for test in *; do
	echo "ucall-lab: test $test"
	start=$(date +%s)
	timeout 300 "./$test" 2>&1
	status=$?
	echo
	echo "ucall-lab: status $status $(($(date +%s) - start)) s"
done
echo "ucall-lab: all is done"
