// SPDX-License-Identifier: MIT
/* Which engines there are, and which one a VM gets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "engine.h"
#include "base/error.h"
#include "modules/module.h"
#include "protect/protect.h"

/* In the order in which they are tried.  For a module the name is also its file's. */
static const struct {
	const char *name, *summary, *install;
	const struct ucall_engine *built_in;
} engines[] = {
	{ "kvm", "the machine's own CPU, by Linux KVM", NULL, &ucall_engine_kvm },
	{ "unicorn", "the CPU emulator Unicorn, any architecture on any machine",
	  UCALL_INSTALL_MODULE("libunicorn-dev"), NULL },
};

#define ENGINES (sizeof(engines) / sizeof(engines[0]))

/* NULL after ucall_fail(): its module cannot be loaded. */
static const struct ucall_engine *load(size_t i)
{
	const struct ucall_engine *engine = engines[i].built_in;
	const char *problem;

	if (engine)
		return engine;
	engine = ucall_module(engines[i].name, UCALL_ENGINE_SYMBOL,
			      offsetof(struct ucall_engine, version), &problem);
	if (!engine && errno != ENOENT)
		ucall_fail(errno, "no engine %s: %s", engines[i].name, problem);
	else if (!engine)
		ucall_fail(ENODEV, "no engine %s: %s; %s", engines[i].name, problem,
			   engines[i].install);
	return engine;
}

static const struct ucall_engine *find(const char *name)
{
	for (size_t i = 0; i < ENGINES; i++)
		if (!strcmp(engines[i].name, name))
			return load(i);
	ucall_fail(EINVAL, "unknown engine \"%s\"; known: kvm, unicorn", name);
	return NULL;
}

/* The engine, if it can run guests of `arch` here; NULL after ucall_fail(). */
static const struct ucall_engine *usable(const struct ucall_engine *engine,
					 const struct ucall_arch *arch, const char *device)
{
	if (!engine)
		return NULL;
	if (!(engine->archs() & arch->bit)) {
		ucall_fail(
			EOPNOTSUPP,
			"engine %s runs guests of the host's own architecture (%s), not %s; engine "
			"unicorn does",
			engine->name, ucall_arch_native->name, arch->name);
		return NULL;
	}
	return engine->check(device) ? NULL : engine;
}

/* Why one engine was passed over, for ucall_vm_engine_reason(); kept as long as the thread. */
static __thread char passed_over[1024];

const struct ucall_engine *ucall_engine_choose(const char *name, const struct ucall_arch *arch,
					       const char *device, const char **reason)
{
	const struct ucall_engine *engine;

	*reason = "named by the VM's configuration";
	if (!name) {
		name = secure_getenv("UCALL_ENGINE");
		*reason = "named by $UCALL_ENGINE";
	}
	if (name && *name)
		return usable(find(name), arch, device);

	*reason = "the guest's architecture is the host's and its KVM works";
	passed_over[0] = 0;
	for (size_t i = 0; i < ENGINES; i++) {
		size_t used;

		engine = usable(load(i), arch, device);
		if (engine)
			return engine;
		/* If the program names a device, or something ran out, use no other engine. */
		if (device || ucall_is_shortage(errno))
			return NULL;
		used = strlen(passed_over);
		snprintf(passed_over + used, sizeof(passed_over) - used, "%s%s", used ? "; " : "",
			 ucall_error());
		*reason = passed_over;
	}
	ucall_fail(ENODEV, "no engine for %s guests: %s", arch->name, passed_over);
	return NULL;
}

struct ucall_engine_info *ucall_engines(void)
{
	struct ucall_engine_info *all = ucall_calloc(ENGINES + 1, sizeof(*all));

	if (!all)
		return NULL;
	for (size_t i = 0; i < ENGINES; i++) {
		const struct ucall_engine *engine = load(i);

		all[i].name = engines[i].name;
		all[i].summary = engines[i].summary;
		if (engine) {
			all[i].archs = engine->archs();
			all[i].can = engine->can();
			if (engine->library)
				engine->library(all[i].version, sizeof(all[i].version));
		}
		if (engine && !engine->check(NULL))
			continue;
		if (ucall_is_shortage(errno)) {
			ucall_free(all);
			return NULL;
		}
		snprintf(all[i].problem, sizeof(all[i].problem), "%.500s", ucall_error());
	}
	return all;
}

int ucall_engine_check_protection(const struct ucall_protection *protection)
{
	const struct ucall_engine *engine;

	if (!protection->engine)
		return ucall_engine_check(NULL);
	engine = find(protection->engine);
	return engine ? engine->check_protection(protection) : -1;
}

static int check(const struct ucall_engine *engine)
{
	return engine ? engine->check(NULL) : -1;
}

int ucall_engine_check(const char *name)
{
	if (name)
		return check(find(name));
	for (size_t i = 0; i < ENGINES; i++)
		if (!check(load(i)))
			return 0;
	return -1;
}
