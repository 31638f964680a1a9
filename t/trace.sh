#!/bin/sh
# SPDX-License-Identifier: MIT
# Traces: what is in them, by `ucall trace` and by protoc; files that are not traces; a full disk.
. "$top_srcdir/t/tap.sh"
ucall=$top_builddir/tools/ucall
unset UCALL_BACKEND UCALL_ENGINE UCALL_TRACE

cat >"$scratch/guest.c" <<'EOF2'
#include <ucall/guest.h>

UCALL_GUEST void guest_main(unsigned long rounds)
{
	GUEST_TRACE_BEGIN("all of it");
	GUEST_SYNC(1);
	for (unsigned long i = 0; i < rounds; i++) {
		GUEST_TRACE_BEGIN("a round");
		GUEST_PRINTF("round %lu\n", i);
		GUEST_TRACE_END();
	}
	GUEST_TRACE_END();
	GUEST_DONE();
}
EOF2
elf=$scratch/guest.elf
trace=$scratch/trace
"$ucall" cc -o "$elf" "$scratch/guest.c" >"$scratch/out" 2>&1 || skip_all "$(head -n 1 "$scratch/out")"

run() { # OPTION...
	"$ucall" run --trace "$trace" "$@" "$elf" 3 >"$scratch/out" 2>"$scratch/err"
	status=$?
	test $status -eq 2 && ! grep -q "trace" "$scratch/err" && return 77 # no such VM here
	test $status -eq 0 && "$ucall" trace "$trace" >"$scratch/text"
}

# How many lines have that pattern.
lines() { # COUNT PATTERN
	test "$(grep -c "$2" "$scratch/text")" -eq "$1"
}

# What protoc says: every event has a track that is described, slices end, arrows begin before they end.
decodes() {
	protoc --proto_path="$top_srcdir/t" --decode=Trace "$top_srcdir/t/trace.proto" <"$trace" >"$scratch/decoded" 2>"$scratch/err" &&
		! test -s "$scratch/err" &&
		! grep -qE '^ +[0-9]+[:{ ]' "$scratch/decoded" && # a field that it does not know
		awk -v polled="$(expr "$backend" : '.*poll')" '
		/^  track_descriptor/ { describes = 1 }
		/^    uuid:/ && describes { known[$2] = 1; describes = 0 }
		/^    type:/ { type = $2 }
		/^    track_uuid:/ {
			if (!($2 in known)) bad = "an event of track " $2
			if (type == "TYPE_SLICE_BEGIN") open[$2]++
			if (type == "TYPE_SLICE_END" && --open[$2] < 0) bad = "a slice that did not begin"
		}
		/^    flow_ids:/ { flows[$2] = 1; begun++ }
		/^    terminating_flow_ids:/ { if (!($2 in flows)) bad = "an arrow from nowhere"; ended++ }
		END {
			for (track in open) if (open[track]) bad = "a slice that does not end"
			if (!begun || (!ended && !polled)) bad = "no arrows"
			if (bad) { print bad; exit 1 }
		}' "$scratch/decoded"
}

for engine in kvm unicorn; do
	for backend in pio mmio halt ring,depth=64 ring,poll=1; do
		name="$backend on $engine"
		run -e $engine -b $backend
		case $? in
		77)
			skip "$(head -n 1 "$scratch/err")" "$name"
			continue
			;;
		esac
		lines 1 'begin all of it$' && lines 3 'begin a round$' && lines 4 ', its guest *end$' &&
			lines 1 ' host .*SYNC 1 (vCPU 0, 24 bytes)$' && lines 3 ' host .*PRINTF round' && lines 1 ' host .*DONE' &&
			grep -q 'vCPU 0  .* ran [0-9.]* us: .*  pc 0x' "$scratch/text"
		status=$?
		ok $status "$name: runs, messages and spans"
		test $status -eq 0 || diag <"$scratch/text"
		# The span contains the message that the guest sent in it, if it is taken at once.
		if test ${backend%%,*} != ring; then
			awk '/begin all of it$/ { begin = 1 } /SYNC 1/ { exit !begin }' "$scratch/text"
			ok $? "$name: in the order in which they were"
		fi
		if command -v protoc >/dev/null; then
			decodes >"$scratch/out"
			status=$?
			ok $status "$name: protoc decodes it"
			test $status -eq 0 || diag <"$scratch/out"
		else
			skip "no protoc; install protobuf-compiler" "$name: protoc decodes it"
		fi
	done
done

# The host polls while the vCPU runs: a span does not wait for the vCPU, which may spin.
cat >"$scratch/spin.c" <<'EOF2'
#include <ucall/guest.h>

UCALL_GUEST void guest_main(void)
{
	GUEST_TRACE_BEGIN("bad \xff\x1b");
	GUEST_SYNC(1);
	for (;;)
		__asm__ volatile("" : : : "memory");
}
EOF2
"$ucall" cc -o "$scratch/spin.elf" "$scratch/spin.c" >/dev/null 2>&1
timeout 30 "$ucall" run -t 0.5 -b ring,poll=1 --trace "$trace" "$scratch/spin.elf" >"$scratch/out" 2>"$scratch/err"
status=$?
if grep -qE "no engine|cannot be used|has no guest code" "$scratch/err"; then
	skip "$(head -n 1 "$scratch/err")" "ring,poll=1: a guest that spins after a span"
else
	test $status -eq 124 && grep -q "ran for 500 ms" "$scratch/err"
	ok $? "ring,poll=1: a guest that spins after a span"
	"$ucall" trace "$trace" | grep -qF 'begin bad \xff\x1b'
	ok $? "a span's name is made safe"
fi

# On a queue, messages come late; the guest's clock says when its spans were.
if run -e kvm -b ring,depth=64; then
	awk '/begin all of it$/ { first = NR } / vCPU 0  .* ran / { run = $1; len = $5 + 0 } /SYNC 1/ { sync = NR; at = $1 }
		END { exit !(first < sync) }' "$scratch/text"
	ok $? "ring: a span is where the guest was, before its message was received"
else
	skip "no KVM here" "ring: a span is where the guest was, before its message was received"
fi

for arch in aarch64 s390x riscv64; do
	if ! "$ucall" cc --arch $arch -o "$scratch/$arch.elf" "$scratch/guest.c" >"$scratch/out" 2>&1; then
		skip "$(head -n 1 "$scratch/out")" "$arch"
		continue
	fi
	"$ucall" run --trace "$trace" "$scratch/$arch.elf" 1 >"$scratch/out" 2>&1 && "$ucall" trace "$trace" >"$scratch/text"
	if grep -qE "no engine|cannot be used|has no guest code" "$scratch/out"; then
		skip "$(head -n 1 "$scratch/out")" "$arch"
		continue
	fi
	lines 1 'begin a round$' && lines 1 'DONE'
	ok $? "$arch: spans and messages"
done

# ---- other ways ----
: >"$scratch/both"
if run; then
	UCALL_TRACE=$scratch/both "$ucall" run "$elf" 1 >"$scratch/out" 2>&1 &&
		UCALL_TRACE=$scratch/both "$ucall" run "$elf" 1 >"$scratch/out" 2>&1
	"$ucall" trace "$scratch/both" >"$scratch/text"
	lines 2 '^VM: ' && lines 2 'DONE'
	ok $? "UCALL_TRACE: each VM is added"
	"$ucall" run --trace /dev/full "$elf" 3 >"$scratch/out" 2>&1
	test $? -eq 2 && grep -q "/dev/full: the trace is not complete: " "$scratch/out" && grep -q '^DONE' "$scratch/out"
	ok $? "a full disk is told, and the guest ends"
	cp "$elf" "$scratch/same.elf"
	"$ucall" run --trace "$scratch/same.elf" "$scratch/same.elf" 3 >"$scratch/out" 2>&1
	test $? -eq 2 && cmp -s "$elf" "$scratch/same.elf"
	ok $? "a trace does not replace the guest"
	UCALL_TRACE=$scratch/both "$ucall" run --trace "$trace" "$elf" 3 >"$scratch/out" 2>&1
	ok $? "--trace, and not UCALL_TRACE"
	(ulimit -f 1 && "$ucall" run --trace "$scratch/limited" "$elf" 300 >/dev/null 2>"$scratch/limit-err")
	test $? -eq 2 && grep -q "the trace is not complete: " "$scratch/limit-err"
	ok $? "a limit of files' size is told"
	"$ucall" run --trace /nonexistent/trace "$elf" 3 >"$scratch/out" 2>&1
	test $? -eq 2 && grep -q "cannot write a trace to /nonexistent/trace" "$scratch/out"
	ok $? "a file that cannot be made is told"
	UCALL_TRACE=/nonexistent/trace "$ucall" run "$elf" 3 >"$scratch/out" 2>&1
	test $? -eq 2 && grep -q "UCALL_TRACE: cannot write" "$scratch/out"
	ok $? "UCALL_TRACE that cannot be made is told"

	# ---- files that are no traces ----
	for bytes in 1 2 7 40 100 200 300; do
		head -c $bytes "$trace" >"$scratch/cut"
		"$ucall" trace "$scratch/cut" >"$scratch/text" 2>"$scratch/err"
		status=$?
		test $status -eq 0 || { test $status -eq 2 && grep -q "is not a trace" "$scratch/err"; }
		ok $? "cut after $bytes bytes"
	done
else
	skip "$(head -n 1 "$scratch/err")" "other ways"
fi
head -c 100000 "$ucall" >"$scratch/wrong"
for file in "$scratch/wrong" /dev/null /nonexistent "$scratch"; do
	"$ucall" trace "$file" >"$scratch/text" 2>"$scratch/err"
	test $? -eq 2 && test -s "$scratch/err"
	ok $? "ucall trace ${file##*/}: refused"
done
"$ucall" trace >"$scratch/out" 2>&1
test $? -eq 2 && grep -q "^usage: ucall trace" "$scratch/out"
ok $? "ucall trace without a file: usage"

# ---- probes ----
library=$top_builddir/libucall/.libs/libucall.so
if ! grep -q "^UCALL_PROBE_CPPFLAGS = -D" "$top_builddir/Makefile" 2>/dev/null || ! test -e "$library"; then
	skip "built without <sys/sdt.h>; install systemtap-sdt-dev" "static probes"
else
	readelf -n "$library" 2>/dev/null | grep -A1 'Provider: libucall' >"$scratch/probes"
	grep -q 'Name: exit' "$scratch/probes" && grep -q 'Name: message' "$scratch/probes"
	ok $? "static probes exit and message"
fi
done_testing
