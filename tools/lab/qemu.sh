# SPDX-License-Identifier: MIT
# Boots a machine of `ucall lab` in QEMU's emulator (TCG).  Sourced by lab.sh.

need_emulator() {
	need "${qemu%% *}" "$qemu_package"
}

prepare_emulator() {
	test "$arch" != riscv64 || add_aia
}

# AIA, the interrupt controller of KVM on riscv64; in QEMU 7 its names begin with x-.
add_aia() {
	for names in smaia=true,ssaia=true x-smaia=true,x-ssaia=true; do
		echo quit | timeout 20 $qemu,$names -S -display none -serial none -monitor stdio -nic none >/dev/null 2>&1 || continue
		qemu=$qemu,$names
		return
	done
}

# The machine's console is the standard output.
emulate() {
	# With a thread for each CPU, the two CPUs of a machine with SVM stop for ever when one kicks a
	# guest on the other (QEMU 7.2, t/kicks).
	threads=
	test "$arch" != x86_64 || threads=,thread=single
	exec timeout -k 10 "$limit" $qemu -accel tcg$threads -m "$memory" -smp "$smp" -display none -serial stdio -monitor none \
		-no-reboot -nic none -kernel "$kernel_folder/kernel" -initrd "$work/initrd" -append "$command_line"
}
