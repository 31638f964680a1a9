// SPDX-License-Identifier: MIT
/* `ucall conform`: what a backend leaves behind: descriptors, threads, memory, output. */
#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sanitizers.h"
#include "conform-file.h"
#include "conform.h"

/* ---- what is left behind ---- */

/* Standard output and error, redirected to a file. */
struct capture {
	int out, err, file;
};

static bool capture_begin(struct capture *c)
{
	c->file = memfd_create("output", MFD_CLOEXEC);
	fflush(NULL);
	c->out = dup(STDOUT_FILENO);
	c->err = dup(STDERR_FILENO);
	return c->file >= 0 && c->out >= 0 && c->err >= 0 && dup2(c->file, STDOUT_FILENO) >= 0 &&
	       dup2(c->file, STDERR_FILENO) >= 0;
}

/* The caller closes the file. */
static void capture_end(const struct capture *c)
{
	fflush(NULL);
	dup2(c->out, STDOUT_FILENO);
	dup2(c->err, STDERR_FILENO);
	close(c->out);
	close(c->err);
}

void each_silent(void)
{
	struct capture capture;
	struct ucall_vm_config c = { .timeout_ms = 3000 };
	struct ucall_vm *vm;
	char text[64] = "";
	ssize_t n;

	ucall_test_vm_free(conform_vm(UCALL_VIA_DEFAULT)); /* skips if there can be no VM */
	CHECK(capture_begin(&capture));
	ucall_test_config(&c);
	vm = ucall_vm_create(&c);
	if (vm) {
		struct ucall_vcpu *vcpu =
			ucall_vcpu_add_function(vm, (uint64_t)(uintptr_t)conform_count,
						"conform_count", 2, 1, 3, 0, 0, 0, 0);

		while (vcpu && ucall_next(vcpu, NULL) == UCALL_SYNC)
			;
		ucall_vm_free(vm);
	}
	capture_end(&capture);
	n = pread(capture.file, text, sizeof(text) - 1, 0);
	close(capture.file);
	text[strcspn(text, "\n")] = 0;
	CHECK_OK(vm);
	if (n)
		FAIL("it writes to standard output or error, \"%s\"...: a backend prints nothing; "
		     "report errors with ucall_fail()",
		     text);
}

/* KiB allocated, and KiB of address space. */
struct memory {
	long allocated, mapped;
};

static struct memory memory_used(void)
{
	struct mallinfo2 info = mallinfo2();
	FILE *f = fopen("/proc/self/statm", "re");
	struct memory m = { (long)((info.uordblks + info.hblkhd) / 1024), 0 };

	if (f) {
		if (fscanf(f, "%ld", &m.mapped) != 1)
			m.mapped = 0;
		fclose(f);
	}
	m.mapped *= sysconf(_SC_PAGESIZE) / 1024;
	return m;
}

/* KiB that each of `count` has left behind; less than a page each is ignored. */
static long growth(const struct memory *before, long count)
{
	struct memory now = memory_used();
	long allocated = now.allocated - before->allocated, mapped = now.mapped - before->mapped;

	if (allocated > 4 * count)
		return allocated / count;
	return mapped > 64 * count ? mapped / count : 0;
}

/* Up to three rounds of `count`: a leak grows in each; an allocator's cache does not. */
static void check_growth(void (*once)(void *data), void *data, long count, const char *what,
			 const char *mend)
{
	long left = 1;

	for (int i = 0; i < 8; i++)
		once(data);
	for (int round = 0; left && round < 3; round++) {
		struct memory before = memory_used();

		for (long i = 0; i < count; i++)
			once(data);
		left = growth(&before, count);
	}
	if (left)
		FAIL("%s leaves %ld KiB behind: %s", what, left, mend);
}

static void take_message(void *data)
{
	CHECK_NEXT((struct ucall_vcpu *)data, NULL, UCALL_SYNC);
}

static void make_vm(void *data)
{
	struct ucall_vm *vm = conform_vm(UCALL_VIA_DEFAULT);
	struct ucall_vcpu *vcpu = ADD(vm, conform_count, 2, 1, 2);

	CHECK_OK(!ucall_vm_launch(vm));
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	ucall_test_vm_free(vm);
}

void each_memory(void)
{
	const long vms = 24, rounds = 400;
	struct ucall_vcpu *vcpu;
	struct ucall_vm *vm;

#if defined(ADDRESS_SANITIZER) || defined(THREAD_SANITIZER)
	SKIP("a sanitizer manages the memory; it reports leaks itself");
#endif
	vm = conform_vm(UCALL_VIA_DEFAULT);
	vcpu = ADD(vm, conform_count, 2, 1, 4 * rounds);
	CHECK_OK(!ucall_vm_launch(vm));
	check_growth(take_message, vcpu, rounds, "each message",
		     "recv must free what it allocates");
	ucall_test_vm_free(vm);
	check_growth(
		make_vm, NULL, vms, "each VM",
		"uninit() must free what init() allocated, and vcpu_fini() what vcpu_init() did");
}

static int entries(const char *folder)
{
	DIR *dir = opendir(folder);
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static void check_same(int fds, int threads)
{
	if (entries("/proc/self/fd") != fds)
		FAIL("%d file descriptors have become %d", fds, entries("/proc/self/fd"));
	if (entries("/proc/self/task") != threads)
		FAIL("%d threads have become %d", threads, entries("/proc/self/task"));
}

void each_nothing_left(void)
{
	int fds = 0, threads = 0;

	for (int i = 0; i < 12; i++) {
		struct ucall_vm *vm = conform_vm(UCALL_VIA_DEFAULT);
		struct ucall_vcpu *vcpu = ADD(vm, conform_count, 2, 1, 2);

		CHECK_OK(!ucall_vm_launch(vm));
		CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
		ucall_test_vm_free(vm);
		if (i == 1) {
			fds = entries("/proc/self/fd");
			threads = entries("/proc/self/task");
		}
	}
	check_same(fds, threads);
}

/* ---- side effects of loading ---- */

static int count_children(void)
{
	char path[64], text[16];
	int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "re");
	while (f && fscanf(f, "%15s", text) == 1)
		n++;
	if (f)
		fclose(f);
	return n;
}

/* Which file each of the first three descriptors is. */
static void standard_files(ino_t *files)
{
	struct stat st;

	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		files[fd] = fstat(fd, &st) ? 0 : st.st_ino;
}

bool conform_load_alone(char *problem, size_t size)
{
	int fds = entries("/proc/self/fd"), threads = entries("/proc/self/task"),
	    processes = count_children();
	struct capture capture;
	ino_t before[3], after[3];
	const char *what = NULL;
	mode_t mask = umask(0);
	struct stat st;
	bool loaded;

	umask(mask);
	if (!capture_begin(&capture)) {
		snprintf(problem, size, "its output cannot be captured: %s", strerror(errno));
		return false;
	}
	standard_files(before);
	loaded = conform_ops() != NULL;
	fflush(NULL);
	standard_files(after);
	if (fstat(capture.file, &st) || memcmp(before, after, sizeof(before)) != 0)
		what = "file descriptors that are not its own are changed";
	else if (st.st_size)
		what = "it writes to standard output or error";
	capture_end(&capture);
	close(capture.file);
	if (!loaded)
		snprintf(problem, size, "%s", ucall_error());
	else if (!what && umask(mask) != mask)
		what = "the file mode creation mask is changed";
	else if (!what && count_children() != processes)
		what = "a process is started";
	else if (!what && entries("/proc/self/task") != threads)
		what = "a thread is started";
	else if (!what && entries("/proc/self/fd") != fds)
		what = "a file descriptor is left open";
	if (loaded && what)
		snprintf(problem, size,
			 "when it is loaded, %s: a program that lists backends must not notice; "
			 "better to have no constructor and use init()",
			 what);
	return loaded;
}

static void try_vm(const struct ucall_vm_config *config)
{
	struct ucall_vm *vm = ucall_vm_create(config);

	if (!vm)
		conform_check_reason();
	ucall_vm_free(vm);
}

/* Tries all values of options and kinds of VM, some of which are refused. */
void each_refused(void)
{
	struct ucall_vm_config kinds[] = { { .ring = 3 }, { .irqchip = true }, { .ring = 0 } };
	char text[4096 + 128];
	int fds, threads;

	ucall_test_vm_free(conform_vm(UCALL_VIA_DEFAULT));
	fds = entries("/proc/self/fd");
	threads = entries("/proc/self/task");
	for (int again = 0; again < 4; again++) {
		for (size_t k = 0; k < 3; k++) {
			struct ucall_vm_config c = kinds[k];

			ucall_test_config(&c);
			try_vm(&c);
		}
		for (unsigned int i = 0; i < conform_option_count(); i++) {
			const struct ucall_option *o = &conform_info->metadata.options[i];
			char choices[sizeof(o->choices)], *next = choices, *value;
			struct ucall_vm_config c = { .backend = text };

			memcpy(choices, o->type == UCALL_OPTION_BOOL ? "0|1" : o->choices,
			       o->type == UCALL_OPTION_BOOL ? 4 : sizeof(choices));
			while ((o->type == UCALL_OPTION_BOOL || o->type == UCALL_OPTION_CHOICE) &&
			       (value = strsep(&next, "|"))) {
				snprintf(text, sizeof(text), "%s,%s=%s", conform_info->path,
					 o->name, value);
				c.backend = text;
				c.engine = NULL;
				c.image = NULL;
				ucall_test_config(&c);
				try_vm(&c);
			}
		}
	}
	check_same(fds, threads);
}
