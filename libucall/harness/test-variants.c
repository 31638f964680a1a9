// SPDX-License-Identifier: MIT
/* What the harness repeats a point for.  Like all of it, uses only the library's public headers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ucall/test.h>

#include "test-variants.h"

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* Where this program's guest ELFs are: FOLDER/NAME- */
static char *guests_of_program(void)
{
	const char *folder = environment("UCALL_TEST_GUESTS");
	char path[4096], *slash, *text, *name = path;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[n > 0 ? n : 0] = 0;
	slash = strrchr(path, '/');
	if (slash) {
		*slash = 0;
		name = slash + 1;
	}
	if (!strncmp(name, "lt-", 3)) /* as libtool names what is not installed yet */
		name += 3;
	if (asprintf(&text, "%s%s/%s-", folder ? folder : path, folder ? "" : "/guests", name) < 0)
		return NULL;
	return text;
}

static void add(struct ucall_test_variants *v, const char *config,
		const struct ucall_metadata *metadata, const struct ucall_engine_info *engine,
		uint32_t arch)
{
	struct ucall_test_variant *new = &v->all[v->count];

	if (v->count == sizeof(v->all) / sizeof(v->all[0]))
		return;
	new->backend = config;
	new->engine = engine->name;
	new->metadata = metadata;
	new->arch = ucall_arch_name(arch);
	if (arch != ucall_arch_host() &&
	    (!v->guests || asprintf(&new->image, "%s%s.elf", v->guests, new->arch) < 0))
		return;
	v->count++;
}

/* The architecture that the environment names, all if it names none, 0 if there is none of that name. */
static uint32_t archs_wanted(void)
{
	const char *only = environment("UCALL_TEST_ARCH");

	if (!only)
		return UINT32_MAX;
	for (uint32_t arch = 1; arch && ucall_arch_name(arch); arch <<= 1)
		if (!strcmp(only, ucall_arch_name(arch)))
			return arch;
	return 0;
}

/* Adds a backend by its config string: each architecture, the host's first, on each engine. */
static void add_backend(struct ucall_test_variants *v, const char *config,
			const struct ucall_backend_info *backend)
{
	const char *only = environment("UCALL_ENGINE");
	uint32_t wanted = archs_wanted();

	for (int other = 0; other < 2; other++)
		for (uint32_t arch = 1; arch; arch <<= 1)
			for (struct ucall_engine_info *e = v->engines; e->name; e++)
				if ((arch & wanted) && (arch == ucall_arch_host()) != other &&
				    ucall_engine_serves(e, backend, arch) && !e->problem[0] &&
				    (!only || !strcmp(only, e->name)))
					add(v, config, &backend->metadata, e, arch);
}

/* Sets v->none to why the backend that the environment names cannot run tests here. */
static void explain_none(struct ucall_test_variants *v, const char *config,
			 const struct ucall_backend_info *backend)
{
	struct ucall_vm_config c = { .backend = config };
	struct ucall_vm *vm;

	if (!(backend->archs & archs_wanted())) {
		v->no_guest_code = true;
		snprintf(v->none, sizeof(v->none),
			 "backend %s has no guest code for the architecture of UCALL_TEST_ARCH",
			 config);
		return;
	}
	vm = backend->archs & ucall_arch_host() ? NULL : ucall_vm_create(&c);

	if (backend->archs & ucall_arch_host())
		snprintf(v->none, sizeof(v->none),
			 "no engine here can run guests with UCALL_BACKEND=%s", config);
	else
		snprintf(v->none, sizeof(v->none), "UCALL_BACKEND=%s: %s", config, ucall_error());
	ucall_vm_free(vm);
}

bool ucall_test_find_variants(struct ucall_test_variants *v)
{
	const char *only = environment("UCALL_BACKEND"), *engine = environment("UCALL_ENGINE");
	size_t found = 0;

	memset(v, 0, sizeof(*v));
	snprintf(v->none, sizeof(v->none),
		 "no test here fits a backend and an engine of this machine; only tests with "
		 ".any_arch are for guests of other architectures");
	if (!archs_wanted())
		return ucall_fail(EINVAL,
				  "no architecture \"%s\" (UCALL_TEST_ARCH); see `ucall list`",
				  environment("UCALL_TEST_ARCH")) == 0;
	v->guests = guests_of_program();
	v->engines = ucall_engines();
	v->protections = v->engines ? ucall_protections() : NULL;
	if (!v->protections)
		return false;
	for (struct ucall_engine_info *e = v->engines; engine; e++) {
		if (!e->name)
			return ucall_fail(EINVAL,
					  "no engine \"%s\" (UCALL_ENGINE); see `ucall list`",
					  engine) == 0;
		if (!strcmp(e->name, engine))
			engine = NULL;
	}
	if (only) {
		v->backends = ucall_backend_find(only);
		if (!v->backends)
			return false;
		if (v->backends->problem)
			return ucall_fail(EINVAL, "%s", v->backends->problem) == 0;
		add_backend(v, only, v->backends);
		if (!v->count)
			explain_none(v, only, v->backends);
		return true;
	}
	v->backends = ucall_backends(&found);
	if (!v->backends)
		return false;
	for (size_t i = 0; i < found; i++) {
		const struct ucall_backend_info *b = &v->backends[i];

		if (b->problem)
			ucall_test_diag("left out: %s", b->problem);
		else
			add_backend(v, b->metadata.name, b);
	}
	if (!found)
		ucall_test_diag(
			"no backend was found; install the package libucall-plugins, or set UCALL_PLUGIN_PATH");
	return true;
}

void ucall_test_free_variants(struct ucall_test_variants *v)
{
	for (size_t i = 0; i < v->count; i++)
		free(v->all[i].image);
	ucall_backends_free(v->backends);
	free(v->engines);
	free(v->protections);
	free(v->guests);
}

const struct ucall_protection_info *
ucall_test_missing_protection(const struct ucall_test_variants *v,
			      const struct ucall_vm_config *config)
{
	size_t n = config->protect ? strcspn(config->protect, ",") : 0;

	for (const struct ucall_protection_info *p = v->protections; n && p->name; p++)
		if (strlen(p->name) == n && !memcmp(p->name, config->protect, n))
			return p->problem[0] ? p : NULL;
	return NULL;
}

bool ucall_test_is_missing(const struct ucall_test_variants *v,
			   const struct ucall_engine_info *engine)
{
	const char *only = environment("UCALL_ENGINE");

	return !v->no_guest_code && engine->problem[0] && (!only || !strcmp(only, engine->name));
}
