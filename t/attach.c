// SPDX-License-Identifier: MIT
/*
 * VMs that somebody else created: attached, run by their owner's KVM_RUN, with messages over every
 * backend that can serve them. The owner is examples/attach.c; its guest is this whole program.
 */
#define MEMORY (64ull << 20)
#define main example_main
int example_main(void);
#include "../examples/attach.c"
#undef main

#include <link.h>
#include <pthread.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define UCALL_NO_MAILBOX
#include <ucall/plugin.h>
#include <ucall/test.h>

#include "count-ioctls.h"

/* ---- guests ---- */

/* Values that are not addresses of memory, one of them 0. */
static UCALL_ATTACH_GUEST void guest_values(void)
{
	for (;;) {
		ucall_bell_ring(0x1122334455667788);
		ucall_bell_ring(0);
		ucall_bell_ring(~0ull);
	}
}

/* guest.h's messages by address, UCALL_NO_MAILBOX. */
static UCALL_GUEST void guest_by_address(void)
{
	GUEST_SYNC_ARGS(1, 2, 3, 4, 5);
	GUEST_PRINTF("x is %d", 42);
	GUEST_ASSERT_EQ(1 + 1, 3);
}

/* Messages by mailbox, as guest.h sends them without UCALL_NO_MAILBOX. */
static UCALL_GUEST void guest_by_mailbox(void)
{
	struct ucall_mailbox *m = ucall_this_mailbox();

	for (uint64_t i = 1;; i++) {
		ucall_put_args(&m->uc, 2, 0, i, 0, 0, 0, 0, 0);
		ucall_ring(m, &m->uc, ucall_head(UCALL_SYNC, 2, 0, 0));
	}
}

/* A message, then two doorbells without one: address 0, and the address of zeroes. */
static uint64_t zeroes[8];

static UCALL_GUEST void guest_bare(void)
{
	for (;;) {
		GUEST_SYNC(7);
		ucall_bell_ring(0);
		ucall_bell_ring((uint64_t)(uintptr_t)zeroes);
	}
}

static UCALL_GUEST void guest_bare_mailbox(void)
{
	struct ucall_mailbox *m = ucall_this_mailbox();

	for (;;) {
		ucall_put_args(&m->uc, 2, 0, 7, 0, 0, 0, 0, 0);
		ucall_ring(m, &m->uc, ucall_head(UCALL_SYNC, 2, 0, 0));
		ucall_bell_ring((uint64_t)(uintptr_t)&m->uc);
	}
}

/* What ucall_shared() does, with a mailbox. */
static UCALL_GUEST void guest_shared(void)
{
	struct ucall_mailbox *m = ucall_this_mailbox();
	struct ucall uc;

	ucall_put_args(&uc, 0, 0, 0, 0, 0, 0, 0, 0);
	m->shared = (uint64_t)(uintptr_t)&uc;
	ucall_ring(m, &uc, ucall_head(UCALL_SYNC, 0, 0, 0));
}

/* Other exits between those of the doorbell. */
static UCALL_ATTACH_GUEST void guest_others(void)
{
	for (;;) {
#if defined(__x86_64__)
		__asm__ volatile("outw %%ax, %w0" : : "d"(0x999) : "memory");
#else
		*(volatile uint32_t *)0xd0000000 = 1;
#endif
		ucall_bell_ring(0x5a5a);
	}
}

#define ELSEWHERE 0x2000000000ull /* below 2^38: valid with Sv39, too */

static UCALL_ATTACH_GUEST void guest_elsewhere(void)
{
	ucall_bell_ring_at(ELSEWHERE, 0x77);
}

/* ---- their VM ---- */

struct maps {
	unsigned int count;
	size_t bytes, own_bytes;
};

static struct vm vm;
static struct vcpu vcpu;
static struct maps maps;

static void *count_map(void *owner, uint64_t gva, size_t size, unsigned int prot)
{
	maps.count++;
	maps.bytes += size;
	return give_memory(owner, gva, size, prot);
}

/* There is only one vCPU. */
static void *count_map_own(void *owner, void *of, uint64_t gva, size_t size, unsigned int prot)
{
	CHECK(of == &vcpu);
	maps.own_bytes += size;
	return map_memory(owner, gva, size);
}

static int read_memory(void *owner, void *of, uint64_t gva, void *to, size_t size)
{
	return read_guest(owner, gva, to, size);
}

/* Maps the program, page by page, at its own addresses. */
static int map_program(struct dl_phdr_info *info, size_t size, void *data)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + ph->p_vaddr, end = start + ph->p_memsz;

		if (ph->p_type != PT_LOAD)
			continue;
		for (uintptr_t at = start & ~(PAGE - 1); at < end; at += PAGE) {
			uint64_t gpa = take_pages(&vm, PAGE);
			struct iovec to = { vm.memory + gpa, PAGE }, from = { (void *)at, PAGE };

			process_vm_readv(getpid(), &to, 1, &from, 1, 0);
			map_page(&vm, at, gpa, LEAF);
		}
	}
	return 1;
}

static void create(void (*guest)(void))
{
	if (ucall_engine_check("kvm"))
		SKIP("%s", ucall_error());
	memset(&vm, 0, sizeof(vm));
	memset(&maps, 0, sizeof(maps));
	create_vm(&vm);
	dl_iterate_phdr(map_program, NULL);
	create_vcpu(&vm, 0, &vcpu);
	set_registers(&vcpu, (uintptr_t)guest, STACKS + STACK_SIZE, 0);
}

static void destroy(void)
{
	munmap(vcpu.run, vcpu.run_size);
	close(vcpu.fd);
	close(vm.fd);
	close(vm.kvm);
	munmap(vm.memory, MEMORY);
}

static struct ucall_attach_config config_for(const char *backend)
{
	return (struct ucall_attach_config){
		.backend = backend,
		.kvm_fd = vm.kvm,
		.vm_fd = vm.fd,
		.device_gpa = 0xd0000000,
		.owner = &vm,
		.map = count_map,
		.map_own = count_map_own,
		.map_device = give_device,
		.read = read_memory,
	};
}

static struct ucall_vm *attach(const struct ucall_attach_config *config)
{
	struct ucall_vm *bell = ucall_vm_attach(config);

	CHECK_OK(bell);
	vcpu.bell = ucall_vcpu_attach(bell, &vcpu, 3, vcpu.fd, vcpu.run, vcpu.run_size);
	CHECK_OK(vcpu.bell);
	return bell;
}

static void run(void)
{
	CHECK_EQ(ioctl(vcpu.fd, KVM_RUN, 0ul), 0);
}

#if defined(__x86_64__)
static const char *const by_address[] = { "pio", "mmio", "halt" };
#define DEFAULT "pio"
#else
static const char *const by_address[] = { "mmio" };
#define DEFAULT "mmio"
#endif
#define BACKENDS (sizeof(by_address) / sizeof(by_address[0]))

/* ---- tests ---- */

static void once_values(void)
{
	static const uint64_t values[] = { 0x1122334455667788, 0, ~0ull, 0x1122334455667788 };

	for (size_t b = 0; b < BACKENDS; b++) {
		struct ucall_attach_config config;
		struct ucall_message message;
		struct ucall_vm *bell;
		uint64_t where;

		create(guest_values);
		config = config_for(by_address[b]);
		bell = attach(&config);
		CHECK_STR(ucall_vm_backend(bell), by_address[b]);
		CHECK_EQ(ucall_vm_exit_reason(bell), 0);
		for (int i = 0; i < 4; i++) {
			run();
			/* Asking again gives the same answer. */
			for (int n = 0; n < 3; n++) {
				where = 1;
				CHECK_EQ(ucall_vcpu_rang(vcpu.bell, &where), 1);
				CHECK_EQ(where, values[i]);
				CHECK_EQ(ucall_vcpu_rang(vcpu.bell, NULL), 1);
			}
			CHECK_EQ(ucall_vm_exit_reason(bell), vcpu.run->exit_reason);
			CHECK_EQ(ucall_vcpu_is_incomplete(vcpu.bell),
				 !!strcmp(by_address[b], "halt"));
			/* The value is not followed; a message there cannot be read. */
			CHECK_EQ(ucall_vcpu_message(vcpu.bell, &message), values[i] ? -1 : 0);
			if (values[i])
				CHECK_EQ(errno, EPROTO);
		}
		ucall_vm_free(bell);
		destroy();
	}
}

static void check_messages(struct ucall_attach_config *config)
{
	struct ucall_message m;
	struct ucall_vm *bell = attach(config);

	run();
	for (int n = 0; n < 2; n++) {
		CHECK_EQ(ucall_vcpu_message(vcpu.bell, &m), UCALL_SYNC);
		CHECK_EQ(m.nargs, 6);
		CHECK_EQ(m.args[1], 1);
		CHECK_EQ(m.args[5], 5);
	}
	run();
	CHECK_EQ(ucall_vcpu_message(vcpu.bell, &m), UCALL_PRINTF);
	CHECK_STR(m.text, "x is 42");
	CHECK_EQ(m.text_size, 7);
	run();
	CHECK_EQ(ucall_vcpu_message(vcpu.bell, &m), UCALL_ABORT);
	CHECK_HAS(m.text, "attach.c:");
	CHECK_HAS(m.text, "assertion failed: 1 + 1 == 3");
	ucall_vm_free(bell);
}

static void once_by_address(void)
{
	for (size_t b = 0; b < BACKENDS; b++) {
		struct ucall_attach_config config;

		create(guest_by_address);
		config = config_for(by_address[b]);
		check_messages(&config);
		destroy();
	}
}

/* Without read(), the error says what is missing. */
static void once_no_read(void)
{
	struct ucall_attach_config config;
	struct ucall_vm *bell;

	create(guest_by_address);
	config = config_for(DEFAULT);
	config.read = NULL;
	bell = attach(&config);
	run();
	CHECK_EQ(ucall_vcpu_rang(vcpu.bell, NULL), 1);
	CHECK_EQ(ucall_vcpu_message(vcpu.bell, NULL), -1);
	CHECK_HAS(ucall_error(), "needs read()");
	CHECK_EQ(errno, EOPNOTSUPP);
	ucall_vm_free(bell);
	destroy();
}

static void check_mailbox(const char *backend, size_t page_size)
{
	struct ucall_attach_config config;
	struct ucall_message m;
	struct ucall_vm *bell;
	size_t for_vm, for_vcpu;
	uint64_t where;

	create(guest_by_mailbox);
	config = config_for(backend);
	config.via = UCALL_ATTACH_BY_MAILBOX;
	config.page_size = page_size;
	CHECK_OK(!ucall_attach_size(&config, &for_vm, &for_vcpu));
	bell = attach(&config);
	CHECK_EQ(maps.bytes, for_vm);
	CHECK_EQ(maps.own_bytes, for_vcpu);
	CHECK_EQ(ucall_vcpu_mailbox(vcpu.bell)->vcpu, 3);
	for (uint64_t i = 1; i < 20; i++) {
		run();
		others = 0;
		CHECK_EQ(ucall_vcpu_rang(vcpu.bell, &where), 1);
		CHECK_EQ(where, 0);
		for (int n = 0; n < 3; n++) {
			CHECK_EQ(ucall_vcpu_message(vcpu.bell, &m), UCALL_SYNC);
			CHECK_EQ(m.args[1], i);
			CHECK_EQ(ucall_vcpu_rang(vcpu.bell, &where), 1);
		}
		CHECK_EQ(others, 0); /* the message is in memory that both have */
	}
	ucall_vm_free(bell);
	destroy();
}

static void once_mailbox(void)
{
	for (size_t b = 0; b < BACKENDS; b++)
		check_mailbox(by_address[b], 0);
	check_mailbox("ring,depth=1", 0);
}

/* All parts of the area are in one guest page: there is one mapping. */
static void once_large_pages(void)
{
	check_mailbox(DEFAULT, 16384);
	check_mailbox(DEFAULT, 65536);
	for (size_t size = 16384; size <= 65536; size *= 4) {
		struct ucall_attach_config config;
		struct ucall_vm *bell;
		size_t for_vm, for_vcpu;
		uint64_t where;

		create(guest_values);
		config = config_for(DEFAULT);
		config.page_size = size;
		CHECK_OK(!ucall_attach_size(&config, &for_vm, &for_vcpu));
		bell = attach(&config);
		CHECK_EQ(maps.count, 1);
		CHECK_EQ(maps.bytes, for_vm);
		CHECK_EQ(maps.bytes % size, 0);
		CHECK_EQ(for_vcpu, 0);
		run();
		CHECK_EQ(ucall_vcpu_rang(vcpu.bell, &where), 1);
		CHECK_EQ(where, 0x1122334455667788);
		ucall_vm_free(bell);
		destroy();
	}
}

/* A message is not returned again for another exit. */
static void once_bare(void)
{
	for (int by_mailbox = 0; by_mailbox < 2; by_mailbox++) {
		struct ucall_attach_config config;
		struct ucall_message m;
		struct ucall_vm *bell;

		create(by_mailbox ? guest_bare_mailbox : guest_bare);
		config = config_for(DEFAULT);
		config.via = by_mailbox ? UCALL_ATTACH_BY_MAILBOX : UCALL_ATTACH_BY_ADDRESS;
		bell = attach(&config);
		for (int i = 0; i < 3; i++) {
			run();
			CHECK_EQ(ucall_vcpu_message(vcpu.bell, &m), UCALL_SYNC);
			CHECK_EQ(ucall_vcpu_message(vcpu.bell, &m), UCALL_SYNC);
			ucall_vcpu_forget(vcpu.bell);
			for (int n = by_mailbox; n < 2; n++) {
				run();
				CHECK_EQ(ucall_vcpu_rang(vcpu.bell, NULL), 1);
				CHECK_EQ(ucall_vcpu_message(vcpu.bell, &m), 0);
			}
		}
		ucall_vm_free(bell);
		destroy();
	}
}

static void once_shared(void)
{
	struct ucall_attach_config config;
	struct ucall_vm *bell;

	create(guest_shared);
	config = config_for(DEFAULT);
	config.via = UCALL_ATTACH_BY_MAILBOX;
	bell = attach(&config);
	run();
	CHECK_EQ(ucall_vcpu_message(vcpu.bell, NULL), -1);
	CHECK_EQ(errno, EPROTO);
	CHECK_HAS(ucall_error(), "ucall_shared()");
	ucall_vm_free(bell);
	destroy();
}

/* A forked child has copies, which it can only free. */
static void once_forked(void)
{
	struct ucall_attach_config config;
	struct ucall_vm *bell;
	int status;
	pid_t child;

	create(guest_values);
	config = config_for(DEFAULT);
	bell = attach(&config);
	run();
	child = fork();
	if (!child) {
		bool good = ucall_vcpu_rang(vcpu.bell, NULL) == -1 && errno == EPERM &&
			    ucall_vcpu_message(vcpu.bell, NULL) == -1 && errno == EPERM &&
			    !ucall_vcpu_attach(bell, &vcpu, 9, vcpu.fd, vcpu.run, vcpu.run_size) &&
			    errno == EPERM;

		ucall_vm_free(bell);
		_exit(!good);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	CHECK_EQ(ucall_vcpu_rang(vcpu.bell, NULL), 1);
	ucall_vm_free(bell);
	destroy();
}

static void once_others(void)
{
	struct ucall_attach_config config;
	struct ucall_message m;
	struct ucall_vm *bell;
	uint64_t where;

	create(guest_others);
	config = config_for(DEFAULT);
	bell = attach(&config);
	for (int i = 0; i < 3; i++) {
		run();
		CHECK_EQ(ucall_vcpu_rang(vcpu.bell, &where), 0);
		CHECK_EQ(ucall_vcpu_message(vcpu.bell, &m), 0);
		run();
		CHECK_EQ(ucall_vcpu_rang(vcpu.bell, &where), 1);
		CHECK_EQ(where, 0x5a5a);
	}
	ucall_vm_free(bell);
	destroy();
}

static void once_elsewhere(void)
{
	struct ucall_attach_config config;
	struct ucall_vm *bell;
	uint64_t where;

	create(guest_elsewhere);
	config = config_for(DEFAULT);
	config.address = ELSEWHERE;
	bell = attach(&config);
	run();
	CHECK_EQ(ucall_vcpu_rang(vcpu.bell, &where), 1);
	CHECK_EQ(where, 0x77);
	ucall_vm_free(bell);
	destroy();

	/* A queue can be there, too. */
	create(guest_elsewhere);
	config = config_for("ring,depth=1");
	config.address = ELSEWHERE;
	bell = attach(&config);
	run();
	CHECK_EQ(ucall_vcpu_rang(vcpu.bell, NULL), 1);
	ucall_vm_free(bell);
	destroy();
}

/*
 * The owner's vCPUs come and go: they are detached and attached again, and ucall_vm_free() detaches
 * those that are left.
 */
static void once_detach(void)
{
	struct ucall_attach_config config;
	struct ucall_vm *bell;
	uint64_t where;

	create(guest_values);
	config = config_for(DEFAULT);
	bell = attach(&config);
	for (int i = 0; i < 100; i++) {
		ucall_vcpu_detach(vcpu.bell);
		vcpu.bell = ucall_vcpu_attach(bell, &vcpu, 3, vcpu.fd, vcpu.run, vcpu.run_size);
		CHECK_OK(vcpu.bell);
	}
	CHECK(!ucall_vcpu_attach(bell, &vcpu, 3, vcpu.fd, vcpu.run, vcpu.run_size));
	CHECK_EQ(errno, EEXIST);
	CHECK_OK(ucall_vcpu_attach(bell, &vcpu, 4, vcpu.fd, vcpu.run, vcpu.run_size));
	run();
	CHECK_EQ(ucall_vcpu_rang(vcpu.bell, &where), 1);
	ucall_vcpu_detach(NULL);
	ucall_vm_free(bell);
	destroy();
}

/* A backend that takes memory slots. */
static int slots_wanted;
static int slots_seen[4];

static int slots_init(struct ucall_vm *bell, const struct ucall_args *args)
{
	for (int i = 0; i < slots_wanted; i++)
		if ((slots_seen[i] = ucall_vm_take_slot(bell)) < 0)
			return -1;
	return 0;
}

UCALL_BACKEND(.name = "slots", .version = "1", .summary = "takes memory slots",
	      .protections = UCALL_PROTECT_NONE);

UCALL_DOORBELL static void slots_send(struct ucall *uc, const struct ucall_bell *bell)
{
}

static int slots_recv(struct ucall_vcpu *of, const struct ucall_exit *exit, uint64_t *where)
{
	return 0;
}

static const struct ucall_ops slots_ops = {
	UCALL_OPS,
	.init = slots_init,
	.send_cmd = slots_send,
	.recv_cmd = slots_recv,
};

static void once_slots(void)
{
	struct ucall_attach_config config;
	struct ucall_vm *bell;

	create(guest_values);
	config = config_for(NULL);
	config.ops = &slots_ops;
	config.first_slot = 40;
	config.slots = 2;
	slots_wanted = 2;
	bell = ucall_vm_attach(&config);
	CHECK_OK(bell);
	CHECK_EQ(slots_seen[0], 40);
	CHECK_EQ(slots_seen[1], 41);
	ucall_vm_free(bell);
	slots_wanted = 3;
	CHECK(!ucall_vm_attach(&config));
	CHECK_EQ(errno, ENOSPC);
	CHECK_HAS(ucall_error(), "gives backends 2 memory slots");
	destroy();
}

static void refused(const struct ucall_attach_config *config, int error, const char *text)
{
	CHECK(!ucall_vm_attach(config));
	CHECK_EQ(errno, error);
	CHECK_HAS(ucall_error(), text);
}

static void *no_memory(void *owner, uint64_t gva, size_t size, unsigned int prot)
{
	return NULL;
}

static uint64_t no_device(void *owner, uint64_t gpa, size_t size)
{
	return 0;
}

static void once_refused(void)
{
	struct ucall_attach_config config;

	create(guest_values);
	config = config_for(DEFAULT);
	CHECK_OK(!ucall_attach_size(&config, NULL, NULL));
	CHECK(!ucall_vm_attach_sized(&config, 8));
	CHECK_HAS(ucall_error(), "a configuration of 8 bytes");
	CHECK(!ucall_vm_attach(NULL));
	CHECK_EQ(errno, EINVAL);
#define REFUSED(backend, change, error, text) \
	do { \
		config = config_for(backend); \
		change; \
		refused(&config, error, text); \
	} while (0)
	REFUSED("nosuch", (void)0, ENOENT, "nosuch");
	REFUSED("mmio,gap=1", (void)0, EINVAL, "unknown option \"gap\"");
	REFUSED("mmio", config.map = NULL, EINVAL, "map() is missing");
	REFUSED("mmio", config.map = no_memory, ENOMEM, "map() gave no memory at 0x8000001000");
	REFUSED("mmio", config.map_device = NULL, EOPNOTSUPP,
		"map_device() in the attach configuration");
	REFUSED("mmio", config.vm_fd = 0, EINVAL, "vm_fd is 0, which is not a descriptor of a VM");
	REFUSED("mmio", config.vm_fd = vm.kvm, EINVAL, "not a descriptor of a VM");
	REFUSED("mmio", config.kvm_fd = vm.fd, EINVAL, "not a descriptor of /dev/kvm");
	REFUSED("mmio", config.map_device = no_device, EINVAL, "map_device() refused 8 bytes");
	REFUSED("mmio", config.page_size = 5000, EINVAL,
		"page_size is 5000; give 4096, 16384 or 65536");
	REFUSED("mmio", config.address = 0x1234, EINVAL, "address is 0x1234");
	REFUSED("mmio", config.address = 0xfffffffffffff000, EINVAL, "beyond the end");
	REFUSED("mmio", config.first_slot = 0x80000000, EINVAL, "KVM has no such slots");
	REFUSED("sev-shared", config.protection = "sev,nosuch=1", EINVAL, "nosuch");
	REFUSED("mmio", config.via = 7, EINVAL, "via is 7");
	REFUSED("mmio", config.ring = 2, EINVAL, "ring is 2");
	REFUSED("mmio", config.protection = "nosuch", EINVAL, "nosuch");
	REFUSED("mmio", config.arch = "s390x", EOPNOTSUPP, "KVM runs only the host's own");
	REFUSED("mmio", (config.via = UCALL_ATTACH_BY_MAILBOX, config.map_own = NULL), EINVAL,
		"map_own()");
	REFUSED("ring,depth=1", config.map_own = NULL, EOPNOTSUPP, "map_own()");
	REFUSED("ring,depth=1", config.via = UCALL_ATTACH_BY_ADDRESS, EOPNOTSUPP,
		"cannot carry an address; attach with");
	REFUSED("ring", (void)0, EOPNOTSUPP, "use ring,depth=1");
	REFUSED("ring,depth=64", (void)0, EOPNOTSUPP, "use ring,depth=1");
	REFUSED("ring,depth=1,poll=1", (void)0, EOPNOTSUPP, "use ring,depth=1");
#if defined(__x86_64__)
	REFUSED("halt", config.irqchip = true, EOPNOTSUPP, "in-kernel interrupt controller");
	REFUSED("halt", config.ring = 3, EOPNOTSUPP, "ring 0");
	REFUSED("sev-shared", (void)0, EOPNOTSUPP, "confidential VMs only");
	REFUSED("pio", config.protection = "sev-es", EOPNOTSUPP, "give \"none\" or \"sev\"");
	REFUSED("pio", config.protection = "emulated-sev", EOPNOTSUPP, "give \"none\" or \"sev\"");
	/* What a plain SEV guest contains is not checked: that is its owner's business. */
	config = config_for("sev-shared");
	config.protection = "sev";
	ucall_vm_free(attach(&config));
#endif
	destroy();
}

/* Functions for one kind of VM refuse the other kind with a message. */
static void once_mixed(void)
{
	struct ucall_attach_config config;
	struct ucall_vm *bell, *own;
	struct ucall_vcpu *own_vcpu;
	struct ucall_frame regs;
	struct ucall uc;

	create(guest_values);
	config = config_for(DEFAULT);
	bell = attach(&config);
	CHECK(!ucall_vm_alloc(bell, 4096, 0));
	CHECK_EQ(errno, EOPNOTSUPP);
	CHECK_HAS(ucall_error(), "this VM was attached");
	CHECK(!ucall_vcpu_add(bell, guest_values, 0));
	CHECK_EQ(ucall_vcpu_run(vcpu.bell), -1);
	CHECK_EQ(ucall_next(vcpu.bell, &uc), -1);
	CHECK_EQ(get_ucall(vcpu.bell, &uc), -1);
	CHECK_EQ(ucall_vm_snapshot(bell), -1);
	CHECK_EQ(ucall_vm_launch(bell), -1);
	CHECK_EQ(ucall_vcpu_restart(vcpu.bell), -1);
	CHECK_EQ(errno, EOPNOTSUPP);
	ucall_vcpu_kick(vcpu.bell);
	CHECK_STR(ucall_fault_report(vcpu.bell), "");
	CHECK_EQ(ucall_vm_fd(bell), vm.fd);
	CHECK_EQ(ucall_vcpu_fd(vcpu.bell), vcpu.fd);
	CHECK(ucall_vcpu_kvm_run(vcpu.bell) == vcpu.run);
	CHECK_EQ(ucall_vcpu_number(vcpu.bell), 3);
	run();
	CHECK_OK(!ucall_vcpu_get_regs(vcpu.bell, &regs));
	CHECK(regs.pc);
	ucall_vm_free(bell);
	destroy();

	own = ucall_vm_create(NULL);
	CHECK_OK(own);
	own_vcpu = ucall_vcpu_add(own, guest_by_mailbox, 0);
	CHECK_OK(own_vcpu);
	CHECK_EQ(ucall_vcpu_rang(own_vcpu, NULL), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_HAS(ucall_error(), "libucall's own");
	CHECK_EQ(ucall_vcpu_message(own_vcpu, NULL), -1);
	CHECK(!ucall_vcpu_attach(own, NULL, 0, -1, NULL, 0));
	ucall_vcpu_detach(own_vcpu);
	ucall_vm_free(own);
}

/* A message with random contents in a mailbox: it is checked like any other. */
static UCALL_GUEST void guest_hostile(void)
{
	struct ucall_mailbox *m = ucall_this_mailbox();
	uint64_t seed = 88172645463325252;

	for (;;) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		*(volatile uint64_t *)(void *)&m->uc = seed >> (seed % 5 * 12);
		*(volatile uint64_t *)&m->shared = seed;
		ucall_bell_ring(seed);
	}
}

static void once_hostile(void)
{
	static const char *const backends[] = { DEFAULT, "mmio", "ring,depth=1" };

	for (int i = 0; i < 6; i++) {
		struct ucall_attach_config config;
		struct ucall_message m;
		struct ucall_vm *bell;
		int cmd;

		if (i == 5) /* ring cannot send by address */
			continue;
		create(guest_hostile);
		config = config_for(backends[i % 3]);
		/* The guest writes its mailbox in any case. */
		config.via = i < 3 ? UCALL_ATTACH_BY_MAILBOX : UCALL_ATTACH_BY_ADDRESS;
		if (i >= 3)
			map_memory(&vm, UCALL_ATTACH_ADDRESS, PAGE);
		bell = attach(&config);
		for (int n = 0; n < 2000; n++) {
			run();
			CHECK_EQ(ucall_vcpu_rang(vcpu.bell, NULL), 1);
			cmd = ucall_vcpu_message(vcpu.bell, &m);
			CHECK(cmd >= -1 && (cmd <= 0 || m.nargs <= 7));
			CHECK(cmd <= 0 || !m.text[m.text_size]);
		}
		ucall_vm_free(bell);
		destroy();
	}
}

UCALL_TESTS({ "values arrive unchanged", .once = once_values },
	    { "guest.h's messages by address", .once = once_by_address },
	    { "messages by address without read()", .once = once_no_read },
	    { "messages in a mailbox", .once = once_mailbox },
	    { "guest pages of 16 and 64 KiB", .once = once_large_pages },
	    { "exits that are not the doorbell's", .once = once_others },
	    { "another address", .once = once_elsewhere },
	    { "doorbells without a message", .once = once_bare },
	    { "ucall_shared()", .once = once_shared }, { "a forked child", .once = once_forked },
	    { "vCPUs are detached", .once = once_detach }, { "memory slots", .once = once_slots },
	    { "refused configurations", .once = once_refused },
	    { "attached and own VMs", .once = once_mixed },
	    { "a hostile guest", .once = once_hostile });
