// SPDX-License-Identifier: MIT
/* Separate guest ELFs that are damaged, unsupported or do not fit: each is refused, saying why. */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include <ucall/plugin.h>
#include <ucall/test.h>

#define FILE_SIZE 8192

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#define OWN_ARCH "x86_64"
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#define OWN_ARCH "aarch64"
#else
#define OWN_MACHINE EM_RISCV
#define OWN_ARCH "riscv64"
#endif

/* A good file with two segments of one page each; each case damages it. */
struct file {
	Elf64_Ehdr header;
	Elf64_Phdr segments[3];
	uint8_t rest[FILE_SIZE - sizeof(Elf64_Ehdr) - 3 * sizeof(Elf64_Phdr)];
};

static void make(struct file *f)
{
	memset(f, 0, sizeof(*f));
	memcpy(f->header.e_ident, ELFMAG, SELFMAG);
	f->header.e_ident[EI_CLASS] = ELFCLASS64;
	f->header.e_ident[EI_DATA] = ELFDATA2LSB;
	f->header.e_ident[EI_VERSION] = EV_CURRENT;
	f->header.e_type = ET_EXEC;
	f->header.e_machine = OWN_MACHINE;
	f->header.e_version = EV_CURRENT;
	f->header.e_phoff = offsetof(struct file, segments);
	f->header.e_ehsize = sizeof(Elf64_Ehdr);
	f->header.e_phentsize = sizeof(Elf64_Phdr);
	f->header.e_phnum = 2;
	for (int i = 0; i < 2; i++)
		f->segments[i] = (Elf64_Phdr){
			.p_type = PT_LOAD,
			.p_flags = i ? PF_R | PF_W : PF_R | PF_X,
			.p_offset = (uint64_t)i * 4096,
			.p_vaddr = 0x400000 + (uint64_t)i * 4096,
			.p_filesz = 4096,
			.p_memsz = 4096,
			.p_align = 4096,
		};
}

static void refused_sized(const struct file *f, size_t size, int error, const char *text)
{
	struct ucall_vm_config config = { .image_data = f, .image_size = size };

	if (ucall_engine_check(NULL))
		SKIP("%s", ucall_error());
	CHECK(!ucall_vm_create(&config));
	CHECK_HAS(ucall_error(), text);
	CHECK_EQ(errno, error);
}

static void refused(const struct file *f, const char *text)
{
	refused_sized(f, sizeof(*f), ENOEXEC, text);
}

static void once_good(void)
{
	struct ucall_vm_config config = { 0 };
	struct ucall_vm *vm;
	struct file f;
	char byte;

	make(&f);
	f.rest[4096] = 'x';
	config.image_data = &f;
	config.image_size = sizeof(f);
	vm = ucall_test_vm(&config);
	CHECK_STR(ucall_vm_arch(vm), OWN_ARCH);
	CHECK_OK(!ucall_vm_read(vm, 0x401000 + sizeof(f.header) + sizeof(f.segments), &byte, 1));
	CHECK_EQ(byte, 'x');
	CHECK(!ucall_vm_symbol(vm, "guest_main"));
	CHECK_EQ(errno, ENOENT);
	CHECK_HAS(ucall_error(), "no symbol \"guest_main\"; is it stripped?");
	CHECK(!ucall_vcpu_add_symbol(vm, "nosuch", 0));
	CHECK_EQ(errno, ENOENT);
}

static void once_header(void)
{
	struct file f;

	make(&f);
	refused_sized(&f, 0, ENOEXEC, "not an ELF file");
	refused_sized(&f, 8, ENOEXEC, "not an ELF file");
	refused_sized(&f, 40, ENOEXEC, "a truncated ELF file");
	refused_sized(&f, 80, ENOEXEC, "");
	f.header.e_ident[0] = 'E';
	refused(&f, "not an ELF file");
	make(&f);
	f.header.e_ident[EI_CLASS] = ELFCLASS32;
	refused(&f, "a 32-bit ELF file");
	make(&f);
	f.header.e_ident[EI_DATA] = ELFDATA2MSB;
	refused(&f, "big-endian; supported: x86_64 (amd64), aarch64 (arm64), s390x, riscv64");
	make(&f);
	f.header.e_machine = EM_MIPS;
	refused(&f, "an ELF file for another machine; supported: ");
	make(&f);
	f.header.e_machine = EM_S390; /* but little-endian */
	refused(&f, "supported: ");
	make(&f);
	f.header.e_type = ET_DYN;
	refused(&f, "link guests with -static -no-pie");
	f.header.e_type = ET_REL;
	refused(&f, "not linked; make guests with `ucall cc`");
	f.header.e_type = ET_CORE;
	refused(&f, "not an executable");
	make(&f);
	f.header.e_phnum = 0;
	refused(&f, "no segment to load");
	make(&f);
	f.header.e_phoff = 1ull << 40;
	refused(&f, "");
}

static void once_segments(void)
{
	struct file f;

	make(&f);
	refused_sized(&f, 4096 + 100, ENOEXEC, "segment 1 is not in the file, which is cut short");
	make(&f);
	f.segments[1].p_offset = UINT64_MAX - 100;
	refused(&f, "segment 1 is not in the file");
	make(&f);
	f.segments[1].p_filesz = UINT64_MAX;
	refused(&f, "segment 1 is not in the file");
	make(&f);
	f.segments[1].p_memsz = 100; /* less than in the file */
	refused(&f, "segment 1 is not in the file");
	make(&f);
	f.segments[1].p_align = 3;
	refused(&f, "does not fit its alignment");
	make(&f);
	f.segments[1].p_vaddr += 8;
	refused(&f, "does not fit its alignment");
	make(&f);
	f.segments[1].p_vaddr = 0x400000;
	refused(&f, "segment 1 overlaps another at 0x400000");
	make(&f);
	f.segments[0].p_memsz = 8192;
	refused(&f, "segment 1 overlaps another at 0x401000");
	make(&f);
	f.segments[0].p_vaddr = 0;
	refused(&f, "guests lie between 0x1000 and 0x8000000000");
	make(&f);
	f.segments[1].p_vaddr = UCALL_MAILBOX_ADDRESS;
	refused(&f, "guests lie between");
	make(&f);
	f.segments[1].p_vaddr = UCALL_MAILBOX_ADDRESS - 4096;
	f.segments[1].p_memsz = 8192;
	refused(&f, "guests lie between");
	make(&f);
	f.segments[1].p_memsz = UINT64_MAX;
	refused(&f, "guests lie between");
	make(&f);
	f.segments[1].p_memsz = 1ull << 38;
	refused_sized(&f, sizeof(f), ENOMEM, "guest memory is exhausted");
	make(&f);
	f.header.e_phnum = 3;
	f.segments[2] = f.segments[1];
	f.segments[2].p_type = PT_TLS;
	refused(&f, "thread-local variables");
	f.segments[2].p_type = PT_INTERP;
	refused(&f, "dynamically linked");
	f.segments[2].p_type = PT_DYNAMIC;
	refused(&f, "dynamically linked");
}

static void refused_config(const struct ucall_vm_config *config, int error, const char *text)
{
	CHECK(!ucall_vm_create(config));
	CHECK_HAS(ucall_error(), text);
	CHECK_EQ(errno, error);
}

static void once_config(void)
{
	struct file f;

	make(&f);
	refused_config(&(struct ucall_vm_config){ .image = "/nonexistent.elf" }, ENOENT,
		       "cannot open /nonexistent.elf");
	refused_config(&(struct ucall_vm_config){ .image = "/tmp" }, ENOEXEC, "not a regular file");
	refused_config(
		&(struct ucall_vm_config){ .arch = "vax" }, EINVAL,
		"unknown guest architecture \"vax\"; known: x86_64 (amd64), aarch64 (arm64), s390x, "
		"riscv64");
	refused_config(&(struct ucall_vm_config){ .image_data = &f,
						  .image_size = sizeof(f),
						  .arch = "s390x" },
		       EINVAL, "is a guest for " OWN_ARCH ", but the VM configuration says s390x");
	refused_config(&(struct ucall_vm_config){ .image_data = &f,
						  .image_size = sizeof(f),
						  .engine = "bochs" },
		       EINVAL, "unknown engine \"bochs\"; known: kvm, unicorn");
#ifdef __x86_64__
	refused_config(&(struct ucall_vm_config){ .arch = "s390x" }, EINVAL,
		       "must be a separate guest ELF; make one with `ucall cc --arch s390x`");
	f.header.e_machine = EM_RISCV;
	refused_config(&(struct ucall_vm_config){ .image_data = &f,
						  .image_size = sizeof(f),
						  .engine = "kvm" },
		       EOPNOTSUPP,
		       "engine kvm runs guests of the host's own architecture (x86_64), not "
		       "riscv64; engine unicorn does");
	if (ucall_engine_check("unicorn"))
		SKIP("%s", ucall_error());
	refused_config(
		&(struct ucall_vm_config){
			.image_data = &f, .image_size = sizeof(f), .engine = "unicorn", .ring = 3 },
		EOPNOTSUPP, "guest functions in ring 3 for guests of riscv64 (named by");
	refused_config(&(struct ucall_vm_config){ .image_data = &f,
						  .image_size = sizeof(f),
						  .backend = "pio" },
		       EOPNOTSUPP, "backend pio has no guest code for riscv64");
#endif
}

UCALL_TESTS({ "a good file", .once = once_good }, { "its header", .once = once_header },
	    { "its segments", .once = once_segments },
	    { "configurations that contradict it", .once = once_config });
