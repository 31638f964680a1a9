# SPDX-License-Identifier: MIT
# UCALL_CHECK_BACKENDS
# --------------------
# For packages with a libucall backend.  Fails without libucall.  Substitutes UCALL_CFLAGS and
# UCALL_LIBS for backends and programs, UCALL_TEST_LIBS for tests with <ucall/test.h>, and
# ucall_backenddir, the folder that is searched for backends.
AC_DEFUN([UCALL_CHECK_BACKENDS], [
PKG_CHECK_MODULES([UCALL], [ucall])
PKG_CHECK_MODULES([UCALL_TEST], [ucall-test ucall])
PKG_CHECK_VAR([ucall_backenddir], [ucall], [backenddir])
AS_IF([test -z "$ucall_backenddir"], [AC_MSG_ERROR([ucall.pc has no backenddir])])
ucall_libdir=`$PKG_CONFIG --variable=libdir ucall`
UCALL_LIBS="$UCALL_LIBS -Wl,-rpath,$ucall_libdir"
UCALL_TEST_LIBS="$UCALL_TEST_LIBS -Wl,-rpath,$ucall_libdir"
])
