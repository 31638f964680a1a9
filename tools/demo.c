// SPDX-License-Identifier: MIT
/* ucall demo: one guest over every backend that works here, as a table. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ucall/plugin.h>

#include "commands.h"

static UCALL_GUEST void guest_main(uint64_t first, uint64_t second)
{
	GUEST_PRINTF("sum %llu", (unsigned long long)(first + second));
	GUEST_SYNC(1);
	GUEST_SYNC_ARGS(2, first, second, first + second, first * second);
	GUEST_ASSERT_EQ(first + second, second + first);
	GUEST_DONE();
}

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

/* One row.  Returns -1 if it could not run here, 0 if it failed, 1 if all was well. */
static int row(const char *backend)
{
	struct ucall_vm_config config = { .backend = backend };
	struct ucall_vcpu *vcpu;
	struct report r = { NULL, 0, NULL };
	struct ucall_vm *vm;
	int result;

	vm = ucall_vm_create(&config);
	if (!vm) {
		bool skip = errno == EOPNOTSUPP || ucall_engine_check("kvm");

		printf("%-10s %-8s %-7s %-10s %-6s %s\n", backend, "-", "-", "-",
		       skip ? "skip" : "FAILED", ucall_error());
		return skip ? -1 : 0;
	}
	r.stream = open_memstream(&r.text, &r.size);
	vcpu = r.stream ? ucall_vcpu_add(vm, guest_main, 2, 2, 40) : NULL;
	result = vcpu && run(vcpu, &r);
	if (r.stream)
		fclose(r.stream);
	printf("%-10s %-8s %-7s %-10s %-6s %s\n", ucall_vm_backend(vm), ucall_vm_arch(vm),
	       ucall_vm_engine(vm), "none", result ? "ok" : "FAILED", vcpu ? r.text : ucall_error());
	free(r.text);
	ucall_vm_free(vm);
	return result;
}

int cmd_demo(int argc, char **argv)
{
	struct ucall_backend_info *all;
	int ok = 0, failed = 0;
	size_t count;

	(void)argv;
	if (argc != 1) {
		fprintf(stderr, "usage: ucall demo\n");
		return EXIT_USAGE;
	}
	all = ucall_backends(&count);
	if (!all || !count) {
		fprintf(stderr, "ucall: %s\n",
			all ? "no backend was found; set UCALL_PLUGIN_PATH" : ucall_error());
		ucall_backends_free(all);
		return EXIT_USAGE;
	}
	printf("%-10s %-8s %-7s %-10s %-6s %s\n", "BACKEND", "GUEST", "ENGINE", "PROTECTION",
	       "RESULT", "MESSAGES");
	for (size_t i = 0; i < count; i++) {
		int r;

		if (all[i].problem) {
			printf("%-10s %-8s %-7s %-10s %-6s %s\n", all[i].metadata.name, "-", "-",
			       "-", "skip", all[i].problem);
			continue;
		}
		r = row(all[i].metadata.name);
		ok += r == 1;
		failed += r == 0;
	}
	printf("%d ok, %d failed, %zu skipped\n", ok, failed, count - (size_t)(ok + failed));
	ucall_backends_free(all);
	return failed ? EXIT_ABORT : 0;
}
