#!/bin/bash
# SPDX-License-Identifier: MIT
# release.sh [STEP...]: makes a release in release/ of the build folder, or ends at the first thing that is not
# as it should be.  `make release` calls it; steps are the names below, in their order.  Each has a log.
#
# Systems other than this one are testbeds (tools/fleet/testbed.sh), so it needs root, mmdebstrap and an
# archive of Debian.
set -eu -o pipefail
: "${top_srcdir:?run make release}" "${VERSION:?}" "${MAKE:=make}"
source=$(cd "$top_srcdir" && pwd)
build=$PWD
out=$build/release
testbed=$source/tools/fleet/testbed.sh
systems=${RELEASE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ucall-release}

fail() {
	echo "$*" >&2
	exit 1
}

# ---- what the source says ----

step_source() {
	cd "$source"
	local changed head tag
	changed=$(git status --porcelain --untracked-files=normal)
	head=$(git rev-parse HEAD)
	test ! "$changed" || fail "files that are not committed: $(echo "$changed" | head -n 5)"
	head -n 1 NEWS | grep -qE "^libucall $VERSION \(20[0-9]{2}-[0-9]{2}-[0-9]{2}\)$" ||
		fail "NEWS begins \"$(head -n 1 NEWS)\", not \"libucall $VERSION (YEAR-MONTH-DAY)\""
	date -d "$(head -n 1 NEWS | sed 's/.*(\(.*\))/\1/')" >/dev/null || fail "NEWS: its first line has no date"
	head -n 1 debian/changelog | grep -qE "^libucall \($VERSION-[0-9]+\) [a-z]+;" ||
		fail "debian/changelog begins \"$(head -n 1 debian/changelog)\", and the version is $VERSION"
	grep -qE "^Version: +$VERSION$" tools/release/libucall.spec || fail "tools/release/libucall.spec: the version is not $VERSION"
	test -x "t/abi/$VERSION/hello" || fail "t/abi has no binaries of $VERSION: run make abi-freeze"
	tag=$(git tag --list "v$VERSION" --format '%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)')
	test ! "$tag" || test "$tag" = "$head" || fail "the tag v$VERSION is there, and is another commit"
	! git grep -n 'example\.org' -- debian tools/release ':!tools/release/release.sh' >"$out/placeholders" ||
		echo "Warning: placeholders for a maintainer and a homepage: $(cut -d : -f 1 "$out/placeholders" | sort -u | tr '\n' ' ')"
}

# ---- the tarball, by the build's own checks ----

step_distcheck() {
	cd "$build"
	$MAKE abi-check
	$MAKE -j"$(nproc)" distcheck
	cp "libucall-$VERSION.tar.gz" "libucall-$VERSION.tar.xz" "$out/"
}

# ---- the tarball in systems that have nothing ----

# What bootstrap installs, then README's commands for a tarball.
install="mkdir b && tar xf /in/libucall-$VERSION.tar.gz -C b && (cd b/libucall-$VERSION && ./bootstrap --install-deps)"
readme="tar xf /in/libucall-$VERSION.tar.gz && cd libucall-$VERSION && ./configure && make demo && make check -j2"

# As root, with /dev/kvm.
root_in() { # SUITE
	"$testbed" image "$1" "$systems/$1"
	"$testbed" run --read "$out:/in" "$systems/$1" sh -ec "
apt-get update
$install
$readme"
}

# As a user, without.
user_in() { # SUITE
	"$testbed" image "$1" "$systems/$1"
	"$testbed" run --no-kvm --read "$out:/in" "$systems/$1" sh -ec "apt-get update
useradd -m user
$install
su user -c 'cd && $readme'"
}

step_bookworm_root() { root_in bookworm; }
step_bookworm_user() { user_in bookworm; }
step_trixie_root() { root_in trixie; }
step_trixie_user() { user_in trixie; }

# ---- packages ----

# Debian's source package: the tarball, and debian/ from the commit.
debian_source() { # FOLDER
	rm -rf "${out:?}/$1"
	mkdir -p "$out/$1"
	cp "$out/libucall-$VERSION.tar.xz" "$out/$1/libucall_$VERSION.orig.tar.xz"
	tar xf "$out/libucall-$VERSION.tar.xz" -C "$out/$1"
	(cd "$source" && git archive HEAD debian) | tar x -C "$out/$1/libucall-$VERSION"
}

# Twice, in two folders; then what lintian says; then debian/tests with the packages installed.
step_debian() {
	debian_source debian/first
	debian_source debian/second
	"$testbed" image bookworm "$systems/bookworm-debian" dpkg-dev debhelper lintian autopkgtest xz-utils
	"$testbed" run --bind "$out/debian:/out" "$systems/bookworm-debian" bash -ec "
apt-get update
cd /out/first/libucall-$VERSION && apt-get build-dep -y .
dpkg-buildpackage -us -uc
cd /out/second/libucall-$VERSION && dpkg-buildpackage -b -us -uc
for f in /out/first/*.deb; do cmp \$f /out/second/\${f##*/}; done
said=\$(lintian --pedantic -I --fail-on none /out/first/*.changes)
echo \"lintian: \$said\"
test ! \"\$said\"
apt-get install -y /out/first/*.deb gdb-multiarch
cd /out/first/libucall-$VERSION && autopkgtest -B . -- null"
}

step_debian_trixie() {
	debian_source trixie
	"$testbed" image trixie "$systems/trixie-debian" dpkg-dev debhelper xz-utils
	"$testbed" run --bind "$out/trixie:/out" "$systems/trixie-debian" sh -ec "
apt-get update
cd /out/libucall-$VERSION && apt-get build-dep -y .
dpkg-buildpackage -b -us -uc
apt-get install -y /out/*.deb
ucall demo"
}

step_cross() {
	debian_source cross
	"$testbed" image bookworm "$systems/bookworm-cross" dpkg-dev crossbuild-essential-arm64 debhelper xz-utils
	"$testbed" run --bind "$out/cross:/out" "$systems/bookworm-cross" sh -ec "
dpkg --add-architecture arm64 && apt-get update
cd /out/libucall-$VERSION && apt-get build-dep -y -aarm64 --arch-only -Pcross,nocheck .
dpkg-buildpackage -aarm64 -Pcross,nocheck -b -us -uc"
}

# Debian's rpm knows no packages of Fedora's that are installed.
step_rpm() {
	"$testbed" image bookworm "$systems/bookworm-rpm" rpm rpmlint file gcc libc6-dev make pkg-config xz-utils libelf-dev \
		libdw-dev libssl-dev libunicorn-dev
	mkdir -p "$out/rpm"
	"$testbed" run --read "$out:/in" --read "$source/tools/release:/spec" --bind "$out/rpm:/out" "$systems/bookworm-rpm" sh -ec "
rpmbuild --nodeps --define '_sourcedir /in' --define '_rpmdir /out' --define '_build_id_links none' -bb /spec/libucall.spec
rpmlint /spec/libucall.spec
rpm -qp --provides /out/*/libucall-$VERSION-*.rpm | grep 'libucall.so.0'"
}

# What other systems read, by their own parsers.
step_formats() {
	"$testbed" image bookworm "$systems/bookworm-formats" lava-common python3-yaml python3-voluptuous python3-jinja2 xz-utils gawk
	# shellcheck disable=SC2016 # the testbed's variables
	"$testbed" run --read "$source/tools:/tools" --read "$out/debian/first:/debs" "$systems/bookworm-formats" bash -e -o pipefail -c '
python3 /usr/share/lava-common/lava-schema.py job --strict /tools/fleet/lava/job.yaml
sed s/method:/metod:/ /tools/fleet/lava/job.yaml >bad.yaml
if python3 /usr/share/lava-common/lava-schema.py job --strict bad.yaml; then exit 1; fi
python3 -c "
import yaml
from lava_common.schemas.test.testdef import validate
job = yaml.safe_load(open(\"/tools/fleet/lava/job.yaml\"))
[validate(d[\"repository\"]) for a in job[\"actions\"] for d in a.get(\"test\", {}).get(\"definitions\", [])]"
apt-get update
apt-get install -y /debs/*.deb gcc libc6-dev
cd /usr/libexec/installed-tests/libucall
./run --ktap t/null t/done t/guests.sh t/harness.sh >/tmp/libucall.ktap
apt-get download -o APT::Sandbox::User=root lava-dispatcher linux-source-6.1
mkdir /tmp/x && dpkg-deb -x lava-dispatcher_*.deb /tmp/x
lava=/tmp/x/usr/lib/python3/dist-packages/lava_dispatcher/lava_test_shell
mkdir /tmp/bin && for f in lava-test-case lava-test-set lava-common-functions; do { echo "#!/bin/sh"; cat $lava/$f; } >/tmp/bin/$f; done
chmod 755 /tmp/bin/*
awk -f ktap-to-lava.awk /tmp/libucall.ktap | PATH=/tmp/bin:$PATH sh >/tmp/signals
grep -c "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=[^ =>]* RESULT=\(pass\|skip\)>" /tmp/signals
if grep "RESULT=\(fail\|unknown\)>" /tmp/signals; then exit 1; fi
dpkg --fsys-tarfile linux-source-6.1_*.deb | tar -xO --wildcards "./usr/src/linux-source-*.tar.xz" |
	tar -xJ -C /tmp/x --wildcards "*/tools/testing/kunit/*.py"
python3 /tmp/x/*/tools/testing/kunit/kunit.py parse /tmp/libucall.ktap'
}

step_sums() {
	rm -rf "$out/publish"
	mkdir "$out/publish"
	cd "$out/publish"
	cp "$out/libucall-$VERSION.tar.gz" "$out/libucall-$VERSION.tar.xz" "$out"/debian/first/*.deb "$out"/debian/first/*.dsc \
		"$out"/debian/first/*.debian.tar.* "$out"/debian/first/*.orig.tar.* .
	sha256sum -- * >SHA256SUMS
}

steps="source distcheck bookworm_root bookworm_user trixie_root trixie_user debian debian_trixie cross rpm formats sums"
for step in "$@"; do
	case " $steps " in *" $step "*) test "$step" = "${step%% *}" || fail "give each step as an argument of its own" ;; *) fail "no step $step; the steps are: $steps" ;; esac
done
test "$(id -u)" = 0 || fail "release.sh: testbeds need root"
mkdir -p "$out" "$systems"
test $# -gt 0 || all=yes
# shellcheck disable=SC2086 # names of steps
test $# -gt 0 || set -- $steps
for step; do
	printf '%-16s' "$step"
	begun=$SECONDS
	# Not in a condition, where a shell would not end at an error.
	set +e
	(
		set -e
		"step_$step"
	) </dev/null >"$out/$step.log" 2>&1
	status=$?
	set -e
	if test $status -ne 0; then
		echo "failed after $((SECONDS - begun)) s; the end of $out/$step.log:"
		tail -n 20 "$out/$step.log"
		exit 1
	fi
	echo "ok, $((SECONDS - begun)) s"
	grep '^Warning: ' "$out/$step.log" | sed 's/^/                /' || true
done
test "${all:-no}" = no || echo "The release is in $out/publish.  To publish it: git tag -s v$VERSION, and these files."
