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

# Links in --root do not lead to this machine's files.
echo "mine" >victim
mkdir links bad
ln -s "$scratch/victim" links/init
"$ucall" lab aarch64 --root links -- true >out 2>err
ok $? "a folder with a link for /init"
has victim "mine" "what it points to is as it was"
ln -s "$scratch" bad/bin
"$ucall" lab aarch64 --root bad -- true >out 2>err
test $? -eq 2
ok $? "a folder with a link for /bin: exit status 2"
has err "--root: /bin is not a link to usr/bin" "it says why"
test ! -e busybox
ok $? "nothing is written there"

# A program may have any name, and print anything.
printf '#!/bin/sh\necho "ucall-lab: exit 0"\necho "not ok"\nexit 4\n' >options
chmod 755 options
"$ucall" lab aarch64 -- ./options >out 2>err
test $? -eq 4
ok $? "a program named as a file of the lab, which prints what the lab prints"
has out "not ok" "its output"

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

# More of a machine, and another kernel.
"$ucall" lab aarch64 --kernel trixie-backports --smp 2 --memory 512 -- \
	sh -c 'nproc; uname -r; sed -n "s/MemTotal: *//p" /proc/meminfo' >out 2>err
has out "2" "--smp 2"
has out "deb13" "--kernel trixie-backports"
grep -qE '^(4[0-9]|5[01])[0-9]{4} kB' out
ok $? "--memory 512"
has err "ucall lab: booting aarch64 with Linux " "what is being done is told"
"$ucall" lab aarch64 --kernel nosuch -- true >out 2>err
test $? -eq 77
ok $? "a suite that there is not: exit status 77"
has err "no linux-image-cloud-arm64 for arm64 in nosuch" "it says why"

# A signal ends the emulator too.
mkdir tmp
TMPDIR=$scratch/tmp "$ucall" lab aarch64 -- sh -c 'echo begun; sleep 1000' >out 2>err &
lab=$!
while ! grep -q begun out && kill -0 $lab; do
	sleep 1
done
kill -TERM $lab
wait $lab
test $? -eq 143
ok $? "SIGTERM: exit status 143"
test ! "$(ls tmp)"
ok $? "no file is left behind"
# The emulator's command line has the folder.
! ps -ef | grep "[ =]$scratch/tmp/"
ok $? "no process is left behind"

# A third party's backend, where libucall is not this machine's.
cat >ucall-mine.c <<-'END'
	#include <ucall/plugin.h>

	UCALL_BACKEND(.name = "mine", .version = "1", .summary = "a store of 4 bytes",
		      .protections = UCALL_PROTECT_NONE);

	UCALL_DOORBELL static void send(struct ucall *uc, const struct ucall_bell *bell)
	{
		*(volatile uint32_t *)bell->param[0] = 1;
	}

	UCALL_GUEST_CODE(NULL, send);

	#ifndef UCALL_GUEST_BUILD
	#define GPA 0xd0008000

	static int init(struct ucall_vm *vm, const struct ucall_args *args)
	{
		uint64_t gva = ucall_vm_map_device(vm, GPA, 4);

		return gva ? ucall_vm_set_param(vm, 0, gva) : -1;
	}

	static int recv_shared(struct ucall_vcpu *vcpu, const struct ucall_exit *exit)
	{
		return ucall_exit_is_store(exit, GPA, 4);
	}

	const struct ucall_ops ucall_ops = {
		UCALL_OPS,
		.init = init,
		.send_cmd_shared = send,
		.recv_cmd_shared = recv_shared,
	};
	#endif
END
"$ucall" lab aarch64 --cc -O2 -shared -fPIC ucall-mine.c -o ucall-mine.so 2>err
ok $? "a backend is compiled for aarch64"
diag <err
cat >sync.c <<-'END'
	#include <ucall/test.h>

	static UCALL_GUEST void guest_code(void)
	{
		GUEST_SYNC(1);
	}

	static void host_code(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
	{
		CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	}

	UCALL_TESTS({ "SYNC", UCALL_TEST_GUEST(guest_code), .host = host_code });
END
"$ucall" lab aarch64 --cc sync.c -o sync 2>err
ok $? "so is a test"
diag <err
printf '#!/bin/sh\necho 1..1\nsleep 1000\n' >hang.sh
chmod 755 hang.sh
UCALL_BACKEND=mmio "$ucall" lab aarch64 -- run-tests --limit 3 ./hang.sh ./sync >out 2>err
has out "not ok 1 hang # TIMEOUT 3 s" "run-tests ends a test with its children"
has out "  ok 2 - mmio aarch64 kvm: SYNC" "the next one runs, with \$UCALL_BACKEND"

# Options that the module does not have, or refuses.
"$ucall" lab x86_64 --module-options ept=0 -- true >out 2>err
test $? -eq 2
ok $? "an option that there is not: exit status 2"
has err "--module-options ept=0: kvm_amd: it has no option ept" "it says so"
"$ucall" lab x86_64 --module-options npt=maybe -- true >out 2>err
test $? -eq 2
ok $? "a value that is not right: exit status 2"
has err "--module-options npt=maybe: kvm_amd: it did not load: " "it says so"
"$ucall" lab aarch64 -- ucall conform --messages 1000 ./ucall-mine.so >out 2>err
ok $? "ucall conform finds it right, on aarch64's KVM"
grep -q '^ok .* kvm' out && ! grep '^not ok' out
ok $? "its points are there"
test "$(grep -c '^ok' out)" -gt 5 || diag <err

# Many machines, and one look at what failed.
cat >tests.sh <<-'END'
	#!/bin/sh
	test -c /dev/kvm || printf "not "
	echo "ok 1 - there is /dev/kvm"
	case $(uname -r) in
	6.1.*) ;;
	*) printf "not " ;;
	esac
	echo "ok 2 - the kernel is old"
	echo "1..2"
END
chmod 755 tests.sh
cat >machines <<-'END'
	# two machines, two kernels
	x86_64-svm kernel=bookworm,trixie-backports options=npt=0
	aarch64 kernel=bookworm,trixie-backports
END
"$ucall" lab --matrix machines --out "the result's" -- run-tests --limit 20 ./tests.sh >out 2>err
test $? -eq 1
ok $? "a matrix with failures: exit status 1"
has out "x86_64-svm.bookworm.npt=0               2       0      0        0" "a run without one"
has out "failed  aarch64.trixie-backports  tests: the kernel is old" "what failed"
has out "the result's/aarch64.trixie-backports/tests/tests.log" "where it is told"
has out "6 passed, 2 failed, 0 skipped" "the sum"
has "the result's/aarch64.trixie-backports/tests/tests.log" "not ok 2 - the kernel is old" "a log of each test"
has "the result's/results.xml" '<testsuite name="x86_64-svm.trixie-backports.npt=0" tests="2" failures="1"' "JUnit"
has "the result's/results.ktap" "not ok 4 aarch64.trixie-backports" "KTAP"
grep -q passed err
ok $? "it tells what is done"
diag <out

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
