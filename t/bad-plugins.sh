#!/bin/sh
# SPDX-License-Identifier: MIT
# Every reason why a file is not a backend is reported, and no code of such a file runs.
. "$top_srcdir/t/tap.sh"
RAN_FILE=$scratch/constructor-ran
export RAN_FILE

build() { # NAME FLAG...
	name=$1
	shift
	$CC -shared -fPIC -O2 -w -I"$top_srcdir/include" "$@" \
		"$top_srcdir/t/plugins/good.c" -o "$scratch/$name.so" \
		-L"$top_builddir/libucall/.libs" -lucall || not_built "the plugin $name"
}

# refused FILE TEXT NAME: VM creation fails with the text, and the file's constructor did not run.
refused() {
	rm -f "$RAN_FILE"
	UCALL_BACKEND=$1 "$top_builddir/examples/hello" >"$scratch/out" 2>&1
	status=$?
	{ test $status -eq 2 && grep -qF -e "$2" "$scratch/out" && test ! -e "$RAN_FILE"; }
	status=$?
	ok $status "$3"
	test $status -eq 0 || { echo "wanted: $2"; cat "$scratch/out"; ls "$RAN_FILE"; } 2>&1 | diag
}

# patch FILE OFFSET-IN-NOTE BYTES OUT: changes the metadata, which starts with abi, guest_abi, size.
patch() {
	offset=$(grep -obUaP 'libucall\0\0\0\0\x01\0\0\0\x01\0\0\0' "$1" | head -n 1 | cut -d: -f1)
	cp "$1" "$4"
	printf "$3" | dd of="$4" bs=1 seek=$((offset + 12 + $2)) conv=notrunc 2>/dev/null
}

needs_shared_objects
build good || not_built "t/plugins/good.c"
if UCALL_BACKEND=$scratch/good.so "$top_builddir/examples/hello" >"$scratch/out" 2>&1; then
	has "$scratch/out" "backend good" "a good one, by its path"
	test -e "$RAN_FILE"
	ok $? "its constructor runs"
else
	skip "$(tail -n 1 "$scratch/out")" "a good one, by its path"
	skip "no VM here" "its constructor runs"
fi

echo "no ELF" >"$scratch/text.so"
refused "$scratch/text.so" "text.so: not an ELF file" "a text file"
: >"$scratch/empty.so"
refused "$scratch/empty.so" "empty.so: not an ELF file" "an empty file"
head -c 100 "$scratch/good.so" >"$scratch/cut.so"
refused "$scratch/cut.so" "cut.so: " "a truncated file"
head -c 700 "$scratch/good.so" >"$scratch/cut2.so"
refused "$scratch/cut2.so" "cut2.so: " "a file that ends in its note"
refused "$scratch/no.so" "cannot open $scratch/no.so: No such file" "a missing file"
refused "$scratch" "$scratch: not a regular file" "a folder"

cp "$scratch/good.so" "$scratch/arm.so"
printf '\267\000' | dd of="$scratch/arm.so" bs=1 seek=18 conv=notrunc 2>/dev/null
refused "$scratch/arm.so" "an ELF file for aarch64; expected x86_64" "a file for another machine"
cp "$scratch/good.so" "$scratch/32.so"
printf '\001' | dd of="$scratch/32.so" bs=1 seek=4 conv=notrunc 2>/dev/null
refused "$scratch/32.so" "a 32-bit ELF file" "a 32-bit file"
cp "$scratch/good.so" "$scratch/msb.so"
printf '\002' | dd of="$scratch/msb.so" bs=1 seek=5 conv=notrunc 2>/dev/null
refused "$scratch/msb.so" "of the other byte order" "a file of the other byte order"
refused "$top_builddir/examples/.libs/hello" "" "a program"

patch "$scratch/good.so" 0 '\002' "$scratch/abi2.so"
refused "$scratch/abi2.so" "built for plugin ABI 2" "a newer plugin ABI"
patch "$scratch/good.so" 0 '\000' "$scratch/abi0.so"
refused "$scratch/abi0.so" "built for plugin ABI 0" "plugin ABI 0"
patch "$scratch/good.so" 4 '\011' "$scratch/guest9.so"
refused "$scratch/guest9.so" "its guest code is for guest ABI 9" "another guest ABI"
patch "$scratch/good.so" 8 '\377\377' "$scratch/size.so"
refused "$scratch/size.so" "its libucall note says size" "a note of the wrong size"
patch "$scratch/good.so" 208 '\200' "$scratch/needs.so"
refused "$scratch/needs.so" "does not know its .needs bits" "an unknown need"
patch "$scratch/good.so" 16 'Good' "$scratch/name.so"
refused "$scratch/name.so" "invalid name \"Good\"" "a name with a capital letter"
patch "$scratch/good.so" 16 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' "$scratch/long.so"
refused "$scratch/long.so" "longer than its field" "an unterminated name"

build no-note -DBAD_NO_NOTE
refused "$scratch/no-note.so" "no libucall note, so it is not a backend" "no note"
build no-ops -DBAD_NO_OPS
refused "$scratch/no-ops.so" "no symbol ucall_ops" "no ucall_ops"
build protection -DBAD_PROTECTION
UCALL_BACKEND=$scratch/protection.so "$top_builddir/examples/hello" >"$scratch/out" 2>&1
has "$scratch/out" "for confidential VMs only" "a backend for other VMs"

build libc -DBAD_LIBC -fno-builtin
refused "$scratch/libc.so" "refers to strlen; guest code must be self-contained" \
	"guest code that calls the C library"
has "$scratch/out" "the instruction at ring+0x" "the instruction is named"
strip "$scratch/libc.so"
refused "$scratch/libc.so" "of the section refers to strlen" "the same, stripped"
build libc-now -DBAD_LIBC -fno-builtin -fno-plt -Wl,-z,now
refused "$scratch/libc-now.so" "refers to strlen" "the same, by the global offset table"
build global -DBAD_GLOBAL
refused "$scratch/global.so" "refers to global;" "guest code that uses a global variable"
build string -DBAD_STRING
refused "$scratch/string.so" "leaves its section" "guest code that uses a string literal"
build address -DBAD_ADDRESS -Wl,-z,notext
refused "$scratch/address.so" "holds the address of" "guest code that holds an address"
build bytes -DBAD_BYTES
refused "$scratch/bytes.so" "invalid x86_64 instruction at ring+0x" "guest code that is not code"

# These errors are found only after loading: the constructors run, but no VM does.
build pair -DBAD_PAIR
UCALL_BACKEND=$scratch/pair.so "$top_builddir/examples/hello" >"$scratch/out" 2>&1
has "$scratch/out" "no complete pair" "half a pair"
build outside -DBAD_OUTSIDE
UCALL_BACKEND=$scratch/outside.so "$top_builddir/examples/hello" >"$scratch/out" 2>&1
has "$scratch/out" "its send_cmd_shared is not in the section ucall_guest" \
	"a guest function outside its section"
build undefined -DBAD_UNDEFINED
UCALL_BACKEND=$scratch/undefined.so "$top_builddir/examples/hello" >"$scratch/out" 2>&1
has "$scratch/out" "undefined symbol: nowhere_defined" "an undefined symbol"

# A backend that needs exits of KVM itself, with another engine.
patch "$scratch/good.so" 208 '\10' "$scratch/kvm.so"
name="a backend that needs KVM, with another engine"
if "$top_builddir/tools/ucall" list | grep -q "^unicorn .*yes"; then
	UCALL_ENGINE=unicorn UCALL_BACKEND=$scratch/kvm.so "$top_builddir/examples/hello" >"$scratch/out" 2>&1
	has "$scratch/out" "needs KVM for its doorbell; this VM has engine unicorn" "$name"
else
	skip "no engine unicorn; install libunicorn-dev and build libucall with it" "$name"
fi
rm "$scratch/kvm.so"

# None leaves anything behind in a process that tries it repeatedly.
REFUSED_PLUGINS=$(for f in "$scratch"/*.so; do
	test "$f" = "$scratch/good.so" || printf '%s:' "$f"
done)/dev/null
export REFUSED_PLUGINS
"$top_builddir/t/nothing-left" >"$scratch/out" 2>&1
status=$?
ok $status "they leave nothing behind"
test $status -eq 0 || diag <"$scratch/out"

# All of them in one folder can be listed, and none runs.
rm -f "$RAN_FILE"
mkdir "$scratch/folder"
for f in "$scratch"/*.so; do
	cp "$f" "$scratch/folder/ucall-$(basename "$f")"
done
UCALL_PLUGIN_PATH=$scratch/folder "$top_builddir/tools/ucall" list >"$scratch/out" 2>&1
status=$?
test ! -e "$RAN_FILE" && test $status -eq 0
ok $? "ucall list runs none of them"
has "$scratch/out" "no libucall note" "and says what is wrong with each"
UCALL_PLUGIN_PATH=$scratch/folder "$top_builddir/tools/ucall" info libc >"$scratch/out" 2>&1
has "$scratch/out" "works here:     no: " "ucall info as well"

done_testing
