#!/bin/sh
# SPDX-License-Identifier: MIT
# ucall lab as its users have it: a program of their own, its output and status, and the ends of a machine.
. "$top_srcdir/t/tap.sh"
ucall=$(cd "$top_builddir" && pwd)/tools/ucall

command -v aarch64-linux-gnu-gcc >/dev/null || skip_all "no aarch64-linux-gnu-gcc; run ./bootstrap --install-deps=all"
cd "$scratch" || exit 1
mkdir -p root/etc
echo "it is there" >root/etc/note
cat >test.c <<-'END'
	#include <fcntl.h>
	#include <linux/kvm.h>
	#include <stdio.h>
	#include <sys/ioctl.h>
	#include <sys/utsname.h>

	int main(int argc, char **argv)
	{
		int fd = open("/dev/kvm", O_RDWR);
		struct utsname name;

		uname(&name);
		printf("%s, KVM %d, %d, %s\\n", name.machine, ioctl(fd, KVM_GET_API_VERSION, 0), argc, argv[2]);
		return 7;
	}
END
aarch64-linux-gnu-gcc -o my-kvm-test test.c
"$ucall" lab aarch64 -- ./my-kvm-test -x "it's 1" >out 2>err
status=$?
test $status -ne 77 || skip_all "$(tail -n 1 err)"
test $status -eq 7
ok $? "a program's exit status"
test $status -eq 7 || diag <err
has out "aarch64, KVM 12, 3, it's 1" "what it says, and its arguments"

"$ucall" lab aarch64 --root root -- sh -c 'cat /etc/note; exit 3' >out 2>err
test $? -eq 3
ok $? "a command's exit status"
has out "it is there" "a file of --root"

"$ucall" lab aarch64 -- reboot -f >out 2>err
test $? -eq 125
ok $? "a machine that ends before the command: exit status 125"
has err "ended before the command did" "it says so"

"$ucall" lab aarch64 --timeout 15 -- sh -c 'echo begun; sleep 1000' >out 2>err
test $? -eq 124
ok $? "a command that takes too long: exit status 124"
has out "begun" "what it said until then"
has err "it ran for 15 s, the limit (--timeout)" "it says so"
done_testing
