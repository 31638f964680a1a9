// SPDX-License-Identifier: MIT
/* Writes traces in Perfetto's format. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <ucall/plugin.h>

#include "perfetto.h"
#include "vm/trace.h"

#define PACKET_MOST 1024 /* a packet is cut nowhere: its texts are shorter than this */
#define BUFFER 65536
#define KEPT_NS 500000000 /* so long at most an event waits for the file */
#define VCPUS_MOST 512

struct ucall_trace_file {
	pthread_mutex_t lock;
	int fd;
	int error; /* of the first write that failed; 0: none */
	uint64_t uuid; /* of the VM's track; those of its parts follow */
	uint32_t sequence;
	uint64_t flow; /* the last one's number */
	uint64_t flows[VCPUS_MOST]; /* of each vCPU's last run; 0: none yet */
	bool has_tracks[VCPUS_MOST], has_spans[VCPUS_MOST];
	int64_t flushed;
	size_t used;
	uint8_t buffer[BUFFER];
};

/* ---- protobuf ---- */

struct message {
	uint8_t bytes[PACKET_MOST];
	size_t used;
};

static void put_varint(struct message *m, uint64_t value)
{
	for (; value > 0x7f && m->used < sizeof(m->bytes); value >>= 7)
		m->bytes[m->used++] = (uint8_t)(value | 0x80);
	if (m->used < sizeof(m->bytes))
		m->bytes[m->used++] = (uint8_t)value;
}

static void put_number(struct message *m, unsigned int field, uint64_t value)
{
	put_varint(m, field << 3 | WIRE_VARINT);
	put_varint(m, value);
}

static void put_bytes(struct message *m, unsigned int field, const void *bytes, size_t size)
{
	put_varint(m, field << 3 | WIRE_BYTES);
	put_varint(m, size);
	if (size > sizeof(m->bytes) - m->used)
		size = sizeof(m->bytes) - m->used;
	memcpy(m->bytes + m->used, bytes, size);
	m->used += size;
}

#define NAME_MOST 320

/* Without a character of UTF-8 that was cut: what is before it is valid. */
static size_t whole_characters(const char *text, size_t size)
{
	size_t lead = size;

	while (lead && ((unsigned char)text[lead - 1] & 0xc0) == 0x80)
		lead--;
	if (!lead)
		return 0;
	const unsigned char c = (unsigned char)text[--lead];
	const size_t needs = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

	return size - lead < needs ? lead : size;
}

static void put_text(struct message *m, unsigned int field, const char *text)
{
	put_bytes(m, field, text, whole_characters(text, strnlen(text, NAME_MOST)));
}

static void put_message(struct message *m, unsigned int field, const struct message *part)
{
	put_bytes(m, field, part->bytes, part->used);
}

static void put_fixed64(struct message *m, unsigned int field, uint64_t value)
{
	put_varint(m, field << 3 | WIRE_FIXED64);
	for (int i = 0; i < 8 && m->used < sizeof(m->bytes); i++)
		m->bytes[m->used++] = (uint8_t)(value >> 8 * i);
}

/* ---- the file: the caller holds f->lock ---- */

static int64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* write(), without the signals of a file that is too large and of a pipe without a reader. */
static ssize_t write_quietly(int fd, const void *from, size_t size)
{
	const struct timespec none = { 0, 0 };
	sigset_t both, old;
	ssize_t n;
	int error;

	sigemptyset(&both);
	sigaddset(&both, SIGXFSZ);
	sigaddset(&both, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &both, &old);
	n = write(fd, from, size);
	error = errno;
	if (n < 0 && (error == EFBIG || error == EPIPE))
		sigtimedwait(&both, NULL, &none);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = error;
	return n;
}

static void flush_buffer(struct ucall_trace_file *f)
{
	const uint8_t *from = f->buffer;
	size_t left = f->used;

	while (left && !f->error) {
		ssize_t n = write_quietly(f->fd, from, left);

		if (n < 0 && errno != EINTR)
			f->error = errno;
		if (n > 0) {
			from += n;
			left -= (size_t)n;
		}
	}
	f->used = 0;
	f->flushed = now(CLOCK_MONOTONIC);
}

/* Whole packets, so that processes that share a file do not mix them. */
static void write_packet(struct ucall_trace_file *f, struct message *packet)
{
	struct message head = { .used = 0 };

	put_number(packet, PACKET_SEQUENCE, f->sequence);
	put_varint(&head, TRACE_PACKET << 3 | WIRE_BYTES);
	put_varint(&head, packet->used);
	if (f->used + head.used + packet->used > sizeof(f->buffer))
		flush_buffer(f);
	memcpy(f->buffer + f->used, head.bytes, head.used);
	memcpy(f->buffer + f->used + head.used, packet->bytes, packet->used);
	f->used += head.used + packet->used;
}

/* ---- packets: the caller holds f->lock ---- */

static uint64_t vcpu_track(const struct ucall_trace_file *f, unsigned int vcpu)
{
	return f->uuid + 2 + 2 * (uint64_t)vcpu;
}

static uint64_t span_track(const struct ucall_trace_file *f, unsigned int vcpu)
{
	return vcpu_track(f, vcpu) + 1;
}

static uint64_t host_track(const struct ucall_trace_file *f)
{
	return f->uuid + 1;
}

static void describe_track(struct ucall_trace_file *f, uint64_t uuid, const char *name,
			   const struct message *process)
{
	struct message packet = { .used = 0 }, track = { .used = 0 };

	put_number(&track, TRACK_UUID, uuid);
	put_text(&track, TRACK_NAME, name);
	if (process)
		put_message(&track, TRACK_PROCESS, process);
	else
		put_number(&track, TRACK_PARENT, f->uuid);
	put_message(&packet, PACKET_TRACK_DESCRIPTOR, &track);
	write_packet(f, &packet);
}

static void put_clock(struct message *snapshot, unsigned int id, int64_t time)
{
	struct message clock = { .used = 0 };

	put_number(&clock, CLOCK_ID, id);
	put_number(&clock, CLOCK_TIME, (uint64_t)time);
	put_message(snapshot, SNAPSHOT_CLOCK, &clock);
}

/* Two clocks at the same moment. */
static void tie_clocks(struct ucall_trace_file *f, unsigned int a, int64_t time_a, unsigned int b,
		       int64_t time_b)
{
	struct message packet = { .used = 0 }, snapshot = { .used = 0 };

	put_clock(&snapshot, a, time_a);
	put_clock(&snapshot, b, time_b);
	put_number(&snapshot, SNAPSHOT_PRIMARY, CLOCK_IS_MONOTONIC);
	put_message(&packet, PACKET_CLOCK_SNAPSHOT, &snapshot);
	write_packet(f, &packet);
}

static void put_annotation(struct message *event, const char *name, unsigned int kind,
			   uint64_t value)
{
	struct message annotation = { .used = 0 };

	put_text(&annotation, ANNOTATION_NAME, name);
	put_number(&annotation, kind, value);
	put_message(event, EVENT_ANNOTATION, &annotation);
}

static void write_event(struct ucall_trace_file *f, unsigned int clock, int64_t time,
			const struct message *event)
{
	struct message packet = { .used = 0 };

	put_number(&packet, PACKET_TIMESTAMP, (uint64_t)time);
	put_number(&packet, PACKET_CLOCK, clock);
	put_message(&packet, PACKET_TRACK_EVENT, event);
	write_packet(f, &packet);
	if (now(CLOCK_MONOTONIC) - f->flushed > KEPT_NS)
		flush_buffer(f);
}

static void start_event(struct message *event, unsigned int type, uint64_t track)
{
	event->used = 0;
	put_number(event, EVENT_TYPE, type);
	put_number(event, EVENT_TRACK, track);
}

/* Names a vCPU's track, or that of its spans, when it is used first. */
static void need_track(struct ucall_trace_file *f, bool *has, unsigned int vcpu, uint64_t uuid,
		       const char *format)
{
	char name[64];

	if (has[vcpu])
		return;
	has[vcpu] = true;
	snprintf(name, sizeof(name), format, vcpu);
	describe_track(f, uuid, name, NULL);
}

/* ---- events ---- */

static void write_run(struct ucall_trace_file *f, const struct ucall_trace_run *r)
{
	struct message event;
	uint64_t track;

	if (r->vcpu >= VCPUS_MOST)
		return;
	pthread_mutex_lock(&f->lock);
	track = vcpu_track(f, r->vcpu);
	need_track(f, f->has_tracks, r->vcpu, track, "vCPU %u");
	f->flows[r->vcpu] = f->uuid + ++f->flow;
	start_event(&event, EVENT_IS_BEGIN, track);
	put_text(&event, EVENT_NAME, r->exit);
	if (r->pc)
		put_annotation(&event, "pc", ANNOTATION_POINTER, r->pc);
	put_fixed64(&event, EVENT_FLOW, f->flows[r->vcpu]);
	write_event(f, CLOCK_IS_MONOTONIC, r->start, &event);
	start_event(&event, EVENT_IS_END, track);
	write_event(f, CLOCK_IS_MONOTONIC, r->end, &event);
	pthread_mutex_unlock(&f->lock);
}

static void write_message(struct ucall_trace_file *f, const struct ucall_trace_message *m)
{
	struct message event;

	if (m->vcpu >= VCPUS_MOST)
		return;
	pthread_mutex_lock(&f->lock);
	start_event(&event, EVENT_IS_INSTANT, host_track(f));
	put_text(&event, EVENT_NAME, m->text);
	put_annotation(&event, "vCPU", ANNOTATION_UINT, m->vcpu);
	put_annotation(&event, "bytes", ANNOTATION_UINT, m->bytes);
	if (m->by_exit && f->flows[m->vcpu])
		put_fixed64(&event, EVENT_FLOW_END, f->flows[m->vcpu]);
	write_event(f, CLOCK_IS_MONOTONIC, m->time, &event);
	pthread_mutex_unlock(&f->lock);
}

static void write_span(struct ucall_trace_file *f, const struct ucall_trace_span *s)
{
	const bool own = s->guest_time && s->vcpu < CLOCK_OWN_END - CLOCK_OWN;
	const unsigned int clock = own ? CLOCK_OWN + s->vcpu : CLOCK_IS_MONOTONIC;
	/* Sequences have no clocks for more vCPUs: the same by the tie. */
	const int64_t time = own || !s->guest_time
				     ? s->time
				     : (int64_t)((uint64_t)s->tie_host + (uint64_t)s->time -
						 (uint64_t)s->tie_guest);
	struct message event;

	if (s->vcpu >= VCPUS_MOST)
		return;
	pthread_mutex_lock(&f->lock);
	need_track(f, f->has_spans, s->vcpu, span_track(f, s->vcpu), "vCPU %u, its guest");
	if (own)
		tie_clocks(f, clock, s->tie_guest, CLOCK_IS_MONOTONIC, s->tie_host);
	start_event(&event, s->is_begin ? EVENT_IS_BEGIN : EVENT_IS_END, span_track(f, s->vcpu));
	if (s->is_begin)
		put_text(&event, EVENT_NAME, s->name);
	write_event(f, clock, time, &event);
	pthread_mutex_unlock(&f->lock);
}

/* ---- opening and closing ---- */

/* Different for each VM of this process, and most probably of all others. */
static uint64_t new_uuid(void)
{
	static uint32_t count; /* atomic */
	const uint64_t n = __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);

	return ((uint64_t)now(CLOCK_MONOTONIC) ^ (uint64_t)getpid() << 40) * 0x9e3779b97f4a7c15ull +
	       (n << 32);
}

static void write_head(struct ucall_trace_file *f, const char *vm)
{
	struct message packet = { .used = 0 }, process = { .used = 0 };

	put_number(&packet, PACKET_SEQUENCE_FLAGS, SEQUENCE_IS_CLEARED);
	write_packet(f, &packet);
	tie_clocks(f, CLOCK_IS_MONOTONIC, now(CLOCK_MONOTONIC), CLOCK_IS_BOOTTIME,
		   now(CLOCK_BOOTTIME));
	put_number(&process, PROCESS_PID, (uint64_t)getpid());
	put_text(&process, PROCESS_NAME, vm);
	describe_track(f, f->uuid, vm, &process);
	describe_track(f, host_track(f), "host: messages received", NULL);
}

static struct ucall_trace_file *open_file(const char *path, bool append, const char *vm)
{
	struct ucall_trace_file *f = calloc(1, sizeof(*f));

	if (!f) {
		ucall_fail(ENOMEM, "out of memory");
		return NULL;
	}
	f->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND | (append ? 0 : O_TRUNC),
		     0666);
	if (f->fd < 0) {
		ucall_fail(errno, "cannot write a trace to %s: %s", path, strerror(errno));
		free(f);
		return NULL;
	}
	pthread_mutex_init(&f->lock, NULL);
	f->uuid = new_uuid() & ~0xfffull;
	f->sequence = (uint32_t)(f->uuid >> 12) | 1;
	f->flushed = now(CLOCK_MONOTONIC);
	write_head(f, vm);
	flush_buffer(f);
	return f;
}

static int flush(struct ucall_trace_file *f)
{
	int error;

	pthread_mutex_lock(&f->lock);
	flush_buffer(f);
	error = f->error;
	pthread_mutex_unlock(&f->lock);
	return error ? ucall_fail(error, "the trace is not complete: %s", strerror(error)) : 0;
}

static void close_file(struct ucall_trace_file *f)
{
	close(f->fd);
	free(f);
}

extern UCALL_PUBLIC const struct ucall_trace_writer ucall_trace;
const struct ucall_trace_writer ucall_trace = {
	.version = UCALL_VERSION,
	.open = open_file,
	.run = write_run,
	.message = write_message,
	.span = write_span,
	.flush = flush,
	.close = close_file,
};
