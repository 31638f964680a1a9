// SPDX-License-Identifier: MIT
/* ucall list, ucall info: what the files of backends say, without running them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ucall/plugin.h>

#include "base/text.h"
#include "commands.h"
#include "compilers.h"
#include "text.h"

static const char *need_name(uint32_t bit)
{
	switch (bit) {
	case UCALL_NEEDS_NO_IRQCHIP:
		return "no in-kernel interrupt controller";
	case UCALL_NEEDS_RING0:
		return "guest functions in ring 0";
	case UCALL_NEEDS_GUEST_VC:
		return "a handler for #VC or #VE in the guest (guest_vc) where its doorbell raises it";
	case UCALL_NEEDS_KVM:
		return "the engine kvm";
	default:
		return NULL;
	}
}

static const char *const types[] = { "?", "number", "0 or 1", "choice", "text" };

/* The names of the bits that have one, joined. */
static const char *join_names(const char *(*name)(uint32_t bit), uint32_t set, const char *between,
			      char *text, size_t size)
{
	size_t used = 0;

	snprintf(text, size, "-");
	for (uint32_t bit = 1; bit; bit <<= 1) {
		if ((set & bit) && name(bit) && used < size) {
			int n = snprintf(text + used, size - used, "%s%s", used ? between : "",
					 name(bit));

			used += n > 0 ? (size_t)n : 0;
		}
	}
	return text;
}

/* The name in the metadata, or else in the file's name. */
static const char *name_of(const struct ucall_backend_info *info, char *text, size_t size)
{
	const char *base = ucall_file_name(info->path);
	size_t n;

	if (info->metadata.name[0])
		return info->metadata.name;
	if (!strncmp(base, "ucall-", 6))
		base += 6;
	n = strlen(base);
	if (n > 3 && !strcmp(base + n - 3, ".so"))
		n -= 3;
	snprintf(text, size, "%.*s", (int)n, base);
	ucall_text_escape(text, size);
	return text;
}

static void json_names(const char *key, const char *(*name)(uint32_t bit), uint32_t set)
{
	const char *comma = "";

	json_string(stdout, key);
	printf(": [");
	for (uint32_t bit = 1; bit; bit <<= 1) {
		if ((set & bit) && name(bit)) {
			printf("%s", comma);
			json_string(stdout, name(bit));
			comma = ", ";
		}
	}
	printf("], ");
}

static void json_options(const struct ucall_metadata *md)
{
	printf("\"options\": [");
	for (int i = 0; i < UCALL_MAX_OPTIONS && md->options[i].name[0]; i++) {
		const struct ucall_option *o = &md->options[i];

		printf("%s{", i ? ", " : "");
		json_pair(stdout, "name", o->name, ", ");
		json_pair(stdout, "type", types[o->type < 5 ? o->type : 0], ", ");
		if (o->type == UCALL_OPTION_UINT)
			printf("\"min\": %" PRIu64 ", \"max\": %" PRIu64 ", ", o->min, o->max);
		if (o->type == UCALL_OPTION_CHOICE)
			json_pair(stdout, "choices", o->choices, ", ");
		json_pair(stdout, "default", o->value, ", ");
		json_pair(stdout, "help", o->help, "}");
	}
	printf("], ");
}

/* True if the engine works here and runs guests that the backend has code for. */
static bool can_run(const struct ucall_engine_info *engine, const struct ucall_backend_info *info)
{
	return !engine->problem[0] && ucall_engine_serves(engine, info, info->archs);
}

/* Why the backend cannot be used here; NULL: it can. */
static const char *problem_of(const struct ucall_backend_info *info,
			      const struct ucall_engine_info *engines)
{
	if (info->problem)
		return info->problem;
	for (const struct ucall_engine_info *e = engines; e->name; e++)
		if (can_run(e, info))
			return NULL;
	return "no engine that works here runs its guests";
}

static void list_json(const struct ucall_backend_info *all, size_t count,
		      const struct ucall_engine_info *engines)
{
	char text[64];

	printf("[");
	for (size_t i = 0; i < count; i++) {
		const char *problem = problem_of(&all[i], engines), *comma = "";

		printf("%s\n  {", i ? "," : "");
		json_pair(stdout, "name", name_of(&all[i], text, sizeof(text)), ", ");
		json_pair(stdout, "version", all[i].metadata.version, ", ");
		json_pair(stdout, "summary", all[i].metadata.summary, ", ");
		json_names("archs", ucall_arch_name, all[i].archs);
		json_names("protections", ucall_protection_name, all[i].metadata.protections);
		json_names("default_for", ucall_arch_name, all[i].metadata.default_for);
		json_names("needs", need_name, all[i].metadata.needs);
		json_options(&all[i].metadata);
		printf("\"engines\": [");
		for (const struct ucall_engine_info *e = engines; e->name; e++) {
			if (!all[i].problem && can_run(e, &all[i])) {
				printf("%s", comma);
				json_string(stdout, e->name);
				comma = ", ";
			}
		}
		printf("], ");
		json_pair(stdout, "path", all[i].path, ", ");
		printf("\"works\": %s", problem ? "false" : "true");
		if (problem) {
			printf(", ");
			json_pair(stdout, "problem", problem, "");
		}
		printf("}");
	}
	printf("\n]\n");
}

/* A row's cells, padded to their columns' widths; WORKS and PATH follow. */
#define COLUMNS 4

struct cells {
	char text[COLUMNS][256];
};

/* The column heads if `info` is NULL. */
static void fill_cells(struct cells *cells, const struct ucall_backend_info *info)
{
	static const char *const heads[COLUMNS] = { "BACKEND", "VERSION", "GUESTS", "OPTIONS" };
	char *options = cells->text[3], name[64];
	const size_t size = sizeof(cells->text[0]);
	size_t used = 0;

	for (int c = 0; c < COLUMNS; c++)
		snprintf(cells->text[c], size, "%s", info ? "-" : heads[c]);
	if (!info)
		return;
	snprintf(cells->text[0], size, "%s", name_of(info, name, sizeof(name)));
	if (info->metadata.version[0])
		snprintf(cells->text[1], size, "%s", info->metadata.version);
	join_names(ucall_arch_name, info->archs, ",", cells->text[2], size);
	for (int o = 0; o < UCALL_MAX_OPTIONS && info->metadata.options[o].name[0]; o++)
		if (used < size)
			used += (size_t)snprintf(options + used, size - used, "%s%s", o ? "," : "",
						 info->metadata.options[o].name);
}

static void list_backends(const struct ucall_backend_info *all, size_t count,
			  const struct ucall_engine_info *engines)
{
	char text[64], path[4096];
	int widths[COLUMNS] = { 0 };
	struct cells cells;

	for (size_t i = 0; i <= count; i++) {
		fill_cells(&cells, i ? &all[i - 1] : NULL);
		for (int c = 0; c < COLUMNS; c++)
			widths[c] = (int)strlen(cells.text[c]) > widths[c]
					    ? (int)strlen(cells.text[c])
					    : widths[c];
	}
	for (size_t i = 0; i <= count; i++) {
		const struct ucall_backend_info *info = i ? &all[i - 1] : NULL;

		fill_cells(&cells, info);
		for (int c = 0; c < COLUMNS; c++)
			printf("%-*s ", widths[c], cells.text[c]);
		if (info)
			printf("%-5s %s\n", problem_of(info, engines) ? "no" : "yes",
			       printable(info->path, path, sizeof(path)));
		else
			printf("WORKS PATH\n");
	}
	for (size_t i = 0; i < count; i++)
		if (problem_of(&all[i], engines))
			printf("\n%s: %s\n", name_of(&all[i], text, sizeof(text)),
			       problem_of(&all[i], engines));
}

/* The default engine for guests of the architecture. */
static const char *engine_for(uint32_t arch, const struct ucall_engine_info *engines)
{
	for (const struct ucall_engine_info *e = engines; e->name; e++)
		if (!e->problem[0] && (e->archs & arch))
			return e->name;
	return "none";
}

static void list_engines(const struct ucall_engine_info *engines)
{
	char text[64];

	printf("\n%-10s %-8s %-30s %s\n", "ENGINE", "VERSION", "GUESTS", "WORKS");
	for (const struct ucall_engine_info *e = engines; e->name; e++)
		printf("%-10s %-8s %-30s %s%s\n", e->name, e->version[0] ? e->version : "-",
		       join_names(ucall_arch_name, e->archs, ",", text, sizeof(text)),
		       e->problem[0] ? "no: " : "yes", e->problem);
}

/* Kinds of memory encryption, for `protect`. */
static void list_protections(void)
{
	struct ucall_protection_info *all = ucall_protections();

	printf("\n%-17s %s\n", "PROTECTION", "WORKS");
	for (const struct ucall_protection_info *p = all; p && p->name; p++)
		printf("%-17s %s%s\n", p->name, p->problem[0] ? "no: " : "yes", p->problem);
	if (!all)
		printf("%s\n", ucall_error());
	free(all);
}

/* For each architecture: its engine, and whether there is a compiler. */
static void list_guests(const struct ucall_engine_info *engines)
{
	printf("\n%-10s %-8s %s\n", "GUEST", "ENGINE", "COMPILER FOR ucall cc");
	for (uint32_t arch = 1; ucall_arch_name(arch); arch <<= 1) {
		const char *missing = compiler_to_install(arch);

		printf("%-10s %-8s %s%s\n", ucall_arch_name(arch), engine_for(arch, engines),
		       missing ? "none: " : "yes", missing ? missing : "");
	}
}

int cmd_list(int argc, char **argv)
{
	struct ucall_engine_info *engines;
	struct ucall_backend_info *all;
	size_t count;

	if (argc > 2 || (argc == 2 && strcmp(argv[1], "--json") != 0))
		return bad_usage("list");
	all = find_backends(&count);
	engines = all ? ucall_engines() : NULL;
	if (!engines) {
		fprintf(stderr, "ucall: %s\n", ucall_error());
		ucall_backends_free(all);
		return EXIT_USAGE;
	}
	if (argc == 2) {
		list_json(all, count, engines);
	} else {
		if (count)
			list_backends(all, count, engines);
		else
			printf("No backend was found.  Install the package libucall-plugins, or set "
			       "UCALL_PLUGIN_PATH to the folders that hold ucall-NAME.so files.\n");
		list_engines(engines);
		list_guests(engines);
		list_protections();
	}
	ucall_backends_free(all);
	free(engines);
	return 0;
}

static void show_option(const struct ucall_option *o)
{
	printf("  %s=%s\n      %s.  %s", o->name, o->value, o->help,
	       types[o->type < 5 ? o->type : 0]);
	if (o->type == UCALL_OPTION_UINT)
		printf(", 0x%" PRIx64 " to 0x%" PRIx64, o->min, o->max);
	if (o->type == UCALL_OPTION_CHOICE)
		printf(": %s", o->choices);
	printf("\n");
}

int cmd_info(int argc, char **argv)
{
	const struct ucall_metadata *md;
	struct ucall_engine_info *engines;
	struct ucall_backend_info *info;
	char text[256], path[4096];

	if (argc != 2)
		return bad_usage("info");
	info = find_backend(argv[1]);
	if (!info) {
		fprintf(stderr, "ucall: %s\n", ucall_error());
		return EXIT_USAGE;
	}
	if (info->problem) {
		printf("%s\n\n", name_of(info, text, sizeof(text)));
		printf("file:           %s\n", printable(info->path, path, sizeof(path)));
		printf("works here:     no: %s\n", info->problem);
		ucall_backends_free(info);
		return EXIT_USAGE;
	}
	md = &info->metadata;
	printf("%s %s - %s\n\n", name_of(info, text, sizeof(text)), md->version, md->summary);
	printf("file:           %s\n", printable(info->path, path, sizeof(path)));
	printf("guests:         %s\n",
	       join_names(ucall_arch_name, info->archs, ", ", text, sizeof(text)));
	printf("default for:    %s\n",
	       join_names(ucall_arch_name, md->default_for, ", ", text, sizeof(text)));
	printf("protections:    %s\n",
	       join_names(ucall_protection_name, md->protections, ", ", text, sizeof(text)));
	printf("needs:          %s\n", join_names(need_name, md->needs, ", ", text, sizeof(text)));
	printf("plugin ABI:     %u\n", md->abi);
	engines = ucall_engines();
	if (!engines)
		printf("works here:     no: %s\n", ucall_error());
	else if (problem_of(info, engines))
		printf("works here:     no: %s\n", problem_of(info, engines));
	else
		printf("works here:     yes\n");
	printf("options:        %s\n", md->options[0].name[0] ? "" : "-");
	for (int i = 0; i < UCALL_MAX_OPTIONS && md->options[i].name[0]; i++)
		show_option(&md->options[i]);
	ucall_backends_free(info);
	free(engines);
	return 0;
}
