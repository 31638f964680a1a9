# SPDX-License-Identifier: MIT
# The overlay as a series of patches for the tree, for `git am`.  Sourced by kselftest.sh.

commit() { # SUBJECT TEXT FILE...
	subject=$1 text=$2
	shift 2
	git add -- "$@"
	git commit -q -m "KVM: selftests: $subject" -m "$text"
}

export_series() { # FOLDER
	need git git
	mkdir -p "$1" 2>/dev/null && test -w "$1" || die 77 "--export $1: the folder cannot be written"
	folder=$(cd "$1" && pwd)
	for var in user.name user.email; do
		git config "$var" >/dev/null || die 77 "--export: git has no $var, which patches name; set it by \"git config --global $var ...\""
	done
	tests=tools/testing/selftests/kvm
	mkdir -p "$work/series/$tests"
	cp -a "$selftests/kvm/." "$work/series/$tests/"
	cd "$work/series"
	git init -q
	git add -f "$tests"
	git commit -q -m base
	lay_over "$tests"
	makefile=${makefile#"$work/series/"}
	cp "$makefile" "$work/makefile"
	# The Makefile's lines for the first patch: up to the switch.
	sed '/^# LIBUCALL=1/,/^# LIBUCALL=mailbox/d; /^ifdef LIBUCALL/,$d' "$tools/overlay/Makefile.libucall" >"$work/fragment"
	git checkout -q -- "$makefile"
	add_fragment "$makefile" "$work/fragment"
	commit "Add a test that tells what a GUEST_SYNC costs" \
		"It counts the ioctls of a message by a tracer, and takes the time
without one." \
		"$makefile" "$tests/ucall_cost_test.c"
	cp "$work/makefile" "$makefile"
	commit "Add ucalls by libucall" \
"With LIBUCALL=1, a VM's ucalls go by libucall, and \$UCALL_BACKEND chooses
the doorbell when a test runs: port I/O, MMIO, an SBI call, DIAGNOSE or
another one that a plugin brings.  The tests and upstream's pool of
messages stay as they are.  With LIBUCALL=mailbox, the message of a VM
with one vCPU is in libucall's mailbox, and costs one KVM_RUN and no
other ioctl.

Without LIBUCALL nothing changes." \
		"$makefile" "$tests/lib" "$tests/include"
	git format-patch -q --cover-letter --subject-prefix="PATCH" -o "$folder" HEAD~2
	sed -i -e 's/\*\*\* SUBJECT HERE \*\*\*/KVM: selftests: Choose how a guest calls its host when a test runs/' \
		-e "s/\*\*\* BLURB HERE \*\*\*/Made for Linux $version by \"ucall kselftest --export\".  Add your Signed-off-by (git rebase --signoff)./" \
		"$folder"/0000-*.patch
	(cd "$folder" && ls 000*.patch)
}
