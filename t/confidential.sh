#!/bin/sh
# SPDX-License-Identifier: MIT
# Encrypted memory as a user sees it: the example, the command, and what each refuses.
. "$top_srcdir/t/tap.sh"
ucall=$top_builddir/tools/ucall
example=$top_builddir/examples/confidential
unset UCALL_BACKEND UCALL_ENGINE

"$example" --protect bogus >"$scratch/out" 2>&1
test $? -eq 2
ok $? "an unknown protection: exit status 2"
has "$scratch/out" "known: none, emulated-sev, emulated-sev-es, emulated-sev-snp, sev, sev-es, sev-snp" "it lists them"
"$example" --bogus >"$scratch/out" 2>&1
test $? -eq 2
ok $? "an unknown option: exit status 2"

"$ucall" list >"$scratch/list" 2>&1
has "$scratch/list" "PROTECTION        WORKS" "list has protections"
reason=$(sed -n 's/^emulated-sev  *no: //p' "$scratch/list")
test -z "$reason" || {
	skip "$reason" "the example with encrypted memory"
	done_testing
}

for p in none emulated-sev emulated-sev-es emulated-sev-snp emulated-tdx; do
	"$example" --protect $p >"$scratch/out" 2>&1
	ok $? "example: $p"
	has "$scratch/out" 'guest: the secret begins with "nobody"' "$p: the guest reads its secret"
	has "$scratch/out" "shared  memory reads 6e 6f 62 6f 64 79" "$p: the host reads what it was told"
	grep -q "private memory reads 6e 6f 62 6f 64 79" "$scratch/out"
	case $p:$? in
	none:0 | emulated*:1) ok 0 "$p: what the host reads of the secret" ;;
	*) ok 1 "$p: what the host reads of the secret" ;;
	esac
done

UCALL_BACKEND=pio "$example" --protect emulated-sev-es >"$scratch/out" 2>&1
test $? -eq 2
ok $? "pio in a VM that closes registers: exit status 2"
has "$scratch/out" "registers are encrypted there, so its doorbell raises #VC" "it says why"
has "$scratch/out" "sev-shared" "it names one that works"

UCALL_BACKEND=halt "$example" --protect emulated-tdx >"$scratch/out" 2>&1
test $? -eq 2
ok $? "halt in a trust domain: exit status 2"
has "$scratch/out" "these do: ring, tdx" "it names those that work"

"$ucall" demo >"$scratch/out" 2>&1
for p in emulated-sev emulated-sev-es emulated-sev-snp; do
	grep -q "^sev-shared *x86_64 *kvm *$p *ok .*SYNC 2 (2 40 42 80), DONE" "$scratch/out"
	ok $? "demo has sev-shared with $p"
done
grep -q "^tdx *x86_64 *kvm *emulated-tdx *ok .*SYNC 2 (2 40 42 80), DONE" "$scratch/out"
ok $? "demo has tdx with emulated-tdx"

# A separate guest has the same measurement each time; another guest has another.
measure() { # PROTECTION ARG
	"$ucall" run -p "$1" "$scratch/guest.elf" "$2" | sed -n 's/^MEASUREMENT //p'
}
cat >"$scratch/guest.c" <<'EOF'
#include <ucall/guest.h>

UCALL_GUEST void guest_main(unsigned long n)
{
	GUEST_SYNC(n);
	GUEST_DONE();
}
EOF
if "$ucall" cc -o "$scratch/guest.elf" "$scratch/guest.c" >"$scratch/cc" 2>&1; then
	first=$(measure emulated-sev-es 1)
	test "${#first}" -eq 96 && test "$first" = "$(measure emulated-sev-es 1)"
	ok $? "the same guest has the same measurement"
	test "$first" != "$(measure emulated-sev-es 2)"
	ok $? "another argument gives another measurement with emulated-sev-es"
	test "$(measure emulated-sev 1)" = "$(measure emulated-sev 2)"
	ok $? "but not with emulated-sev, which does not measure registers"
else
	skip "$(head -n 1 "$scratch/cc")" "measurements"
fi

# The KVM calls for the real kinds; printing them needs no such machine.
calls() { # PROTECTION: the names, in order
	"$ucall" run -p "$1" --dry-run "$scratch/guest.elf" 7 |
		sed -n 's/.*{id=\([A-Z0-9_]*\),.*/\1/p; s/^ioctl([a-z0-9]*, \(KVM_[A-Z0-9_]*\).*/\1/p' |
		grep -v KVM_MEMORY_ENCRYPT_OP | tr '\n' ' ' | sed 's/KVM_//g; s/ $//'
}
vcpu="CREATE_VCPU SET_CPUID2 SET_SREGS SET_REGS"
sev="SEV_LAUNCH_START MEMORY_ENCRYPT_REG_REGION SEV_LAUNCH_UPDATE_DATA"
end="SEV_LAUNCH_MEASURE SEV_LAUNCH_MEASURE SEV_LAUNCH_FINISH SEV_GUEST_STATUS RUN"
while IFS=: read -r p expected; do
	if test ! -e "$scratch/guest.elf"; then
		skip "no guest ELF" "the calls for $p"
		continue
	fi
	test "$(calls "$p")" = "$expected"
	status=$?
	ok $status "the calls for $p"
	test $status -eq 0 || { echo "wanted: $expected"; echo "got: $(calls "$p")"; } | diag
done <<EOF
sev:CREATE_VM SEV_INIT2 SET_USER_MEMORY_REGION $vcpu $sev $end
sev,api=old:CREATE_VM SEV_INIT SET_USER_MEMORY_REGION $vcpu $sev $end
sev-es:CREATE_VM SEV_INIT2 SET_USER_MEMORY_REGION $vcpu $sev SEV_LAUNCH_UPDATE_VMSA $end
sev-es,api=old:CREATE_VM SEV_ES_INIT SET_USER_MEMORY_REGION $vcpu $sev SEV_LAUNCH_UPDATE_VMSA $end
sev-snp:CREATE_VM ENABLE_CAP SEV_INIT2 CREATE_GUEST_MEMFD SET_USER_MEMORY_REGION2 $vcpu SEV_SNP_LAUNCH_START SET_MEMORY_ATTRIBUTES SEV_SNP_LAUNCH_UPDATE SEV_SNP_LAUNCH_FINISH RUN
tdx:CREATE_VM ENABLE_CAP ENABLE_CAP TDX_CAPABILITIES TDX_INIT_VM CREATE_GUEST_MEMFD SET_USER_MEMORY_REGION2 SET_USER_MEMORY_REGION2 SET_MEMORY_ATTRIBUTES SET_MEMORY_ATTRIBUTES CREATE_VCPU SET_CPUID2 TDX_INIT_VCPU TDX_INIT_MEM_REGION TDX_INIT_MEM_REGION TDX_INIT_MEM_REGION TDX_FINALIZE_VM RUN
EOF
"$ucall" run --dry-run -p emulated-sev "$scratch/guest.elf" >"$scratch/out" 2>&1
test $? -eq 2
ok $? "a dry run of emulated-sev: exit status 2"
has "$scratch/out" "give --protect sev, sev-es, sev-snp or tdx" "it says so"
"$ucall" run --dry-run -p sev,policy=x "$scratch/guest.elf" >"$scratch/out" 2>&1
test $? -eq 2
ok $? "an invalid policy: exit status 2"

# Without the module with the ciphers, everything else works.
UCALL_MODULE_PATH=/nonexistent "$ucall" list >"$scratch/out" 2>&1
if grep -q '^emulated-sev  *no: ' "$scratch/out"; then
	has "$scratch/out" "no ciphers for emulated memory encryption: no ciphers.so in /nonexistent" \
		"without its module list says why"
	UCALL_MODULE_PATH=/nonexistent "$example" --protect emulated-sev >"$scratch/out" 2>&1
	test $? -eq 2
	ok $? "without its module the example fails"
	has "$scratch/out" "install libssl-dev and build libucall with it" "it says what to do"
	UCALL_MODULE_PATH=/nonexistent "$example" >"$scratch/out" 2>&1
	ok $? "without its module an ordinary VM works"
else
	skip "libucall is installed here" "without its module"
fi
done_testing
