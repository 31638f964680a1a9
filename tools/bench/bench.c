// SPDX-License-Identifier: MIT
/* ucall bench: what a ucall costs, compared with its bare exit. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "../commands.h"
#include "../text.h"

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct bench_figure bench_figure(double *values, unsigned int rounds)
{
	qsort(values, rounds, sizeof(*values), compare);
	return (struct bench_figure){ values[rounds / 2], values[0], values[rounds - 1] };
}

/* ---- measuring ---- */

static void add(struct bench_results *r, const char *backend, const struct ucall_engine_info *e,
		int ring, bool quick)
{
	struct bench_row *row = &r->rows[r->count];

	if (r->count == BENCH_MAX_ROWS)
		return;
	r->count++;
	snprintf(row->backend, sizeof(row->backend), "%s", backend);
	row->engine = e->name;
	row->arch = ucall_arch_name(ucall_arch_host());
	row->ring = ring;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%s, engine %s, ring %d", backend, e->name, ring);
	bench_backend(row, quick);
}

static void measure(struct bench_results *r, const struct ucall_backend_info *all, size_t count,
		    const struct ucall_engine_info *engines, const char *only, bool quick)
{
	for (size_t i = 0; i < count; i++)
		for (const struct ucall_engine_info *e = engines; e->name; e++) {
			if (all[i].problem || e->problem[0] ||
			    !(all[i].metadata.protections & UCALL_PROTECT_NONE) ||
			    !ucall_engine_serves(e, &all[i], ucall_arch_host()))
				continue;
			for (int ring = 0; ring <= 3; ring += 3)
				if (ring == 0 || ((e->can & UCALL_CAN_RING3) &&
						  !(all[i].metadata.needs & UCALL_NEEDS_RING0)))
					add(r, only ? only : all[i].metadata.name, e, ring, quick);
		}
	bench_creation(&r->creation, quick);
	bench_queue(&r->queue, quick);
	bench_turns(&r->several, quick);
	bench_alive(&r->alive, quick);
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
}

static void describe_host(struct bench_results *r)
{
	char line[256];
	FILE *f = fopen("/proc/cpuinfo", "r");

	uname(&r->host);
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "model name", 10) && strchr(line, ':')) {
			snprintf(r->cpu, sizeof(r->cpu), "%.*s",
				 (int)strcspn(strchr(line, ':') + 2, "\n"), strchr(line, ':') + 2);
			break;
		}
	if (f)
		fclose(f);
}

/* ---- for people ---- */

#define BAR 24

/* How much of the round trip is the exit (#), and how much is not (+). */
static void print_bar(const struct bench_row *row, double longest)
{
	int whole = (int)(row->roundtrip.median / longest * BAR + 0.5);
	int exit = (int)(row->bare.median / longest * BAR + 0.5);

	for (int i = 0; i < whole || i < 1; i++)
		putchar(i < exit ? '#' : '+');
	putchar('\n');
}

static void print_number(const char *format, int width, double value)
{
	char text[32] = "-";

	if (value >= 0)
		snprintf(text, sizeof(text), format, value);
	printf(" %*s", width, text);
}

static double longest_of(const struct bench_results *r)
{
	double longest = 1;

	for (unsigned int i = 0; i < r->count; i++)
		if (!r->rows[i].problem[0] && r->rows[i].roundtrip.median > longest)
			longest = r->rows[i].roundtrip.median;
	return longest;
}

static void print_queue(const struct bench_queue *q)
{
	const struct bench_queue_cost *deepest = &q->depths[BENCH_DEPTHS - 1];

	if (q->problem[0]) {
		printf("Queued messages: %s\n", q->problem);
		return;
	}
	printf("Queued messages, backend ring in ring %d: with one exit per %u %.0f ns each, "
	       "%.4f of an exit (%.4f-%.4f); polled %.0f ns, %.4f (%.4f-%.4f)\n",
	       q->in_ring, deepest->depth, deepest->each.median, deepest->ratio.median,
	       deepest->ratio.min, deepest->ratio.max, q->poll.each.median, q->poll.ratio.median,
	       q->poll.ratio.min, q->poll.ratio.max);
}

static void print_several(const struct bench_turns *s)
{
	if (s->problem[0]) {
		printf("Several VMs: %s\n", s->problem);
		return;
	}
	printf("A ucall when VMs take turns:");
	for (int i = 0; i < BENCH_TURNS; i++)
		printf("%s %u VM%s %.1f us", i ? "," : "", s->vms[i], s->vms[i] == 1 ? "" : "s",
		       s->each[i].median / 1e3);
	printf("\n");
}

static void print_alive(const struct bench_alive *a)
{
	if (a->problem[0]) {
		printf("Many VMs: %s\n", a->problem);
		return;
	}
	printf("One more VM while others are alive, and the bare KVM calls for it:");
	for (int i = 0; i < BENCH_ALIVE; i++)
		printf("%s %u %.0f us, %.0f us, ratio %.2f", i ? ";" : "", a->vms[i],
		       a->create[i].median / 1e3, a->bare[i].median / 1e3, a->ratio[i].median);
	printf("\n");
}

static void print_table(const struct bench_results *r)
{
	const struct bench_creation *c = &r->creation;
	double longest = longest_of(r);

	printf("%s, Linux %s\n\n", r->cpu, r->host.release);
	printf("BACKEND    ENGINE   RING    EXIT  ROUND TRIP  RATIO (MIN-MAX)   GUEST INSNS  "
	       "IOCTLS HOST\n"
	       "                          ns        ns                        SYNC PRINTF          "
	       "ns\n");
	for (unsigned int i = 0; i < r->count; i++) {
		const struct bench_row *row = &r->rows[i];
		char range[32];

		printf("%-10.10s %-8s %4d ", row->backend, row->engine, row->ring);
		if (row->problem[0]) {
			printf("%s\n", row->problem);
			continue;
		}
		snprintf(range, sizeof(range), "(%.2f-%.2f)", row->ratio.min, row->ratio.max);
		printf("%7.0f %9.0f  %6.3f %-13s", row->bare.median, row->roundtrip.median,
		       row->ratio.median, range);
		print_number("%.0f", 5, row->sync_insns);
		print_number("%.0f", 6, row->printf_insns);
		print_number("%.2f", 7, row->ioctls);
		print_number("%.0f", 4, row->host_ns);
		printf("  ");
		print_bar(row, longest);
	}
	if (c->problem[0])
		printf("\nA VM: %s\n", c->problem);
	else
		printf("\nCreating a VM, its first message, freeing it: %.0f us; bare KVM calls "
		       "%.0f us; ratio %.2f (%.2f-%.2f); memory %.0f KiB\n"
		       "Restoring a snapshot, the next message: %.0f us; ratio to a new VM "
		       "%.3f (%.3f-%.3f)\n",
		       c->create.median / 1e3, c->bare.median / 1e3, c->ratio.median, c->ratio.min,
		       c->ratio.max, c->memory_kib, c->restore.median / 1e3,
		       c->restore_ratio.median, c->restore_ratio.min, c->restore_ratio.max);
	print_queue(&r->queue);
	print_several(&r->several);
	print_alive(&r->alive);
	printf("EXIT: ioctl(KVM_RUN) in a loop with a guest that makes the same exit and nothing "
	       "else (#);\n"
	       "unicorn: a guest with only the doorbell and its stores.  ROUND TRIP: GUEST_SYNC\n"
	       "and ucall_next().  HOST: outside of KVM_RUN.  Medians of %d.\n",
	       BENCH_ROUNDS);
}

/* ---- for programs ---- */

static void json_number(FILE *f, const char *name, double value, const char *end)
{
	if (value < 0)
		fprintf(f, "\"%s\": null%s", name, end);
	else
		fprintf(f, "\"%s\": %.4g%s", name, value, end);
}

static void json_figure(FILE *f, const char *name, const struct bench_figure *v, const char *end)
{
	fprintf(f, "\"%s\": %.5g, \"%s_min\": %.5g, \"%s_max\": %.5g%s", name, v->median, name,
		v->min, name, v->max, end);
}

/* True if no earlier row has the same kind of exit. */
static bool is_first_exit(const struct bench_results *r, const struct bench_row *row)
{
	for (const struct bench_row *first = r->rows; first < row; first++)
		if (!first->problem[0] && first->exit == row->exit && first->ring == row->ring &&
		    !strcmp(first->engine, row->engine))
			return false;
	return true;
}

/* Bare exits, once for each kind. */
static void write_bare(FILE *f, const struct bench_results *r)
{
	static const char *const names[] = {
		[UCALL_EXIT_IO] = "io",	    [UCALL_EXIT_MMIO] = "mmio", [UCALL_EXIT_HALT] = "halt",
		[UCALL_EXIT_DIAG] = "diag", [UCALL_EXIT_SBI] = "sbi",	[UCALL_EXIT_MSR] = "msr"
	};
	const char *comma = "";

	fprintf(f, "\"bare\": [");
	for (unsigned int i = 0; i < r->count; i++) {
		const struct bench_row *row = &r->rows[i];

		if (row->problem[0] || !is_first_exit(r, row))
			continue;
		fprintf(f, "%s\n{\"exit\": \"%s\", \"ring\": %d, \"engine\": \"%s\", ", comma,
			row->exit < sizeof(names) / sizeof(names[0]) && names[row->exit]
				? names[row->exit]
				: "other",
			row->ring, row->engine);
		comma = ",";
		json_figure(f, "ns", &row->bare, "}");
	}
	fprintf(f, "\n]");
}

static void write_backends(FILE *f, const struct bench_results *r)
{
	const char *comma = "";

	fprintf(f, "\"backends\": [");
	for (unsigned int i = 0; i < r->count; i++) {
		const struct bench_row *row = &r->rows[i];

		fprintf(f, "%s\n{", comma);
		comma = ",";
		json_pair(f, "name", row->backend, ", ");
		fprintf(f, "\"ring\": %d, \"engine\": \"%s\", \"arch\": \"%s\", ", row->ring,
			row->engine, row->arch);
		if (row->problem[0]) {
			json_pair(f, "problem", row->problem, "}");
			continue;
		}
		json_figure(f, "roundtrip_ns", &row->roundtrip, ", ");
		json_figure(f, "bare_ns", &row->bare, ", ");
		json_figure(f, "ratio", &row->ratio, ", ");
		json_number(f, "guest_insns", row->sync_insns, ", ");
		json_number(f, "guest_insns_printf", row->printf_insns, ", ");
		json_number(f, "ioctls", row->ioctls, ", ");
		json_number(f, "host_ns", row->host_ns, ", ");
		json_number(f, "host_ratio",
			    row->host_ns < 0 ? -1 : row->host_ns / row->bare.median, "}");
	}
	fprintf(f, "\n]");
}

static void json_several(FILE *f, const struct bench_turns *s)
{
	fprintf(f, "\"turns\": [");
	for (int i = 0; i < BENCH_TURNS && !s->problem[0]; i++) {
		fprintf(f, "%s{\"vms\": %u, ", i ? ", " : "", s->vms[i]);
		json_figure(f, "roundtrip_ns", &s->each[i], ", ");
		json_figure(f, "turns_ratio", &s->ratio[i], "}");
	}
	fprintf(f, "]");
}

static void write_vm(FILE *f, const struct bench_results *r)
{
	const struct bench_creation *c = &r->creation;

	fprintf(f, "\"vm\": {");
	if (c->problem[0]) {
		json_pair(f, "problem", c->problem, "}");
		return;
	}
	json_figure(f, "create_ns", &c->create, ", ");
	json_figure(f, "bare_ns", &c->bare, ", ");
	json_figure(f, "ratio", &c->ratio, ", ");
	json_figure(f, "restore_ns", &c->restore, ", ");
	json_figure(f, "restore_ratio", &c->restore_ratio, ", ");
	json_number(f, "memory_kib", c->memory_kib, ", ");
	json_several(f, &r->several);
	fprintf(f, "}");
}

static void write_alive(FILE *f, const struct bench_alive *a)
{
	fprintf(f, "\"alive\": [");
	for (int i = 0; i < BENCH_ALIVE && !a->problem[0]; i++) {
		fprintf(f, "%s\n{\"name\": \"alive-%u\", \"vms\": %u, ", i ? "," : "", a->vms[i],
			a->vms[i]);
		json_figure(f, "create_ns", &a->create[i], ", ");
		json_figure(f, "bare_ns", &a->bare[i], ", ");
		json_figure(f, "ratio", &a->ratio[i], "}");
	}
	fprintf(f, "\n]");
}

static void write_ring(FILE *f, const struct bench_queue *q)
{
	const struct bench_queue_cost *deepest = &q->depths[BENCH_DEPTHS - 1];

	fprintf(f, "\"ring\": {");
	if (q->problem[0]) {
		json_pair(f, "problem", q->problem, "}");
		return;
	}
	fprintf(f, "\"in_ring\": %d, ", q->in_ring);
	json_figure(f, "bare_ns", &q->exit, ", ");
	json_figure(f, "depth_ns", &deepest->each, ", ");
	json_figure(f, "depth_ratio", &deepest->ratio, ", ");
	json_figure(f, "poll_ns", &q->poll.each, ", ");
	json_figure(f, "poll_ratio", &q->poll.ratio, ", ");
	fprintf(f, "\"depths\": [");
	for (int i = 0; i < BENCH_DEPTHS; i++) {
		fprintf(f, "%s{\"depth\": %u, ", i ? ", " : "", q->depths[i].depth);
		json_figure(f, "ns", &q->depths[i].each, ", ");
		json_figure(f, "ratio", &q->depths[i].ratio, "}");
	}
	fprintf(f, "]}");
}

/* One row per line, so that it can be read line by line too.  The schema is in ucall(1). */
static void write_json(FILE *f, const struct bench_results *r)
{
	fprintf(f, "{\"schema\": 1,\n\"host\": {");
	json_pair(f, "cpu", r->cpu, ", ");
	json_pair(f, "kernel", r->host.release, ", ");
	json_pair(f, "machine", r->host.machine, "},\n");
	write_bare(f, r);
	fprintf(f, ",\n");
	write_backends(f, r);
	fprintf(f, ",\n");
	write_vm(f, r);
	fprintf(f, ",\n");
	write_alive(f, &r->alive);
	fprintf(f, ",\n");
	write_ring(f, &r->queue);
	fprintf(f, "}\n");
}

/* ---- the files ---- */

static bool write_file(const char *path, void (*write)(FILE *f, const struct bench_results *r),
		       const struct bench_results *r)
{
	FILE *f = !strcmp(path, "-") ? stdout : fopen(path, "w");
	bool good = f != NULL;

	if (f) {
		write(f, r);
		good = (f == stdout ? fflush(f) : fclose(f)) == 0;
	}
	if (!good)
		fprintf(stderr, "ucall: cannot write %s: %s\n", path, strerror(errno));
	return good;
}

/* ---- the command ---- */

struct options {
	const char *backend, *json, *svg;
	bool quick;
};

static bool parse(int argc, char **argv, struct options *o)
{
	for (int i = 1; i < argc; i++) {
		const char **value = !strcmp(argv[i], "--backend") ? &o->backend
				     : !strcmp(argv[i], "--json")  ? &o->json
				     : !strcmp(argv[i], "--svg")   ? &o->svg
								   : NULL;

		if (!strcmp(argv[i], "--quick"))
			o->quick = true;
		else if (value && i + 1 < argc)
			*value = argv[++i];
		else
			return false;
	}
	return !o->json || !o->svg || strcmp(o->json, o->svg) != 0;
}

int cmd_bench(int argc, char **argv)
{
	struct options o = { NULL, NULL, NULL, false };
	struct ucall_engine_info *engines;
	struct ucall_backend_info *all;
	struct bench_results *r;
	bool good = false;
	size_t count = 1;

	if (!parse(argc, argv, &o))
		return bad_usage("bench");
	all = o.backend ? find_backend(o.backend) : find_backends(&count);
	engines = all ? ucall_engines() : NULL;
	r = engines ? calloc(1, sizeof(*r)) : NULL;
	if (o.backend && all && all->problem)
		ucall_fail(ENOEXEC, "%s", all->problem);
	else if (r) {
		describe_host(r);
		measure(r, all, count, engines, o.backend, o.quick);
		good = r->count > 0 ||
		       ucall_fail(ENODEV, "no backend here can be measured; see `ucall list`") == 0;
	}
	if (!good) {
		fprintf(stderr, "ucall: %s\n", ucall_error());
	} else {
		if ((!o.json || strcmp(o.json, "-") != 0) && (!o.svg || strcmp(o.svg, "-") != 0))
			print_table(r);
		good = (!o.json || write_file(o.json, write_json, r)) &&
		       (!o.svg || write_file(o.svg, bench_write_svg, r));
	}
	free(r);
	free(engines);
	ucall_backends_free(all);
	return good ? 0 : EXIT_USAGE;
}
