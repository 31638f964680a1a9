/* SPDX-License-Identifier: MIT */
/*
 * The guest architectures, in the order of their UCALL_ARCH_ bits.  C code includes this list with
 * a macro of its own, configure reads it with m4, scripts with sed.  Each line has
 *
 *	the name, as used for folders here, triplets and `uname -m`, in lower and in upper case;
 *	the name that the kernel's sources or Debian use, "" if it is the same;
 *	the linker for guests that clang compiles (lld does not support s390x);
 *	compiler options for guests: general registers only, and only what both compilers accept
 *	and Unicorn runs, so no atomics from a library (aarch64) and nothing after z10 (s390x).
 */
ARCH(x86_64, X86_64, "amd64", "ld.lld", "-mgeneral-regs-only -mno-red-zone")
ARCH(aarch64, AARCH64, "arm64", "ld.lld", "-mgeneral-regs-only -mno-outline-atomics")
ARCH(s390x, S390X, "", "s390x-linux-gnu-ld", "-march=z10 -msoft-float")
ARCH(riscv64, RISCV64, "", "ld.lld", "-march=rv64imac -mabi=lp64 -mcmodel=medany -mno-relax")
#undef ARCH
