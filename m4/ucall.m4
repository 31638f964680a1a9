# SPDX-License-Identifier: MIT

# The entries of libucall/arch/list.h, each as a list of its arguments without C's quotes.
m4_define([_UCALL_ARCH], [m4_append([_UCALL_ARCH_LIST],
	[[[$1], [$2], ]m4_dquote(m4_translit([$3], ["]))[, ]m4_dquote(m4_translit([$4], ["]))[]], [, ])])

# UCALL_ARCHS
# -----------
# Sets ucall_arch, ucall_archs and ucall_engines, and the text of the summary about the others.
AC_DEFUN([UCALL_ARCHS], [
m4_divert_push([KILL])
m4_pushdef([ARCH], m4_defn([_UCALL_ARCH]))
m4_include([libucall/arch/list.h])
m4_popdef([ARCH])
m4_divert_pop([KILL])
ucall_arch=
ucall_known=
m4_map([_UCALL_HOST], m4_dquote(_UCALL_ARCH_LIST))
AS_IF([test -z "$ucall_arch"],
      [AC_MSG_ERROR([libucall does not support $host_cpu, only:$ucall_known])])
AS_CASE([$host_os],
	[linux*], [],
	[AC_MSG_ERROR([libucall needs Linux, for KVM])])
AC_MSG_CHECKING([whether $CC compiles for $ucall_arch])
AC_COMPILE_IFELSE([AC_LANG_SOURCE([[#define UCALL_IS_$ucall_arch
#ifdef __x86_64__
#undef UCALL_IS_x86_64
#elif defined(__aarch64__)
#undef UCALL_IS_aarch64
#elif defined(__s390x__)
#undef UCALL_IS_s390x
#elif defined(__riscv) && __riscv_xlen == 64
#undef UCALL_IS_riscv64
#endif
#if defined(UCALL_IS_x86_64) || defined(UCALL_IS_aarch64) || defined(UCALL_IS_s390x) || defined(UCALL_IS_riscv64)
#error another architecture
#endif]])],
		  [AC_MSG_RESULT([yes])],
		  [AC_MSG_RESULT([no])
		   AC_MSG_ERROR([$CC compiles for another architecture than $host_cpu; give --host=ARCH-linux-gnu to build libucall for that one])])
AC_SUBST([ucall_arch])
ucall_archs=$ucall_arch
ucall_engines=kvm
AS_IF([test "x$ucall_unicorn" = xyes], [ucall_engines="kvm unicorn"])
])

# _UCALL_HOST(ARCH, ARCH-IN-CAPITALS, OTHER-NAME, LINKER-FOR-CLANG)
# -----------------------------------------------------------------
m4_define([_UCALL_HOST], [
ucall_known="$ucall_known $1"
AS_CASE([$host_cpu], [$1[]m4_ifval([$3], [|$3])], [ucall_arch=$1])
AM_CONDITIONAL([HOST_$2], [test "x$ucall_arch" = x$1])
])

# UCALL_GUESTS
# ------------
# Sets ucall_guests to the other architectures that this machine can compile guests for.  Looks for
# compilers as `ucall cc` does.
AC_DEFUN([UCALL_GUESTS], [
ucall_guests=
m4_map([_UCALL_GUEST], m4_dquote(_UCALL_ARCH_LIST))
AC_SUBST([ucall_guests])
])

# _UCALL_GUEST(ARCH, ARCH-IN-CAPITALS, OTHER-NAME, LINKER-FOR-CLANG)
# ------------------------------------------------------------------
m4_define([_UCALL_GUEST], [
ucall_have=no
AC_MSG_CHECKING([for a compiler for $1 guests])
AS_IF([test "x$ucall_arch" = "x$1" || test "x$cross_compiling" = xyes], [ucall_have="not needed"],
      [command -v $1-linux-gnu-gcc >/dev/null], [ucall_have=$1-linux-gnu-gcc],
      [command -v clang >/dev/null && command -v $4 >/dev/null &&
       clang --target=$1-linux-gnu -fsyntax-only -x c /dev/null >/dev/null 2>&1],
      [ucall_have="clang and $4"])
AC_MSG_RESULT([$ucall_have])
AS_CASE([$ucall_have],
	[no], [ucall_guests_missing="$ucall_guests_missing $1"],
	["not needed"], [],
	[ucall_guests="$ucall_guests $1"])
])

# UCALL_FLAGS
# -----------
# UCALL_CFLAGS for host code, UCALL_GUEST_CFLAGS for the guest runtime, which is never
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
dnl Static libraries, which other compilers link too, need machine code beside that of -flto.
AS_CASE([$CFLAGS], [*-flto*],
	[ucall_saved_cflags=$CFLAGS
	 CFLAGS="$CFLAGS -ffat-lto-objects"
	 AC_MSG_CHECKING([whether $CC takes -ffat-lto-objects])
	 AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
			   [AC_MSG_RESULT([yes])
			    UCALL_CFLAGS="$UCALL_CFLAGS -ffat-lto-objects"
			    UCALL_GUEST_CFLAGS="$UCALL_GUEST_CFLAGS -ffat-lto-objects"],
			   [AC_MSG_RESULT([no])])
	 CFLAGS=$ucall_saved_cflags])
AC_SUBST([UCALL_CFLAGS])
AC_SUBST([UCALL_GUEST_CFLAGS])
])

# UCALL_CHECK_FOLDERS
# -------------------
# Refuses folders whose names make and the shell would take apart.
AC_DEFUN([UCALL_CHECK_FOLDERS], [
ucall_tab="	"
for ucall_folder in "`pwd`" "$srcdir" "$prefix"; do
	AS_CASE([$ucall_folder],
		[*[[" $ucall_tab\"\#\$\&\'\`:;"]]*],
		[AC_MSG_ERROR([the folder "$ucall_folder" has a character in its name that make or the shell cannot take (a space, a quote, a colon); choose another])])
done
])

# UCALL_SUMMARY
# -------------
AC_DEFUN([UCALL_SUMMARY], [
ucall_left_out=
AS_IF([test "x$cross_compiling" = xyes],
      [ucall_left_out="
    left out:            guest code for other architectures, as this is a cross build: what
                         \`ucall cc' links, the guests of demo and conform, the backends' own"])
ucall_backends=`sed -n 's,^backends = ,,p' "$srcdir/plugins/local.mk"`
AS_IF([test -c /dev/kvm && test -r /dev/kvm && test -w /dev/kvm],
      [ucall_kvm="/dev/kvm can be opened"],
      [test -e /dev/kvm],
      [ucall_kvm="/dev/kvm is not permitted: tests that need it are skipped"],
      [ucall_kvm="no /dev/kvm here: tests that need it are skipped"])
AC_MSG_NOTICE([
  libucall $PACKAGE_VERSION

    prefix:              $prefix
    backends:            $ucall_backends
    engines:             $ucall_engines ($ucall_kvm)
    guest architectures: $ucall_archs, and with unicorn:${ucall_guests:- none}
    unicorn engine:      $ucall_unicorn
    compilers missing:  ${ucall_guests_missing:- none}${ucall_guests_missing:+ (for guests: ./bootstrap --install-deps=all)}
    symbols in faults:   $ucall_symbols
    emulated SEV:        $ucall_ciphers
    compiler:            $CC $CFLAGS
    warnings are errors: $enable_werror
    sanitizers:          $enable_sanitizers$ucall_left_out

  Now: make demo, make check, make install
])
])
