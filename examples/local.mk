# SPDX-License-Identifier: MIT
noinst_PROGRAMS += examples/broken examples/hello
EXTRA_DIST += examples/guest-hello.c
