/* SPDX-License-Identifier: MIT */
/* What the harness repeats a point for: backends, engines and architectures, as far as they are here. */
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
	char none[512]; /* if there is nothing: why */
	char *guests; /* the guest ELFs' folder, and their names up to the architecture */
};

/* False: the environment names what there is not, and ucall_error() says so. */
bool ucall_test_find_variants(struct ucall_test_variants *v);
void ucall_test_free_variants(struct ucall_test_variants *v);

/*
 * What does not work here is one skipped point, not one for each test: an engine; a kind of memory
 * encryption, that of config->protect (NULL: it works).
 */
bool ucall_test_is_missing(const struct ucall_engine_info *engine);
const struct ucall_protection_info *ucall_test_lacks(const struct ucall_test_variants *v,
						     const struct ucall_vm_config *config);

#endif
