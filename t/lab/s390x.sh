#!/bin/sh
# SPDX-License-Identifier: MIT
# s390x: everything is built; there is no KVM to run it on.
arch=s390x name=s390x
. "$top_srcdir/t/lab/machine.sh"
