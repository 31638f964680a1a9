/* SPDX-License-Identifier: MIT */
/*
 * The guest architectures, in the order of their UCALL_ARCH_ bits.  C includes this list with a macro
 * of that name, configure reads it by m4, scripts by sed: a line for each, with
 *
 *	the name, as a folder here, a triplet and `uname -m` have it, in small letters and in capitals;
 *	the name that the kernel's sources or Debian have for it, "" if it is the same;
 *	the linker for guests that clang compiles (lld knows no s390x);
 *	how guests are compiled: general registers only, and what both compilers know and Unicorn
 *	runs, so no library's atomics (aarch64) and nothing after z10 (s390x).
 */
ARCH(x86_64, X86_64, "amd64", "ld.lld", "-mgeneral-regs-only -mno-red-zone")
ARCH(aarch64, AARCH64, "arm64", "ld.lld", "-mgeneral-regs-only -mno-outline-atomics")
ARCH(s390x, S390X, "", "s390x-linux-gnu-ld", "-march=z10 -msoft-float")
ARCH(riscv64, RISCV64, "", "ld.lld", "-march=rv64imac -mabi=lp64 -mcmodel=medany -mno-relax")
#undef ARCH
