#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds every fuzz target into $OUT, with its seeds.  A fuzzing service calls this in the source
# folder, with CC, CFLAGS and LIB_FUZZING_ENGINE set; `make fuzz-check` does, too.  FUZZ_TARGETS
# selects targets.
set -eu
: "${CC:?}" "${OUT:?}" "${LIB_FUZZING_ENGINE:?}"
CFLAGS=${CFLAGS:-}
host=$(uname -m)
targets="config note mailbox exit walk image info queue report kicks"
test "$host" != x86_64 || targets="$targets insn ghcb vmcall"
targets=${FUZZ_TARGETS:-$targets}
work=${WORK:-$(mktemp -d)}
flags="-std=gnu11 -D_GNU_SOURCE -DUCALL_VERSION=\"fuzz\" -DUCALL_BACKEND_DIR=\"/nonexistent\" -Iinclude -Ilibucall"
# The tools' built-in folders: a target uses some of their sources.
flags="$flags -DUCALL_INCLUDE_DIR=\"/\" -DUCALL_LIBRARY_DIR=\"/\" -DUCALL_GUEST_DIR=\"/\" -DUCALL_ELF_DIR=\"/\""

# The core, once.
core=$(find libucall -name '*.c' ! -path '*/guest/*' ! -path '*/harness/*' ! -path '*/modules/*/*' ! -path '*/protect/sev/*' \
	! -path '*/protect/tdx/*' ! -path '*/protect/x86/*' \
	! -path libucall/kvm/device.c ! -path libucall/kvm/one-reg.c \
	\( ! -path '*/arch/*' -o -path "*/arch/$host/*" -o -path '*/arch/*.c' ! -path '*/arch/*/*' -o -name arch.c -o -name paging.c \
	-o -name decode.c -o -name escape.c \))
case $host in
x86_64) core="$core $(find libucall/protect/sev libucall/protect/tdx libucall/protect/x86 -name '*.c')" ;;
s390x) ;;
*) core="$core libucall/kvm/device.c libucall/kvm/one-reg.c" ;;
esac
compile() { # FLAGS SOURCE
	object=$work/$(echo "${2%.*}" | tr / -).o
	# shellcheck disable=SC2086
	$CC $1 $flags -c "$2" -o "$object"
	echo "$object"
}
test "$host" != x86_64 || core="$core libucall/protect/tdx/start-vcpu.S"
objects=
for source in $core "libucall/arch/$host/stubs.S"; do
	objects="$objects $(compile "$CFLAGS" "$source")"
done
rm -f "$work/core.a"
# shellcheck disable=SC2086
ar rcs "$work/core.a" $objects
# Guest code is not instrumented.
guest=
for source in libucall/guest/*.c t/fuzz/kicks-guest.c; do
	guest="$guest $(compile "-g -O1 -fPIC" "$source")"
done

# A fuzzing service runs the targets elsewhere: copies the libraries, too.
mkdir -p "$OUT/lib"
for library in libelf.so.1 libdw.so.1 libz.so.1 liblzma.so.5 libbz2.so.1.0 libzstd.so.1; do
	file=$(ldconfig -p | sed -n "s/.*[[:space:]]$library .*=> //p" | head -n 1)
	test ! "$file" || cp -L "$file" "$OUT/lib/"
done

for t in $targets; do
	more=
	case $t in
	info)
		for source in tools/list.c tools/text.c tools/help.c tools/compilers.c; do
			more="$more $(compile "$CFLAGS" "$source")"
		done
		;;
	kicks) more=$guest ;;
	report)
		# The program that names functions, built as installed: without a sanitizer, so that its limits
		# hold.
		# shellcheck disable=SC2086
		$CC -g -O1 $flags libucall/modules/symbols/helper.c libucall/modules/symbols/backtrace.c -o "$OUT/ucall-symbols" \
			-Wl,-rpath,'$ORIGIN/lib' -ldw -lelf
		;;
	esac
	# shellcheck disable=SC2086
	$CC $CFLAGS $flags "t/fuzz/$t.c" $more "$work/core.a" -o "$OUT/$t" $LIB_FUZZING_ENGINE \
		-Wl,-rpath,'$ORIGIN/lib' -lelf -ldl -lpthread
	if command -v zip >/dev/null && test -d "t/fuzz/corpus/$t"; then
		zip -jqr "$OUT/${t}_seed_corpus.zip" "t/fuzz/corpus/$t"
	fi
done
