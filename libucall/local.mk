# SPDX-License-Identifier: MIT
lib_LTLIBRARIES += libucall/libucall.la
libucall_libucall_la_SOURCES = \
	libucall/arch.c libucall/arch.h \
	libucall/backend.c libucall/backend.h \
	libucall/backend-list.c \
	libucall/byte-order.h \
	libucall/ciphers.c libucall/ciphers.h \
	libucall/clock.h \
	libucall/elf-file.c libucall/elf-file.h \
	libucall/engine.c libucall/engine.h \
	libucall/engine-kvm.c libucall/kvm.h \
	libucall/kvm-exit.c \
	libucall/error.c libucall/error.h \
	libucall/fault.c libucall/fault.h \
	libucall/file.c libucall/file.h \
	libucall/image.c libucall/image.h \
	libucall/image-elf.c \
	libucall/limit.h \
	libucall/mailbox.c libucall/mailbox.h \
	libucall/memory.c libucall/memory.h \
	libucall/module.c libucall/module.h \
	libucall/note.c libucall/note.h \
	libucall/options.c libucall/options.h \
	libucall/process.c libucall/process.h \
	libucall/protect.c libucall/protect.h \
	libucall/queue.c libucall/queue.h \
	libucall/regions.c libucall/regions.h \
	libucall/runner.c libucall/runner.h \
	libucall/sanitizers.h \
	libucall/search.c libucall/search.h \
	libucall/snapshot.c libucall/snapshot.h \
	libucall/symbols.c libucall/symbols.h \
	libucall/symbols-helper.c libucall/symbols-helper.h \
	libucall/text.c libucall/text.h \
	libucall/vcpu.c libucall/vcpu.h \
	libucall/vm.c libucall/vm.h \
	libucall/vm-backend.c libucall/vm-backend.h \
	libucall/watchdog.c libucall/watchdog.h \
	libucall/arch/aarch64/aarch64.h \
	libucall/arch/aarch64/arch.c \
	libucall/arch/aarch64/paging.c \
	libucall/arch/radix.c libucall/arch/radix.h \
	libucall/arch/riscv64/arch.c \
	libucall/arch/riscv64/decode.c \
	libucall/arch/riscv64/paging.c \
	libucall/arch/riscv64/riscv64.h \
	libucall/arch/s390x/arch.c \
	libucall/arch/s390x/decode.c \
	libucall/arch/s390x/paging.c \
	libucall/arch/s390x/s390x.h \
	libucall/arch/x86_64/arch.c \
	libucall/arch/x86_64/escape.c \
	libucall/arch/x86_64/paging.c \
	libucall/arch/x86_64/x86_64.h
# What there is of the host's own architecture alone.
native_aarch64 = \
	libucall/arch/aarch64/gic.c \
	libucall/arch/aarch64/kvm.c \
	libucall/arch/aarch64/native.c \
	libucall/arch/aarch64/stubs.S \
	libucall/arch/kvm-device.c libucall/arch/kvm-device.h \
	libucall/arch/one-reg.c \
	libucall/arch/stub-page.c libucall/arch/stub-page.h
native_riscv64 = \
	libucall/arch/riscv64/aia.c \
	libucall/arch/riscv64/kvm.c \
	libucall/arch/riscv64/native.c \
	libucall/arch/riscv64/stubs.S \
	libucall/arch/kvm-device.c libucall/arch/kvm-device.h \
	libucall/arch/one-reg.c \
	libucall/arch/stub-page.c libucall/arch/stub-page.h
native_s390x = \
	libucall/arch/s390x/kvm.c \
	libucall/arch/s390x/native.c \
	libucall/arch/s390x/stubs.S \
	libucall/arch/stub-page.c libucall/arch/stub-page.h
native_x86_64 = \
	libucall/arch/x86_64/guest-vc.c libucall/arch/x86_64/vc.h \
	libucall/arch/x86_64/kvm.c \
	libucall/arch/x86_64/layout.h \
	libucall/arch/x86_64/native.c \
	libucall/arch/x86_64/state.c \
	libucall/arch/x86_64/sev/cpuid.c \
	libucall/arch/x86_64/sev/emulated.c libucall/arch/x86_64/sev/sev.h \
	libucall/arch/x86_64/sev/ghcb.c \
	libucall/arch/x86_64/sev/insn.c \
	libucall/arch/x86_64/sev/kinds.c \
	libucall/arch/x86_64/sev/kvm-sev.h \
	libucall/arch/x86_64/sev/launch.c libucall/arch/x86_64/sev/launch.h \
	libucall/arch/x86_64/sev/machine.c libucall/arch/x86_64/sev/machine.h \
	libucall/arch/x86_64/sev/probe.c \
	libucall/arch/x86_64/sev/psp.c \
	libucall/arch/x86_64/sev/real.c \
	libucall/arch/x86_64/sev/slots.c \
	libucall/arch/x86_64/sev/state.c \
	libucall/arch/x86_64/sev/vc.c \
	libucall/arch/x86_64/stubs.S
if HOST_AARCH64
libucall_libucall_la_SOURCES += $(native_aarch64)
endif
if HOST_RISCV64
libucall_libucall_la_SOURCES += $(native_riscv64)
endif
if HOST_S390X
libucall_libucall_la_SOURCES += $(native_s390x)
endif
if HOST_X86_64
libucall_libucall_la_SOURCES += $(native_x86_64)
endif
EXTRA_DIST += $(native_aarch64) $(native_riscv64) $(native_s390x) $(native_x86_64)
libucall_libucall_la_CPPFLAGS = $(UCALL_CPPFLAGS) \
	-DUCALL_VERSION='"$(PACKAGE_VERSION)"' -DUCALL_BACKEND_DIR='"$(backenddir)"'
libucall_libucall_la_CFLAGS = $(UCALL_CFLAGS) -fvisibility=hidden $(LIBELF_CFLAGS) -pthread
libucall_libucall_la_LIBADD = $(LIBELF_LIBS)
libucall_libucall_la_LDFLAGS = -version-info 0:0:0 -pthread \
	-Wl,--version-script=$(top_srcdir)/libucall/libucall.map
EXTRA_libucall_libucall_la_DEPENDENCIES = libucall/libucall.map
EXTRA_DIST += libucall/libucall.map
dist_man_MANS += libucall/libucall.3 libucall/ucall-backend.3

# The guest runtime, which programs link whole.
lib_LIBRARIES += libucall/libucall-guest.a
libucall_libucall_guest_a_SOURCES = \
	libucall/guest/entry.c \
	libucall/guest/mem.c \
	libucall/guest/nest.c \
	libucall/guest/printf.c
libucall_libucall_guest_a_CPPFLAGS = $(UCALL_CPPFLAGS)
libucall_libucall_guest_a_CFLAGS = $(UCALL_GUEST_CFLAGS)

# The TAP harness: <ucall/test.h>.
lib_LIBRARIES += libucall/libucall-test.a
libucall_libucall_test_a_SOURCES = \
	libucall/child.c libucall/child.h \
	libucall/guest-output.c libucall/guest-output.h \
	libucall/test.c \
	libucall/test-variants.c libucall/test-variants.h \
	libucall/text.c libucall/text.h
libucall_libucall_test_a_CPPFLAGS = $(UCALL_CPPFLAGS)
libucall_libucall_test_a_CFLAGS = $(UCALL_CFLAGS) -fPIC
