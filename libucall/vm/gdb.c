// SPDX-License-Identifier: MIT
/* ucall_vm_gdb(), UCALL_GDB: where a debugger connects. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/process.h"
#include "debug-vm.h"
#include "modules/module.h"
#include "own.h"

#define UNIX "unix:"
#define STEP_ONLY ",breakpoints=step"

/* ---- sockets ---- */

static void close_keeping_errno(int fd)
{
	int error = errno;

	close(fd);
	errno = error;
}

/* Each returns a descriptor, or -1 after ucall_fail(). */
static int listen_at(int family, const struct sockaddr *address, socklen_t size, const char *text)
{
	const int one = 1, fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return ucall_fail_call("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	fchmod(fd, S_IRUSR | S_IWUSR); /* that of a socket's file, from the beginning */
	if (!bind(fd, address, size) && !listen(fd, 1))
		return fd;
	if (errno == EADDRINUSE)
		ucall_fail(EADDRINUSE,
			   "cannot wait for gdb at %s: another program or VM does; give another "
			   "address",
			   text);
	else
		ucall_fail(errno, "cannot wait for gdb at %s: %s", text, strerror(errno));
	close_keeping_errno(fd);
	return -1;
}

static int listen_port(const char *text)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	unsigned long port;
	char *end;

	errno = 0;
	port = strtoul(text, &end, 10);
	if (errno || end == text || *end || text[0] < '0' || text[0] > '9' || !port || port > 65535)
		return ucall_fail(
			EINVAL,
			"cannot wait for gdb at %s: give a port of this machine's loopback "
			"device, such as 1234, or unix:PATH",
			text);
	address.sin_port = htons((uint16_t)port);
	return listen_at(AF_INET, (const struct sockaddr *)&address, sizeof(address), text);
}

/*
 * Removes a socket that nobody listens to any more.  A socket of another type finds that out without
 * a connection: EPROTOTYPE if somebody listens.
 */
static void remove_stale(const struct sockaddr_un *address)
{
	const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) &&
	    errno == ECONNREFUSED)
		unlink(address->sun_path);
	close(fd);
}

/* For its owner alone: whoever connects controls the guest. */
static int listen_unix(struct ucall_debug *d, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat st;
	int fd;

	if (!*path || strlen(path) >= sizeof(address.sun_path))
		return ucall_fail(EINVAL,
				  "cannot wait for gdb at unix:%s: a path has 1 to %zu bytes", path,
				  sizeof(address.sun_path) - 1);
	if (!lstat(path, &st) && !S_ISSOCK(st.st_mode))
		return ucall_fail(EEXIST, "cannot wait for gdb at %s: it is there, and no socket",
				  path);
	strcpy(address.sun_path, path);
	remove_stale(&address);
	fd = listen_at(AF_UNIX, (const struct sockaddr *)&address, sizeof(address), path);
	if (fd < 0)
		return -1;
	/* The socket's file, wherever the program goes, and nobody else's. */
	d->remove = realpath(path, NULL);
	if (!d->remove || lstat(d->remove, &st)) {
		ucall_fail(errno, "cannot wait for gdb at %s: %s", path, strerror(errno));
		close_keeping_errno(fd);
		return -1;
	}
	d->device = st.st_dev;
	d->inode = st.st_ino;
	return fd;
}

static void remove_socket(const struct ucall_debug *d)
{
	struct stat st;

	if (d->remove && !lstat(d->remove, &st) && st.st_dev == d->device && st.st_ino == d->inode)
		unlink(d->remove);
}

/* ---- the VM ---- */

static int start(struct ucall_debug *d, char *address)
{
	const bool is_unix = !strncmp(address, UNIX, sizeof(UNIX) - 1);
	char *options = strstr(address, STEP_ONLY);
	int fd;

	if (options && !options[sizeof(STEP_ONLY) - 1]) {
		*options = 0;
		d->hardware = false;
	}
	d->gdb = ucall_module_needed("gdb", "ucall_gdb", offsetof(struct ucall_gdb, version),
				     "cannot wait for gdb");
	if (!d->gdb)
		return -1;
	fd = is_unix ? listen_unix(d, address + sizeof(UNIX) - 1) : listen_port(address);
	if (fd < 0)
		return -1;
	d->server = d->gdb->start(&ucall_debug_ops, d, fd);
	return d->server ? 0 : -1;
}

static void drop(struct ucall_debug *d, bool inherited)
{
	if (!inherited)
		remove_socket(d);
	free(d->remove);
	ucall_debug_free(d, inherited);
}

static int open_debug(struct ucall_own_vm *vm, const char *text)
{
	char *address = ucall_strdup(text);
	struct ucall_debug *d = address ? ucall_debug_new(vm) : NULL;
	int r = d ? start(d, address) : -1;

	free(address);
	if (d && r) {
		ucall_debug_set_attached(d, false);
		drop(d, false);
	} else if (d) {
		ucall_debug_install(d);
	}
	return r;
}

int ucall_debug_open(struct ucall_own_vm *vm)
{
	const char *text = secure_getenv("UCALL_GDB");

	if (!text || !*text || !open_debug(vm, text))
		return 0;
	return ucall_fail_in("UCALL_GDB");
}

void ucall_debug_close(struct ucall_own_vm *vm, bool inherited)
{
	struct ucall_debug *d = vm->debug;

	if (!d)
		return;
	if (inherited) {
		d->gdb->drop(d->server);
	} else {
		d->gdb->stop(d->server);
		ucall_debug_release(d);
		ucall_own_stop(vm);
	}
	vm->debug = NULL;
	vm->channel.machine = &ucall_own_ops;
	for (struct ucall_cpu *cpu = vm->machine.vcpus; cpu; cpu = cpu->next) {
		struct ucall_own_vcpu *v = ucall_own_vcpu(cpu);

		if (v->debug.usual)
			v->port.ops = v->debug.usual;
	}
	drop(d, inherited);
}

int ucall_vm_gdb(struct ucall_vm *handle, const char *address)
{
	struct ucall_machine *machine = ucall_machine_of(handle, "ucall_vm_gdb");
	struct ucall_own_vm *vm;

	if (!machine || ucall_fail_if_null(address, "ucall_vm_gdb") ||
	    ucall_process_check(machine->process, "ucall_vm_gdb"))
		return -1;
	vm = ucall_own_vm(machine);
	if (vm->debug)
		return ucall_fail(EBUSY, "ucall_vm_gdb: this VM has a place for gdb already");
	ucall_own_stop(vm);
	if (open_debug(vm, address))
		return -1;
	for (struct ucall_cpu *cpu = machine->vcpus; cpu; cpu = cpu->next)
		ucall_debug_add(ucall_own_vcpu(cpu));
	return 0;
}
