# SPDX-License-Identifier: MIT
noinst_PROGRAMS += examples/broken examples/confidential examples/hello
if HOST_AARCH64
noinst_PROGRAMS += examples/attach
endif
if HOST_X86_64
noinst_PROGRAMS += examples/attach
endif

# Installed as sources, with Makefiles that use pkg-config.
exampledir = $(docdir)
nobase_dist_example_DATA = examples/Makefile examples/attach.c examples/broken.c examples/confidential.c \
	examples/guest-hello.c examples/hello.c examples/backends/Makefile examples/backends/msr/msr.c \
	examples/backends/rom/rom.c
