# SPDX-License-Identifier: MIT
# The machines of `ucall lab`, one description each.  Sourced by lab.sh.
#
#	machine		its name			arch		of its programs
#	deb, triplet	Debian's names for arch		elf		readelf's
#	suites		of Debian, for libraries and, without --kernel, for the kernel: the first that works
#	package		the kernel's			modules		KVM's, each for one machine of arch
#	module		which of them is loaded; empty: KVM is built in
#	megabytes	of cache, for libraries		kernel_megabytes	for a kernel
#	emulator	qemu or bochs; EMULATOR.sh boots it
#	console		of the kernel			boot_options	more for the kernel's command line

machine() { # NAME
	module='' modules='' megabytes=120 kernel_megabytes=150 emulator=qemu boot_options='' default_kernel=
	case $1 in
	aarch64 | arm64)
		machine=aarch64 arch=aarch64
		qemu="qemu-system-aarch64 -M virt,virtualization=on,gic-version=3 -cpu cortex-a72"
		qemu_package=qemu-system-arm console=ttyAMA0
		;;
	aarch64-pkvm)
		machine=aarch64-pkvm arch=aarch64 default_kernel=trixie-backports
		qemu="qemu-system-aarch64 -M virt,virtualization=on,gic-version=3 -cpu cortex-a72"
		qemu_package=qemu-system-arm console=ttyAMA0 boot_options="kvm-arm.mode=protected"
		;;
	riscv64)
		machine=riscv64 arch=riscv64 module=kvm
		qemu="qemu-system-riscv64 -M virt -cpu rv64,h=true"
		qemu_package=qemu-system-misc console=ttyS0 kernel_megabytes=400
		;;
	x86_64 | x86_64-svm)
		machine=x86_64-svm arch=x86_64 module=kvm_amd
		qemu="qemu-system-x86_64 -M q35 -cpu EPYC"
		qemu_package=qemu-system-x86 console=ttyS0
		;;
	x86_64-vmx)
		# The serial port takes the time that its rate says.  The clock needs no calibration.
		machine=x86_64-vmx arch=x86_64 module=kvm_intel
		emulator=bochs console=ttyS0,115200 boot_options="tsc=reliable no_timer_check"
		;;
	s390x)
		machine=s390x arch=s390x
		test "$what" = libraries || test "$what" = libucall ||
			die 77 "QEMU's emulator has no SIE, which KVM on s390x needs: there is no" \
				"lab for s390x; its guests run on the engine unicorn"
		;;
	*)
		die 2 "no machine \"$1\"; use $machines"
		;;
	esac
	case $arch in
	aarch64) deb=arm64 elf=AArch64 package=linux-image-cloud-arm64 suites=bookworm ;;
	# Not in bookworm.
	riscv64) deb=riscv64 elf=RISC-V package=linux-image-riscv64 modules=kvm suites="trixie forky sid" ;;
	x86_64)
		deb=amd64 elf=X86-64 package=linux-image-cloud-amd64 modules="kvm_amd kvm_intel"
		suites=bookworm
		;;
	s390x) deb=s390x elf=S/390 package='' suites=bookworm ;;
	esac
	triplet=$arch-linux-gnu
	kernel_suites=${default_kernel:-$suites}
}
machines="aarch64, aarch64-pkvm, riscv64, x86_64-svm (or x86_64) or x86_64-vmx"
