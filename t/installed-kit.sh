# SPDX-License-Identifier: MIT
# For tests of the installed kit: ". installed-kit.sh" puts them in an empty folder of their own,
# with only what was installed to build and run with.
. "$top_srcdir/t/tap.sh"
top_srcdir=$(cd "$top_srcdir" && pwd)
cd "$scratch" || exit 1 # compilers and profilers leave files in the current folder

test -z "$destdir" || skip_all "DESTDIR is not where the library will be; install to a prefix"
PATH=$bindir:$PATH
PKG_CONFIG_PATH=$libdir/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
LD_LIBRARY_PATH=$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PATH PKG_CONFIG_PATH LD_LIBRARY_PATH
unset MAKEFLAGS MAKELEVEL MFLAGS # a make that a test runs is independent
unset UCALL_PLUGIN_PATH UCALL_MODULE_PATH UCALL_BACKEND_DIR UCALL_BACKEND UCALL_ENGINE
unset UCALL_INCLUDE_PATH UCALL_GUEST_PATH UCALL_LIBRARY_PATH UCALL_DEMO_PATH
flags=$(pkg-config --cflags --libs ucall)

# The listing of README after the marker.
listing() {
	sed -n "/^<!-- $1 -->/,/^\`\`\`\$/{/^<!--/d;/^\`\`\`/d;p;}" "$top_srcdir/README.md"
}

# Programs run on KVM, or on Unicorn; if there is neither they are only built.
kvm=
if ucall list | grep -q "^$(uname -m) *none"; then
	kvm="no engine here: see ucall list"
fi
