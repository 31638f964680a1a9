/* SPDX-License-Identifier: MIT */
/* What the harness repeats a point for: the backends, engines and architectures that work here. */
#ifndef LIBUCALL_TEST_VARIANTS_H
#define LIBUCALL_TEST_VARIANTS_H

#include <ucall/plugin.h>

/* What a point that is not `once` is repeated for. */
struct ucall_test_variant {
	const char *backend; /* a config string */
	const char *engine, *arch;
	char *image; /* NULL: the guest is this program */
	const struct ucall_metadata *metadata; /* the backend's */
};

struct ucall_test_variants {
	struct ucall_test_variant all[128];
	size_t count;
	struct ucall_backend_info *backends;
	struct ucall_engine_info *engines;
	struct ucall_protection_info *protections;
	char none[512]; /* why there is nothing, if so */
	bool no_guest_code; /* the backend has no code for the wanted architecture: no engine helps */
	char *guests; /* the path of the guest ELFs, up to the architecture */
};

/* False if the environment names what is missing or broken; ucall_error() says what. */
bool ucall_test_find_variants(struct ucall_test_variants *v);
void ucall_test_free_variants(struct ucall_test_variants *v);

/*
 * An engine or a kind of memory encryption that does not work here is one skipped point, not one
 * for each test.  ucall_test_missing_protection() returns the kind of config->protect, or NULL if
 * it works.
 */
bool ucall_test_is_missing(const struct ucall_test_variants *v,
			   const struct ucall_engine_info *engine);
const struct ucall_protection_info *
ucall_test_missing_protection(const struct ucall_test_variants *v,
			      const struct ucall_vm_config *config);

#endif
