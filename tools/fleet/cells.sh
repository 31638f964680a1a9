# SPDX-License-Identifier: MIT
# The cells of a fleet's matrix, each a small source package with one test: debci's requests name a
# package, and say nothing else of a test.  Sourced by fleet.sh.

# What the lab needs for a machine.
lab_packages() { # MACHINE
	echo "libucall-dev gcc libc6-dev make pkg-config binutils cpio kmod xz-utils"
	case $1 in
	aarch64*) echo "qemu-system-arm gcc-aarch64-linux-gnu libc6-dev-arm64-cross" ;;
	riscv64*) echo "qemu-system-misc gcc-riscv64-linux-gnu libc6-dev-riscv64-cross" ;;
	x86_64-vmx*) echo "bochs bochsbios vgabios isolinux syslinux-common xorriso" ;;
	*) echo "qemu-system-x86" ;;
	esac
}

# The sum of a test's TAP, in the words that the table is made from.
sum='awk '\''{ print } /^ok .* # SKIP/ { skipped++; next } /^ok / { passed++ } /^not ok / { failed++ }
	END { printf "%d points passed, %d failed, %d skipped\n", passed, failed, skipped }'\'

# debci takes a request for a package with another name, and never answers.
package_name() { # WORD...
	echo "cell-$*" | tr 'A-Z_ ' 'a-z--'
}

make_cell() { # DEPENDS TEST BACKEND ARCH MACHINE
	depends=$1 test=$2
	shift 2
	name=$(package_name "$@")
	folder=$run/source/$name-1
	mkdir -p "$folder/debian/tests" "$folder/debian/source"
	echo '3.0 (native)' >"$folder/debian/source/format"
	cat >"$folder/debian/control" <<-END
		Source: $name
		Section: misc
		Priority: optional
		Maintainer: fleet <fleet@localhost>
		Standards-Version: 4.6.2

		Package: $name
		Architecture: all
		Description: one cell of a fleet's matrix
	END
	cat >"$folder/debian/changelog" <<-END
		$name (1) unstable; urgency=low

		  * A cell.

		 -- fleet <fleet@localhost>  Thu, 01 Jan 2026 00:00:00 +0000
	END
	cat >"$folder/debian/tests/control" <<-END
		Tests: cell
		Depends: $(echo $depends | sed 's/ /, /g')
		Restrictions: needs-root, allow-stderr, skippable
	END
	printf '#!/bin/bash\nset -o pipefail\ncd "$AUTOPKGTEST_TMP" || exit 1\n%s\n' "$test" >"$folder/debian/tests/cell"
	chmod 755 "$folder/debian/tests/cell"
	(cd "$repository" && dpkg-source -b "$folder" >/dev/null) || die 1 "$name: dpkg-source failed"
	echo "$name $*" >>"$run/cells"
}

make_matrix() {
	for machine in $machines; do
		for backend in $backends; do
			for arch in $archs; do
				conform="env UCALL_TEST_LIMIT=4 UCALL_TEST_ARCH=$arch ucall conform $backend"
				none="ucall list | awk '\$1 == \"$arch\" { found = 1 } END { exit !found }' || { echo 'no architecture $arch: see ucall list'; exit 1; }
ucall info $backend >info || exit 1
grep '^guests:.*$arch' info >/dev/null || { echo '$backend has no guests of $arch'; exit 77; }"
				# Points that need no guest do not make a cell pass.
				ran="grep -a ' $arch ' tap | grep -v '# SKIP' >/dev/null || { test \$status -ne 0 || { echo 'no guest of $arch ran'; exit 77; }; }
exit \$status"
				case $machine in
				here) make_cell ucall-tools "$none
$conform | $sum | tee tap
status=\$?
$ran" "$backend" "$arch" here ;;
				*) make_cell "ucall-tools $(lab_packages "$machine")" "$none
export UCALL_LAB_CACHE=/srv/fleet/cache
ucall lab $machine --timeout 1500 -- sh -c \"ucall info $backend | grep -q '^works here: *yes' || exit 77; $conform\" | $sum | tee tap
status=\$?
$ran" "$backend" "$arch" "$machine" ;;
				esac
			done
		done
	done
	test "$suite" = no || make_cell "ucall-tests" "gnome-desktop-testing-runner --timeout=1200 --log-directory=\"\$AUTOPKGTEST_ARTIFACTS\" libucall
status=\$?
cat \"\$AUTOPKGTEST_ARTIFACTS\"/*.txt | $sum | tail -n 1
exit \$status" all all suite
}
