#!/bin/sh
# SPDX-License-Identifier: MIT
# The tests on the real KVM of a machine with arm64, vGICv3, in QEMU's emulator.
arch=aarch64 name=aarch64-kvm
. "$top_srcdir/t/lab/machine.sh"
