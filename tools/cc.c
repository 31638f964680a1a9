// SPDX-License-Identifier: MIT
/* ucall cc: compiles guest ELFs, and backends with guest code for every architecture. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ucall/plugin.h>

#include "commands.h"
#include "compilers.h"
#include "embed.h"

/* The guest runtime, which is compiled with each guest. */
static const char *const runtime[] = { "/entry.c", "/mem.c",   "/nest.c", "/printf.c",
				       "/safe.c",  "/share.c", "/span.c", "/tdx.c" };

#define RUNTIME (sizeof(runtime) / sizeof(runtime[0]))

struct options {
	const char *arch, *compiler, *out;
	const char *sources[32];
	size_t source_count;
	const char *flags[64];
	size_t flag_count;
	bool backend, assembler, object, verbose;
};

/* The word after an option; NULL and a message if there is none. */
static const char *value_of(int argc, char **argv, int *i)
{
	if (*i + 1 < argc)
		return argv[++*i];
	fprintf(stderr, "ucall: %s needs a value\n", argv[*i]);
	return NULL;
}

/* True for a compiler option whose value is the next word. */
static bool takes_value(const char *flag)
{
	static const char *const flags[] = {
		"-MF",	    "-MT",	"-MQ",	    "-I",	   "-D",
		"-U",	    "-include", "-isystem", "-iquote",	   "-idirafter",
		"-imacros", "-x",	"-L",	    "-l",	   "-T",
		"-u",	    "-z",	"-Xlinker", "-Xassembler", "-Xpreprocessor",
		"-Xclang",  "-target",	"--param",  "-aux-info"
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (!strcmp(flag, flags[i]))
			return true;
	return false;
}

static bool add_flag(struct options *o, const char *flag)
{
	if (o->flag_count == sizeof(o->flags) / sizeof(o->flags[0])) {
		fprintf(stderr, "ucall: too many arguments\n");
		return false;
	}
	o->flags[o->flag_count++] = flag;
	return true;
}

static bool parse(int argc, char **argv, struct options *o)
{
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i], **value = NULL;

		if (!strcmp(arg, "--arch") || !strcmp(arg, "-a"))
			value = &o->arch;
		else if (!strcmp(arg, "--cc"))
			value = &o->compiler;
		else if (!strcmp(arg, "-o"))
			value = &o->out;
		if (value) {
			*value = value_of(argc, argv, &i);
			if (!*value)
				return false;
		} else if (!strcmp(arg, "--backend")) {
			o->backend = true;
		} else if (!strcmp(arg, "-S")) {
			o->assembler = true;
		} else if (!strcmp(arg, "-c")) {
			o->object = true;
		} else if (!strcmp(arg, "-v")) {
			o->verbose = true;
		} else if (arg[0] == '-') {
			if (!add_flag(o, arg))
				return false;
			if (takes_value(arg)) {
				arg = value_of(argc, argv, &i);
				if (!arg || !add_flag(o, arg))
					return false;
			}
		} else if (arg[0] != '-' &&
			   o->source_count < sizeof(o->sources) / sizeof(o->sources[0])) {
			o->sources[o->source_count++] = arg;
		} else {
			fprintf(stderr, "ucall: too many arguments\n");
			return false;
		}
	}
	if (o->object && (o->backend || o->source_count > 1)) {
		fprintf(stderr, "ucall: -c takes one source, and not --backend\n");
		return false;
	}
	return o->out && o->source_count && (!o->backend || (o->source_count == 1 && !o->arch));
}

/* True for -MD, -MMD, -MF FILE, ...: options for dependencies. */
static bool is_dependency(const char *flag)
{
	return flag[0] == '-' && flag[1] == 'M';
}

static void add_flags(struct command *c, const struct options *o, bool dependencies)
{
	add_concatenated(c, "-I", kit_folder("UCALL_INCLUDE_PATH", UCALL_INCLUDE_DIR));
	for (size_t i = 0; i < o->flag_count; i++) {
		bool one = is_dependency(o->flags[i]), two = one && takes_value(o->flags[i]);

		if (!one || dependencies) {
			add_arg(c, o->flags[i]);
			if (two)
				add_arg(c, o->flags[i + 1]);
		}
		i += two;
	}
}

/*
 * Writes the source's dependencies in a run of its own, since the flags for that apply to one
 * source: in a compilation with the runtime, those of its last file would be written.
 */
static int write_dependencies(const struct options *o, uint32_t arch)
{
	const char *missing, *base = strrchr(o->out, '/'),
			     *dot = strrchr(base ? base : o->out, '.');
	bool target = false, asked = false, beside = false, file = false;
	char name[4096];
	struct command c;

	for (size_t i = 0; i < o->flag_count; i++) {
		asked = asked || is_dependency(o->flags[i]);
		beside = beside || !strcmp(o->flags[i], "-MD") || !strcmp(o->flags[i], "-MMD");
		file = file || !strncmp(o->flags[i], "-MF", 3);
		target = target || !strcmp(o->flags[i], "-MT") || !strcmp(o->flags[i], "-MQ");
	}
	if (!asked)
		return 0;
	begin_compile(&c, arch, o->compiler, &missing);
	add_flags(&c, o, true);
	if (!target) {
		add_arg(&c, "-MT");
		add_arg(&c, o->out);
	}
	if (beside && !file) { /* m.o: m.d; the compiler cannot know: this run writes no m.o */
		snprintf(name, sizeof(name), "%.*s.d",
			 dot ? (int)(dot - o->out) : (int)strlen(o->out), o->out);
		add_arg(&c, "-MF");
		add_arg(&c, name);
	}
	add_arg(&c, "-c");
	add_arg(&c, o->sources[0]);
	add_arg(&c, "-o");
	add_arg(&c, "/dev/null");
	return run_command(&c, o->verbose);
}

/* ---- a guest ELF ---- */

static bool covers(const struct options *o)
{
	for (size_t i = 0; i < o->flag_count; i++)
		if (!strcmp(o->flags[i], "--coverage"))
			return true;
	return false;
}

/* Counters for the sources, not for the runtime; ucall_vm_sync_coverage() finds them. */
static int add_coverage(struct command *c, const char *folder)
{
	char exclude[4096];
	int n = snprintf(exclude, sizeof(exclude), "-fprofile-exclude-files=%s/.*", folder);

	if (uses_lld(c)) {
		fprintf(stderr, "ucall: --coverage of a guest ELF needs gcc 12 or later\n");
		return -1;
	}
	/* A regular expression: what is special in a path stands for any character. */
	for (char *p = exclude + strlen("-fprofile-exclude-files="); p < exclude + n - 3; p++)
		if (strchr("+*?()[]{}|^$\\;", *p))
			*p = '.';
	add_arg(c, "-DUCALL_COVERAGE");
	add_arg(c, "-fprofile-info-section=gcov_info");
	add_concatenated(c, exclude, "");
	add_concatenated(c, folder, "/coverage.c");
	return 0;
}

/* The compiler writes notes for the runtime's files too, with nothing in them. */
static void remove_notes(const char *out)
{
	for (size_t i = 0; i <= RUNTIME; i++) {
		const char *name = i < RUNTIME ? runtime[i] + 1 : "coverage.c";
		char path[4096];

		snprintf(path, sizeof(path), "%s-%.*s.gcno", out, (int)strcspn(name, "."), name);
		unlink(path);
	}
}

static int guest(const struct options *o)
{
	uint32_t arch = o->arch ? ucall_arch_bit(o->arch) : ucall_arch_host();
	const char *folder = kit_folder("UCALL_GUEST_PATH", UCALL_GUEST_DIR), *missing = NULL;
	struct command c;

	if (!arch) {
		fprintf(stderr, "ucall: %s\n", ucall_error());
		return EXIT_USAGE;
	}
	if (!begin_compile(&c, arch, o->compiler, &missing)) {
		fprintf(stderr, "ucall: no compiler for %s guests; %s\n", ucall_arch_name(arch),
			missing);
		return EXIT_USAGE;
	}
	if (write_dependencies(o, arch))
		return EXIT_ABORT;
	add_flags(&c, o, false);
	if (o->object) {
		add_arg(&c, "-c");
		add_arg(&c, o->sources[0]);
		add_arg(&c, "-o");
		add_arg(&c, o->out);
		return run_command(&c, o->verbose) ? EXIT_ABORT : 0;
	}
	add_link(&c);
	/* Functions that a debugger calls return to the entry point, where it has a breakpoint. */
	add_arg(&c, "-Wl,-e,ucall_guest_return");
	/* Below the mailbox, the stacks and the heap of a guest. */
	add_arg(&c, "-Wl,-Ttext-segment=0x400000");
	if (uses_lld(&c))
		c.args[c.count - 1] = "-Wl,--image-base=0x400000"; /* lld's name for it */
	for (size_t i = 0; i < o->source_count; i++)
		add_arg(&c, o->sources[i]);
	for (size_t i = 0; i < RUNTIME; i++)
		add_concatenated(&c, folder, runtime[i]);
	if (covers(o) && add_coverage(&c, folder))
		return EXIT_USAGE;
	add_arg(&c, "-o");
	add_arg(&c, o->out);
	if (run_command(&c, o->verbose))
		return EXIT_ABORT;
	if (covers(o))
		remove_notes(o->out);
	return 0;
}

/* ---- a backend ---- */

struct work {
	char folder[512];
	char object[544], linked[544], script[544], assembler[544];
};

static bool make_work(struct work *w)
{
	const char *temporary = kit_folder("TMPDIR", "/tmp");
	FILE *f;

	snprintf(w->folder, sizeof(w->folder), "%s/ucall-cc-XXXXXX", temporary);
	if (!mkdtemp(w->folder)) {
		fprintf(stderr, "ucall: cannot make a folder in %s: %s\n", temporary,
			strerror(errno));
		return false;
	}
	snprintf(w->object, sizeof(w->object), "%s/guest.o", w->folder);
	snprintf(w->linked, sizeof(w->linked), "%s/guest.elf", w->folder);
	snprintf(w->script, sizeof(w->script), "%s/guest.ld", w->folder);
	snprintf(w->assembler, sizeof(w->assembler), "%s/guests.S", w->folder);
	f = fopen(w->script, "w");
	if (!f) {
		fprintf(stderr, "ucall: cannot write %s: %s\n", w->script, strerror(errno));
		rmdir(w->folder);
		return false;
	}
	fputs(embed_script, f);
	fclose(f);
	return true;
}

static void remove_work(const struct work *w)
{
	unlink(w->object);
	unlink(w->linked);
	unlink(w->script);
	unlink(w->assembler);
	rmdir(w->folder);
}

/* Adds one architecture's guest code.  0 also if there is no code or no compiler for it. */
static int add_arch(const struct options *o, const struct work *w, uint32_t arch, FILE *to)
{
	const char *missing = NULL;
	struct command c;
	int r;

	if (!begin_compile(&c, arch, NULL, &missing)) {
		fprintf(to, "/* no compiler for %s: %s */\n", ucall_arch_name(arch), missing);
		if (!o->assembler)
			fprintf(stderr, "ucall: left out %s: %s\n", ucall_arch_name(arch), missing);
		return 0;
	}
	add_flags(&c, o, false);
	add_arg(&c, "-c");
	add_arg(&c, o->sources[0]);
	add_arg(&c, "-o");
	add_arg(&c, w->object);
	if (run_command(&c, o->verbose))
		return -1;
	r = embed_check(w->object);
	if (r)
		return r > 0 ? 0 : -1;
	begin_compile(&c, arch, NULL, &missing);
	add_link(&c);
	add_arg(&c, "-Wl,-T");
	add_arg(&c, w->script);
	add_arg(&c, w->object);
	add_arg(&c, "-o");
	add_arg(&c, w->linked);
	if (run_command(&c, o->verbose))
		return -1;
	fprintf(to, "/* %s */\n", ucall_arch_name(arch));
	return embed_code(w->linked, to);
}

static int write_guests(const struct options *o, const struct work *w, const char *path)
{
	FILE *to = fopen(path, "w");
	int r = 0;

	if (!to) {
		fprintf(stderr, "ucall: cannot write %s: %s\n", path, strerror(errno));
		return -1;
	}
	fprintf(to,
		"/* Guest code of %s for other architectures than the host's, by ucall cc. */\n",
		o->sources[0]);
	for (uint32_t arch = 1; !r && ucall_arch_name(arch); arch <<= 1) {
		if (arch == ucall_arch_host())
			continue;
		r = add_arch(o, w, arch, to);
		if (r)
			fprintf(stderr, "ucall: no guest code of %s for %s\n", o->sources[0],
				ucall_arch_name(arch));
	}
	/* A symbol: nm(1) complains about a file without one. */
	fprintf(to, "\t.set ucall_guests, 0\n\t.section .note.GNU-stack,\"\",%%progbits\n");
	if (fclose(to))
		r = -1;
	if (r)
		unlink(path);
	return r;
}

/* Links the host's half and the notes. */
static int link_backend(const struct options *o, const struct work *w)
{
	static const char *const flags[] = { "-shared", "-fPIC", "-O2", "-g", "-Wall" };
	struct command c = { .count = 0 };

	add_words(&c, o->compiler ? o->compiler : "cc");
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		add_arg(&c, flags[i]);
	add_flags(&c, o, true);
	add_arg(&c, o->sources[0]);
	add_arg(&c, w->assembler);
	add_concatenated(&c, "-L", kit_folder("UCALL_LIBRARY_PATH", UCALL_LIBRARY_DIR));
	add_arg(&c, "-lucall");
	add_arg(&c, "-o");
	add_arg(&c, o->out);
	return run_command(&c, o->verbose) ? EXIT_ABORT : 0;
}

static int backend(const struct options *o)
{
	struct work w;
	int r;

	if (!make_work(&w))
		return EXIT_USAGE;
	r = write_guests(o, &w, o->assembler ? o->out : w.assembler) ? EXIT_ABORT : 0;
	if (!r && !o->assembler)
		r = link_backend(o, &w);
	remove_work(&w);
	return r;
}

/* False and a message if a folder of the kit, as kit_folder() finds it, has no such file. */
static bool has_file(const char *variable, const char *installed, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s%s", kit_folder(variable, installed), name);
	if (!access(path, R_OK))
		return true;
	fprintf(stderr,
		"ucall: cannot read %s: %s; install libucall's headers and guest runtime (Debian: libucall-dev), or set %s to their folder\n",
		path, strerror(errno), variable);
	return false;
}

int cmd_cc(int argc, char **argv)
{
	struct options o = { 0 };

	if (!parse(argc, argv, &o))
		return bad_usage("cc");
	if (!has_file("UCALL_INCLUDE_PATH", UCALL_INCLUDE_DIR, "/ucall/guest.h") ||
	    (!o.backend && !o.object && !has_file("UCALL_GUEST_PATH", UCALL_GUEST_DIR, runtime[0])))
		return EXIT_USAGE;
	return o.backend ? backend(&o) : guest(&o);
}
