// SPDX-License-Identifier: MIT
/* ucall demo: one guest over every backend, architecture and engine that there is, as a table. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ucall/plugin.h>

#include "commands.h"
#include "compilers.h"
#include "demo-guest.h"

/* What came, in words: "PRINTF "sum 42", SYNC 1, ..." */
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
		fprintf(r->stream, "%sPRINTF \"%s\"", comma, uc->text);
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

/* A row's case. */
struct demo_case {
	const char *backend, *arch, *engine, *protection;
};

static void print_row(const struct demo_case *c, const char *result, const char *messages)
{
	printf("%-10s %-8s %-8s %-16s %-6s %s\n", c->backend, c->arch, c->engine, c->protection,
	       result, messages);
}

static void print_skip(const struct demo_case *c, const char *why, struct totals *t)
{
	print_row(c, "skip", why);
	t->skipped++;
}

/* One case, whose VM there is. */
static void row(const struct demo_case *c, struct ucall_vm *vm, struct totals *t)
{
	struct ucall_vcpu *vcpu;
	struct report r = { NULL, 0, NULL };
	bool good;

	r.stream = open_memstream(&r.text, &r.size);
	vcpu = r.stream ? ucall_vcpu_add(vm, guest_main, 2, 2, 40) : NULL;
	good = vcpu && !ucall_vm_launch(vm);
	if (!good)
		fprintf(r.stream ? r.stream : stderr, "%s", ucall_error());
	good = good && run(vcpu, &r);
	if (r.stream)
		fclose(r.stream);
	print_row(c, good ? "ok" : "FAILED", r.text ? r.text : "out of memory");
	free(r.text);
	t->ok += good;
	t->failed += !good;
}

/* The case of that backend, architecture, engine and protection. */
static void one(const char *backend, uint32_t arch, const struct ucall_engine_info *engine,
		const struct ucall_protection_info *protection, struct totals *t)
{
	struct ucall_vm_config config = {
		.backend = backend,
		.engine = engine->name,
		.protect = protection->name,
		.guest_vc = true, /* so that port I/O works in spite of SEV-ES */
	};
	const struct demo_case c = { backend, ucall_arch_name(arch), engine->name, protection->name };
	const char *missing;
	char image[4096], why[256];
	struct ucall_vm *vm;

	if (engine->problem[0] || protection->problem[0]) {
		print_skip(&c, engine->problem[0] ? engine->problem : protection->problem, t);
		return;
	}
	if (arch != ucall_arch_host()) {
		snprintf(image, sizeof(image), "%s/demo-%s.elf",
			 kit_folder("UCALL_DEMO_PATH", UCALL_DEMO_DIR), c.arch);
		config.image = image;
		if (access(image, R_OK)) {
			missing = missing_compiler(arch);
			snprintf(why, sizeof(why), "the demo's guest was not built for it: %s",
				 missing ? missing : "build libucall again");
			print_skip(&c, why, t);
			return;
		}
	}
	vm = ucall_vm_create(&config);
	if (vm) {
		row(&c, vm, t);
	} else if (errno == EOPNOTSUPP) {
		print_skip(&c, ucall_error(), t);
	} else {
		print_row(&c, "FAILED", ucall_error());
		t->failed++;
	}
	ucall_vm_free(vm);
}

/* What this machine does not have is shown once: with the backend that would be the default. */
static bool is_shown(const struct ucall_backend_info *backend,
		     const struct ucall_protection_info *protection)
{
	return !protection->problem[0] || protection->bit == UCALL_PROTECT_NONE ||
	       (backend->metadata.default_for_protections & protection->bit);
}

/* All protections that the backend serves and the engine may have. */
static void each_protection(const struct ucall_backend_info *backend, uint32_t arch,
			    const struct ucall_engine_info *engine,
			    const struct ucall_protection_info *protections, struct totals *t)
{
	for (const struct ucall_protection_info *p = protections; p->name; p++)
		if ((backend->metadata.protections & p->bit) && is_shown(backend, p) &&
		    (p->bit == UCALL_PROTECT_NONE || (engine->can & UCALL_CAN_PROTECT)))
			one(backend->metadata.name, arch, engine, p, t);
}

/* Which engine a VM gets that names none, and why not the one before. */
static void explain_engines(const struct ucall_engine_info *engines)
{
	for (const struct ucall_engine_info *e = engines; e->name; e++) {
		printf("engine %s", e->name);
		if (e->version[0])
			printf(" %s", e->version);
		if (e->problem[0])
			printf(": not used: %s\n", e->problem);
		else
			printf(": used: %s\n", e->summary);
	}
}

int cmd_demo(int argc, char **argv)
{
	struct totals t = { 0, 0, 0 };
	struct ucall_engine_info *engines;
	struct ucall_protection_info *protections;
	struct ucall_backend_info *all;
	size_t count;

	(void)argv;
	if (argc != 1) {
		fprintf(stderr, "usage: ucall demo\n");
		return EXIT_USAGE;
	}
	all = ucall_backends(&count);
	engines = ucall_engines();
	protections = ucall_protections();
	if (!all || !count || !engines || !protections) {
		fprintf(stderr, "ucall: %s\n",
			all && engines && protections ? "no backend was found; set UCALL_PLUGIN_PATH"
						      : ucall_error());
		ucall_backends_free(all);
		free(engines);
		free(protections);
		return EXIT_USAGE;
	}
	print_row(&(struct demo_case){ "BACKEND", "GUEST", "ENGINE", "PROTECTION" }, "RESULT",
		  "MESSAGES");
	for (size_t i = 0; i < count; i++) {
		if (all[i].problem) {
			print_skip(&(struct demo_case){ all[i].metadata.name, "-", "-", "-" },
				   all[i].problem, &t);
			continue;
		}
		for (uint32_t arch = 1; ucall_arch_name(arch); arch <<= 1)
			for (const struct ucall_engine_info *e = engines; e->name; e++)
				if (ucall_engine_serves(e, &all[i], arch) ||
				    ((all[i].archs & arch) && !e->archs && arch != ucall_arch_host()))
					each_protection(&all[i], arch, e, protections, &t);
	}
	printf("%u ok, %u failed, %u skipped\n", t.ok, t.failed, t.skipped);
	explain_engines(engines);
	ucall_backends_free(all);
	free(engines);
	free(protections);
	return t.failed ? EXIT_ABORT : 0;
}
