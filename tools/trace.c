// SPDX-License-Identifier: MIT
/* ucall trace: prints a trace of ucall_vm_trace(), a line for each event. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "commands.h"
#include "modules/trace/perfetto.h"
#include "text.h"

/* ---- protobuf; nothing in the file is trusted ---- */

struct bytes {
	const uint8_t *p, *end;
};

struct field {
	unsigned int number, wire;
	uint64_t value; /* of a number */
	struct bytes bytes;
};

static bool take_varint(struct bytes *b, uint64_t *value)
{
	*value = 0;
	for (unsigned int shift = 0; shift < 64 && b->p < b->end; shift += 7) {
		const uint8_t byte = *b->p++;

		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

static bool take_fixed(struct bytes *b, unsigned int size, uint64_t *value)
{
	*value = 0;
	if ((size_t)(b->end - b->p) < size)
		return false;
	for (unsigned int i = 0; i < size; i++)
		*value |= (uint64_t)*b->p++ << 8 * i;
	return true;
}

/* 1: a field; 0: the end; -1: it is not protobuf. */
static int take_field(struct bytes *b, struct field *f)
{
	uint64_t key, size;

	if (b->p == b->end)
		return 0;
	if (!take_varint(b, &key) || key > UINT32_MAX)
		return -1;
	f->number = (unsigned int)(key >> 3);
	f->wire = key & 7;
	f->value = 0;
	f->bytes = (struct bytes){ NULL, NULL };
	switch (f->wire) {
	case WIRE_VARINT:
		return take_varint(b, &f->value) ? 1 : -1;
	case WIRE_FIXED64:
		return take_fixed(b, 8, &f->value) ? 1 : -1;
	case WIRE_FIXED32:
		return take_fixed(b, 4, &f->value) ? 1 : -1;
	case WIRE_BYTES:
		if (!take_varint(b, &size) || size > (uint64_t)(b->end - b->p))
			return -1;
		f->bytes = (struct bytes){ b->p, b->p + size };
		b->p += size;
		return 1;
	default:
		return -1;
	}
}

/* ---- what the file says ---- */

struct track {
	uint64_t uuid, parent;
	char name[96];
	int64_t begin; /* of a run that has not ended */
	char what[400], where[64];
};

/* A sequence's own clock: how much later the host's is. */
struct clock {
	uint64_t sequence, id;
	int64_t later;
};

struct line {
	int64_t time;
	size_t order;
	char *text;
};

struct trace {
	struct track *tracks;
	size_t track_count;
	struct clock *clocks;
	size_t clock_count;
	struct line *lines;
	size_t line_count;
	unsigned int vms;
	bool out_of_memory;
};

/* Room for one more; NULL without memory. */
static void *grow(struct trace *t, void *array, size_t count, size_t size)
{
	void *more = count & (count - 1) ? array : realloc(array, (count ? 2 * count : 1) * size);

	t->out_of_memory = t->out_of_memory || !more;
	return more;
}

/* From the end: a VM's events come after its tracks. */
static struct track *find_track(const struct trace *t, uint64_t uuid)
{
	for (size_t i = t->track_count; i-- > 0;)
		if (t->tracks[i].uuid == uuid)
			return &t->tracks[i];
	return NULL;
}

static struct clock *find_clock(struct trace *t, uint64_t sequence, uint64_t id)
{
	struct clock *more;

	for (size_t i = t->clock_count; i-- > 0;)
		if (t->clocks[i].sequence == sequence && t->clocks[i].id == id)
			return &t->clocks[i];
	more = grow(t, t->clocks, t->clock_count, sizeof(*more));
	if (!more)
		return NULL;
	t->clocks = more;
	t->clocks[t->clock_count] = (struct clock){ sequence, id, 0 };
	return &t->clocks[t->clock_count++];
}

static void take_text(char *to, size_t size, struct bytes from)
{
	struct ucall_text text = { to, size, 0 };

	to[0] = 0;
	ucall_text_add_escaped(&text, (const char *)from.p, (size_t)(from.end - from.p), "");
}

static void add_line(struct trace *t, int64_t time, const char *track, const char *what)
{
	struct line *more = grow(t, t->lines, t->line_count, sizeof(*more));
	char *text = NULL;

	if (!more)
		return;
	t->lines = more;
	if (asprintf(&text, "%-18s  %s", track, what) < 0) {
		t->out_of_memory = true;
		return;
	}
	t->lines[t->line_count] = (struct line){ time, t->line_count, text };
	t->line_count++;
}

static int read_track(struct trace *t, struct bytes b)
{
	struct track track = { .parent = 0 }, *more;
	struct field f;
	int r;

	while ((r = take_field(&b, &f)) > 0)
		if (f.number == TRACK_UUID)
			track.uuid = f.value;
		else if (f.number == TRACK_PARENT)
			track.parent = f.value;
		else if (f.number == TRACK_NAME)
			take_text(track.name, sizeof(track.name), f.bytes);
	if (r < 0)
		return r;
	t->vms += !track.parent;
	more = grow(t, t->tracks, t->track_count, sizeof(*more));
	if (!more)
		return -1;
	t->tracks = more;
	t->tracks[t->track_count++] = track;
	return 0;
}

static int read_clock(struct bytes b, uint64_t *id, int64_t *time)
{
	struct field f;
	int r;

	while ((r = take_field(&b, &f)) > 0)
		if (f.number == CLOCK_ID)
			*id = f.value;
		else if (f.number == CLOCK_TIME)
			*time = (int64_t)f.value;
	return r;
}

/* A clock of the sequence's own, and the host's, at one moment. */
static int read_snapshot(struct trace *t, uint64_t sequence, struct bytes b)
{
	int64_t host = 0, own = 0;
	uint64_t own_id = 0;
	struct clock *clock;
	struct field f;
	int r;

	while ((r = take_field(&b, &f)) > 0) {
		int64_t time = 0;
		uint64_t id = 0;

		if (f.number != SNAPSHOT_CLOCK)
			continue;
		if (read_clock(f.bytes, &id, &time) < 0)
			return -1;
		if (id == CLOCK_IS_MONOTONIC) {
			host = time;
		} else if (id >= CLOCK_OWN) {
			own = time;
			own_id = id;
		}
	}
	clock = r < 0 || !own_id ? NULL : find_clock(t, sequence, own_id);
	if (clock)
		clock->later = (int64_t)((uint64_t)host - (uint64_t)own);
	return r;
}

struct event {
	uint64_t type, track;
	char name[400], notes[96], where[64];
};

static int read_annotation(struct event *e, struct bytes b)
{
	uint64_t number = 0, pointer = 0;
	char name[32] = "";
	struct field f;
	int r;

	while ((r = take_field(&b, &f)) > 0)
		if (f.number == ANNOTATION_NAME)
			take_text(name, sizeof(name), f.bytes);
		else if (f.number == ANNOTATION_UINT)
			number = f.value;
		else if (f.number == ANNOTATION_POINTER)
			pointer = f.value;
	if (pointer) {
		snprintf(e->where, sizeof(e->where), "  %.16s 0x%llx", name,
			 (unsigned long long)pointer);
	} else {
		const size_t used = strlen(e->notes);

		snprintf(e->notes + used, sizeof(e->notes) - used,
			 strcmp(name, "bytes") ? "%s%s %llu" : "%s%.0s%llu bytes", used ? ", " : "",
			 name, (unsigned long long)number);
	}
	return r;
}

static int read_event(struct trace *t, int64_t time, struct bytes b)
{
	struct event e = { .type = 0 };
	struct track *track;
	char what[640];
	struct field f;
	bool is_run;
	int r;

	while ((r = take_field(&b, &f)) > 0)
		if (f.number == EVENT_TYPE)
			e.type = f.value;
		else if (f.number == EVENT_TRACK)
			e.track = f.value;
		else if (f.number == EVENT_NAME)
			take_text(e.name, sizeof(e.name), f.bytes);
		else if (f.number == EVENT_ANNOTATION && read_annotation(&e, f.bytes) < 0)
			return -1;
	track = r < 0 ? NULL : find_track(t, e.track);
	if (!track)
		return -1;
	is_run = !strchr(track->name, ',');
	if (e.type == EVENT_IS_INSTANT) {
		snprintf(what, sizeof(what), "%s (%s)", e.name, e.notes);
		add_line(t, time, "host", what);
	} else if (!is_run) {
		snprintf(what, sizeof(what), "%s%s", e.type == EVENT_IS_BEGIN ? "begin " : "end",
			 e.name);
		add_line(t, time, track->name, what);
	} else if (e.type == EVENT_IS_BEGIN) {
		track->begin = time;
		memcpy(track->what, e.name, sizeof(track->what));
		memcpy(track->where, e.where, sizeof(track->where));
	} else {
		snprintf(what, sizeof(what), "ran %.3f us: %s%s",
			 (double)((uint64_t)time - (uint64_t)track->begin) / 1000, track->what,
			 track->where);
		add_line(t, track->begin, track->name, what);
	}
	return 0;
}

static int read_packet(struct trace *t, struct bytes b)
{
	struct bytes event = { NULL, NULL }, track = { NULL, NULL }, snapshot = { NULL, NULL };
	uint64_t clock = CLOCK_IS_MONOTONIC, sequence = 0;
	int64_t time = 0;
	struct field f;
	int r;

	while ((r = take_field(&b, &f)) > 0)
		switch (f.number) {
		case PACKET_TIMESTAMP:
			time = (int64_t)f.value;
			break;
		case PACKET_CLOCK:
			clock = f.value;
			break;
		case PACKET_SEQUENCE:
			sequence = f.value;
			break;
		case PACKET_TRACK_EVENT:
			event = f.bytes;
			break;
		case PACKET_TRACK_DESCRIPTOR:
			track = f.bytes;
			break;
		case PACKET_CLOCK_SNAPSHOT:
			snapshot = f.bytes;
			break;
		}
	if (r < 0 || (track.p && read_track(t, track) < 0) ||
	    (snapshot.p && read_snapshot(t, sequence, snapshot) < 0))
		return -1;
	if (!event.p)
		return 0;
	if (clock >= CLOCK_OWN) {
		const struct clock *own = find_clock(t, sequence, clock);

		time = (int64_t)((uint64_t)time + (uint64_t)(own ? own->later : 0));
	}
	return read_event(t, time, event);
}

/* ---- printing ---- */

static int by_time(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static void print(struct trace *t)
{
	for (size_t i = 0; i < t->track_count; i++)
		if (!t->tracks[i].parent)
			printf("VM: %s\n", t->tracks[i].name);
	if (t->line_count)
		qsort(t->lines, t->line_count, sizeof(*t->lines), by_time);
	for (size_t i = 0; i < t->line_count; i++)
		printf("%14.3f  %s\n",
		       (double)((uint64_t)t->lines[i].time - (uint64_t)t->lines[0].time) / 1000,
		       t->lines[i].text);
}

static uint8_t *read_file(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb"), *copy = NULL;
	char *bytes = NULL, buffer[65536];
	int error;
	size_t n;

	if (f)
		copy = open_memstream(&bytes, size);
	while (copy && (n = fread(buffer, 1, sizeof(buffer), f)) > 0)
		fwrite(buffer, 1, n, copy);
	error = !copy || ferror(f) ? errno : 0;
	if (copy && fclose(copy) && !error)
		error = errno;
	if (f)
		fclose(f);
	if (!error)
		return (uint8_t *)bytes;
	fprintf(stderr, "ucall: cannot read %s: %s\n", path, strerror(error));
	free(bytes);
	return NULL;
}

int cmd_trace(int argc, char **argv)
{
	struct trace t = { .tracks = NULL };
	struct bytes b;
	struct field f;
	uint8_t *file;
	size_t size;
	int r = 0;

	if (argc != 2 || argv[1][0] == '-')
		return bad_usage("trace");
	file = read_file(argv[1], &size);
	if (!file)
		return EXIT_USAGE;
	b = (struct bytes){ file, file + size };
	while (r >= 0 && (r = take_field(&b, &f)) > 0)
		r = f.number == TRACE_PACKET && f.wire == WIRE_BYTES ? read_packet(&t, f.bytes)
								     : -1;
	if (!t.out_of_memory)
		print(&t);
	if (t.out_of_memory)
		fprintf(stderr, "ucall: out of memory\n");
	else if (r < 0 || !size)
		fprintf(stderr, "ucall: %s is not a trace of libucall's%s\n", argv[1],
			t.line_count ? ", from here on" : "");
	for (size_t i = 0; i < t.line_count; i++)
		free(t.lines[i].text);
	free(t.lines);
	free(t.clocks);
	free(t.tracks);
	free(file);
	return checked_output(t.out_of_memory || r < 0 || !size ? EXIT_USAGE : 0);
}
