# SPDX-License-Identifier: MIT
noinst_PROGRAMS += examples/attach examples/broken examples/confidential examples/hello
EXTRA_DIST += examples/guest-hello.c examples/backends
