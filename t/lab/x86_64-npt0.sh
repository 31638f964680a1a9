#!/bin/sh
# SPDX-License-Identifier: MIT
# The tests on AMD's SVM without nested paging: KVM has shadow page tables.
arch=x86_64 name=x86_64-svm-npt0 options=npt=0 setting=kvm_amd/parameters/npt=N
. "$top_srcdir/t/lab/machine.sh"
