// SPDX-License-Identifier: MIT
/*
 * GDB's packets.  A thread is a vCPU, and its number is the vCPU's plus 1.  Nothing that a client
 * sends is trusted.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gdb.h"

/* ---- replies ---- */

void gdb_add(struct gdb_reply *r, const char *format, ...)
{
	const size_t left = sizeof(r->text) - r->used;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(r->text + r->used, left, format, args);
	va_end(args);
	if (n > 0)
		r->used += (size_t)n < left ? (size_t)n : left - 1;
}

void gdb_add_hex(struct gdb_reply *r, const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		gdb_add(r, "%02x", ((const uint8_t *)bytes)[i]);
}

void gdb_add_binary(struct gdb_reply *r, const void *bytes, size_t size)
{
	for (size_t i = 0; i < size && r->used + 2 < sizeof(r->text); i++) {
		char c = ((const char *)bytes)[i];

		if (c == '#' || c == '$' || c == '}' || c == '*') {
			r->text[r->used++] = '}';
			c = (char)(c ^ 0x20);
		}
		r->text[r->used++] = c;
	}
}

static enum gdb_next reply(struct gdb_reply *r, const char *text)
{
	gdb_add(r, "%s", text);
	return GDB_REPLY;
}

/* The number does not matter to GDB. */
static enum gdb_next fail(struct gdb_reply *r)
{
	return reply(r, "E01");
}

/* ---- parsing ---- */

int gdb_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Skips a text if it is next. */
static bool skip(const char **p, const char *text)
{
	const size_t n = strlen(text);

	if (strncmp(*p, text, n) != 0)
		return false;
	*p += n;
	return true;
}

/* A hexadecimal number of up to 64 bits. */
static bool number(const char **p, uint64_t *value)
{
	const char *start = *p;

	*value = 0;
	while (gdb_digit(**p) >= 0 && *p - start < 16)
		*value = *value << 4 | (uint64_t)gdb_digit(*(*p)++);
	return *p != start && gdb_digit(**p) < 0;
}

static bool two_numbers(const char **p, uint64_t *a, uint64_t *b)
{
	return number(p, a) && skip(p, ",") && number(p, b);
}

static bool hex_bytes(const char **p, uint8_t *to, size_t size)
{
	for (size_t i = 0; i < size; i++, *p += 2) {
		const int high = gdb_digit((*p)[0]), low = high < 0 ? -1 : gdb_digit((*p)[1]);

		if (low < 0)
			return false;
		to[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

#define ALL_THREADS UINT64_MAX

static bool thread(const char **p, uint64_t *value)
{
	if (skip(p, "-1")) {
		*value = ALL_THREADS;
		return true;
	}
	return number(p, value);
}

static unsigned int count_vcpus(struct gdb_session *s)
{
	const unsigned int n = s->ops->vcpus(s->d);

	return n ? n : 1;
}

/* ---- registers and memory ---- */

static enum gdb_next read_registers(struct gdb_session *s, struct gdb_reply *r)
{
	struct ucall_frame frame;
	const bool known = !s->ops->get_regs(s->d, s->vcpu, &frame);

	gdb_add_registers(r, s->ops->arch(s->d), known ? &frame : NULL);
	return GDB_REPLY;
}

static enum gdb_next read_register(struct gdb_session *s, const char *p, struct gdb_reply *r)
{
	const struct ucall_arch *arch = s->ops->arch(s->d);
	const struct ucall_register *reg;
	struct ucall_frame frame;
	uint64_t n;

	reg = number(&p, &n) ? gdb_find_register(arch, n) : NULL;
	if (!reg)
		return fail(r);
	gdb_add_register(r, arch, reg, s->ops->get_regs(s->d, s->vcpu, &frame) ? NULL : &frame);
	return GDB_REPLY;
}

static enum gdb_next write_registers(struct gdb_session *s, const char *p, struct gdb_reply *r)
{
	const struct ucall_arch *arch = s->ops->arch(s->d);
	struct ucall_frame frame;

	if (s->ops->get_regs(s->d, s->vcpu, &frame))
		return fail(r);
	for (const struct ucall_register *reg = arch->registers; reg->name; reg++)
		if (!gdb_take_register(arch, reg, &p, &frame))
			return fail(r);
	return s->ops->set_regs(s->d, s->vcpu, &frame) ? fail(r) : reply(r, "OK");
}

static enum gdb_next write_register(struct gdb_session *s, const char *p, struct gdb_reply *r)
{
	const struct ucall_arch *arch = s->ops->arch(s->d);
	const struct ucall_register *reg;
	struct ucall_frame frame;
	uint64_t n;

	reg = number(&p, &n) && skip(&p, "=") ? gdb_find_register(arch, n) : NULL;
	if (reg && reg->kind == UCALL_REGISTER_UNKNOWN)
		return reply(r, "OK"); /* GDB writes orig_rax whenever it writes RIP */
	if (!reg || s->ops->get_regs(s->d, s->vcpu, &frame) ||
	    !gdb_take_register(arch, reg, &p, &frame) || s->ops->set_regs(s->d, s->vcpu, &frame))
		return fail(r);
	return reply(r, "OK");
}

/* As much as there is, up to the end of a page. */
static enum gdb_next read_memory(struct gdb_session *s, const char *p, struct gdb_reply *r)
{
	uint8_t bytes[UCALL_PAGE_SIZE];
	uint64_t address, size;

	if (!two_numbers(&p, &address, &size))
		return fail(r);
	if (size > sizeof(bytes))
		size = sizeof(bytes);
	if (s->ops->read(s->d, s->vcpu, address, bytes, size)) {
		const uint64_t rest = UCALL_PAGE_SIZE - (address & (UCALL_PAGE_SIZE - 1));

		if (size <= rest || s->ops->read(s->d, s->vcpu, address, bytes, rest))
			return fail(r);
		size = rest;
	}
	gdb_add_hex(r, bytes, size);
	return GDB_REPLY;
}

/* "ADDRESS,SIZE:" and the bytes: as digits, or as they are in the rest of the packet. */
static enum gdb_next write_memory(struct gdb_session *s, const char *p, const char *end,
				  bool is_hex, struct gdb_reply *r)
{
	uint8_t bytes[PACKET_SIZE];
	uint64_t address, size;

	if (!two_numbers(&p, &address, &size) || !skip(&p, ":") || size > sizeof(bytes))
		return fail(r);
	if (is_hex && !hex_bytes(&p, bytes, size))
		return fail(r);
	if (!is_hex && (size_t)(end - p) != size)
		return fail(r);
	if (!is_hex)
		memcpy(bytes, p, size);
	if (size && s->ops->write(s->d, s->vcpu, address, bytes, size))
		return fail(r);
	return reply(r, "OK");
}

/* "0,ADDRESS,KIND": breakpoints of software and of hardware are the same here. */
static enum gdb_next set_point(struct gdb_session *s, const char *p, bool on, struct gdb_reply *r)
{
	const char type = *p;
	uint64_t address, size;
	int result;

	if (!*p || !skip(&(const char *){ p + 1 }, ","))
		return fail(r);
	p += 2;
	if (type > '2')
		return GDB_REPLY; /* empty: reads are not watched */
	if (!two_numbers(&p, &address, &size))
		return fail(r);
	result = type == '2' ? s->ops->set_watchpoint(s->d, address, size, on)
			     : s->ops->set_breakpoint(s->d, address, on);
	if (!result)
		return reply(r, "OK");
	gdb_add(r, "E.%s", ucall_error());
	return GDB_REPLY;
}

/* ---- running ---- */

struct action {
	enum ucall_debug_action what;
	uint64_t start, end;
};

/* "c", "s", "C05", "S05", "rSTART,END"; signals are not delivered. */
static bool parse_action(const char **p, struct action *a)
{
	const char kind = *(*p)++;
	uint64_t signal;

	*a = (struct action){ .what = UCALL_DEBUG_STEP };
	switch (kind) {
	case 'c':
		a->what = UCALL_DEBUG_GO;
		return true;
	case 's':
		return true;
	case 'C':
		a->what = UCALL_DEBUG_GO;
		return number(p, &signal);
	case 'S':
		return number(p, &signal);
	case 'r':
		return two_numbers(p, &a->start, &a->end);
	default:
		return false;
	}
}

static void set_action(struct gdb_session *s, unsigned int vcpu, const struct action *a)
{
	s->ops->set_action(s->d, vcpu, a->what, a->start, a->end);
}

/* "ACTION[:THREAD];...": the first one that names a thread counts, and others stay. */
static enum gdb_next resume(struct gdb_session *s, const char *p, struct gdb_reply *r)
{
	const struct action hold = { .what = UCALL_DEBUG_HOLD };
	const unsigned int count = count_vcpus(s);
	bool *done = calloc(count, sizeof(*done));

	if (!done)
		return fail(r);
	for (unsigned int i = 0; i < count; i++)
		set_action(s, i, &hold);
	while (skip(&p, ";")) {
		uint64_t which = ALL_THREADS;
		struct action a;

		if (!*p || !parse_action(&p, &a) || (skip(&p, ":") && !thread(&p, &which))) {
			free(done);
			return fail(r);
		}
		for (unsigned int i = 0; i < count; i++)
			if (!done[i] && (which == ALL_THREADS || which == i + 1)) {
				set_action(s, i, &a);
				done[i] = true;
			}
	}
	free(done);
	s->ops->resume(s->d);
	return GDB_RUN;
}

static enum gdb_next resume_all(struct gdb_session *s, const char *action, struct gdb_reply *r)
{
	char text[32];

	snprintf(text, sizeof(text), ";%.1s:%x;c", action, s->vcpu + 1);
	return resume(s, text, r);
}

void gdb_add_stop(struct gdb_session *s, const struct ucall_debug_stop *stop, struct gdb_reply *r)
{
	s->vcpu = stop->vcpu;
	gdb_add(r, "T%02xthread:%x;", (unsigned int)stop->signal & 0xff, stop->vcpu + 1);
	if (stop->why == UCALL_STOP_WATCHPOINT)
		gdb_add(r, "watch:%" PRIx64 ";", stop->address);
	if (stop->why == UCALL_STOP_BREAKPOINT)
		gdb_add(r, "swbreak:;");
}

/* ---- queries ---- */

/* The part of an object that GDB asks for: "OFFSET,LENGTH". */
static enum gdb_next part(const char *p, const void *object, size_t size, struct gdb_reply *r)
{
	uint64_t offset, length;

	if (!two_numbers(&p, &offset, &length) || offset > size)
		return fail(r);
	if (length > PACKET_SIZE / 2 - 8)
		length = PACKET_SIZE / 2 - 8;
	if (length > size - offset)
		length = size - offset;
	gdb_add(r, offset + length == size ? "l" : "m");
	gdb_add_binary(r, (const char *)object + offset, length);
	return GDB_REPLY;
}

#define NO_LIBRARIES "<library-list-svr4 version=\"1.0\"/>"

/* "OBJECT:read:ANNEX:OFFSET,LENGTH" */
static enum gdb_next transfer(struct gdb_session *s, const char *p, struct gdb_reply *r)
{
	uint64_t auxv[UCALL_AUXV_WORDS];
	const size_t auxv_size = s->ops->auxv(s->d, auxv);
	enum gdb_next next;
	char path[4096];
	uint64_t annex;
	char *xml;

	if (skip(&p, "features:read:target.xml:")) {
		xml = gdb_describe_target(s->ops->arch(s->d), auxv_size != 0);
		if (!xml)
			return fail(r);
		next = part(p, xml, strlen(xml), r);
		free(xml);
		return next;
	}
	if (skip(&p, "exec-file:read:")) {
		if (*p != ':' && !number(&p, &annex))
			return fail(r);
		if (!skip(&p, ":") || s->ops->program(s->d, path, sizeof(path)))
			return fail(r);
		return part(p, path, strlen(path), r);
	}
	if (auxv_size && skip(&p, "auxv:read::"))
		return part(p, auxv, auxv_size, r);
	/* The guest has no libraries; without this GDB looks for them in memory that is the host's. */
	if (auxv_size && skip(&p, "libraries-svr4:read::"))
		return part(p, NO_LIBRARIES, strlen(NO_LIBRARIES), r);
	return GDB_REPLY;
}

/* A command line in hexadecimal digits. */
static enum gdb_next monitor(struct gdb_session *s, const char *p, struct gdb_reply *r)
{
	char command[256], printed[PACKET_SIZE / 2 - 16] = "";
	struct ucall_text text = { printed, sizeof(printed), 0 };
	size_t size = strlen(p) / 2;

	if (size >= sizeof(command) || !hex_bytes(&p, (uint8_t *)command, size))
		return fail(r);
	command[size] = 0;
	s->ops->monitor(s->d, command, &text);
	gdb_add_hex(r, printed, strlen(printed));
	return GDB_REPLY;
}

static enum gdb_next list_threads(struct gdb_session *s, struct gdb_reply *r)
{
	const unsigned int count = count_vcpus(s);

	for (unsigned int i = 0; i < count; i++)
		gdb_add(r, "%s%x", i ? "," : "m", i + 1);
	return GDB_REPLY;
}

static enum gdb_next describe_thread(struct gdb_session *s, const char *p, struct gdb_reply *r)
{
	char line[256] = "";
	struct ucall_text text = { line, sizeof(line), 0 };
	uint64_t n;

	if (!number(&p, &n) || !n || n > count_vcpus(s))
		return fail(r);
	s->ops->describe_vcpu(s->d, (unsigned int)n - 1, &text);
	gdb_add_hex(r, line, strlen(line));
	return GDB_REPLY;
}

static enum gdb_next query(struct gdb_session *s, const char *p, struct gdb_reply *r)
{
	uint64_t auxv[UCALL_AUXV_WORDS];

	if (skip(&p, "Supported")) {
		gdb_add(r,
			"PacketSize=%x;QStartNoAckMode+;vContSupported+;swbreak+;hwbreak+;"
			"qXfer:features:read+;qXfer:exec-file:read+%s",
			PACKET_SIZE - 1,
			s->ops->auxv(s->d, auxv) ? ";qXfer:auxv:read+;qXfer:libraries-svr4:read+"
						 : "");
		return GDB_REPLY;
	}
	if (skip(&p, "Xfer:"))
		return transfer(s, p, r);
	if (skip(&p, "Rcmd,"))
		return monitor(s, p, r);
	if (skip(&p, "fThreadInfo"))
		return list_threads(s, r);
	if (skip(&p, "sThreadInfo"))
		return reply(r, "l");
	if (skip(&p, "ThreadExtraInfo,"))
		return describe_thread(s, p, r);
	if (skip(&p, "Attached"))
		return reply(r, "1"); /* GDB leaves it running when it quits */
	if (!strcmp(p, "C"))
		gdb_add(r, "QC%x", s->vcpu + 1);
	return GDB_REPLY;
}

/* ---- packets ---- */

static enum gdb_next select_thread(struct gdb_session *s, const char *p, struct gdb_reply *r)
{
	uint64_t n;

	if (!*p || !thread(&(const char *){ p + 1 }, &n))
		return fail(r);
	if (n && n != ALL_THREADS && n > count_vcpus(s))
		return fail(r);
	if (*p == 'g' && n && n != ALL_THREADS)
		s->vcpu = (unsigned int)n - 1;
	return reply(r, "OK");
}

static enum gdb_next is_alive(struct gdb_session *s, const char *p, struct gdb_reply *r)
{
	uint64_t n;

	return number(&p, &n) && n && n <= count_vcpus(s) ? reply(r, "OK") : fail(r);
}

static enum gdb_next v_packet(struct gdb_session *s, const char *p, struct gdb_reply *r)
{
	if (!strcmp(p, "Cont?"))
		return reply(r, "vCont;c;C;s;S;r");
	if (skip(&p, "Cont"))
		return resume(s, p, r);
	return GDB_REPLY;
}

enum gdb_next gdb_command(struct gdb_session *s, const char *packet, size_t size,
			  struct gdb_reply *r)
{
	const struct ucall_debug_stop now = { .vcpu = s->vcpu, .signal = 5 };
	const char *p = packet + 1;

	switch (packet[0]) {
	case '?':
		gdb_add_stop(s, &now, r);
		return GDB_REPLY;
	case 'g':
		return read_registers(s, r);
	case 'G':
		return write_registers(s, p, r);
	case 'p':
		return read_register(s, p, r);
	case 'P':
		return write_register(s, p, r);
	case 'm':
		return read_memory(s, p, r);
	case 'M':
		return write_memory(s, p, packet + size, true, r);
	case 'X':
		return write_memory(s, p, packet + size, false, r);
	case 'Z':
		return set_point(s, p, true, r);
	case 'z':
		return set_point(s, p, false, r);
	case 'c':
	case 's':
		return *p ? fail(r) : resume_all(s, packet, r);
	case 'v':
		return v_packet(s, p, r);
	case 'H':
		return select_thread(s, p, r);
	case 'T':
		return is_alive(s, p, r);
	case 'q':
		return query(s, p, r);
	case 'Q':
		if (strcmp(p, "StartNoAckMode"))
			return GDB_REPLY;
		s->no_ack = true;
		return reply(r, "OK");
	case 'D':
		gdb_add(r, "OK");
		return GDB_DETACH;
	case 'k':
		return GDB_CLOSE;
	default:
		return GDB_REPLY; /* empty: it is not supported */
	}
}
