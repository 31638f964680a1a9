/* SPDX-License-Identifier: MIT */
/*
 * A stand-in for KVM and the AMD secure processor, as far as launching VMs goes.  It checks each
 * call against the KVM API document, its "Secure Encrypted Virtualization (SEV)", the SEV API
 * specification (guest states, 4.2) and the SEV-SNP firmware ABI: order, state, arguments,
 * alignment, lengths.  On an error, `problem` says what is wrong, and the call fails as the real
 * one would.
 */
#ifndef T_STAND_IN_PSP_H
#define T_STAND_IN_PSP_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "protect/sev/kvm-sev.h"

#define PSP_HANDLE 77
#define PSP_MEASUREMENT 48

enum psp_state { PSP_UNINIT, PSP_INIT, PSP_LUPDATE, PSP_LSECRET, PSP_RUNNING };

struct psp {
	/* The machine. */
	bool has_types; /* Linux 6.10 and later */
	int kvm_fd, sev_fd;
	/* The call that fails, from 0, with EIO and the firmware's `fail_code`; -1: none. */
	int fail_at;
	uint32_t fail_code;
	bool partly; /* SNP_LAUNCH_UPDATE does a page at a time */

	/* What has been done. */
	int calls;
	char problem[256]; /* empty: nothing was wrong */
	const char *failed; /* the call that was made to fail */
	int vm_fd, memfd;
	unsigned long vm_type;
	unsigned int vcpus;
	bool es, hypercalls, has_memory, vmsa;
	enum psp_state state;
	uint32_t policy;
	struct sev_region registered;
	uint64_t memory, memory_size;
	uint64_t private_start, private_end; /* SNP: attributes */
	uint64_t encrypted; /* bytes */
};

static inline int psp_wrong(struct psp *p, int error, const char *what)
{
	if (!p->problem[0])
		snprintf(p->problem, sizeof(p->problem), "call %d: %s", p->calls, what);
	errno = error;
	return -1;
}

#define PSP_WANT(cond, error) \
	do { \
		if (!(cond)) \
			return psp_wrong(p, error, #cond); \
	} while (0)

static inline bool psp_is_zero(const void *data, size_t size)
{
	const uint8_t *bytes = data;

	while (size && !*bytes)
		bytes++, size--;
	return !size;
}

/* A real descriptor, so that a test notices if it is not closed. */
static inline int psp_fd(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static inline int psp_create(struct psp *p, unsigned long type)
{
	PSP_WANT(p->vm_fd < 0, EEXIST);
	PSP_WANT(type == 0 || p->has_types, EINVAL);
	PSP_WANT(type == 0 || (type >= SEV_VM_SEV && type <= SEV_VM_SNP), EINVAL);
	p->vm_type = type;
	p->vm_fd = psp_fd();
	return p->vm_fd;
}

static inline int psp_enable_cap(struct psp *p, const struct kvm_enable_cap *cap)
{
	PSP_WANT(cap->cap == X86_CAP_EXIT_HYPERCALL, EINVAL);
	PSP_WANT(cap->args[0] == 1u << X86_HC_MAP_GPA_RANGE, EINVAL);
	PSP_WANT(!cap->flags && psp_is_zero(cap->args + 1, 3 * sizeof(cap->args[0])), EINVAL);
	p->hypercalls = true;
	return 0;
}

static inline int psp_memory(struct psp *p, uint64_t gpa, uint64_t size, uint64_t host)
{
	PSP_WANT(p->state == PSP_INIT, EINVAL);
	PSP_WANT(gpa == 0 && size && !(size & 0xfff) && host && !(host & 0xfff), EINVAL);
	p->memory = host;
	p->memory_size = size;
	p->has_memory = true;
	return 0;
}

static inline int psp_memfd(struct psp *p, const struct x86_memfd *m)
{
	PSP_WANT(p->vm_type == SEV_VM_SNP, EINVAL);
	PSP_WANT(m->size && !(m->size & 0xfff) && !m->flags, EINVAL);
	PSP_WANT(psp_is_zero(m->reserved, sizeof(m->reserved)), EINVAL);
	p->memfd = psp_fd();
	return p->memfd;
}

static inline int psp_memory2(struct psp *p, const struct x86_memory_region *m)
{
	PSP_WANT(m->flags == X86_MEM_GUEST_MEMFD, EINVAL);
	PSP_WANT(p->memfd >= 0 && m->guest_memfd == (uint32_t)p->memfd, EBADF);
	PSP_WANT(!m->guest_memfd_offset && !m->pad1 && psp_is_zero(m->pad2, sizeof(m->pad2)),
		 EINVAL);
	return psp_memory(p, m->guest_phys_addr, m->memory_size, m->userspace_addr);
}

static inline int psp_attributes(struct psp *p, const struct x86_attributes *a)
{
	PSP_WANT(!a->flags && a->attributes == X86_ATTRIBUTE_PRIVATE, EINVAL);
	PSP_WANT(a->size && !((a->address | a->size) & 0xfff), EINVAL);
	PSP_WANT(p->has_memory && a->address + a->size <= p->memory_size, EINVAL);
	p->private_start = a->address;
	p->private_end = a->address + a->size;
	return 0;
}

static inline int psp_register(struct psp *p, const struct sev_region *r)
{
	PSP_WANT(p->has_memory && r->size && !((r->addr | r->size) & 0xfff), EINVAL);
	PSP_WANT(r->addr >= p->memory && r->addr + r->size <= p->memory + p->memory_size, EINVAL);
	p->registered = *r;
	return 0;
}

static inline int psp_init(struct psp *p, uint32_t id, const struct sev_init2 *init)
{
	/* Before the first vCPU, once, by the call for the VM's type. */
	PSP_WANT(p->state == PSP_UNINIT && !p->vcpus, EINVAL);
	PSP_WANT((id == SEV_INIT2) == (p->vm_type != 0), EINVAL);
	if (id != SEV_INIT2) {
		PSP_WANT(!init, EINVAL);
		p->es = id == SEV_ES_INIT;
	} else {
		p->es = p->vm_type != SEV_VM_SEV;
		PSP_WANT(init && !init->flags && !init->pad1, EINVAL);
		PSP_WANT(psp_is_zero(init->pad2, sizeof(init->pad2)), EINVAL);
		PSP_WANT(p->es ? init->ghcb_version <= 2 : !init->ghcb_version, EINVAL);
		PSP_WANT(!init->vmsa_features, EINVAL);
	}
	p->state = PSP_INIT;
	return 0;
}

static inline int psp_start(struct psp *p, struct sev_launch_start *s)
{
	PSP_WANT(p->state == PSP_INIT && p->vm_type != SEV_VM_SNP, EINVAL);
	PSP_WANT(!s->handle && !s->dh_uaddr && !s->dh_len && !s->session_uaddr && !s->session_len &&
			 !s->pad0 && !s->pad1,
		 EINVAL);
	PSP_WANT(!p->es == !(s->policy & SEV_POLICY_ES), EIO);
	s->handle = PSP_HANDLE;
	p->policy = s->policy;
	p->state = PSP_LUPDATE;
	return 0;
}

static inline int psp_update(struct psp *p, const struct sev_launch_update_data *u)
{
	PSP_WANT(p->state == PSP_LUPDATE && !p->vmsa, EINVAL);
	PSP_WANT(u->len && !((u->uaddr | u->len) & 15) && !u->pad0, EINVAL);
	PSP_WANT(u->uaddr >= p->registered.addr &&
			 u->uaddr + u->len <= p->registered.addr + p->registered.size,
		 EINVAL);
	p->encrypted += u->len;
	return 0;
}

static inline int psp_vmsa(struct psp *p)
{
	PSP_WANT(p->state == PSP_LUPDATE && p->es && p->vcpus && !p->vmsa, EINVAL);
	p->vmsa = true;
	return 0;
}

static inline int psp_measure(struct psp *p, struct sev_launch_measure *m, uint32_t *code)
{
	PSP_WANT(p->state == PSP_LUPDATE, EINVAL);
	PSP_WANT(p->encrypted && p->vmsa == p->es && !m->pad0, EINVAL);
	if (m->len < PSP_MEASUREMENT) {
		PSP_WANT(!m->len && !m->uaddr, EINVAL);
		m->len = PSP_MEASUREMENT;
		*code = 4; /* SEV_RET_INVALID_LEN */
		errno = EIO;
		return -1;
	}
	PSP_WANT(m->len == PSP_MEASUREMENT && m->uaddr, EINVAL);
	memset((void *)(uintptr_t)m->uaddr, 0xa5, PSP_MEASUREMENT);
	p->state = PSP_LSECRET;
	return 0;
}

static inline int psp_finish(struct psp *p)
{
	PSP_WANT(p->state == PSP_LSECRET, EINVAL);
	p->state = PSP_RUNNING;
	return 0;
}

static inline int psp_status(struct psp *p, struct sev_guest_status *s)
{
	*s = (struct sev_guest_status){ PSP_HANDLE, p->policy, p->state == PSP_RUNNING ? 3 : 2 };
	return 0;
}

static inline int psp_snp_start(struct psp *p, const struct sev_snp_launch_start *s)
{
	PSP_WANT(p->state == PSP_INIT && p->vm_type == SEV_VM_SNP && p->hypercalls, EINVAL);
	PSP_WANT(s->policy & SEV_SNP_POLICY_RESERVED, EINVAL);
	PSP_WANT(!s->flags && psp_is_zero(s->gosvw, 16) && psp_is_zero(s->pad0, 6) &&
			 psp_is_zero(s->pad1, sizeof(s->pad1)),
		 EINVAL);
	p->state = PSP_LUPDATE;
	return 0;
}

static inline int psp_snp_update(struct psp *p, struct sev_snp_launch_update *u)
{
	uint64_t gpa = u->gfn_start << 12, done;

	PSP_WANT(p->state == PSP_LUPDATE && p->vm_type == SEV_VM_SNP, EINVAL);
	PSP_WANT(u->len && !((u->uaddr | u->len) & 0xfff) && u->type == SEV_SNP_PAGE_NORMAL,
		 EINVAL);
	PSP_WANT(!u->flags && !u->pad0 && !u->pad1 && psp_is_zero(u->pad2, sizeof(u->pad2)),
		 EINVAL);
	/* The target is private already, and the source is not the private memory itself. */
	PSP_WANT(gpa >= p->private_start && gpa + u->len <= p->private_end, EINVAL);
	PSP_WANT(u->uaddr + u->len <= p->memory || u->uaddr >= p->memory + p->memory_size, EINVAL);
	done = p->partly ? 4096 : u->len;
	p->encrypted += done;
	u->gfn_start += done >> 12;
	u->uaddr += done;
	u->len -= done;
	return 0;
}

static inline int psp_snp_finish(struct psp *p, const struct sev_snp_launch_finish *f)
{
	PSP_WANT(p->state == PSP_LUPDATE && p->vm_type == SEV_VM_SNP && p->vcpus, EINVAL);
	PSP_WANT(p->encrypted == p->private_end - p->private_start, EINVAL);
	PSP_WANT(psp_is_zero(f, sizeof(*f)), EINVAL);
	p->state = PSP_RUNNING;
	return 0;
}

static inline int psp_command(struct psp *p, struct sev_command *c)
{
	void *data = (void *)(uintptr_t)c->data;

	PSP_WANT(!c->error && !c->pad0, EINVAL);
	/* All but the first and the last ask the secure processor. */
	PSP_WANT(c->sev_fd == (uint32_t)p->sev_fd, EBADF);
	switch (c->id) {
	case SEV_INIT:
	case SEV_ES_INIT:
	case SEV_INIT2:
		return psp_init(p, c->id, data);
	case SEV_LAUNCH_START:
		return psp_start(p, data);
	case SEV_LAUNCH_UPDATE_DATA:
		return psp_update(p, data);
	case SEV_LAUNCH_UPDATE_VMSA:
		PSP_WANT(!data, EINVAL);
		return psp_vmsa(p);
	case SEV_LAUNCH_MEASURE:
		return psp_measure(p, data, &c->error);
	case SEV_LAUNCH_FINISH:
		PSP_WANT(!data, EINVAL);
		return psp_finish(p);
	case SEV_GUEST_STATUS:
		return psp_status(p, data);
	case SEV_SNP_LAUNCH_START:
		return psp_snp_start(p, data);
	case SEV_SNP_LAUNCH_UPDATE:
		return psp_snp_update(p, data);
	case SEV_SNP_LAUNCH_FINISH:
		return psp_snp_finish(p, data);
	default:
		return psp_wrong(p, EINVAL, "an unknown command");
	}
}

/* ioctl(2) on the stand-in's descriptors. */
static inline int psp_ioctl(struct psp *p, int fd, unsigned long request, void *arg)
{
	struct sev_command *command = arg;
	bool fails = p->calls == p->fail_at;
	int r;

	if (fails) {
		p->calls++;
		if (request == X86_IOCTL_ENCRYPT_OP)
			command->error = p->fail_code;
		errno = EIO;
		return -1;
	}
	PSP_WANT(fd == (request == KVM_CREATE_VM ? p->kvm_fd : p->vm_fd), EBADF);
	switch (request) {
	case KVM_CREATE_VM:
		r = psp_create(p, (unsigned long)(uintptr_t)arg);
		break;
	case KVM_ENABLE_CAP:
		r = psp_enable_cap(p, arg);
		break;
	case KVM_SET_USER_MEMORY_REGION: {
		const struct kvm_userspace_memory_region *m = arg;

		r = m->flags ? psp_wrong(p, EINVAL, "flags of a memory region")
			     : psp_memory(p, m->guest_phys_addr, m->memory_size, m->userspace_addr);
		break;
	}
	case X86_IOCTL_SET_MEMORY:
		r = psp_memory2(p, arg);
		break;
	case X86_IOCTL_CREATE_MEMFD:
		r = psp_memfd(p, arg);
		break;
	case X86_IOCTL_SET_ATTRIBUTES:
		r = psp_attributes(p, arg);
		break;
	case SEV_IOCTL_REGISTER:
		r = psp_register(p, arg);
		break;
	case X86_IOCTL_ENCRYPT_OP:
		r = psp_command(p, command);
		break;
	default:
		r = psp_wrong(p, ENOTTY, "an unknown call");
	}
	p->calls++;
	return r;
}

#endif
