#!/bin/sh
# SPDX-License-Identifier: MIT
# The guest's doorbell comes from the .so: another file, another doorbell, the same program.
. "$top_srcdir/t/tap.sh"
needs_shared_objects

build() { # PORT
	$CC -shared -fPIC -O2 -w -I"$top_srcdir/include" -DPORT="$1" \
		"$top_srcdir/t/plugins/good.c" -o "$scratch/new.so" \
		-L"$top_builddir/libucall/.libs" -lucall && mv "$scratch/new.so" "$scratch/ucall-good.so"
}

UCALL_PLUGIN_PATH=$scratch:$UCALL_PLUGIN_PATH
export UCALL_PLUGIN_PATH
for port in 0x11 0x22 0x33; do
	build $port || not_built "the plugin"
	"$top_builddir/t/show-port" good >"$scratch/out" 2>&1
	if test $? -eq 77; then
		skip "$(cat "$scratch/out")" "port $port"
	else
		has "$scratch/out" "port $port" "the file for port $port"
	fi
done

# Within one process: the second VM has the new file, the first keeps the old.
build 0x44
cp "$scratch/ucall-good.so" "$scratch/44"
build 0x55
"$top_builddir/t/show-port" good "mv $scratch/44 $scratch/ucall-good.so" >"$scratch/out" 2>&1
if test $? -eq 77; then
	skip "$(cat "$scratch/out")" "replaced while in use"
else
	tr '\n' ' ' <"$scratch/out" >"$scratch/line"
	has "$scratch/line" "port 0x55 port 0x44 port 0x55 " "replaced while in use"
fi

# Not replaced, but overwritten by a larger file: the dynamic linker still has the first.  What the
# process had loaded is gone, so it may crash at its end; but the error comes before that.
build 0x66
printf 'const char padding[300000] = { 1 };\n' >"$scratch/padding.c"
$CC -shared -fPIC -O2 -w -I"$top_srcdir/include" "$top_srcdir/t/plugins/good.c" "$scratch/padding.c" \
	-o "$scratch/large" -L"$top_builddir/libucall/.libs" -lucall
"$top_builddir/t/show-port" good "cat $scratch/large >$scratch/ucall-good.so" >"$scratch/out" 2>&1
if test $? -eq 77; then
	skip "$(cat "$scratch/out")" "overwritten by a larger file"
else
	has "$scratch/out" "the file was changed after this process had loaded it" "overwritten by a larger file"
fi
done_testing
