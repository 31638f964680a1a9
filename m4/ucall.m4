# SPDX-License-Identifier: MIT

# UCALL_ARCHS
# -----------
# Sets ucall_arch, ucall_archs and ucall_engines, and what the summary says of the others.
AC_DEFUN([UCALL_ARCHS], [
AS_CASE([$host_cpu],
	[x86_64|amd64], [ucall_arch=x86_64],
	[aarch64], [ucall_arch=aarch64],
	[s390x], [ucall_arch=s390x],
	[riscv64], [ucall_arch=riscv64],
	[AC_MSG_ERROR([libucall does not know $host_cpu; x86_64, aarch64, s390x and riscv64 are what there is])])
AM_CONDITIONAL([HOST_AARCH64], [test $ucall_arch = aarch64])
AM_CONDITIONAL([HOST_RISCV64], [test $ucall_arch = riscv64])
AM_CONDITIONAL([HOST_S390X], [test $ucall_arch = s390x])
AM_CONDITIONAL([HOST_X86_64], [test $ucall_arch = x86_64])
AS_CASE([$host_os],
	[linux*], [],
	[AC_MSG_ERROR([libucall needs Linux, for KVM])])
AC_SUBST([ucall_arch])
ucall_archs=$ucall_arch
ucall_engines=kvm
AS_IF([test "x$ucall_unicorn" = xyes], [ucall_engines="kvm unicorn"])
])

# UCALL_GUESTS
# ------------
# Sets ucall_guests to the other architectures that this machine can compile guests for, as `ucall cc`
# finds compilers.
AC_DEFUN([UCALL_GUESTS], [
ucall_guests=
UCALL_GUEST([aarch64], [ld.lld])
UCALL_GUEST([riscv64], [ld.lld])
UCALL_GUEST([s390x], [s390x-linux-gnu-ld])
UCALL_GUEST([x86_64], [ld.lld])
AC_SUBST([ucall_guests])
])

# UCALL_GUEST(ARCH, LINKER-FOR-CLANG)
# -----------------------------------
AC_DEFUN([UCALL_GUEST], [
ucall_have=no
AC_MSG_CHECKING([for a compiler for $1 guests])
AS_IF([test "x$ucall_arch" = "x$1" || test "x$cross_compiling" = xyes], [ucall_have="not needed"],
      [command -v $1-linux-gnu-gcc >/dev/null], [ucall_have=$1-linux-gnu-gcc],
      [command -v clang >/dev/null && command -v $2 >/dev/null], [ucall_have="clang and $2"])
AC_MSG_RESULT([$ucall_have])
AS_CASE([$ucall_have],
	[no], [ucall_guests_missing="$ucall_guests_missing $1"],
	["not needed"], [],
	[ucall_guests="$ucall_guests $1"])
])

# UCALL_FLAGS
# -----------
# UCALL_CFLAGS for code of the host, UCALL_GUEST_CFLAGS for the guest runtime, which is never
# instrumented.
AC_DEFUN([UCALL_FLAGS], [
ucall_warnings="-Wall -Wextra -Wno-unused-parameter -Wshadow -Wstrict-prototypes -Wmissing-prototypes"
AS_IF([test "x$enable_werror" = xyes], [ucall_warnings="$ucall_warnings -Werror"])
ucall_sanitizers=
AS_IF([test "x$enable_sanitizers" = xyes], [enable_sanitizers=address,undefined])
AS_IF([test "x$enable_sanitizers" != xno],
      [ucall_sanitizers="-fsanitize=$enable_sanitizers -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
       ucall_saved_cflags=$CFLAGS
       CFLAGS="$CFLAGS $ucall_sanitizers"
       AC_MSG_CHECKING([whether $CC can link with the sanitizers])
       AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
		      [AC_MSG_RESULT([yes])],
		      [AC_MSG_RESULT([no])
		       AC_MSG_ERROR([$CC has no library for -fsanitize=$enable_sanitizers; install it, or leave --enable-sanitizers out])])
       CFLAGS=$ucall_saved_cflags])
UCALL_CFLAGS="-std=gnu11 $ucall_warnings $ucall_sanitizers"
UCALL_GUEST_CFLAGS="-std=gnu11 $ucall_warnings -fPIC -fvisibility=hidden -fno-jump-tables"
AC_SUBST([UCALL_CFLAGS])
AC_SUBST([UCALL_GUEST_CFLAGS])
])

# UCALL_SUMMARY
# -------------
AC_DEFUN([UCALL_SUMMARY], [
ucall_backends=`sed -n 's,^backends = ,,p' "$srcdir/plugins/local.mk"`
AS_IF([test -c /dev/kvm && test -r /dev/kvm && test -w /dev/kvm],
      [ucall_kvm="/dev/kvm can be opened"],
      [test -e /dev/kvm],
      [ucall_kvm="/dev/kvm is not permitted to you: tests that need it are skipped"],
      [ucall_kvm="no /dev/kvm here: tests that need it are skipped"])
AC_MSG_NOTICE([
  libucall $PACKAGE_VERSION

    prefix:              $prefix
    backends:            $ucall_backends
    engines:             $ucall_engines ($ucall_kvm)
    guest architectures: $ucall_archs, and by unicorn:${ucall_guests:- none}
    unicorn engine:      $ucall_unicorn
    no compilers for:    ${ucall_guests_missing:-none missing} ${ucall_guests_missing:+(./bootstrap --install-deps=all)}
    symbols of faults:   $ucall_symbols
    emulated SEV:        $ucall_ciphers
    compiler:            $CC $CFLAGS
    warnings are errors: $enable_werror
    sanitizers:          $enable_sanitizers

  Now: make demo, make check, make install
])
])
