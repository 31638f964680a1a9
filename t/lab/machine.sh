# SPDX-License-Identifier: MIT
# Sourced by the tests of t/lab: builds libucall and its tests for another machine, boots it, and
# reports each point of its tests as this test's own.  Needs arch and name (the points' prefix).
set -u
lab=$top_srcdir/tools/lab/lab.sh
work=$(pwd)/t/lab/work/$arch
UCALL_LAB_CACHE=${UCALL_LAB_CACHE:-$(pwd)/t/lab/cache}
export UCALL_LAB_CACHE
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES UCALL_BACKEND UCALL_ENGINE

skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

# Runs a step, and prints its output only if it fails.
step() { # WORDS COMMAND...
	words=$1
	shift
	"$@" >"$work/log" 2>&1 && return 0
	tail -n 30 "$work/log" | sed 's/^/# /'
	echo "Bail out! $name: $words failed"
	exit 1
}

mkdir -p "$work"
# Two tests of one machine share its build, but each boots its own copy of what it installs.
exec 9>"$work/lock"
flock 9
sh "$lab" fetch "$arch" >"$work/fetch" 2>&1
case $? in
0) sysroot=$(tail -n 1 "$work/fetch")/sysroot ;;
77) skip_all "$(grep '^ucall lab: ' "$work/fetch" | tail -n 1)" ;;
*)
	sed 's/^/# /' "$work/fetch"
	echo "Bail out! $name: the machine's packages could not be fetched"
	exit 1
	;;
esac

triplet=$arch-linux-gnu
if test "$arch" = "$(uname -m)"; then
	set -- CC="${CC:-gcc}"
else
	command -v "$triplet-gcc" >/dev/null || skip_all "$triplet-gcc is missing; install gcc-$triplet"
	libraries=$sysroot/usr/lib/$triplet
	PKG_CONFIG_LIBDIR=$libraries/pkgconfig
	PKG_CONFIG_SYSROOT_DIR=$sysroot
	export PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR
	# Libraries of a later suite may need a later C library than the compiler has.
	set -- --host="$triplet" --without-libcrypto CC="$triplet-gcc --sysroot=$sysroot" \
		LDFLAGS="-Wl,-rpath-link,$libraries -Wl,--allow-shlib-undefined"
fi

# The sources of a release, since a configured folder cannot be built elsewhere.
source=$(pwd)/t/lab/source
build=$work/build
set -- "$source/configure" --prefix=/usr --without-unicorn "$@"
if test "$(cat "$work/configured" 2>/dev/null)" != "$*"; then
	rm -rf "$build"
	mkdir "$build"
	cd "$build" || exit 1
	step "configure" "$@"
	cd "$OLDPWD" || exit 1
	echo "$*" >"$work/configured"
fi
step "make" make -C "$build" -j2
step "making the tests" make -C "$build" -j2 check TESTS=
rm -rf "$work/root"
mkdir -p "$work/root/t"
step "make install" make -C "$build" install DESTDIR="$work/root"
rm -rf "$work/root/usr/share" "$work/root/usr/include"
gaps=$top_srcdir/t/lab/$arch.gaps
test -e "$gaps" || gaps=/dev/null
# Programs with a libtool script are in .libs.
for test in $(make -s -C "$build" list-tests); do
	grep -q "^-${test##*/}	" "$gaps" && continue
	program=$build/t/.libs/${test##*/}
	test -e "$program" || program=$build/$test
	cp "$program" "$work/root/t/"
done
cp "$top_srcdir/t/lab/tests.sh" "$work/root/"
rm -rf "$work/$name.root"
cp -a "$work/root" "$work/$name.root"
flock -u 9

if test "$arch" = s390x; then
	echo "ok 1 - $name: the library, its backends and its tests are built"
	echo "ok 2 - $name: the tests # SKIP QEMU's emulator has no SIE, which KVM on s390x needs"
	echo "1..2"
	exit 0
fi

sh "$lab" run "$arch" --root "$work/$name.root" --timeout 1200 ${options:+--module-options "$options"} -- sh /tests.sh ${setting:+"$setting"} \
	>"$work/$name.out" 2>"$work/$name.console"
status=$?
awk -v name="$name" -v gaps="$gaps" -v status="$status" -v console="$work/$name.console" '
# Known gaps of this emulator are listed by test and point; any other failure counts.
BEGIN {
	while ((getline line < gaps) > 0) {
		split(line, part, /\t+/)
		if (line ~ /^-/) {
			point(1, substr(part[1], 2) " # SKIP " part[2])
		} else if (line ~ /^[^#]/) {
			pattern[++patterns] = part[1]
			reason[patterns] = part[2]
		}
	}
}
function gap(text,    i) {
	for (i = 1; i <= patterns; i++)
		if (text ~ pattern[i])
			return reason[i]
	return ""
}
function point(good, text,    why) {
	why = good ? "" : gap(text)
	if (why != "") {
		good = 1
		text = text " # SKIP it fails here: " why
	}
	print (good ? "ok " : "not ok ") ++points " - " name " " text
}
/^ucall-lab: test / { test = $3; planned = -1; seen = failed = 0; next }
/^ucall-lab: all is done/ { complete = 1; next }
/^ucall-lab: status / {
	if (planned != seen)
		point(0, test ": " (planned < 0 ? "no plan" : planned " points were planned, " seen " came"))
	else if ($3 && !failed)
		point(0, test ": ended with status " $3)
	test = ""
	next
}
/^1\.\.[0-9]+/ {
	planned = substr($1, 4) + 0
	if (planned == 0)
		point(1, test " # SKIP" substr($0, index($0, "SKIP") + 4))
	next
}
/^(not )?ok / {
	seen++
	good = $1 == "ok"
	failed += !good
	sub(/^(not )?ok [0-9]+ - /, "")
	point(good, test ": " $0)
	next
}
test != "" { print "# " $0 }
END {
	if (!complete) {
		while ((getline line < console) > 0)
			print "# " line
		point(0, (test == "" ? "the machine" : test) ": the machine ended before its tests did (" status ")")
	}
	print "1.." points
}' "$work/$name.out"
exit 0
