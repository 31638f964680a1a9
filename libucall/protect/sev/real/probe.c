// SPDX-License-Identifier: MIT
/* Finds what this machine has for SEV, SEV-ES and SEV-SNP. */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/psp-sev.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "protect/sev/kvm-sev.h"
#include "protect/x86/module-parameter.h"
#include "machine.h"

/* In the order of struct sev_machine.parameter. */
static const char *const parameters[] = { "sev", "sev_es", "sev_snp" };

static int ask_firmware(int fd, struct sev_machine *m)
{
	struct sev_user_data_status status;
	struct sev_issue_cmd command = { .cmd = SEV_PLATFORM_STATUS,
					 .data = (uint64_t)(uintptr_t)&status };

	memset(&status, 0, sizeof(status));
	if (ioctl(fd, SEV_ISSUE_CMD, &command))
		return errno;
	m->firmware_major = status.api_major;
	m->firmware_minor = status.api_minor;
	m->firmware_build = status.build;
	return 0;
}

int sev_open_device(void)
{
	return open("/dev/sev", O_RDWR | O_CLOEXEC);
}

void sev_probe(struct sev_machine *m, int kvm_fd)
{
	uint32_t a, b, c, d;
	int fd, r;

	memset(m, 0, sizeof(*m));
	if (__get_cpuid_count(0x8000001f, 0, &a, &b, &c, &d)) {
		m->features = a;
		m->c_bit = b & 0x3f;
	}
	m->has_kvm_amd = !access("/sys/module/kvm_amd/parameters", F_OK);
	for (size_t i = 0; i < 3; i++)
		m->parameter[i] = x86_module_parameter("kvm_amd", parameters[i]);
	r = ioctl(kvm_fd, KVM_CHECK_EXTENSION, X86_CAP_VM_TYPES);
	m->vm_types = r > 0 ? r : 0;
	r = ioctl(kvm_fd, KVM_CHECK_EXTENSION, X86_CAP_EXIT_HYPERCALL);
	m->has_hypercall_exits = r > 0 && (r >> X86_HC_MAP_GPA_RANGE & 1);
	fd = sev_open_device();
	if (fd < 0) {
		m->device_error = errno;
		return;
	}
	m->firmware_error = ask_firmware(fd, m);
	close(fd);
}
