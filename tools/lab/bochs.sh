# SPDX-License-Identifier: MIT
# Boots a machine of `ucall lab` in Bochs, which emulates Intel's VMX.  Sourced by lab.sh.

isolinux=/usr/lib/ISOLINUX/isolinux.bin
ldlinux=/usr/lib/syslinux/modules/bios/ldlinux.c32

need_emulator() {
	need bochs bochs
	need_file "${BXSHARE:-/usr/share/bochs}/BIOS-bochs-latest" bochsbios
	need_file "${BXSHARE:-/usr/share/bochs}/VGABIOS-lgpl-latest" vgabios
	need_file "$isolinux" isolinux
	need_file "$ldlinux" syslinux-common
	need xorriso xorriso
	need script bsdutils
}

prepare_emulator() {
	test "$memory" -le 2048 || die 2 "--memory $memory: the machine $machine can have 2048 MiB, which is what Bochs has"
	test "$smp" = 1 || die 2 "--smp $smp: the machine $machine has one CPU"
}

# Bochs boots from a CD.
make_cd() {
	mkdir -p "$work/cd/isolinux"
	ln "$kernel_folder/kernel" "$work/cd/kernel" 2>/dev/null || cp "$kernel_folder/kernel" "$work/cd/kernel"
	mv "$work/initrd" "$work/cd/initrd"
	cp "$isolinux" "$ldlinux" "$work/cd/isolinux/"
	cat >"$work/cd/isolinux/isolinux.cfg" <<-END
		default lab
		prompt 0
		label lab
		kernel /kernel
		append initrd=/initrd $command_line
	END
	said=$(xorriso -as mkisofs -quiet -o "$work/cd.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot \
		-boot-load-size 4 -boot-info-table "$work/cd" 2>&1) || {
		printf '%s\n' "$said" >&2
		die 125 "xorriso cannot make the machine's CD, as the lines above say"
	}
	rm -rf "$work/cd"
}

# Guest time is the number of instructions: `ips` of them are a second, so a test that waits for a time
# limit is faster with fewer.  The speaker would open a sound device.
configure_bochs() {
	cat >"$work/bochsrc" <<-END
		cpu: model=corei7_haswell_4770, count=1, ips=60000000, reset_on_triple_fault=0, ignore_bad_msrs=1
		megs: $memory
		ata0-master: type=cdrom, path=cd.iso, status=inserted
		boot: cdrom
		display_library: rfb, options="timeout=0"
		plugin_ctrl: speaker=0, parallel=0, gameport=0
		clock: sync=none
		log: bochs.log
		panic: action=fatal
		error: action=ignore
		info: action=ignore
		debug: action=ignore
	END
	# Debian's Bochs has its debugger, which waits for a command.
	echo c >"$work/debugger"
}

# The machine's console is the standard output: the outer terminal is the serial port, the inner one
# is for the debugger.
emulate() {
	make_cd
	configure_bochs
	cd "$work"
	SHELL=/bin/sh
	export SHELL
	exec timeout -k 10 "$limit" script -qefc '
		stty raw -echo
		echo "com1: enabled=1, mode=term, dev=$(tty)" >>bochsrc
		exec script -qefc "exec bochs -q -f bochsrc -rc debugger" /dev/null >bochs.out 2>&1 </dev/null' /dev/null
}
