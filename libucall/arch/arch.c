// SPDX-License-Identifier: MIT
/* The list of guest architectures. */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "arch.h"
#include "base/text.h"

const struct ucall_arch *const ucall_archs[UCALL_ARCHS] = {
#define ARCH(name, ...) &ucall_arch_##name,
#include "arch/list.h"
};

static const char *const other_names[UCALL_ARCHS] = {
#define ARCH(name, NAME, other, ...) other,
#include "arch/list.h"
};

#define ARCH(name, NAME, ...) \
	_Static_assert(UCALL_ARCH_##NAME == 1u << UCALL_ARCH_INDEX_##NAME, "arch/list.h");
#include "arch/list.h"

void ucall_arch_names(struct ucall_text *text)
{
	for (int i = 0; i < UCALL_ARCHS; i++) {
		ucall_text_add(text, "%s%s", i ? ", " : "", ucall_archs[i]->name);
		if (*other_names[i])
			ucall_text_add(text, " (%s)", other_names[i]);
	}
}

const struct ucall_arch *ucall_arch_find(const char *name)
{
	char text[256] = "";
	struct ucall_text names = { text, sizeof(text), 0 };

	for (int i = 0; i < UCALL_ARCHS; i++)
		if (!strcmp(ucall_archs[i]->name, name) ||
		    (*other_names[i] && !strcmp(other_names[i], name)))
			return ucall_archs[i];
	ucall_arch_names(&names);
	ucall_fail(EINVAL, "unknown guest architecture \"%s\"; known: %s", name, text);
	return NULL;
}

const struct ucall_arch *ucall_arch_of_elf(uint16_t machine, uint8_t elf_class, uint8_t byte_order)
{
	for (int i = 0; i < UCALL_ARCHS; i++)
		if (ucall_archs[i]->machine == machine && elf_class == ELFCLASS64 &&
		    byte_order == (ucall_archs[i]->big_endian ? ELFDATA2MSB : ELFDATA2LSB))
			return ucall_archs[i];
	return NULL;
}

unsigned int ucall_arch_index(const struct ucall_arch *arch)
{
	unsigned int i = 0;

	while (ucall_archs[i] != arch)
		i++;
	return i;
}

const char *ucall_arch_name(uint32_t bit)
{
	for (int i = 0; i < UCALL_ARCHS; i++)
		if (ucall_archs[i]->bit == bit)
			return ucall_archs[i]->name;
	return NULL;
}

uint32_t ucall_arch_bit(const char *name)
{
	const struct ucall_arch *arch = ucall_arch_find(name);

	return arch ? arch->bit : 0;
}

uint32_t ucall_arch_host(void)
{
	return ucall_arch_native->bit;
}
