#!/bin/sh
# SPDX-License-Identifier: MIT
# ucall lab as users see it: their own program, its output and status, and how a machine ends.
. "$top_srcdir/t/tap.sh"
build=$(cd "$top_builddir" && pwd)
ucall=$build/tools/ucall
top_srcdir=$(cd "$top_srcdir" && pwd)

command -v aarch64-linux-gnu-gcc >/dev/null || skip_all "no aarch64-linux-gnu-gcc; run ./bootstrap --install-deps=all"
cd "$scratch" || exit 1
mkdir -p root/etc root/tmp/folder
echo "it is there" >root/etc/note
echo "so is this" >root/tmp/folder/note
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
has out "aarch64, KVM 12, 3, it's 1" "its output, and its arguments"

"$ucall" lab aarch64 --root root -- sh -c 'cat /etc/note /tmp/folder/note; exit 3' >out 2>err
test $? -eq 3
ok $? "a command's exit status"
has out "it is there" "a file of --root"
has out "so is this" "one below /tmp"

"$ucall" lab aarch64 -- reboot -f >out 2>err
test $? -eq 125
ok $? "a machine that ends before the command: exit status 125"
has err "ended before the command did" "it says so"

"$ucall" lab aarch64 --timeout 15 -- sh -c 'echo begun; sleep 1000' >out 2>err
test $? -eq 124
ok $? "a command that takes too long: exit status 124"
has out "begun" "its output until then"
has err "it ran for 15 s, the limit (--timeout)" "it says so"

# A missing library is named before anything is booted.
echo 'int f(void) { return 0; }' >f.c
echo 'int f(void); int main(void) { return f(); }' >main.c
aarch64-linux-gnu-gcc -shared -fPIC -Wl,-soname,libnowhere.so.3 f.c -o libnowhere.so
aarch64-linux-gnu-gcc main.c -o needs-it ./libnowhere.so
"$ucall" lab aarch64 -- ./needs-it >out 2>err
test $? -eq 2
ok $? "a library that is missing: exit status 2"
has err "./needs-it needs libnowhere.so.3" "it is named, before the machine is booted"

# This machine's own architecture: libucall is copied, too.
if test "$(uname -m)" = x86_64; then
	cat >hello.c <<-'END'
		#include <stdio.h>
		#include <ucall/ucall.h>

		static UCALL_GUEST void guest_main(void)
		{
			GUEST_SYNC(42);
		}

		int main(void)
		{
			struct ucall_vcpu *vcpu = ucall_vcpu_add(ucall_vm_create(NULL), guest_main, 0);
			struct ucall uc;

			if (ucall_next(vcpu, &uc) != UCALL_SYNC)
				printf("%s\n", ucall_error());
			else
				printf("stage %d by %s\n", (int)uc.args[1], ucall_vm_engine(ucall_vcpu_vm(vcpu)));
			return 0;
		}
	END
	$CC -I"$top_srcdir/include" hello.c -o hello -Wl,--whole-archive "$build/libucall/libucall-guest.a" \
		-Wl,--no-whole-archive -L"$build/libucall/.libs" -lucall
	UCALL_LAB_ROOT=/nonexistent "$ucall" lab x86_64 -- ./hello >out 2>err
	has out "stage 42 by kvm" "a program that needs libucall"
	UCALL_LAB_ROOT=/nonexistent "$ucall" lab x86_64 -- ucall list >out 2>err
	has out "ucall-pio.so" "the command and the backends are there, too"
fi
done_testing
