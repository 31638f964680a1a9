// SPDX-License-Identifier: MIT
/* The connection: one debugger at a time, in a thread of its own. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ucall/plugin.h>

#include "gdb.h"

#define INTERRUPT 3 /* the byte that stops a running VM */
#define SEND_SECONDS 10 /* a client that takes nothing for so long has gone */

struct ucall_gdb_server {
	struct gdb_session session;
	int listener, quit; /* quit: an eventfd, readable once the VM ends */
	pthread_t thread;

	int client; /* -1: none */
	bool running; /* GDB waits for a stop */
	bool answered; /* the first stop, which GDB asks for, has come */
	struct ucall_debug_stop stop; /* the last */
	char in[PACKET_SIZE + 8]; /* received, not handled yet */
	size_t in_used;
	struct gdb_reply reply;
	char out[PACKET_SIZE + 8];
	char packet[PACKET_SIZE + 1];
};

/* ---- bytes ---- */

/* False if the client has gone, takes nothing, or the VM ends first. */
static bool send_all(const struct ucall_gdb_server *g, const void *bytes, size_t size)
{
	const char *from = bytes;

	while (size) {
		ssize_t n = send(g->client, from, size, MSG_NOSIGNAL | MSG_DONTWAIT);
		struct pollfd fds[] = { { .fd = g->quit, .events = POLLIN },
					{ .fd = g->client, .events = POLLOUT } };

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (poll(fds, 2, SEND_SECONDS * 1000) <= 0 || fds[0].revents)
				return false;
			continue;
		}
		if (n <= 0)
			return false;
		from += n;
		size -= (size_t)n;
	}
	return true;
}

static unsigned int checksum(const char *bytes, size_t size)
{
	unsigned int sum = 0;

	for (size_t i = 0; i < size; i++)
		sum += (unsigned char)bytes[i];
	return sum & 0xff;
}

static bool send_packet(struct ucall_gdb_server *g, const struct gdb_reply *r)
{
	const unsigned int sum = checksum(r->text, r->used);
	size_t n = 0;

	/* In one piece: each would wait for the other side's acknowledgement. */
	g->out[n++] = '$';
	memcpy(g->out + n, r->text, r->used);
	n += r->used;
	g->out[n++] = '#';
	g->out[n++] = "0123456789abcdef"[sum >> 4];
	g->out[n++] = "0123456789abcdef"[sum & 15];
	return send_all(g, g->out, n);
}

/* Text for GDB's user, while the VM runs. */
static bool send_text(struct ucall_gdb_server *g, const char *text)
{
	g->reply.used = 0;
	gdb_add(&g->reply, "O");
	gdb_add_hex(&g->reply, text, strlen(text));
	gdb_add_hex(&g->reply, "\n", 1);
	return send_packet(g, &g->reply);
}

/* ---- the client ---- */

/* A forked child may have its descriptor too. */
static void hang_up(int fd)
{
	shutdown(fd, SHUT_RDWR);
	close(fd);
}

static void drop_client(struct ucall_gdb_server *g)
{
	hang_up(g->client);
	g->client = -1;
	g->session.ops->detach(g->session.d);
}

/* Waits a while for what ran out. */
static void wait_for_descriptors(const struct ucall_gdb_server *g)
{
	struct pollfd quit = { .fd = g->quit, .events = POLLIN };

	poll(&quit, 1, 100);
}

static void accept_client(struct ucall_gdb_server *g)
{
	const int one = 1, fd = accept4(g->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno != EINTR && errno != ECONNABORTED)
			wait_for_descriptors(g);
		return;
	}
	if (g->client >= 0) { /* there is one already */
		hang_up(fd);
		return;
	}
	g->client = fd;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* fails on other sockets */
	g->session.vcpu = 0;
	g->session.no_ack = false;
	g->in_used = 0;
	g->running = true;
	g->answered = false;
	g->session.ops->attach(g->session.d);
}

/* The VM has stopped. */
static bool handle_stop(struct ucall_gdb_server *g)
{
	if (!g->session.ops->take_stop(g->session.d, &g->stop) || !g->running)
		return true;
	g->running = false;
	if (!g->answered) { /* GDB has not asked yet */
		g->session.vcpu = g->stop.vcpu;
		g->answered = true;
		return true;
	}
	if (g->stop.text[0] && !send_text(g, g->stop.text))
		return false;
	g->reply.used = 0;
	gdb_add_stop(&g->session, &g->stop, &g->reply);
	return send_packet(g, &g->reply);
}

/* Copies a packet without escapes.  Returns its size. */
static size_t unescape(char *to, const char *from, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++) {
		char c = from[i];

		if (c == '}' && i + 1 < size)
			c = (char)(from[++i] ^ 0x20);
		to[n++] = c;
	}
	to[n] = 0;
	return n;
}

/* Carries out a packet; false: the client goes. */
static bool handle_packet(struct ucall_gdb_server *g, const char *from, size_t size)
{
	struct gdb_session *s = &g->session;
	const bool ack = !s->no_ack;

	if (ack && !send_all(g, "+", 1))
		return false;
	size = unescape(g->packet, from, size);
	g->reply.used = 0;
	switch (gdb_command(s, g->packet, size, &g->reply)) {
	case GDB_REPLY:
		return send_packet(g, &g->reply);
	case GDB_RUN:
		g->running = true;
		return true;
	case GDB_DETACH:
		send_packet(g, &g->reply);
		return false;
	default:
		return false;
	}
}

/* Takes what is complete in g->in; while the VM runs, only the interrupt.  false: the client goes. */
static bool handle_input(struct ucall_gdb_server *g)
{
	size_t at = 0;
	bool ok = true;

	while (ok && at < g->in_used) {
		const char *start = g->in + at, *end;
		size_t left = g->in_used - at, size;

		if (*start == INTERRUPT) {
			if (g->running)
				g->session.ops->interrupt(g->session.d);
			at++;
			continue;
		}
		if (*start != '$') { /* acknowledgements, and bytes outside of packets */
			at++;
			continue;
		}
		end = memchr(start, '#', left);
		if (g->running || !end || (size_t)(end - start) + 3 > left)
			break;
		size = (size_t)(end - start) - 1;
		at += size + 4;
		if (size > PACKET_SIZE - 1)
			ok = false;
		else if (gdb_digit(end[1]) * 16 + gdb_digit(end[2]) ==
			 (int)checksum(start + 1, size))
			ok = handle_packet(g, start + 1, size);
		else
			ok = send_all(g, "-", 1);
	}
	memmove(g->in, g->in + at, g->in_used - at);
	g->in_used -= at;
	return ok && g->in_used < sizeof(g->in);
}

static bool receive(struct ucall_gdb_server *g)
{
	ssize_t n = recv(g->client, g->in + g->in_used, sizeof(g->in) - g->in_used, MSG_DONTWAIT);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n <= 0)
		return false;
	/* An interrupt behind a packet that waits is heard too. */
	if (g->running && memchr(g->in + g->in_used, INTERRUPT, (size_t)n))
		g->session.ops->interrupt(g->session.d);
	g->in_used += (size_t)n;
	return true;
}

/* ---- the thread ---- */

static void *serve(void *data)
{
	struct ucall_gdb_server *g = data;
	const int event = g->session.ops->event(g->session.d);

	for (;;) {
		struct pollfd fds[] = {
			{ .fd = g->quit, .events = POLLIN },
			{ .fd = g->listener, .events = POLLIN },
			{ .fd = g->client, .events = POLLIN },
			{ .fd = g->client < 0 ? -1 : event, .events = POLLIN },
		};

		if (poll(fds, sizeof(fds) / sizeof(fds[0]), -1) < 0 && errno != EINTR)
			break;
		if (fds[0].revents)
			break;
		if (g->client >= 0 && ((fds[3].revents && !handle_stop(g)) ||
				       (fds[2].revents && !receive(g)) || !handle_input(g)))
			drop_client(g);
		if (fds[1].revents)
			accept_client(g);
	}
	if (g->client >= 0) {
		g->reply.used = 0;
		gdb_add(&g->reply, "W00");
		if (g->running && g->answered)
			send_packet(g, &g->reply);
		hang_up(g->client);
	}
	return NULL;
}

static void drop(struct ucall_gdb_server *g)
{
	close(g->listener);
	if (g->quit >= 0)
		close(g->quit);
	free(g);
}

static struct ucall_gdb_server *start(const struct ucall_debug_ops *ops, struct ucall_debug *d,
				      int listener)
{
	struct ucall_gdb_server *g = calloc(1, sizeof(*g));
	sigset_t all, old;
	int error = ENOMEM;

	if (!g) {
		close(listener);
		ucall_fail(ENOMEM, "out of memory");
		return NULL;
	}
	g->session.ops = ops;
	g->session.d = d;
	g->listener = listener;
	g->client = -1;
	g->quit = eventfd(0, EFD_CLOEXEC);
	if (g->quit >= 0) {
		/* Signals are for the program's own threads. */
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &old);
		error = pthread_create(&g->thread, NULL, serve, g);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		if (!error)
			return g;
	} else {
		error = errno;
	}
	drop(g);
	ucall_fail(error, "cannot make gdb's thread: %s", strerror(error));
	return NULL;
}

static void stop(struct ucall_gdb_server *g)
{
	const uint64_t one = 1;

	while (write(g->quit, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
	pthread_join(g->thread, NULL);
	shutdown(g->listener, SHUT_RDWR);
	drop(g);
}

/* Loses a client in a forked child: its descriptor is closed with the others. */
static void drop_inherited(struct ucall_gdb_server *g)
{
	if (g->client >= 0)
		close(g->client);
	drop(g);
}

extern UCALL_PUBLIC const struct ucall_gdb ucall_gdb;
const struct ucall_gdb ucall_gdb = {
	.version = UCALL_VERSION,
	.start = start,
	.stop = stop,
	.drop = drop_inherited,
};
