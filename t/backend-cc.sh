#!/bin/sh
# SPDX-License-Identifier: MIT
# ucall cc --backend: one file gives guest code for every architecture; code that leaves its section
# is refused.
. "$top_srcdir/t/tap.sh"

cat >"$scratch/mine.c" <<'END'
#include <ucall/plugin.h>
UCALL_BACKEND(.name = "mine", .version = "1", .summary = "a store to a device",
	      .protections = UCALL_PROTECT_NONE);
static const char text[] = "text";
#ifndef __s390x__
UCALL_DOORBELL static void helper(struct ucall *uc, const struct ucall_bell *bell) { *(volatile uint64_t *)bell->param[2] = (uint64_t)uc; }
UCALL_DOORBELL static void mine_send(struct ucall *uc, const struct ucall_bell *bell)
{
#if defined(BAD_STRING)
	*(const char *volatile *)uc->args = text;
#elif defined(BAD_CALL)
	extern void elsewhere(void);
	elsewhere();
#endif
	helper(uc, bell);
}
UCALL_GUEST_CODE(mine_send, NULL);
#endif
#ifndef UCALL_GUEST_BUILD
static int mine_init(struct ucall_vm *vm, const struct ucall_args *args)
{
	(void)args;
	(void)text;
	return ucall_vm_set_param(vm, 2, ucall_vm_map_device(vm, 0xe0000000, 8));
}
static int mine_recv(struct ucall_vcpu *vcpu, const struct ucall_exit *exit, uint64_t *where)
{
	(void)vcpu;
	*where = exit->u.mmio.data;
	return exit->reason == UCALL_EXIT_MMIO && exit->u.mmio.gpa == 0xe0000000;
}
const struct ucall_ops ucall_ops = { UCALL_OPS, .init = mine_init, .send_cmd = mine_send, .recv_cmd = mine_recv };
#endif
END

if test "$(uname -m)" != x86_64; then
	skip_all "this test needs an x86_64 host"
fi
ucall cc --backend "$scratch/mine.c" -o "$scratch/ucall-mine.so" >"$scratch/out" 2>&1
status=$?
ok $status "it is built"
test $status -eq 0 || diag <"$scratch/out"
ucall info "$scratch/ucall-mine.so" >"$scratch/out" 2>&1
has "$scratch/out" "works here:     yes" "ucall info accepts it" 2>/dev/null || true
for a in x86_64 aarch64 riscv64; do
	missing=$(ucall list | sed -n "s/^$a .*none: //p")
	if test -n "$missing" || ! ucall cc --arch $a -o "$scratch/$a.elf" "$top_srcdir/examples/guest-hello.c"; then
		skip "$missing" "a guest of $a"
		continue
	fi
	ucall run -b "$scratch/ucall-mine.so" "$scratch/$a.elf" >"$scratch/out" 2>&1
	status=$?
	if test $status -ne 0 && grep -qE "no engine|this machine has no KVM" "$scratch/out"; then
		skip "$(cat "$scratch/out")" "a guest of $a"
		continue
	fi
	test $status -eq 0 && grep -q "^DONE" "$scratch/out"
	status=$?
	ok $status "a guest of $a"
	test $status -eq 0 || diag <"$scratch/out"
done

if command -v aarch64-linux-gnu-gcc >/dev/null || { command -v clang && command -v ld.lld; } >/dev/null; then
	for bad in STRING CALL; do
		ucall cc --backend -DBAD_$bad "$scratch/mine.c" -o "$scratch/bad.so" >"$scratch/out" 2>&1
		test $? -eq 1
		ok $? "BAD_$bad: exit status 1"
		has "$scratch/out" "the guest code leaves its section: mine_send+0x" "it says where"
	done
else
	skip "no compiler for aarch64; install clang and lld" "code that leaves its section"
fi
done_testing
