# SPDX-License-Identifier: MIT
noinst_PROGRAMS += examples/hello
