#!/bin/sh
# SPDX-License-Identifier: MIT
# What docs/ABI.md promises: the backend, the program and the guests that t/abi keeps of each release work
# with this library; a plugin of the oldest ABI builds and conforms; ucall_ops that end earlier or later
# than today's load, too; those of another ABI are refused with a message.
. "$top_srcdir/t/tap.sh"
ucall=$top_builddir/tools/ucall
hello=$top_builddir/examples/hello
unset UCALL_BACKEND

test "$(uname -m)" = x86_64 || skip_all "the frozen plugins are for x86_64"
needs_shared_objects

build() { # ABI FLAG...
	abi=$1
	shift
	$CC -shared -fPIC -O2 -w -I"$top_srcdir/include" "$@" "$top_srcdir/t/abi/$abi/plugin.c" \
		-o "$scratch/ucall-abi$abi.so" -L"$top_builddir/libucall/.libs" -lucall
}

runs() { # NAME [VIA]
	UCALL_BACKEND=$scratch/ucall-abi1.so "$hello" >"$scratch/out" 2>&1 &&
		grep -q "backend abi1" "$scratch/out"
	status=$?
	ok $status "$1"
	test $status -eq 0 || diag <"$scratch/out"
}

refused() { # TEXT NAME
	UCALL_BACKEND=$scratch/ucall-abi1.so "$hello" >"$scratch/out" 2>&1
	test $? -eq 2
	ok $? "$2: refused"
	has "$scratch/out" "$1" "$2: it says why"
}

# ---- binaries of releases ----
for folder in "$top_srcdir"/t/abi/*.*.*/; do
	release=$(basename "$folder")
	for guest in "$folder"guest-*.elf; do
		arch=${guest##*guest-}
		arch=${arch%.elf}
		if "$ucall" list | grep -q "^$arch *none"; then
			skip "no engine here for $arch" "a guest of $release for $arch"
			continue
		elif ! "$ucall" list | grep -qE "^[a-z-]+ +[0-9.]+ +[a-z0-9_,]*$arch.* yes "; then
			skip "no backend here has guest code for $arch; install its compiler and build libucall again" \
				"a guest of $release for $arch"
			continue
		fi
		"$ucall" run "$guest" >"$scratch/out" 2>&1
		test $? -eq 0 && grep -q "hello from vCPU 0, guest" "$scratch/out" && grep -q "SYNC 2" "$scratch/out"
		status=$?
		ok $status "a guest of $release for $arch"
		test $status -eq 0 || diag <"$scratch/out"
	done
	if "$ucall" list | grep -q "^x86_64 *none"; then
		skip "no engine here" "the backend and the program of $release"
		continue
	fi
	"$ucall" conform --messages 600 "$folder"ucall-abi1.so >"$scratch/out" 2>&1
	status=$?
	ok $status "the backend of $release conforms"
	test $status -eq 0 || grep -A3 "^#\|^not" "$scratch/out" | diag
	for backend in "" "$folder"ucall-abi1.so; do
		name="the program of $release${backend:+ over its backend}"
		UCALL_BACKEND=$backend "$folder"hello >"$scratch/out" 2>&1
		status=$?
		if grep -q "version .GLIBC.* not found\|ASan runtime does not come first\|__[at]san" "$scratch/out"; then
			skip "it does not start here: $(head -n 1 "$scratch/out")" "$name"
			continue
		fi
		test $status -eq 0 && grep -q "stage 2" "$scratch/out" && grep -q "hello from vCPU 0, guest" "$scratch/out"
		status=$?
		ok $status "$name"
		test $status -eq 0 || diag <"$scratch/out"
	done
done

# ---- plugins of the oldest ABI, from their source ----
for folder in "$top_srcdir"/t/abi/[0-9]/; do
	abi=$(basename "$folder")
	build "$abi" || not_built "the plugin of ABI $abi"
	if "$ucall" list | grep -q "^x86_64 *none"; then
		skip "no engine here" "plugin ABI $abi conforms"
		continue
	fi
	"$ucall" conform --messages 600 "$scratch/ucall-abi$abi.so" >"$scratch/out" 2>&1
	status=$?
	ok $status "plugin ABI $abi conforms"
	test $status -eq 0 || grep -A3 "^#\|^not" "$scratch/out" | diag
done

build 1 || not_built "the plugin of ABI 1"
if "$ucall" list | grep -q "^x86_64 *none"; then
	skip "no engine here" "ucall_ops of other sizes"
else
	runs "ucall_ops of the original size"
	build 1 -DMORE
	runs "ucall_ops with one field more than this library knows"
	# Fields past .size are ignored, although they are set.
	build 1 "-DSIZE=offsetof(struct ucall_ops, recv_cmd)" -DABI=1
	refused "no complete pair" "ucall_ops that end before the newest field, half a pair"
fi
build 1 "-DSIZE=16"
refused "no complete pair" "ucall_ops that end before the first function"
build 1 "-DSIZE=8"
refused "its ucall_ops has the size 8" "ucall_ops that end before their metadata"
build 1 -DABI=2
refused "its ucall_ops is for plugin ABI 2; this libucall supports 1 to 1" "ucall_ops of the next ABI"
build 1 -DABI=0
refused "its ucall_ops is for plugin ABI 0" "ucall_ops of ABI 0"

# The frozen headers are a part of today's: no structure has changed.
$CC -x c -fsyntax-only -I"$top_srcdir/include" - >"$scratch/out" 2>&1 <<'EOF'
#include <ucall/plugin.h>
#define AT(type, field, offset) _Static_assert(offsetof(struct type, field) == offset, #field)
AT(ucall_ops, metadata, 8);
AT(ucall_ops, init, 16);
AT(ucall_ops, uninit, 24);
AT(ucall_ops, send_cmd, 32);
AT(ucall_ops, send_cmd_shared, 40);
AT(ucall_ops, recv_cmd, 48);
AT(ucall_ops, recv_cmd_shared, 56);
AT(ucall_ops, vcpu_init, 64);
AT(ucall_metadata, name, 16);
AT(ucall_metadata, needs, 208);
AT(ucall_metadata, options, 224);
AT(ucall_exit, u, 8);
AT(ucall_exit, u.mmio.data, 16);
_Static_assert(sizeof(struct ucall_exit) == 104, "ucall_exit");
_Static_assert(sizeof(struct ucall_option) == 256, "ucall_option");
AT(ucall, text, 64);
AT(ucall_mailbox, fault, 1152);
AT(ucall_bell, param, 8);
EOF
status=$?
ok $status "structures have the layout of plugin ABI 1"
test $status -eq 0 || diag <"$scratch/out"
done_testing
