// SPDX-License-Identifier: MIT
/*
 * Snapshots where KVM lists all of a vCPU's state as registers (KVM_GET_REG_LIST; KVM API document,
 * 4.68, 4.84).
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "kvm.h"

#define LARGEST 256 /* bytes: KVM_REG_SIZE_U2048 */

struct vcpu_state {
	struct kvm_mp_state mp;
	uint64_t count;
	uint64_t *ids; /* of the registers that are state, in KVM's order */
	uint8_t (*values)[LARGEST];
};

/* All registers that KVM lists; NULL after ucall_fail(). */
static struct kvm_reg_list *get_reg_list(int fd)
{
	struct kvm_reg_list none = { 0 }, *list;

	if (!ioctl(fd, KVM_GET_REG_LIST, &none) || errno != E2BIG) {
		ucall_fail(EOPNOTSUPP,
			   "cannot take a snapshot: this KVM does not list a vCPU's registers "
			   "(KVM_GET_REG_LIST: %s)",
			   strerror(errno));
		return NULL;
	}
	list = ucall_calloc(1, sizeof(*list) + none.n * sizeof(list->reg[0]));
	if (!list)
		return NULL;
	list->n = none.n;
	if (ioctl(fd, KVM_GET_REG_LIST, list)) {
		ucall_fail_call("KVM_GET_REG_LIST");
		free(list);
		return NULL;
	}
	return list;
}

static int read_all(int fd, const struct kvm_reg_list *list, struct vcpu_state *s)
{
	if (ioctl(fd, KVM_GET_MP_STATE, &s->mp))
		return ucall_fail_call("KVM_GET_MP_STATE");
	for (uint64_t i = 0; i < list->n; i++) {
		struct kvm_one_reg reg = { list->reg[i], (uint64_t)(uintptr_t)s->values[s->count] };

		if (!ucall_kvm_arch.is_state(reg.id))
			continue;
		if (ioctl(fd, KVM_GET_ONE_REG, &reg))
			return ucall_fail(errno, "KVM_GET_ONE_REG, register 0x%llx: %s",
					  (unsigned long long)reg.id, strerror(errno));
		s->ids[s->count++] = reg.id;
	}
	return 0;
}

static void *save(const struct ucall_cpu *vcpu, int kvm_fd, int vm_fd, int fd)
{
	struct kvm_reg_list *list = get_reg_list(fd);
	struct vcpu_state *s;

	if (!list)
		return NULL;
	/* One allocation: its owner calls free() once. */
	s = ucall_calloc(1, sizeof(*s) + list->n * (sizeof(s->ids[0]) + LARGEST));
	if (s) {
		s->ids = (uint64_t *)(s + 1);
		s->values = (uint8_t(*)[LARGEST])(s->ids + list->n);
		if (read_all(fd, list, s)) {
			free(s);
			s = NULL;
		}
	}
	free(list);
	return s;
}

/*
 * True if the register has that value already: KVM refuses some such writes, for example to turn
 * off a timer that is off.
 */
static bool has_value(int fd, uint64_t id, const uint8_t *value)
{
	size_t size = (size_t)1 << ((id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT);
	uint8_t now[LARGEST];
	struct kvm_one_reg reg = { id, (uint64_t)(uintptr_t)now };

	return !ioctl(fd, KVM_GET_ONE_REG, &reg) && !memcmp(now, value, size);
}

static int load(const struct ucall_cpu *vcpu, int fd, const void *state)
{
	const struct vcpu_state *s = state;

	for (uint64_t i = 0; i < s->count; i++) {
		struct kvm_one_reg reg = { s->ids[i], (uint64_t)(uintptr_t)s->values[i] };
		int error;

		if (!ioctl(fd, KVM_SET_ONE_REG, &reg))
			continue;
		error = errno;
		if (!has_value(fd, reg.id, s->values[i]))
			return ucall_fail(error, "KVM_SET_ONE_REG, register 0x%llx: %s",
					  (unsigned long long)reg.id, strerror(error));
	}
	if (ioctl(fd, KVM_SET_MP_STATE, &s->mp))
		return ucall_fail_call("KVM_SET_MP_STATE");
	return 0;
}

const struct ucall_kvm_state ucall_kvm_one_reg_state = { .save = save, .load = load };
