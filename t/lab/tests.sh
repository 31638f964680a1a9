#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs in a machine of the lab: KVM's module has the options that this run is for, then each test of /t.
UCALL_TEST_LIMIT=${UCALL_TEST_LIMIT:-4}
UCALL_TEST_RING=0
UCALL_TEST_ROUNDS=${UCALL_TEST_ROUNDS:-1000}
UCALL_TEST_VMS=${UCALL_TEST_VMS:-10}
export UCALL_TEST_LIMIT UCALL_TEST_RING UCALL_TEST_ROUNDS UCALL_TEST_VMS
cd /t || exit 1
exec run-tests /settings.sh /t/*
