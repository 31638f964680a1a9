// SPDX-License-Identifier: MIT
/* Compilers for guests: a cross gcc, or clang with a linker for the target. */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ucall/plugin.h>

#include "base/text.h"
#include "compilers.h"

extern char **environ;

struct target {
	uint32_t arch;
	const char *name, *gcc, *clang_target;
	const char *linker; /* that clang uses */
	const char *flags;
};

static const struct target targets[] = {
#define ARCH(name, NAME, other, linker, flags) \
	{ UCALL_ARCH_##NAME, \
	  #name, \
	  #name "-linux-gnu-gcc", \
	  "--target=" #name "-linux-gnu", \
	  linker, \
	  flags },
#include "arch/list.h"
};

#define TARGETS (sizeof(targets) / sizeof(targets[0]))

/* ---- commands ---- */

void add_arg(struct command *c, const char *arg)
{
	if (c->count + 1 < sizeof(c->args) / sizeof(c->args[0]))
		c->args[c->count] = arg;
	c->count++;
}

void add_concatenated(struct command *c, const char *first, const char *second)
{
	const size_t most = sizeof(c->joined) / sizeof(c->joined[0]);
	char *text;

	if (c->joined_count == most || asprintf(&text, "%s%s", first, second) < 0) {
		c->count = sizeof(c->args) / sizeof(c->args[0]);
		return;
	}
	c->joined[c->joined_count++] = text;
	add_arg(c, text);
}

void add_words(struct command *c, const char *text)
{
	while (*(text += strspn(text, " "))) {
		size_t n = strcspn(text, " ");
		char *word = strndup(text, n);

		if (word) {
			add_concatenated(c, word, "");
			free(word);
		}
		text += n;
	}
}

static void free_joined(struct command *c)
{
	while (c->joined_count)
		free(c->joined[--c->joined_count]);
}

static int execute(const struct command *c, bool verbose)
{
	int error, status;
	pid_t child;

	if (c->count >= sizeof(c->args) / sizeof(c->args[0])) {
		fprintf(stderr, "ucall: the command line has more than %zu words\n",
			sizeof(c->args) / sizeof(c->args[0]) - 1);
		return 127;
	}
	for (size_t i = 0; verbose && i < c->count; i++)
		fprintf(stderr, "%s%s", c->args[i], i + 1 == c->count ? "\n" : " ");
	error = posix_spawnp(&child, c->args[0], NULL, NULL, (char *const *)(uintptr_t)c->args,
			     environ);
	if (error) {
		fprintf(stderr, "ucall: cannot run %s: %s\n", c->args[0], strerror(error));
		return 127;
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int run_command(struct command *c, bool verbose)
{
	int status = execute(c, verbose);

	free_joined(c);
	return status;
}

/* ---- finding them ---- */

static bool is_in_path(const char *program)
{
	const char *path = getenv("PATH");
	char file[4096];

	while (path && *path) {
		size_t n = strcspn(path, ":");

		snprintf(file, sizeof(file), "%.*s/%s", (int)n, path, program);
		if (n && !access(file, X_OK))
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

/* Says which Debian packages to install; their names have no underscores. */
static const char *install_hint(const struct target *t)
{
	static char texts[TARGETS][128];
	char *text = texts[t - targets];
	bool lld = !strcmp(t->linker, "ld.lld");
	char name[32];

	snprintf(name, sizeof(name), "%s", t->name);
	for (char *p = name; (p = strchr(p, '_'));)
		*p = '-';
	snprintf(text, sizeof(texts[0]), "install clang and %s%s%s, or gcc-%s-linux-gnu",
		 lld ? "lld" : "binutils-", lld ? "" : name, lld ? "" : "-linux-gnu", name);
	return text;
}

/* `arch` must be a known architecture. */
static const struct target *target_of(uint32_t arch)
{
	size_t i = 0;

	while (i + 1 < TARGETS && targets[i].arch != arch)
		i++;
	return &targets[i];
}

static bool is_clang(const char *compiler)
{
	return !strncmp(ucall_file_name(compiler), "clang", 5);
}

static bool has_word(const struct command *c, const char *prefix)
{
	for (size_t i = 0; i < c->count; i++)
		if (!strncmp(c->args[i], prefix, strlen(prefix)))
			return true;
	return false;
}

bool uses_lld(const struct command *c)
{
	return has_word(c, "--ld-path=ld.lld") || has_word(c, "-fuse-ld=lld");
}

/* Adds the compiler's name, and for clang the options for the target. */
static bool add_compiler(struct command *c, const struct target *t, const char *compiler)
{
	if (compiler) {
		add_words(c, compiler);
		if (!c->count || c->count > sizeof(c->args) / sizeof(c->args[0]))
			return false;
		/* Clang compiles for any target, given by an option. */
		if (is_clang(c->args[0])) {
			if (!has_word(c, "--target") && !has_word(c, "-target"))
				add_arg(c, t->clang_target);
			if (!has_word(c, "--ld-path") && !has_word(c, "-fuse-ld"))
				add_concatenated(c, "--ld-path=", t->linker);
			add_arg(c, "-Wno-unused-command-line-argument");
		}
	} else if (is_in_path(t->gcc)) {
		add_arg(c, t->gcc);
	} else if (t->arch == ucall_arch_host() && is_in_path("cc")) {
		add_arg(c, "cc");
	} else if (is_in_path("clang") && is_in_path(t->linker)) {
		add_arg(c, "clang");
		add_arg(c, t->clang_target);
		add_concatenated(c, "--ld-path=", t->linker);
		add_arg(c, "-Wno-unused-command-line-argument");
	} else {
		return false;
	}
	return true;
}

bool begin_compile(struct command *c, uint32_t arch, const char *compiler, const char **missing)
{
	static const char *const flags[] = {
		"-std=gnu11",
		"-O2",
		"-g",
		"-Wall",
		"-ffreestanding",
		"-fno-pic",
		"-fno-stack-protector",
		"-fasynchronous-unwind-tables",
		"-fno-strict-aliasing",
		"-DUCALL_GUEST_BUILD",
	};
	const struct target *t = target_of(arch);

	memset(c, 0, sizeof(*c));
	if (!add_compiler(c, t, compiler)) {
		*missing = install_hint(t);
		return false;
	}
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		add_arg(c, flags[i]);
	add_words(c, t->flags);
	return true;
}

void add_link(struct command *c)
{
	static const char *const flags[] = {
		"-nostdlib",
		"-static",
		"-no-pie",
		"-Wl,-z,max-page-size=4096",
		"-Wl,-z,separate-code",
		"-Wl,-z,noexecstack",
		"-Wl,--build-id=none",
		"-Wl,-e,0", /* the host names the function that a vCPU starts in */
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		add_arg(c, flags[i]);
}

const char *compiler_to_install(uint32_t arch)
{
	const char *missing = NULL;
	struct command c;

	begin_compile(&c, arch, NULL, &missing);
	free_joined(&c);
	return missing;
}

const char *kit_folder(const char *name, const char *installed)
{
	const char *folder = getenv(name);

	return folder && *folder ? folder : installed;
}
