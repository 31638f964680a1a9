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
	check_needs
	mkdir -p "$1" 2>/dev/null && test -w "$1" || die 77 "--export $1: the folder cannot be written"
	test ! "$(ls -A "$1")" || die 2 "--export $1: the folder is not empty"
	folder=$(cd "$1" && pwd)
	# Those of a repository that this may be called from, such as GIT_DIR in a hook.
	unset $(git rev-parse --local-env-vars)
	for ident in GIT_AUTHOR_IDENT GIT_COMMITTER_IDENT; do
		git var $ident >/dev/null 2>&1 ||
			die 77 "--export: git does not know who makes the patches; set user.name and user.email by" \
				"\"git config --global\""
	done
	tests=tools/testing/selftests/kvm
	mkdir -p "$work/series/$tests"
	cp -a "$selftests/kvm/." "$work/series/$tests/"
	chmod -R u+w "$work/series"
	cd "$work/series"
	git init -q
	git config commit.gpgsign false
	git config core.hooksPath /dev/null
	git config core.autocrlf false
	git add -f "$tests"
	git commit -q -m base
	lay_over "$tests"
	makefile=${makefile#"$work/series/"}
	cp "$makefile" "$work/makefile"
	# The Makefile's lines for the first patch: up to the switch.
	sed '/^# LIBUCALL=1/,/^# LIBUCALL=mailbox/d; /^EXTRA_CLEAN/d; /^ifdef LIBUCALL/,$d' "$tools/overlay/Makefile.libucall" >"$work/fragment"
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
	# `git am` takes patches only.
	mv "$folder"/0000-cover-letter.patch "$folder/cover-letter.txt"
	(cd "$folder" && ls cover-letter.txt 000*.patch)
	echo "$self: to apply them: git am $folder/*.patch" >&2
}
