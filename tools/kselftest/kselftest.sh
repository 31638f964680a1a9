#!/bin/sh
# SPDX-License-Identifier: MIT
# The kernel's own KVM selftests over libucall's backends, beside the same tests as they are.
# `ucall kselftest` runs this.
#
# The tests come from a kernel tree and are not changed: in a copy of their folder, shim.c and shim.h
# take the place of lib/ARCH/ucall.c and include/ARCH/ucall.h.  Each test is run as it is (stock) and
# over each backend, here or in a machine of the lab, and compare.awk tells what was kept.
#
#	CACHE/kselftest/linux-VERSION		a fetched tree	CACHE/kselftest/tree-SUM	a copy of the user's
#	.../tools/testing/selftests/kvm-ARCH	stock		.../kvm_libucall-ARCH	with the shim
#
# Exit status: 0 if nothing that stock passes is lost, 1 if something is; 2 for bad usage; 77 if
# something is missing here.
set -eu

self="ucall kselftest"
tools=$(unset CDPATH && cd "$(dirname "$0")" && pwd)
here=${UCALL_LAB_PATH:-$tools/../lab}
. "$here/common.sh"
. "$here/machines.sh"
. "$here/packages.sh"
. "$here/build.sh"
. "$tools/tree.sh"

usage="usage: ucall kselftest --fetch | --tree DIR [--backend B[,...]] [--lab MACHINE [--kernel SUITE]] [--timeout S]
       [--compare] [--tap | --markdown] [--junit FILE] [TEST...]"

tree='' fetch='' backends='' lab='' kernel='' limit=60 compare='' format=table junit=''
while test $# -gt 0; do
	case $1 in
	--tree | --backend | --lab | --kernel | --timeout | --junit) test $# -ge 2 || die 2 "$1 needs a value" ;;
	esac
	case $1 in
	--fetch) fetch=yes ;;
	--compare) compare=yes ;;
	--tap | --markdown) format=${1#--} ;;
	--tree | --backend | --lab | --kernel | --timeout | --junit)
		case $1 in
		--tree) tree=$2 ;;
		--backend) backends=$(printf %s "$2" | tr , ' ') ;;
		--lab) lab=$2 ;;
		--kernel) kernel=$2 ;;
		--timeout)
			is_number "$2" 1 99999 || die 2 "--timeout $2: give seconds, 1 or more"
			limit=$2
			;;
		--junit) junit=$2 ;;
		esac
		shift
		;;
	-*) die 2 "unexpected \"$1\"; $usage" ;;
	*) break ;;
	esac
	shift
done
if test "$tree"; then
	test ! "$fetch" || die 2 "--tree and --fetch: give one of them"
	test -e "$tree/tools/testing/selftests/kvm/lib/kvm_util.c" ||
		die 2 "--tree $tree: not a kernel tree; it has no tools/testing/selftests/kvm"
	tree=$(cd "$tree" && pwd)
else
	test "$fetch" || die 2 "$usage"
fi
what=libucall
machine "${lab:-$(uname -m)}"
case $arch in
x86_64) kernel_arch=x86 default_backends="pio mmio" ;;
aarch64) kernel_arch=arm64 default_backends=mmio ;;
riscv64) kernel_arch=riscv default_backends=sbi ;;
*) die 2 "the kernel's selftests of $arch cannot be run: no machine has a KVM for it" ;;
esac
test "$lab" || test "$arch" = "$(uname -m)" || die 2 "no lab is named"
test "$lab" || test -r /dev/kvm || die 77 "no /dev/kvm that can be read here; --lab MACHINE has one"
backends=${backends:-$default_backends}
find_cache
make_work
prepare_tree
build_selftests "$@"

# ---- running ----

# One line for each run is added to $results: TEST VARIANT STATUS SECONDS.
results=$work/results
logs=$cache/kselftest/logs
rm -rf "$logs"
mkdir -p "$logs"
: >"$results"

tell() { # what has been done, every 30 s
	seconds=0
	while kill -0 $$ 2>/dev/null; do
		sleep 1 >/dev/null 2>&1
		seconds=$((seconds + 1))
		test $((seconds % 30)) -ne 0 ||
			echo "$self: $seconds s, $(wc -l <"$results") of $total runs; $(tail -n 1 "$results" | cut -f 1,2 | tr '\t' ' ')" >&2
	done
}

total=$(($(wc -l <"$work/tests") * ($(echo "$backends" | wc -w) + 1)))
working
echo "$self: $total runs: $(wc -l <"$work/tests") tests of Linux $version, stock and over $backends" >&2
tell 8>&- &
teller=$!
clean_up() {
	kill -KILL "$teller" 2>/dev/null || true
	test ! "${runner:-}" || kill -TERM "$runner" 2>/dev/null || true
}
if test "$lab"; then
	. "$tools/in-lab.sh"
	run_in_lab
else
	LD_LIBRARY_PATH=$library_folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
	export LD_LIBRARY_PATH
	# In the background, so that a signal ends this script at once.
	sh "$tools/run-each" "$selftests" "$work/tests" "$limit" "$logs" "$backends" "$stock" "$shim" >>"$results" </dev/null &
	runner=$!
	wait $runner
	runner=
fi
kill -KILL "$teller" 2>/dev/null || true

# ---- telling ----

status=0
show() { # FORMAT
	format=$1 backends=$backends compare=$compare logs=$logs known=$tools/known machine=${lab:-this} version=$version \
		awk -f "$tools/compare.awk" "$work/tests" "$results"
}
show "$format" || status=$?
test ! "$junit" || show junit >"$junit" || test $? -eq 1
exit $status
