#!/bin/sh
# SPDX-License-Identifier: MIT
# A plugin is loaded from its own file: $ORIGIN is its folder, and dladdr() gives its path.  A file
# that is overwritten between the check and the load is refused.
. "$top_srcdir/t/tap.sh"
needs_shared_objects
hello=$(cd "$top_builddir" && pwd)/examples/hello
unset UCALL_BACKEND UCALL_ENGINE
"$hello" >"$scratch/out" 2>&1 || skip_all "no engine here"

mkdir "$scratch/folder"
cat >"$scratch/dependency.c" <<'EOF'
int dependency(void) { return 4711; }
EOF
cat >"$scratch/where.c" <<'EOF'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
int dependency(void);
__attribute__((constructor)) static void where(void)
{
	FILE *f = fopen(getenv("WHERE"), "w");
	Dl_info info;

	dladdr((void *)where, &info);
	fprintf(f, "%d %s\n", dependency(), info.dli_fname);
	fclose(f);
}
EOF
$CC -shared -fPIC "$scratch/dependency.c" -o "$scratch/folder/libdependency.so" || not_built "a library"
$CC -shared -fPIC -O2 -w -I"$top_srcdir/include" "$top_srcdir/t/plugins/good.c" "$scratch/where.c" \
	-o "$scratch/folder/ucall-good.so" -L"$top_builddir/libucall/.libs" -lucall -L"$scratch/folder" -ldependency \
	-Wl,-rpath,'$ORIGIN' -Wl,--enable-new-dtags
WHERE=$scratch/where
export WHERE
for name in "$scratch/folder/ucall-good.so" good; do
	rm -f "$WHERE"
	UCALL_PLUGIN_PATH=$scratch/folder UCALL_BACKEND=$name "$hello" >"$scratch/out" 2>&1
	status=$?
	ok $status "$(basename "$name"): a library beside it, by \$ORIGIN"
	test $status -eq 0 || diag <"$scratch/out"
	has "$WHERE" "4711 $scratch/folder/ucall-good.so" "$(basename "$name"): dladdr() gives its path"
done
(cd "$scratch/folder" && UCALL_BACKEND=./ucall-good.so "$hello" >"$scratch/out" 2>&1)
ok $? "by a relative path"
test "$(sed 's/.* //; s,/\./,/,g; s,^\./,,' "$WHERE")" = ucall-good.so
ok $? "dladdr() gives that path"

# The file is overwritten after it was read, by a function that overrides dlopen().
cat >"$scratch/over.c" <<'EOF'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
void *dlopen(const char *path, int flags)
{
	void *(*real)(const char *, int) = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");

	if (path && strstr(path, "ucall-over.so")) {
		char text[1 << 16];
		int from = open(getenv("FROM"), O_RDONLY), to = open(path, O_WRONLY | O_TRUNC);
		ssize_t n;

		while ((n = read(from, text, sizeof(text))) > 0)
			if (write(to, text, (size_t)n) != n)
				abort();
		close(from);
		close(to);
	}
	return real(path, flags);
}
EOF
if ! $CC -shared -fPIC -w "$scratch/over.c" -o "$scratch/over.so"; then
	skip "$CC cannot build it" "an overwritten file"
elif env | grep -q "^ASAN_OPTIONS=.*" && nm -D "$top_builddir/libucall/.libs/libucall.so" | grep -q __asan; then
	skip "a sanitizer must be loaded first" "an overwritten file"
else
	for port in 0x11 0x22; do
		$CC -shared -fPIC -O2 -w -I"$top_srcdir/include" -DPORT=$port "$top_srcdir/t/plugins/good.c" \
			-o "$scratch/$port.so" -L"$top_builddir/libucall/.libs" -lucall
	done
	cp "$scratch/0x11.so" "$scratch/ucall-over.so"
	FROM=$scratch/0x22.so LD_PRELOAD=$scratch/over.so UCALL_BACKEND=$scratch/ucall-over.so "$hello" >"$scratch/out" 2>&1
	test $? -eq 2
	ok $? "an overwritten file is refused"
	has "$scratch/out" "the file was changed" "the message says why"
fi
done_testing
