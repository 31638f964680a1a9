#!/bin/sh
# SPDX-License-Identifier: MIT
# The tests on the real KVM of a machine with the H extension, in QEMU's emulator.
arch=riscv64 name=riscv64-kvm
. "$top_srcdir/t/lab/machine.sh"
