# SPDX-License-Identifier: MIT
lib_LTLIBRARIES += libucall/libucall.la
# The whole library without its export list, for tests of its parts.
noinst_LTLIBRARIES += libucall/libcore.la
libucall_libcore_la_SOURCES = \
	libucall/arch/aarch64/aarch64.h \
	libucall/arch/aarch64/arch.c libucall/arch/aarch64/exceptions.h \
	libucall/arch/aarch64/paging.c \
	libucall/arch/arch.c libucall/arch/arch.h \
	libucall/arch/byte-order.h \
	libucall/arch/describe.c \
	libucall/arch/list.h \
	libucall/arch/dispatch.h \
	libucall/arch/radix.c libucall/arch/radix.h \
	libucall/arch/riscv64/arch.c libucall/arch/riscv64/exceptions.h \
	libucall/arch/riscv64/decode.c \
	libucall/arch/riscv64/next.c \
	libucall/arch/riscv64/paging.c \
	libucall/arch/riscv64/riscv64.h \
	libucall/arch/s390x/arch.c \
	libucall/arch/s390x/decode.c \
	libucall/arch/s390x/paging.c \
	libucall/arch/s390x/s390x.h \
	libucall/arch/x86_64/arch.c \
	libucall/arch/x86_64/escape.c libucall/arch/x86_64/exceptions.h \
	libucall/arch/x86_64/paging.c \
	libucall/arch/x86_64/insn.h \
	libucall/arch/x86_64/x86_64.h \
	libucall/arch/stubs.c libucall/arch/stubs.h \
	libucall/attach/attach.c \
	libucall/base/clock.h \
	libucall/base/elf-file.c libucall/base/elf-file.h \
	libucall/base/error.c libucall/base/error.h \
	libucall/base/file.c libucall/base/file.h \
	libucall/base/handle.c libucall/base/handle.h \
	libucall/base/limit.h \
	libucall/base/options.c libucall/base/options.h \
	libucall/base/probe.h \
	libucall/base/process.c libucall/base/process.h \
	libucall/base/run-end.h \
	libucall/base/sanitizers.h \
	libucall/base/search.c libucall/base/search.h \
	libucall/base/text.c libucall/base/text.h \
	libucall/channel/channel.c libucall/channel/channel.h \
	libucall/channel/machine-ops.h \
	libucall/channel/mailbox.c libucall/channel/mailbox.h \
	libucall/channel/public.c \
	libucall/channel/poller.c libucall/channel/poller.h \
	libucall/channel/queue.c libucall/channel/queue.h \
	libucall/channel/queued.c libucall/channel/queued.h \
	libucall/channel/receive.c \
	libucall/channel/run.c \
	libucall/kvm/engine.c libucall/kvm/kvm.h \
	libucall/kvm/exit.c \
	libucall/kvm/planted.c libucall/kvm/planted.h \
	libucall/kvm/watchdog.c libucall/kvm/watchdog.h \
	libucall/machine/cpu.c \
	libucall/machine/engine.c libucall/machine/engine.h \
	libucall/machine/handlers.c \
	libucall/machine/coverage.c libucall/machine/coverage.h \
	libucall/machine/coverage-file.c libucall/machine/coverage-file.h \
	libucall/machine/image.c libucall/machine/image.h \
	libucall/machine/image-elf.c \
	libucall/machine/image-runtime.c \
	libucall/machine/machine.c libucall/machine/machine.h \
	libucall/machine/memory.c libucall/machine/memory.h \
	libucall/machine/pages.c libucall/machine/pages.h \
	libucall/machine/regions.c libucall/machine/regions.h \
	libucall/machine/snapshot.c libucall/machine/snapshot.h \
	libucall/modules/ciphers.c libucall/modules/ciphers.h \
	libucall/modules/module.c libucall/modules/module.h \
	libucall/plugin/backend.c libucall/plugin/backend.h \
	libucall/plugin/backend-list.c \
	libucall/plugin/note.c libucall/plugin/note.h \
	libucall/protect/guard.h \
	libucall/protect/pkvm/abi.h \
	libucall/protect/pkvm/emulated.c libucall/protect/pkvm/emulated.h \
	libucall/protect/private-pages.c libucall/protect/private-pages.h \
	libucall/protect/protect.c libucall/protect/protect.h \
	libucall/protect/revoked.c libucall/protect/revoked.h \
	libucall/report/core-file.c libucall/report/core-file.h \
	libucall/report/fault.c libucall/report/fault.h \
	libucall/report/symbols.c libucall/report/symbols.h \
	libucall/report/symbols-helper.c libucall/report/symbols-helper.h \
	libucall/vm/core.c \
	libucall/vm/debug.c libucall/vm/debug.h libucall/vm/debug-vm.h \
	libucall/vm/debug-ops.c \
	libucall/vm/debug-text.c \
	libucall/vm/gdb.c \
	libucall/vm/launch.c \
	libucall/vm/message-text.c libucall/vm/message-text.h \
	libucall/vm/own.c libucall/vm/own.h \
	libucall/vm/trace.c libucall/vm/trace.h \
	libucall/vm/snapshot.c \
	libucall/vm/vcpu.c \
	libucall/vm/vm.c
# Sources only for the host's own architecture.
native_aarch64 = \
	libucall/arch/aarch64/gic.c \
	libucall/arch/aarch64/kvm.c \
	libucall/arch/aarch64/native.c \
	libucall/arch/aarch64/stub.c libucall/arch/aarch64/stubs.S \
	libucall/protect/pkvm/kvm.c \
	libucall/protect/pkvm/pkvm.h \
	libucall/kvm/device.c libucall/kvm/device.h \
	libucall/kvm/one-reg.c
native_riscv64 = \
	libucall/arch/riscv64/aia.c \
	libucall/arch/riscv64/kvm.c \
	libucall/arch/riscv64/native.c \
	libucall/arch/riscv64/stub.c libucall/arch/riscv64/stubs.S \
	libucall/kvm/device.c libucall/kvm/device.h \
	libucall/kvm/one-reg.c
native_s390x = \
	libucall/arch/s390x/kvm.c \
	libucall/arch/s390x/native.c \
	libucall/arch/s390x/stub.c libucall/arch/s390x/stubs.S libucall/arch/s390x/lowcore.h
native_x86_64 = \
	libucall/arch/x86_64/exits.h \
	libucall/arch/x86_64/guest-vc.c libucall/arch/x86_64/guest-ve.c \
	libucall/arch/x86_64/kvm.c \
	libucall/arch/x86_64/layout.h \
	libucall/arch/x86_64/native.c \
	libucall/arch/x86_64/state.c \
	libucall/protect/sev/cpuid.c \
	libucall/protect/sev/emulated/emulated.c \
	libucall/protect/sev/emulated/emulated.h \
	libucall/protect/sev/emulated/ghcb.c \
	libucall/protect/sev/emulated/psp.c \
	libucall/protect/sev/emulated/slots.c \
	libucall/protect/sev/emulated/state.c \
	libucall/protect/sev/kinds.c \
	libucall/protect/sev/kvm-sev.h \
	libucall/protect/sev/real/launch.c \
	libucall/protect/sev/real/launch.h \
	libucall/protect/sev/real/machine.c \
	libucall/protect/sev/real/machine.h \
	libucall/protect/sev/real/probe.c \
	libucall/protect/sev/real/real.c \
	libucall/protect/sev/sev.h \
	libucall/protect/tdx/abi.h \
	libucall/protect/tdx/emulated/emulated.c \
	libucall/protect/tdx/emulated/emulated.h \
	libucall/protect/tdx/emulated/exits.c \
	libucall/protect/tdx/emulated/pages.c \
	libucall/protect/tdx/emulated/tdcall.c \
	libucall/protect/tdx/emulated/vmcall.c \
	libucall/protect/tdx/kinds.c \
	libucall/protect/tdx/kvm-tdx.h \
	libucall/protect/tdx/real/launch.c \
	libucall/protect/tdx/real/launch.h \
	libucall/protect/tdx/real/machine.c \
	libucall/protect/tdx/real/machine.h \
	libucall/protect/tdx/real/real.c \
	libucall/protect/tdx/start-vcpu.S \
	libucall/protect/tdx/start.c \
	libucall/protect/tdx/tdx.h \
	libucall/protect/launch-steps.h \
	libucall/protect/x86/cpu.h \
	libucall/protect/x86/cpuid.c \
	libucall/protect/x86/exception.c \
	libucall/protect/x86/guest-memfd.c \
	libucall/protect/x86/guest-memfd.h \
	libucall/protect/x86/insn.c \
	libucall/protect/x86/io.c \
	libucall/protect/x86/kvm-private.h \
	libucall/protect/x86/launch-args.h \
	libucall/protect/x86/module-parameter.c libucall/protect/x86/module-parameter.h \
	libucall/protect/x86/msrs.c \
	libucall/protect/x86/slots.c \
	libucall/arch/x86_64/stub.c libucall/arch/x86_64/stubs.S
if HOST_AARCH64
libucall_libcore_la_SOURCES += $(native_aarch64)
endif
if HOST_RISCV64
libucall_libcore_la_SOURCES += $(native_riscv64)
endif
if HOST_S390X
libucall_libcore_la_SOURCES += $(native_s390x)
endif
if HOST_X86_64
libucall_libcore_la_SOURCES += $(native_x86_64)
endif
EXTRA_DIST += $(native_aarch64) $(native_riscv64) $(native_s390x) $(native_x86_64)
libucall_libcore_la_CPPFLAGS = $(UCALL_CORE_CPPFLAGS) $(UCALL_PROBE_CPPFLAGS) \
	-DUCALL_VERSION='"$(PACKAGE_VERSION)"'
libucall_libcore_la_CFLAGS = $(UCALL_CFLAGS) -fvisibility=hidden -fno-jump-tables $(LIBELF_CFLAGS) -pthread
libucall_libucall_la_SOURCES =
libucall_libucall_la_LIBADD = libucall/libcore.la $(LIBELF_LIBS)
# A program may have functions with the same names: the library calls its own.
libucall_libucall_la_LDFLAGS = -version-info 0:0:0 -pthread -Wl,-Bsymbolic-functions \
	-Wl,--version-script=$(top_srcdir)/libucall/libucall.map
EXTRA_libucall_libucall_la_DEPENDENCIES = libucall/libucall.map
EXTRA_DIST += libucall/libucall.map
dist_man_MANS += libucall/libucall.3 libucall/ucall-attach.3 libucall/ucall-backend.3

# The guest runtime, which programs link whole.
lib_LIBRARIES += libucall/libucall-guest.a
libucall_libucall_guest_a_SOURCES = \
	libucall/guest/entry.c \
	libucall/guest/mem.c \
	libucall/guest/nest.c \
	libucall/guest/printf.c \
	libucall/guest/safe.c \
	libucall/guest/share.c \
	libucall/guest/span.c \
	libucall/guest/tdx.c
libucall_libucall_guest_a_CPPFLAGS = $(UCALL_CPPFLAGS)
libucall_libucall_guest_a_CFLAGS = $(UCALL_GUEST_CFLAGS)

# The TAP harness: <ucall/test.h>.
lib_LIBRARIES += libucall/libucall-test.a
libucall_libucall_test_a_SOURCES = \
	libucall/harness/child.c libucall/harness/child.h \
	libucall/harness/guest-output.c libucall/harness/guest-output.h \
	libucall/harness/test.c \
	libucall/harness/test-variants.c libucall/harness/test-variants.h \
	libucall/base/text.c libucall/base/text.h
libucall_libucall_test_a_CPPFLAGS = $(UCALL_CORE_CPPFLAGS)
libucall_libucall_test_a_CFLAGS = $(UCALL_CFLAGS) -fPIC
