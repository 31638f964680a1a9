/* SPDX-License-Identifier: MIT */
/*
 * Page tables with four levels of 512 64-bit entries, as x86_64, aarch64 and riscv64 have.  Only
 * what an entry contains depends on the architecture.
 */
#ifndef LIBUCALL_RADIX_H
#define LIBUCALL_RADIX_H

#include "machine/pages.h"

enum ucall_radix_kind {
	UCALL_RADIX_NONE, /* nothing is mapped, or the entry is malformed */
	UCALL_RADIX_TABLE, /* a table of the next level */
	UCALL_RADIX_LEAF, /* a page, or above level 0 a larger one */
};

struct ucall_radix {
	bool (*is_address)(uint64_t gva); /* true if it is a valid address */
	enum ucall_radix_kind (*kind)(uint64_t entry, int level); /* level 0: page entries */
	uint64_t (*address)(uint64_t entry); /* what it points to; for a root: the table */
	uint64_t (*make_table)(uint64_t gpa);
	uint64_t (*make_leaf)(uint64_t gpa, unsigned int prot);
	/* `prot`, restricted by the entry, which is a table's or a leaf's. */
	unsigned int (*restrict_prot)(uint64_t entry, bool leaf, unsigned int prot);
};

#define UCALL_RADIX_LEVELS 4

uint64_t ucall_radix_new_root(struct ucall_memory *mem);
int ucall_radix_map(const struct ucall_radix *r, struct ucall_memory *mem, uint64_t root,
		    uint64_t gva, uint64_t gpa, unsigned int prot);
void ucall_radix_share(const struct ucall_radix *r, struct ucall_memory *mem, uint64_t to,
		       uint64_t from, uint64_t gva);
int ucall_radix_walk(const struct ucall_radix *r, struct ucall_memory *mem, uint64_t root,
		     uint64_t gva, uint64_t *gpa, unsigned int *prot);

uint64_t ucall_radix_next(const struct ucall_radix *r, struct ucall_memory *mem, uint64_t root,
			  uint64_t gva, uint64_t *steps);

/* The page table functions for struct ucall_arch, with the entry format `format`. */
#define UCALL_RADIX_FUNCTIONS(arch, format) \
	int ucall_##arch##_map(struct ucall_memory *mem, uint64_t root, uint64_t gva, \
			       uint64_t gpa, unsigned int prot) \
	{ \
		return ucall_radix_map(&(format), mem, root, gva, gpa, prot); \
	} \
\
	void ucall_##arch##_share(struct ucall_memory *mem, uint64_t to, uint64_t from, \
				  uint64_t gva) \
	{ \
		ucall_radix_share(&(format), mem, to, from, gva); \
	} \
\
	int ucall_##arch##_walk(struct ucall_memory *mem, uint64_t root, uint64_t gva, \
				uint64_t *gpa, unsigned int *prot) \
	{ \
		return ucall_radix_walk(&(format), mem, root, gva, gpa, prot); \
	} \
\
	uint64_t ucall_##arch##_next(struct ucall_memory *mem, uint64_t root, uint64_t gva, \
				     uint64_t *steps) \
	{ \
		return ucall_radix_next(&(format), mem, root, gva, steps); \
	}

#endif
