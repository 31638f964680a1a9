// SPDX-License-Identifier: MIT
/* Loads the ciphers module. */
#include <errno.h>

#include "ciphers.h"
#include "base/error.h"
#include "module.h"

const struct ucall_ciphers *ucall_ciphers_load(void)
{
	const struct ucall_ciphers *ciphers;
	const char *problem;

	ciphers = ucall_module("ciphers", "ucall_ciphers", offsetof(struct ucall_ciphers, version),
			       &problem);
	if (!ciphers && errno != ENOENT)
		ucall_fail(errno, "no ciphers for emulated memory encryption: %s", problem);
	else if (!ciphers)
		ucall_fail(EOPNOTSUPP, "no ciphers for emulated memory encryption: %s; %s", problem,
			   UCALL_INSTALL_MODULE("libssl-dev"));
	return ciphers;
}
