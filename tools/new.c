// SPDX-License-Identifier: MIT
/* ucall new: writes the complete source of a backend to start from. */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ucall/plugin.h>

#include "commands.h"

/* In the texts @NAME@ is the backend's name, and @ID@ the same as a C identifier. */
static const char source[] =
	"/*\n"
	" * @NAME@ - the guest stores to an address where there is no memory.\n"
	" *\n"
	" * A backend for libucall: how a guest calls its host.  The message itself is in the vCPU's\n"
	" * mailbox, which host and guest share; a backend only makes an exit that the host recognises.\n"
	" * ucall-backend(3) has every field and rule.\n"
	" */\n"
	"#include <ucall/plugin.h>\n"
	"\n"
	"/*\n"
	" * `ucall info @NAME@` shows this; it is checked before any code of this file runs.  The core\n"
	" * parses each option and checks its range: UCALL_BACKEND=@NAME@,gpa=0xd0200000\n"
	" */\n"
	"UCALL_BACKEND(\n"
	"	.name = \"@NAME@\",\n"
	"	.version = \"0.1\",\n"
	"	.summary = \"the guest stores to an address without memory\",\n"
	"	.protections = UCALL_PROTECT_NONE,\n"
	"	.options = {\n"
	"		{ .name = \"gpa\", .type = UCALL_OPTION_UINT, .min = 0xc0000000, .max = 0xfffffff000,\n"
	"		  .value = \"0xd0100000\", .help = \"guest-physical address of the doorbell\" },\n"
	"	});\n"
	"\n"
	"#ifndef __s390x__ /* which has no MMIO */\n"
	"/*\n"
	" * Runs in the guest.  The core copies only this function there.  It may use its arguments,\n"
	" * bell->param[0..7] and instructions, but no other function, global variable or string.\n"
	" */\n"
	"UCALL_DOORBELL static void @ID@_ring(struct ucall *uc, const struct ucall_bell *bell)\n"
	"{\n"
	"	*(volatile uint64_t *)bell->param[0] = (uint64_t)uc;\n"
	"}\n"
	"\n"
	"/* The doorbell whose exit gives the message's address, and the one whose exit need not. */\n"
	"UCALL_GUEST_CODE(@ID@_ring, @ID@_ring);\n"
	"#endif\n"
	"\n"
	"#ifndef UCALL_GUEST_BUILD /* from here on: the host */\n"
	"#include <errno.h>\n"
	"\n"
	"/* For each VM, before it has a vCPU.  Data belongs in the VM, never in global variables. */\n"
	"static int @ID@_init(struct ucall_vm *vm, const struct ucall_args *args)\n"
	"{\n"
	"	uint64_t gpa = ucall_args_uint(args, \"gpa\"), gva;\n"
	"\n"
	"	if (gpa % 8)\n"
	"		return ucall_fail(EINVAL, \"option gpa=0x%llx is not a multiple of 8\", (unsigned long long)gpa);\n"
	"	gva = ucall_vm_map_device(vm, gpa, 8); /* where the guest sees it */\n"
	"	if (!gva)\n"
	"		return -1; /* ucall_error() already says why */\n"
	"	ucall_vm_set_backend_data(vm, (void *)(uintptr_t)gpa);\n"
	"	return ucall_vm_set_param(vm, 0, gva);\n"
	"}\n"
	"\n"
	"/* 1, with the message's address in *where, if the exit is this backend's; else 0. */\n"
	"static int @ID@_recv(struct ucall_vcpu *vcpu, const struct ucall_exit *exit, uint64_t *where)\n"
	"{\n"
	"	uintptr_t gpa = (uintptr_t)ucall_vm_backend_data(ucall_vcpu_vm(vcpu));\n"
	"\n"
	"	if (!ucall_exit_is_store(exit, gpa, 8))\n"
	"		return 0;\n"
	"	*where = exit->u.mmio.data;\n"
	"	return 1;\n"
	"}\n"
	"\n"
	"const struct ucall_ops ucall_ops = {\n"
	"	UCALL_OPS,\n"
	"	.init = @ID@_init,\n"
	"#ifndef __s390x__\n"
	"	.send_cmd = @ID@_ring,\n"
	"	.send_cmd_shared = @ID@_ring,\n"
	"#endif\n"
	"	.recv_cmd = @ID@_recv,\n"
	"};\n"
	"#endif\n";

static const char test[] =
	"/* A test of @NAME@, in TAP: one VM, a guest that sends messages, and a host that checks them. */\n"
	"#include <ucall/test.h>\n"
	"\n"
	"static UCALL_GUEST void guest_code(uint64_t first)\n"
	"{\n"
	"	GUEST_SYNC(first);\n"
	"	GUEST_SYNC_ARGS(first + 1, 1, 2, 3, 4);\n"
	"	GUEST_DONE();\n"
	"}\n"
	"\n"
	"static void host_code(struct ucall_vm *vm, struct ucall_vcpu *vcpu)\n"
	"{\n"
	"	struct ucall uc;\n"
	"\n"
	"	CHECK_STR(ucall_vm_backend(vm), \"@NAME@\");\n"
	"	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);\n"
	"	CHECK_EQ(uc.args[1], 41);\n"
	"	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);\n"
	"	CHECK_EQ(uc.args[1], 42);\n"
	"	CHECK_EQ(uc.args[5], 4);\n"
	"	CHECK_NEXT(vcpu, &uc, UCALL_DONE);\n"
	"}\n"
	"\n"
	"UCALL_TESTS({ \"messages come over @NAME@\", UCALL_TEST_GUEST(guest_code), .nargs = 1, .args = { 41 },\n"
	"	      .host = host_code });\n";

static const char makefile[] =
	"# make, make check, make install\n"
	"CFLAGS = -O2 -g -Wall -Wextra\n"
	"$(if $(shell pkg-config --modversion ucall),,$(error pkg-config does not find libucall: see the line above))\n"
	"UCALL = $(shell pkg-config --cflags --libs $(1)) -Wl,-rpath,$(shell pkg-config --variable=libdir ucall)\n"
	"\n"
	"ucall-@NAME@.so: @NAME@.c # all architectures at once: ucall cc --backend $< -o $@\n"
	"	$(CC) $(CFLAGS) -shared -fPIC $< $(call UCALL,ucall) -o $@\n"
	"test: test.c\n"
	"	$(CC) $(CFLAGS) $< $(call UCALL,ucall-test ucall) -o $@\n"
	"check: ucall-@NAME@.so test\n"
	"	UCALL_BACKEND=./ucall-@NAME@.so ./test\n"
	"install: ucall-@NAME@.so\n"
	"	install -D $< $(DESTDIR)$(shell pkg-config --variable=backenddir ucall)/$<\n"
	"clean:\n"
	"	rm -f ucall-@NAME@.so test\n"
	".PHONY: check install clean\n";

static const char readme[] =
	"# @NAME@\n"
	"\n"
	"A backend for libucall: how a virtual machine's guest calls its host.\n"
	"\n"
	"%s"
	"\n"
	"Then any program that uses libucall can use it:\n"
	"\n"
	"    UCALL_BACKEND=@NAME@ ./program\n"
	"\n"
	"Without installing it: `UCALL_BACKEND=./ucall-@NAME@.so`, or its folder in `UCALL_PLUGIN_PATH`.\n"
	"`ucall conform ./ucall-@NAME@.so` checks that it keeps every rule. Guest code for all\n"
	"architectures with a compiler here: `ucall cc --backend @NAME@.c -o ucall-@NAME@.so`.\n";

static const char steps_make[] = "    make && make check\n    sudo make install\n";
static const char steps_autotools[] =
	"    autoreconf -i && ./configure && make && make check\n"
	"    sudo make install\n"
	"\n"
	"If libucall has its own prefix, first `export ACLOCAL_PATH=PREFIX/share/aclocal`, and\n"
	"PKG_CONFIG_PATH likewise.\n";

static const char ignored[] = "*.so\n/test\n";
static const char ignored_autotools[] =
	"*.la\n*.lo\n*.o\n*.log\n*.trs\n.deps/\n.libs/\n/Makefile\n/Makefile.in\n"
	"/aclocal.m4\n/autom4te.cache/\n/build-aux/\n/config.log\n"
	"/config.status\n/configure\n/configure~\n/libtool\n/test\n";

static const char configure[] = "AC_INIT([ucall-@NAME@], [0.1])\n"
				"AC_CONFIG_AUX_DIR([build-aux])\n"
				"AC_REQUIRE_AUX_FILE([tap-driver.sh])\n"
				"AM_INIT_AUTOMAKE([foreign -Wall])\n"
				"AM_PROG_AR\n"
				"LT_INIT([disable-static])\n"
				"AC_PROG_CC\n"
				"AC_PROG_AWK\n"
				"UCALL_CHECK_BACKENDS\n"
				"AC_CONFIG_FILES([Makefile])\n"
				"AC_OUTPUT\n";

static const char automake[] =
	"AM_CFLAGS = -Wall -Wextra $(UCALL_CFLAGS)\n"
	"backenddir = $(ucall_backenddir)\n"
	"backend_LTLIBRARIES = ucall-@NAME@.la\n"
	"ucall_@ID@_la_SOURCES = @NAME@.c\n"
	"ucall_@ID@_la_LDFLAGS = -module -avoid-version -shared\n"
	"ucall_@ID@_la_LIBADD = $(UCALL_LIBS)\n"
	"check_PROGRAMS = test\n"
	"test_LDADD = $(UCALL_TEST_LIBS)\n"
	"TESTS = test\n"
	"AM_TESTS_ENVIRONMENT = UCALL_BACKEND=.libs/ucall-@NAME@.so; export UCALL_BACKEND;\n"
	"LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh\n"
	"EXTRA_DIST = README.md\n";

/* ---- writing ---- */

struct target {
	const char *name, *folder;
	char id[64];
};

static void put(FILE *out, const char *text, const struct target *t)
{
	while (*text) {
		if (!strncmp(text, "@NAME@", 6)) {
			fputs(t->name, out);
			text += 6;
		} else if (!strncmp(text, "@ID@", 4)) {
			fputs(t->id, out);
			text += 4;
		} else {
			putc(*text++, out);
		}
	}
}

/* Puts `with` in place of the %s in the text, if there is one. */
static bool write_file(const struct target *t, const char *file, const char *text, const char *with)
{
	const char *gap = with ? strstr(text, "%s") : NULL;
	char path[4096];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", t->folder, file);
	out = fopen(path, "wx"); /* never overwrites a file */
	if (!out) {
		fprintf(stderr, "ucall: cannot write %s: %s\n", path, strerror(errno));
		return false;
	}
	if (gap) {
		char *head = strndup(text, (size_t)(gap - text));

		put(out, head ? head : "", t);
		free(head);
		put(out, with, t);
		text = gap + 2;
	}
	put(out, text, t);
	if (fclose(out)) {
		fprintf(stderr, "ucall: cannot write %s: %s\n", path, strerror(errno));
		return false;
	}
	printf("%s\n", path);
	return true;
}

static bool check_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";

	if (!strcmp(name, "test")) {
		fprintf(stderr, "ucall: test.c is the test of a backend; choose another name\n");
		return false;
	}
	if (*name && strspn(name, letters) == strlen(name) && strlen(name) < 32 &&
	    islower((unsigned char)*name))
		return true;
	fprintf(stderr,
		"ucall: \"%s\" cannot be the name of a backend: use a-z, 0-9, - and _, a letter "
		"first, at most 31\n",
		name);
	return false;
}

static bool parse(int argc, char **argv, struct target *t, bool *autotools)
{
	int words = 0;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--autotools"))
			*autotools = true;
		else if (argv[i][0] == '-' || words == 2)
			return false;
		else if (words++ == 0)
			t->name = argv[i];
		else
			t->folder = argv[i];
	}
	if (!t->name)
		return false;
	if (!t->folder)
		t->folder = t->name;
	return true;
}

/* A backend of that name would be hidden by this one, or hide it. */
static bool check_unused(const char *name)
{
	struct ucall_backend_info *other = ucall_backend_find(name);

	if (!other)
		return true;
	fprintf(stderr, "ucall: backend %s already exists, %s; choose another name\n", name,
		other->path);
	ucall_backends_free(other);
	return false;
}

struct file {
	const char *name, *text, *with;
};

/* If one of them exists, nothing is written. */
static bool check_no_files(const struct target *t, const struct file *files)
{
	char path[4096];

	for (; files->name; files++) {
		snprintf(path, sizeof(path), "%s/%s", t->folder, files->name);
		if (access(path, F_OK) == 0) {
			fprintf(stderr, "ucall: %s already exists; nothing was written\n", path);
			return false;
		}
	}
	return true;
}

int cmd_new(int argc, char **argv)
{
	struct target t = { NULL, NULL, "" };
	bool autotools = false;
	char own[64];

	if (!parse(argc, argv, &t, &autotools))
		return bad_usage("new");
	if (!check_name(t.name) || !check_unused(t.name))
		return EXIT_USAGE;
	snprintf(own, sizeof(own), "%s.c", t.name);
	snprintf(t.id, sizeof(t.id), "%s", t.name);
	for (char *p = t.id; *p; p++)
		if (*p == '-')
			*p = '_';

	const struct file plain[] = {
		{ own, source, NULL },		 { "test.c", test, NULL },
		{ "Makefile", makefile, NULL },	 { "README.md", readme, steps_make },
		{ ".gitignore", ignored, NULL }, { NULL, NULL, NULL },
	};
	const struct file with_autotools[] = {
		{ own, source, NULL },
		{ "test.c", test, NULL },
		{ "configure.ac", configure, NULL },
		{ "Makefile.am", automake, NULL },
		{ "README.md", readme, steps_autotools },
		{ ".gitignore", ignored_autotools, NULL },
		{ NULL, NULL, NULL },
	};
	const struct file *files = autotools ? with_autotools : plain;

	if (mkdir(t.folder, 0777) && errno != EEXIST) {
		fprintf(stderr, "ucall: cannot make the folder %s: %s\n", t.folder,
			strerror(errno));
		return EXIT_USAGE;
	}
	if (!check_no_files(&t, files))
		return EXIT_USAGE;
	for (; files->name; files++)
		if (!write_file(&t, files->name, files->text, files->with))
			return EXIT_USAGE;
	printf("Now: cd %s && %s\n", t.folder,
	       autotools ? "autoreconf -i && ./configure && make && make check"
			 : "make && make check");
	return 0;
}
