# SPDX-License-Identifier: MIT
noinst_PROGRAMS += examples/broken examples/hello
