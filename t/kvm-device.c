// SPDX-License-Identifier: MIT
/* A KVM device that is missing, may not be opened, or is something else. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ucall/plugin.h>
#include <ucall/test.h>

/* A backend in the program itself, so that user nobody need not read a file. */
UCALL_BACKEND(.name = "own", .version = "1", .summary = "none", .protections = UCALL_PROTECT_NONE);

UCALL_DOORBELL static void ring(struct ucall *uc, const struct ucall_bell *bell)
{
}

static int receive(struct ucall_vcpu *vcpu, const struct ucall_exit *exit)
{
	return 0;
}

static const struct ucall_ops ops = {
	UCALL_OPS,
	.send_cmd_shared = ring,
	.recv_cmd_shared = receive,
};

static char device[] = "/tmp/ucall-device-XXXXXX";

static void refused(const char *path, int error, const char *text)
{
	struct ucall_vm_config config = { .ops = &ops, .engine = "kvm", .kvm_device = path };

	CHECK(!ucall_vm_create(&config));
	CHECK_HAS(ucall_error(), text);
	CHECK_EQ(errno, error);
}

static void once_missing(void)
{
	refused("/nonexistent/kvm", ENOENT, "no /nonexistent/kvm: this machine has no KVM");
}

static void once_not_kvm(void)
{
	refused("/dev/null", ENODEV, "/dev/null is not a KVM");
	refused("/dev/zero", ENODEV, "/dev/zero is not a KVM");
}

/* In a child, as user nobody: the error says how to get access. */
static void refused_to_nobody(gid_t group, mode_t mode, const char *text)
{
	int fd, status;
	pid_t child;

	strcpy(strrchr(device, '-'), "-XXXXXX");
	fd = mkstemp(device);
	CHECK(fd >= 0);
	CHECK(!fchown(fd, 0, group));
	CHECK(!fchmod(fd, mode));
	close(fd);
	child = fork();
	if (!child) {
		struct ucall_vm_config config = { .ops = &ops,
						  .engine = "kvm",
						  .kvm_device = device };

		if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
			_exit(2);
		if (ucall_vm_create(&config) || errno != EACCES)
			_exit(3);
		if (!strstr(ucall_error(), text)) {
			ucall_test_diag("%s", ucall_error());
			_exit(4);
		}
		_exit(0);
	}
	CHECK(child > 0);
	waitpid(child, &status, 0);
	unlink(device);
	CHECK_EQ(status, 0);
}

static void once_forbidden(void)
{
	struct group *group = getgrgid(1);
	char text[128];

	if (getuid() != 0)
		SKIP("only root can make a file that others may not open; run as root");
	if (!group)
		SKIP("there is no group 1 here");
	refused_to_nobody(0, 0600, "only root may open it; run as root");
	refused_to_nobody(0, 0660, "only root may open it; run as root");
	snprintf(text, sizeof(text), "join its group \"%s\"", group->gr_name);
	refused_to_nobody(1, 0660, text);
	refused_to_nobody(54321, 0660, "it belongs to group 54321");
}

UCALL_TESTS({ "missing", .once = once_missing }, { "not a KVM", .once = once_not_kvm },
	    { "not permitted", .once = once_forbidden });
