# SPDX-License-Identifier: MIT
noinst_PROGRAMS += examples/broken examples/confidential examples/hello
if HOST_AARCH64
noinst_PROGRAMS += examples/attach
endif
if HOST_X86_64
noinst_PROGRAMS += examples/attach
endif
EXTRA_DIST += examples/attach.c examples/guest-hello.c examples/backends
