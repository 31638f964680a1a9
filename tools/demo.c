// SPDX-License-Identifier: MIT
/* ucall demo: one guest over every available backend, architecture and engine, as a table. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ucall/plugin.h>

#include "harness/child.h"
#include "base/text.h"
#include "commands.h"
#include "compilers.h"
#include "demo-guest.h"
#include "text.h"

/* The messages received, as text: "sum 42", SYNC 1, ... */
struct report {
	char *text;
	size_t size;
	FILE *stream;
};

static void add_message(struct report *r, int cmd, const struct ucall *uc)
{
	const char *comma = ftell(r->stream) > 0 ? ", " : "";

	switch (cmd) {
	case UCALL_PRINTF:
		fprintf(r->stream, "%s\"%s\"", comma, uc->text);
		break;
	case UCALL_SYNC:
		fprintf(r->stream, "%sSYNC %llu", comma, (unsigned long long)uc->args[1]);
		for (int i = 2; i < uc->nargs; i++)
			fprintf(r->stream, "%s%llu", i == 2 ? " (" : " ",
				(unsigned long long)uc->args[i]);
		if (uc->nargs > 2)
			fprintf(r->stream, ")");
		break;
	case UCALL_DONE:
		fprintf(r->stream, "%sDONE", comma);
		break;
	default:
		fprintf(r->stream, "%scommand %d", comma, cmd);
	}
}

/* Runs the guest to its end.  Returns whether every message came as the guest sent it. */
static bool run(struct ucall_vcpu *vcpu, struct report *r)
{
	static const int expected[] = { UCALL_PRINTF, UCALL_SYNC, UCALL_SYNC, UCALL_DONE };
	struct ucall uc;

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		int cmd = ucall_vcpu_run(vcpu) ? -1 : get_ucall(vcpu, &uc);

		if (cmd < 0) {
			fprintf(r->stream, "%s", ucall_error());
			return false;
		}
		if (cmd == UCALL_ABORT) {
			fprintf(r->stream, "%s", uc.text);
			return false;
		}
		add_message(r, cmd, &uc);
		if (cmd != expected[i])
			return false;
		if (cmd == UCALL_PRINTF && strcmp(uc.text, "sum 42") != 0)
			return false;
		if (cmd == UCALL_SYNC && uc.args[1] != i)
			return false;
		if (cmd == UCALL_SYNC && uc.nargs == 6 && (uc.args[4] != 42 || uc.args[5] != 80))
			return false;
	}
	return true;
}

struct totals {
	unsigned int ok, failed, skipped;
};

enum result { OK, FAILED, SKIPPED };

/* A row's case. */
struct demo_case {
	const char *backend, *arch, *engine, *protection;
	uint32_t arch_bit;
};

/* The colours of results (ECMA-48, 8.3.117), on a terminal only; see no-color.org. */
static bool has_colours(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

static void print_row(const struct demo_case *c, const char *result, int colour, const char *text)
{
	char on[16] = "";

	if (colour && has_colours())
		snprintf(on, sizeof(on), "\033[%dm", colour);
	printf("%-10s %-8s %-8s %-16s %s%-6s%s %s\n", c->backend, c->arch, c->engine, c->protection,
	       on, result, on[0] ? "\033[0m" : "", text);
}

/* A row has room for the reason's first words only: up to its first clause. */
#define REASON 47

static int skip(const struct demo_case *c, const char *why)
{
	char text[REASON + 1];
	const char *colon = strstr(why, ": ");
	size_t n = 0;

	if (why[0] == '/' && colon) /* the file is named in the row */
		why = colon + 2;
	while (why[n] && !strchr(",;", why[n]) && strncmp(why + n, ": ", 2) != 0 &&
	       strncmp(why + n, " (", 2) != 0)
		n++;
	if (n <= REASON)
		snprintf(text, sizeof(text), "%.*s", (int)n, why);
	else
		snprintf(text, sizeof(text), "%.*s...", REASON - 3, why);
	print_row(c, "skip", 33, text);
	return SKIPPED;
}

static int finish(const struct demo_case *c, bool good, const char *text)
{
	print_row(c, good ? "ok" : "FAILED", good ? 32 : 31, text);
	return good ? OK : FAILED;
}

/* Runs one case in its VM. */
static int run_in(struct ucall_vm *vm, const struct demo_case *c)
{
	struct ucall_vcpu *vcpu;
	struct report r = { NULL, 0, NULL };
	bool good;
	int result;

	r.stream = open_memstream(&r.text, &r.size);
	vcpu = r.stream ? ucall_vcpu_add(vm, guest_main, 2, 2, 40) : NULL;
	good = vcpu && !ucall_vm_launch(vm);
	if (!good)
		fprintf(r.stream ? r.stream : stderr, "%s", ucall_error());
	good = good && run(vcpu, &r);
	if (r.stream)
		fclose(r.stream);
	result = finish(c, good, r.text ? r.text : "out of memory");
	free(r.text);
	return result;
}

/* Runs one case and prints its row.  Returns an enum result. */
static int run_case(void *data)
{
	const struct demo_case *c = data;
	struct ucall_vm_config config = {
		.backend = c->backend,
		.engine = c->engine,
		.protect = c->protection,
		.guest_vc = true, /* so that port I/O works with SEV-ES */
	};
	char image[4096], why[256];
	const char *missing;
	struct ucall_vm *vm;
	int result;

	if (c->arch_bit != ucall_arch_host()) {
		snprintf(image, sizeof(image), "%s/demo-%s.elf",
			 kit_folder("UCALL_DEMO_PATH", UCALL_ELF_DIR), c->arch);
		config.image = image;
		if (access(image, R_OK)) {
			missing = compiler_to_install(c->arch_bit);
			if (missing)
				snprintf(why, sizeof(why), "no compiler for %s guests", c->arch);
			else
				snprintf(why, sizeof(why), "no demo-%s.elf", c->arch);
			return skip(c, why);
		}
	}
	vm = ucall_vm_create(&config);
	if (vm)
		result = run_in(vm, c);
	else if (errno == EOPNOTSUPP)
		result = skip(c, ucall_error());
	else
		result = finish(c, false, ucall_error());
	ucall_vm_free(vm);
	return result;
}

/* Runs it in its own process, since an emulator may abort. */
static int run_apart(const struct demo_case *c)
{
	struct ucall_child child = { .work = run_case, .data = (void *)(uintptr_t)c, .limit = 60 };
	char text[512];

	if (ucall_child_run(&child))
		return finish(c, false, strerror(errno));
	if (child.returned)
		return child.status;
	ucall_child_describe(&child, text, sizeof(text));
	return finish(c, false, text);
}

/* Runs the case of that backend, architecture, engine and protection, and counts its result. */
static void run_one(const char *backend, uint32_t arch, const struct ucall_engine_info *engine,
		    const struct ucall_protection_info *protection, bool fork, struct totals *t)
{
	struct demo_case c = {
		.backend = backend,
		.arch = ucall_arch_name(arch),
		.engine = engine->name,
		.protection = protection->name,
		.arch_bit = arch,
	};
	const char *problem = engine->problem[0] ? engine->problem : protection->problem;
	int result = *problem ? skip(&c, problem) : fork ? run_apart(&c) : run_case(&c);

	t->ok += result == OK;
	t->failed += result == FAILED;
	t->skipped += result == SKIPPED;
}

/* A protection that this machine lacks is shown once: with its default backend. */
static bool is_shown(const struct ucall_backend_info *backend,
		     const struct ucall_protection_info *protection)
{
	return !protection->problem[0] || protection->bit == UCALL_PROTECT_NONE ||
	       (backend->metadata.default_for_protections & protection->bit);
}

/* Runs all protections that the backend serves and the engine may have. */
static void each_protection(const struct ucall_backend_info *backend, uint32_t arch,
			    const struct ucall_engine_info *engine,
			    const struct ucall_protection_info *protections, bool fork,
			    struct totals *t)
{
	for (const struct ucall_protection_info *p = protections; p->name; p++)
		if ((backend->metadata.protections & p->bit) && is_shown(backend, p) &&
		    (!p->engine || !strcmp(p->engine, engine->name)) && (p->archs & arch))
			run_one(backend->metadata.name, arch, engine, p, fork, t);
}

/* Prints which engines were used, and why others were not. */
static void explain_engines(const struct ucall_engine_info *engines)
{
	char own[64];

	for (const struct ucall_engine_info *e = engines; e->name; e++) {
		printf("engine %s", e->name);
		if (e->version[0])
			printf(" %s", e->version);
		snprintf(own, sizeof(own), "no engine %s: ", e->name);
		if (e->problem[0])
			printf(": not used: %s\n",
			       e->problem +
				       (strncmp(e->problem, own, strlen(own)) ? 0 : strlen(own)));
		else
			printf(": used: %s\n", e->summary);
	}
}

int cmd_demo(int argc, char **argv)
{
	struct totals t = { 0, 0, 0 };
	bool fork = argc == 1;
	struct ucall_engine_info *engines;
	struct ucall_protection_info *protections;
	struct ucall_backend_info *all;
	char name[64], shown[64];
	const char *backend;
	size_t count;

	if (argc > 2 || (argc == 2 && strcmp(argv[1], "--no-fork") != 0))
		return bad_usage("demo");
	all = find_backends(&count);
	engines = all ? ucall_engines() : NULL;
	protections = engines ? ucall_protections() : NULL;
	if (!all || !count || !engines || !protections) {
		fprintf(stderr, "ucall: %s\n",
			all && engines && protections
				? "no backend was found; install the package libucall-plugins, or set UCALL_PLUGIN_PATH"
				: ucall_error());
		ucall_backends_free(all);
		free(engines);
		free(protections);
		return EXIT_USAGE;
	}
	print_row(&(struct demo_case){ .backend = "BACKEND",
				       .arch = "GUEST",
				       .engine = "ENGINE",
				       .protection = "PROTECTION" },
		  "RESULT", 0, "MESSAGES");
	for (size_t i = 0; i < count; i++) {
		if (all[i].problem) {
			snprintf(name, sizeof(name), "%s", ucall_file_name(all[i].path));
			name[strcspn(name, ".")] = '\0';
			backend = name + (strncmp(name, "ucall-", 6) ? 0 : 6);
			skip(&(struct demo_case){ .backend =
							  printable(backend, shown, sizeof(shown)),
						  .arch = "-",
						  .engine = "-",
						  .protection = "-" },
			     all[i].problem);
			t.skipped++;
			continue;
		}
		for (uint32_t arch = 1; ucall_arch_name(arch); arch <<= 1)
			for (const struct ucall_engine_info *e = engines; e->name; e++)
				if (ucall_engine_serves(e, &all[i], arch) ||
				    ((all[i].archs & arch) && !e->archs &&
				     arch != ucall_arch_host()))
					each_protection(&all[i], arch, e, protections, fork, &t);
	}
	printf("%u ok, %u failed, %u skipped%s\n", t.ok, t.failed, t.skipped,
	       t.skipped ? "; `ucall list` says why" : "");
	explain_engines(engines);
	ucall_backends_free(all);
	free(engines);
	free(protections);
	return t.failed ? EXIT_ABORT : 0;
}
