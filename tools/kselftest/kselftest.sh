#!/bin/sh
# SPDX-License-Identifier: MIT
# The kernel's own KVM selftests over libucall's backends, beside the same tests as they are.
# `ucall kselftest` runs this.
#
# The tests come from a kernel tree and are not changed.  overlay/ is laid over a copy of their folder, and
# lib/ucall_libucall.c takes the place of lib/ARCH/ucall.c.  Each test is run as it is (stock) and over each
# backend, here or in a machine of the lab, and compare.awk tells what was kept.
#
#	CACHE/kselftest/linux[-SUITE]	a fetched tree	CACHE/kselftest/tree-SUM	a copy of the user's
#	tree.sh		the tree and its builds		run-each	runs the tests		in-lab.sh	in a machine
#	export.sh	the overlay as patches		compare.awk	tells the results	known		what is lost, and why
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
. "$tools/export.sh"

teller=''	# the process that tells of progress
runner=''	# the one that runs the tests
programs=''	# links to this run's programs
clean_up() {
	test ! "$teller" || kill -KILL "$teller" 2>/dev/null || true
	test ! "$runner" || kill -TERM "$runner" 2>/dev/null || true
	test ! "$programs" || rm -rf "$programs"
	test ! "${published:-}" || test "$logs" = "$published" || rm -rf "$logs"
}

usage="usage: ucall kselftest --fetch[=SUITE] | --tree DIR [--backend B[,...]] [--messages address|mailbox[,...]]
       [--arch A | --lab MACHINE [--kernel SUITE]] [--timeout S] [--compare] [--tap | --markdown] [--junit FILE]
       [TEST...]
       ucall kselftest --fetch[=SUITE] | --tree DIR --export DIR"

tree='' fetch='' source_suite='' backends='' messages=address wanted_arch='' lab='' kernel='' limit='' compare='' format=table
junit='' export=''
while test $# -gt 0; do
	case $1 in
	--tree | --backend | --messages | --arch | --lab | --kernel | --timeout | --junit | --export)
		test $# -ge 2 || die 2 "$1 needs a value"
		;;
	esac
	case $1 in
	--fetch) fetch=yes ;;
	--fetch=*)
		fetch=yes source_suite=${1#--fetch=}
		case $source_suite in
		'' | *[!a-z0-9-]*) die 2 "$1: give the name of a Debian suite" ;;
		esac
		;;
	--compare) compare=yes ;;
	--tap | --markdown) format=${1#--} ;;
	--tree | --backend | --messages | --arch | --lab | --kernel | --timeout | --junit | --export)
		case $1 in
		--tree) tree=$2 ;;
		--backend) backends=$(printf %s "$2" | tr , ' ') ;;
		--messages)
			messages=$(printf %s "$2" | tr , ' ')
			for way in $messages; do
				case $way in
				address | mailbox) ;;
				*) die 2 "--messages $2: give address, mailbox or both" ;;
				esac
			done
			test "$messages" || die 2 "--messages needs a value"
			;;
		--arch) wanted_arch=$2 ;;
		--lab) lab=$2 ;;
		--kernel) kernel=$2 ;;
		--timeout)
			is_number "$2" 1 99999 || die 2 "--timeout $2: give seconds, 1 or more"
			limit=$2
			;;
		--junit) junit=$2 ;;
		--export) export=$2 ;;
		esac
		shift
		;;
	-*) die 2 "unexpected \"$1\"; $usage" ;;
	*) break ;;
	esac
	shift
done
for name; do
	case $name in
	-*) die 2 "give $name before the names of tests" ;;
	esac
done
test ! "$kernel" || test "$lab$wanted_arch" || die 2 "--kernel is for a machine of --lab or --arch"
if test "$tree"; then
	test ! "$fetch" || die 2 "--tree and --fetch: give one of them"
	test -e "$tree/tools/testing/selftests/kvm/lib/kvm_util.c" ||
		die 2 "--tree $tree: not a kernel tree; it has no tools/testing/selftests/kvm"
	tree=$(cd "$tree" && pwd)
else
	test "$fetch" || die 2 "$usage"
fi
what=libucall
machine "${lab:-${wanted_arch:-$(uname -m)}}"
case $arch in
x86_64) kernel_arch=x86 default_backends="pio mmio" ;;
aarch64) kernel_arch=arm64 default_backends=mmio ;;
riscv64) kernel_arch=riscv default_backends="sbi mmio" ;;
s390x) kernel_arch=s390 default_backends=diag ;;
*) die 2 "the kernel has no KVM selftests for $arch" ;;
esac
if test "$lab" && test "$wanted_arch"; then
	asked=$arch
	machine "$wanted_arch"
	test "$arch" = "$asked" || die 2 "--arch $wanted_arch: the machine $lab is $asked"
	machine "$lab"
fi
# Another architecture's tests run in its machine; no machine has a KVM for s390x, whose tests are only built.
test "$lab" || test "$arch" = "$(uname -m)" || test "$arch" = s390x || lab=$arch
test "$arch" != s390x || test "$arch" = "$(uname -m)" || lab=none
find_cache
make_work
if test "$export"; then
	prepare_tree
	export_series "$export"
	exit 0
fi
test "$lab" || { test -r /dev/kvm && test -w /dev/kvm; } || die 77 "no /dev/kvm that can be used here; --lab MACHINE has one"
test ! "$junit" || { : >>"$junit"; } 2>/dev/null || die 2 "--junit $junit: it cannot be written"
case $backends in
*[!\ ]*) ;;
'' ) backends=$default_backends ;;
*) die 2 "--backend needs a value" ;;
esac
# An emulated machine is slower.
limit=${limit:-$(if test "$lab"; then echo 180; else echo 60; fi)}
# What this machine has; a machine of the lab may have others.
set -f
for backend in $backends; do
	case $backend in
	stock | */*) die 2 "--backend $backend: not the name of a backend" ;;
	esac
	test "$(printf '%s\n' $backends | grep -cxF -e "$backend")" = 1 || die 2 "--backend: $backend is there twice"
done
set +f
test "$lab" || for backend in $backends; do
	"$UCALL_LAB_COMMAND" info "${backend%%,*}" >/dev/null 2>&1 ||
		die 2 "--backend $backend: $("$UCALL_LAB_COMMAND" info "${backend%%,*}" 2>&1 | head -n 1)"
done
# The newest tests need Linux 6.8 or later.
if test "$lab" && test ! "$kernel"; then
	case $lab in
	riscv64 | none) ;;
	*vmx) kernel=trixie ;;
	*) kernel=trixie-backports ;;
	esac
fi
variants=$backends
ways=$messages
case $messages in
address) ;;
*address*) variants="$backends $(printf '%s/mailbox ' $backends)" ;;
*) variants=$(printf '%s/mailbox ' $backends) ;;
esac
prepare_tree
build_selftests "$ways" "$@"
if test "$lab" = none; then
	status=0
	for way in $ways; do
		built=$(comm -12 "$work/tests" "$work/$way" | wc -l)
		echo "$self: $built of $(wc -l <"$work/tests") tests of Linux $version for $arch were built with libucall ($way);" \
			"they cannot be run here" >&2
		test "$built" -eq "$(wc -l <"$work/tests")" || status=1
	done
	exit $status
fi

# ---- running ----

# One line for each run is added to $results, as run-each prints it.
results=$work/results
logs=$cache/kselftest/logs/${lab:-this}-$version-$$
published=$cache/kselftest/logs/${lab:-this}-$version
rm -rf "$logs"
mkdir -p "$logs"
: >"$results"

tell() { # what has been done, every 30 s; in a machine, its output is not in the results yet
	seconds=0
	while kill -0 $$ 2>/dev/null; do
		sleep 1 >/dev/null 2>&1
		seconds=$((seconds + 1))
		test $((seconds % 30)) -eq 0 || continue
		cat "$results" "$work/output" 2>/dev/null | awk -F '\t' -v self="$self: $seconds s" -v total=$total '
			NF == 5 && !/^#/ { n++; last = $1 " " $2 }
			END { print self ", " n + 0 " of " total " runs; " last }' >&2
	done
}

. "$tools/in-lab.sh"

show() { # FORMAT
	format=$1 variants=$variants compare=$compare logs=$logs known=$tools/known machine=${lab:-this} version=$version \
		awk -f "$tools/compare.awk" "$work/tests" "$results"
}

# The last run's logs are kept under one name.
publish_logs() {
	if mv -T "$published" "$logs-old" 2>/dev/null; then rm -rf "$logs-old"; fi
	if mv -T "$logs" "$published" 2>/dev/null; then logs=$published; fi
}

# A signal ends the run: the table has the tests that were run over everything.
ended() { # STATUS SIGNAL
	trap '' HUP INT TERM
	working
	test ! "$lab" || take_results "$work/output" || true
	what_is_left >"$work/left"
	grep -vxF -f "$work/left" "$work/tests" >"$work/done" || true
	echo "$self: ended by $2 after $(wc -l <"$work/done") of $(wc -l <"$work/tests") tests; what they did:" >&2
	mv "$work/done" "$work/tests"
	publish_logs
	show "$format" || true
	test ! "$junit" || show junit >"$junit" || true
	exit "$1"
}

total=$(($(wc -l <"$work/tests") * ($(echo "$variants" | wc -w) + 1)))
working
echo "$self: $total runs: $(wc -l <"$work/tests") tests of Linux $version, stock and over $variants" >&2
tell 8>&- &
teller=$!
trap 'ended 129 SIGHUP' HUP
trap 'ended 130 SIGINT' INT
trap 'ended 143 SIGTERM' TERM
if test "$lab"; then
	run_in_lab
else
	LD_LIBRARY_PATH=$library_folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
	export LD_LIBRARY_PATH
	# In the background, so that a signal ends this script at once.
	sh "$tools/run-each" "$programs/" "$work/tests" "$limit" "$logs" "$variants" >>"$results" </dev/null &
	runner=$!
	wait $runner
	runner=
fi
kill -KILL "$teller" 2>/dev/null || true

publish_logs

# ---- telling ----

status=0
show "$format" || status=$?
test ! "$junit" || show junit >"$junit" || test $? -eq 1
exit $status
