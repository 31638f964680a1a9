// SPDX-License-Identifier: MIT
/* See planted.h. */
#include "base/error.h"
#include "kvm.h"
#include "planted.h"

struct ucall_planted_place {
	struct ucall_planted_place *next;
	uint16_t *at; /* the host's view */
	uint16_t original;
	unsigned int count; /* how many vCPUs want it */
};

void ucall_planted_init(struct ucall_planted *p)
{
	pthread_mutex_init(&p->lock, NULL);
	p->places = NULL;
}

void ucall_planted_fini(struct ucall_planted *p)
{
	while (p->places) {
		struct ucall_planted_place *place = p->places;

		p->places = place->next;
		free(place);
	}
	pthread_mutex_destroy(&p->lock);
}

static void write_code(uint16_t *at, uint16_t insn)
{
	__atomic_store_n(at, insn, __ATOMIC_RELEASE);
	__builtin___clear_cache((char *)at, (char *)(at + 1));
}

static void add(struct ucall_planted *p, uint16_t *at)
{
	struct ucall_planted_place *place = p->places;

	while (place && place->at != at)
		place = place->next;
	if (!place) {
		place = ucall_calloc(1, sizeof(*place));
		if (!place)
			return;
		*place = (struct ucall_planted_place){ p->places, at, *at, 0 };
		p->places = place;
		write_code(at, ucall_kvm_arch.breakpoint_insn);
	}
	place->count++;
}

static void take_back(struct ucall_planted *p, const uint16_t *at)
{
	struct ucall_planted_place **link = &p->places, *place;

	while (*link && (*link)->at != at)
		link = &(*link)->next;
	place = *link;
	if (!place || --place->count)
		return;
	/* If the guest has written other code there meanwhile, that stays. */
	if (*place->at == ucall_kvm_arch.breakpoint_insn)
		write_code(place->at, place->original);
	*link = place->next;
	free(place);
}

void ucall_planted_set(struct ucall_planted *p, struct ucall_cpu *vcpu, const uint64_t *pcs,
		       unsigned int count, bool on)
{
	if (!count)
		return;
	pthread_mutex_lock(&p->lock);
	for (unsigned int i = 0; i < count; i++) {
		uint16_t *at = pcs[i] & 1 ? NULL
					  : ucall_memory_at(vcpu->vm, vcpu->boot.root, pcs[i],
							    sizeof(*at));

		if (at && on)
			add(p, at);
		else if (at)
			take_back(p, at);
	}
	pthread_mutex_unlock(&p->lock);
}
