// SPDX-License-Identifier: MIT
/* Registers as GDB wants them. */
#include <stdio.h>
#include <stdlib.h>

#include "gdb.h"

static uint64_t *place(struct ucall_frame *frame, const struct ucall_register *reg)
{
	switch (reg->kind) {
	case UCALL_REGISTER_GPR:
		return &frame->gpr[reg->index];
	case UCALL_REGISTER_PC:
		return &frame->pc;
	case UCALL_REGISTER_SP:
		return &frame->sp;
	case UCALL_REGISTER_FLAGS:
		return &frame->flags;
	default:
		return NULL;
	}
}

/* The bit at which byte i of a register begins, in the target's order. */
static unsigned int shift(const struct ucall_arch *arch, const struct ucall_register *reg,
			  unsigned int i)
{
	return 8 * (arch->big_endian ? reg->bits / 8u - 1 - i : i);
}

void gdb_add_register(struct gdb_reply *r, const struct ucall_arch *arch,
		      const struct ucall_register *reg, const struct ucall_frame *frame)
{
	struct ucall_frame copy;
	const uint64_t *value = NULL;

	if (frame) {
		copy = *frame;
		value = place(&copy, reg);
	}
	for (unsigned int i = 0; i < reg->bits / 8u; i++)
		if (!frame && (reg->kind == UCALL_REGISTER_PC || reg->kind == UCALL_REGISTER_SP))
			gdb_add(r, "00"); /* GDB does without others, but not without these */
		else if (value)
			gdb_add(r, "%02x", (unsigned int)(*value >> shift(arch, reg, i) & 0xff));
		else
			gdb_add(r, "xx");
}

void gdb_add_registers(struct gdb_reply *r, const struct ucall_arch *arch,
		       const struct ucall_frame *frame)
{
	for (const struct ucall_register *reg = arch->registers; reg->name; reg++)
		gdb_add_register(r, arch, reg, frame);
}

const struct ucall_register *gdb_find_register(const struct ucall_arch *arch, uint64_t number)
{
	const struct ucall_register *reg = arch->registers;

	for (; reg->name; reg++)
		if (!number--)
			return reg;
	return NULL;
}

bool gdb_take_register(const struct ucall_arch *arch, const struct ucall_register *reg,
		       const char **hex, struct ucall_frame *frame)
{
	uint64_t *value = place(frame, reg), taken = 0;
	bool is_known = true;

	for (unsigned int i = 0; i < reg->bits / 8u; i++, *hex += 2) {
		const int high = gdb_digit((*hex)[0]), low = high < 0 ? -1 : gdb_digit((*hex)[1]);

		if (low < 0 && ((*hex)[0] != 'x' || (*hex)[1] != 'x'))
			return false;
		if (low < 0)
			is_known = false;
		else if (reg->bits <= 64)
			taken |= (uint64_t)(high << 4 | low) << shift(arch, reg, i);
	}
	if (value && is_known)
		*value = taken;
	return true;
}

char *gdb_describe_target(const struct ucall_arch *arch, bool is_program)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	bool open = false;

	if (!f)
		return NULL;
	fprintf(f,
		"<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>"
		"<architecture>%s</architecture>%s",
		arch->gdb_name, is_program ? "<osabi>GNU/Linux</osabi>" : "");
	for (const struct ucall_register *reg = arch->registers; reg->name; reg++) {
		if (reg->feature) {
			fprintf(f, "%s<feature name=\"org.gnu.gdb.%s\">", open ? "</feature>" : "",
				reg->feature);
			open = true;
		}
		fprintf(f, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"/>", reg->name, reg->bits,
			reg->type ? reg->type : "int");
	}
	fprintf(f, "%s</target>", open ? "</feature>" : "");
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}
