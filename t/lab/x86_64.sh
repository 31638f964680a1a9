#!/bin/sh
# SPDX-License-Identifier: MIT
# The tests on the real KVM of a machine with AMD's SVM, nested paging, in QEMU's emulator.
arch=x86_64 name=x86_64-svm setting=kvm_amd/parameters/npt=Y
. "$top_srcdir/t/lab/machine.sh"
