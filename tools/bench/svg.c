// SPDX-License-Identifier: MIT
/*
 * ucall bench --svg: two pictures, one above the other: the cost of a ucall, and the cost of a
 * queued message against the messages per exit.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "bench.h"

#define FONT 13
#define EM 0.65 /* a character's width: enough for the wide ones of common sans-serif fonts */
#define MARGIN 16
#define PLOT 480 /* width of the area in the axes */
#define ROW 24
#define BAR 16
#define CURVE 260 /* height of the second picture's area */
#define SPLIT 50 /* bars shorter than this part of the longest get an axis of their own */

#define EXIT_COLOUR "#3f72a8"
#define REST_COLOUR "#e8a13c"
#define LINE_COLOUR "#c06a00"
#define GREY "fill=\"#555\""
#define MIDDLE "text-anchor=\"middle\""
#define END "text-anchor=\"end\""

/* One bar: an exit and the rest, in ns; or why there is none. */
struct bar {
	char label[160];
	const char *problem;
	double exit, all;
	int group; /* the first row of its engine, or QUEUED */
	int panel; /* -1: not yet known */
};

#define QUEUED (-1)

/* Bars with one axis. */
struct panel {
	char heading[128];
	const char *what; /* on the axis, after the unit */
	double longest;
};

struct sheet {
	FILE *f;
	const struct bench_results *r;
	struct bar bars[BENCH_MAX_ROWS + 2];
	struct panel panels[BENCH_MAX_ROWS + 2];
	unsigned int bar_count;
	int panel_count;
	double left, width; /* left: x of the axes' zero */
	double y; /* where the next element starts */
};

/* ---- text and numbers ---- */

static double width_of(const char *text)
{
	return (double)strlen(text) * FONT * EM;
}

/* Text of other origin is made valid XML. */
static void put_escaped(FILE *f, const char *text, size_t size)
{
	for (size_t i = 0, n; i < size; i += n) {
		n = ucall_text_character(text + i, size - i);
		if (!n || !memcmp(text + i, "\xef\xbf\xbe", n) ||
		    !memcmp(text + i, "\xef\xbf\xbf", n)) {
			fputs("&#xfffd;", f);
			n = n ? n : 1;
		} else if (strchr("<>&\"", text[i])) {
			fprintf(f, "&#%d;", text[i]);
		} else if ((unsigned char)text[i] < 0x20) {
			putc(' ', f);
		} else {
			fwrite(text + i, 1, n, f);
		}
	}
}

__attribute__((format(printf, 5, 6))) static void
put_text(FILE *f, double x, double y, const char *attributes, const char *format, ...)
{
	char text[640];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, attributes);
	put_escaped(f, text, strlen(text));
	fputs("</text>\n", f);
}

/* Bytes of the line that starts here, at most `most`: up to after a space, if there is one. */
static size_t line_length(const char *text, size_t most)
{
	size_t size = strlen(text), at = most;

	if (size <= most)
		return size;
	while (at > 0 && text[at] != ' ')
		at--;
	if (at > 0)
		return at + 1;
	for (at = most; at > 1 && ((unsigned char)text[at] & 0xc0) == 0x80;)
		at--;
	return at;
}

/* Text in as many lines as it needs up to the right margin. */
static void put_paragraph(struct sheet *s, double x, const char *text)
{
	size_t most = (size_t)((s->width - MARGIN - x) / (FONT * EM));

	for (size_t n; *text; text += n) {
		n = line_length(text, most);
		fprintf(s->f, "<text x=\"%.1f\" y=\"%.1f\" " GREY ">", x, s->y + FONT);
		put_escaped(s->f, text, n);
		fputs("</text>\n", s->f);
		s->y += FONT * 1.4;
	}
}

static void put_title(struct sheet *s, const char *title)
{
	put_text(s->f, MARGIN, s->y + 18, "font-size=\"17\" font-weight=\"bold\"", "%s", title);
	s->y += 28;
}

/* The text of a legend's entry; returns where the next one starts. */
static double put_legend(const struct sheet *s, double x, const char *text)
{
	put_text(s->f, x + 28, s->y + 12, "", "%s", text);
	return x + 28 + width_of(text) + 16;
}

/* The unit in which an axis up to so many ns is labelled. */
struct unit {
	const char *name;
	double ns;
};

static struct unit unit_for(double longest)
{
	return longest < 1e3   ? (struct unit){ "ns", 1 }
	       : longest < 1e6 ? (struct unit){ "us", 1e3 }
			       : (struct unit){ "ms", 1e6 };
}

/* Three digits. */
static const char *number(char buffer[32], double ns, struct unit unit)
{
	double value = ns / unit.ns;

	snprintf(buffer, 32, "%.*f",
		 value < 0.9995	 ? 3
		 : value < 9.995 ? 2
		 : value < 99.95 ? 1
				 : 0,
		 value);
	return buffer;
}

/* From one tick to the next: 1, 2 or 5 times a power of ten, with 3 to 6 of them. */
static double step_for(double longest)
{
	static const double steps[] = { 0.2, 0.5, 1, 2 };
	double power = 1;
	unsigned int i = 0;

	while (power > longest)
		power /= 10;
	while (power * 10 <= longest)
		power *= 10;
	while (i < 3 && longest / (steps[i] * power) > 6)
		i++;
	return steps[i] * power;
}

/* The axis reaches to this number of steps. */
static int steps_to(double longest, double step)
{
	int n = (int)(longest / step);

	return n * step < longest ? n + 1 : n;
}

static void put_line(FILE *f, double x1, double y1, double x2, double y2, const char *attributes)
{
	fprintf(f, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2, y2,
		attributes);
}

#define AXIS_LINE "stroke=\"#555\""
#define GRID_LINE "stroke=\"#ddd\""

/* ---- the cost of a ucall ---- */

static struct bar *add_bar(struct sheet *s, int group, double exit, double all)
{
	struct bar *b = &s->bars[s->bar_count++];

	b->group = group;
	b->exit = exit;
	b->all = all;
	b->panel = -1;
	return b;
}

/* The first row with the same engine. */
static int engine_of(const struct bench_results *r, unsigned int row)
{
	unsigned int i = 0;

	while (strcmp(r->rows[i].engine, r->rows[row].engine) != 0)
		i++;
	return (int)i;
}

static void collect_bars(struct sheet *s)
{
	const struct bench_queue *q = &s->r->queue;
	const struct bench_queue_cost *deepest = &q->depths[BENCH_DEPTHS - 1];
	struct bar *b;

	for (unsigned int i = 0; i < s->r->count; i++) {
		const struct bench_row *row = &s->r->rows[i];

		b = add_bar(s, engine_of(s->r, i), row->bare.median, row->roundtrip.median);
		b->problem = row->problem[0] ? row->problem : NULL;
		snprintf(b->label, sizeof(b->label), "%s, ring %d", row->backend, row->ring);
	}
	if (q->problem[0])
		return;
	b = add_bar(s, QUEUED, q->exit.median / deepest->depth, deepest->each.median);
	snprintf(b->label, sizeof(b->label), "ring,depth=%u", deepest->depth);
	b = add_bar(s, QUEUED, 0, q->poll.each.median);
	snprintf(b->label, sizeof(b->label), "ring,poll=1");
}

/* A panel for those of a group that have none, except for those that would be too short there. */
static void add_panel(struct sheet *s, int group)
{
	struct panel *p = &s->panels[s->panel_count];
	bool first = true;

	for (unsigned int i = 0; i < s->bar_count; i++) {
		if (s->bars[i].group != group)
			continue;
		first = first && s->bars[i].panel < 0;
		if (s->bars[i].panel < 0 && s->bars[i].all > p->longest)
			p->longest = s->bars[i].all;
	}
	for (unsigned int i = 0; i < s->bar_count; i++)
		if (s->bars[i].group == group && s->bars[i].panel < 0 &&
		    (s->bars[i].problem || s->bars[i].all * SPLIT >= p->longest))
			s->bars[i].panel = s->panel_count;
	s->panel_count++;
	p->what = group == QUEUED ? "message" : "ucall";
	if (group == QUEUED)
		snprintf(p->heading, sizeof(p->heading), "Queued messages in ring %d, engine kvm%s",
			 s->r->queue.in_ring, first ? "" : ": the short ones");
	else
		snprintf(p->heading, sizeof(p->heading), "Engine %.64s%s", s->r->rows[group].engine,
			 first ? "" : ": the short ones");
}

static void value_text(char text[80], const struct bar *b, struct unit unit)
{
	char all[32], exit[32];

	if (b->exit > 0)
		snprintf(text, 80, "%s %s, exit %s", number(all, b->all, unit), unit.name,
			 number(exit, b->exit, unit));
	else
		snprintf(text, 80, "%s %s, no exit", number(all, b->all, unit), unit.name);
}

/* Makes room for the longest label at the left, and for the longest value at the right. */
static void lay_out(struct sheet *s)
{
	double label = 0, value = width_of("0.000 us, exit 0.000");

	for (unsigned int i = 0; i < s->bar_count; i++) {
		const struct bar *b = &s->bars[i];
		char text[80] = "";

		if (!b->problem)
			value_text(text, b, unit_for(s->panels[b->panel].longest));
		label = width_of(b->label) > label ? width_of(b->label) : label;
		value = width_of(text) > value ? width_of(text) : value;
	}
	s->left = MARGIN + label + 8;
	s->left = s->left > MARGIN + 70 ? s->left : MARGIN + 70; /* for the other picture's axis */
	s->width = s->left + PLOT + 6 + value + MARGIN;
}

static void put_bar(struct sheet *s, const struct bar *b, double scale, struct unit unit)
{
	const double top = s->y + (ROW - BAR) / 2.0, text_y = top + BAR / 2.0 + FONT * 0.36;
	const double all = b->all * scale; /* noise can make the exit the longer one */
	const double exit = b->exit < b->all ? b->exit * scale : all;
	char text[80];

	put_text(s->f, s->left - 8, text_y, END, "%s", b->label);
	if (b->problem) {
		s->y = text_y - FONT;
		put_paragraph(s, s->left + 8, "Not measured:");
		put_paragraph(s, s->left + 8, b->problem);
		s->y += 8;
		return;
	}
	fprintf(s->f,
		"<rect x=\"%.1f\" y=\"%.1f\" width=\"%.2f\" height=\"%d\" fill=\"" EXIT_COLOUR
		"\"/>\n"
		"<rect x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%d\" fill=\"" REST_COLOUR
		"\"/>\n",
		s->left, top, exit, BAR, s->left + exit, top, all - exit, BAR);
	value_text(text, b, unit);
	put_text(s->f, s->left + all + 6, text_y, "", "%s", text);
	s->y += ROW;
}

static void put_panel(struct sheet *s, int index)
{
	const struct panel *p = &s->panels[index];
	const struct unit unit = unit_for(p->longest);
	double step = p->longest > 0 ? step_for(p->longest) : 0, top, bottom;
	int steps = step > 0 ? steps_to(p->longest, step) : 0;
	double scale = steps ? PLOT / (steps * step) : 0;
	unsigned int rows = 0;

	put_text(s->f, MARGIN, s->y + 14, "font-weight=\"bold\"", "%s", p->heading);
	s->y += 22;
	for (unsigned int i = 0; i < s->bar_count; i++)
		rows += s->bars[i].panel == index && !s->bars[i].problem;
	top = s->y;
	bottom = top + rows * ROW + 2;
	for (int i = 0; i <= steps && steps; i++) {
		double x = s->left + i * step * scale;

		put_line(s->f, x, top, x, bottom + 4, i ? GRID_LINE : AXIS_LINE);
		put_text(s->f, x, bottom + 18, MIDDLE " " GREY, "%g", i * step / unit.ns);
	}
	for (unsigned int i = 0; i < s->bar_count; i++)
		if (s->bars[i].panel == index && !s->bars[i].problem)
			put_bar(s, &s->bars[i], scale, unit);
	if (steps) {
		put_line(s->f, s->left, bottom, s->left + PLOT, bottom, AXIS_LINE);
		put_text(s->f, s->left + PLOT / 2.0, bottom + 36, MIDDLE " " GREY, "%s per %s",
			 unit.name, p->what);
		s->y = bottom + 48;
	}
	for (unsigned int i = 0; i < s->bar_count; i++)
		if (s->bars[i].panel == index && s->bars[i].problem)
			put_bar(s, &s->bars[i], 0, unit);
	s->y += 8;
}

static void put_bars(struct sheet *s)
{
	double x = MARGIN;

	put_title(s, "Cost of a ucall: GUEST_SYNC and ucall_next()");
	fprintf(s->f,
		"<rect x=\"%.1f\" y=\"%.1f\" width=\"20\" height=\"12\" fill=\"" EXIT_COLOUR
		"\"/>\n",
		x, s->y + 1);
	x = put_legend(s, x, "its bare exit");
	fprintf(s->f,
		"<rect x=\"%.1f\" y=\"%.1f\" width=\"20\" height=\"12\" fill=\"" REST_COLOUR
		"\"/>\n",
		x, s->y + 1);
	x = put_legend(s, x, "the rest");
	put_text(s->f, x, s->y + 12, GREY, "Each part has an axis of its own.");
	s->y += 32;
	for (int i = 0; i < s->panel_count; i++)
		put_panel(s, i);
}

/* ---- the cost of a message against the messages per exit ---- */

/* Where in the area; the depths double, so with equal steps the axis is log2. */
static double x_of(const struct sheet *s, unsigned int depth)
{
	return s->left + 24 + depth * (PLOT - 48.0) / (BENCH_DEPTHS - 1);
}

/* Grid, axes and their texts; returns the height of a nanosecond. */
static double put_axes(const struct sheet *s, double longest, struct unit unit)
{
	const double step = step_for(longest), bottom = s->y + CURVE, middle = s->y + CURVE / 2.0;
	const int steps = steps_to(longest, step);
	const double x = s->left - 50;

	for (int i = 0; i <= steps; i++) {
		double y = bottom - i * (double)CURVE / steps;

		put_line(s->f, s->left - 4, y, s->left + PLOT, y, i ? GRID_LINE : AXIS_LINE);
		put_text(s->f, s->left - 8, y + FONT * 0.36, END " " GREY, "%g",
			 i * step / unit.ns);
	}
	put_line(s->f, s->left, s->y, s->left, bottom, AXIS_LINE);
	for (unsigned int i = 0; i < BENCH_DEPTHS; i++) {
		put_line(s->f, x_of(s, i), bottom, x_of(s, i), bottom + 4, AXIS_LINE);
		put_text(s->f, x_of(s, i), bottom + 18, MIDDLE " " GREY, "%u",
			 s->r->queue.depths[i].depth);
	}
	put_text(s->f, s->left + PLOT / 2.0, bottom + 36, MIDDLE " " GREY,
		 "messages per exit (log2)");
	fprintf(s->f,
		"<text x=\"%.1f\" y=\"%.1f\" transform=\"rotate(-90 %.1f %.1f)\" " MIDDLE " " GREY
		">%s per message</text>\n",
		x, middle, x, middle, unit.name);
	return CURVE / (steps * step);
}

static void put_curve(struct sheet *s)
{
	const struct bench_queue_cost *d = s->r->queue.depths;
	const double exit = s->r->queue.exit.median;
	double longest = exit / d[0].depth, x = MARGIN, bottom, scale;
	struct unit unit;
	char text[32];

	for (unsigned int i = 0; i < BENCH_DEPTHS; i++)
		longest = d[i].each.median > longest ? d[i].each.median : longest;
	unit = unit_for(longest);
	put_line(s->f, x, s->y + 8, x + 20, s->y + 8,
		 "stroke=\"" LINE_COLOUR "\" stroke-width=\"2\"");
	fprintf(s->f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"" LINE_COLOUR "\"/>\n",
		x + 10, s->y + 8);
	x = put_legend(s, x, "a queued message");
	put_line(s->f, x, s->y + 8, x + 20, s->y + 8,
		 "stroke=\"" EXIT_COLOUR "\" stroke-width=\"2\" stroke-dasharray=\"5 3\"");
	put_legend(s, x, "its share of a bare exit");
	s->y += 36;
	bottom = s->y + CURVE;
	scale = put_axes(s, longest, unit);
	fprintf(s->f,
		"<polyline fill=\"none\" stroke=\"" LINE_COLOUR "\" stroke-width=\"2\" points=\"");
	for (unsigned int i = 0; i < BENCH_DEPTHS; i++)
		fprintf(s->f, "%.1f,%.1f ", x_of(s, i), bottom - d[i].each.median * scale);
	fprintf(s->f, "\"/>\n<polyline fill=\"none\" stroke=\"" EXIT_COLOUR
		      "\" stroke-width=\"2\" stroke-dasharray=\"5 3\" points=\"");
	for (unsigned int i = 0; i < BENCH_DEPTHS; i++)
		fprintf(s->f, "%.1f,%.1f ", x_of(s, i), bottom - exit / d[i].depth * scale);
	fprintf(s->f, "\"/>\n");
	for (unsigned int i = 0; i < BENCH_DEPTHS; i++) {
		double y = bottom - d[i].each.median * scale;

		fprintf(s->f,
			"<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"" LINE_COLOUR "\"/>\n",
			x_of(s, i), y);
		put_text(s->f, x_of(s, i) + 7, y - 8, "", "%s %s",
			 number(text, d[i].each.median, unit), unit.name);
	}
	s->y = bottom + 48;
}

static void put_queue(struct sheet *s)
{
	const struct bench_queue *q = &s->r->queue;
	char poll[32];

	put_title(s, "Cost of a message against messages per exit");
	if (q->problem[0]) {
		put_paragraph(s, MARGIN, "Not measured:");
		put_paragraph(s, MARGIN, q->problem);
		return;
	}
	put_text(
		s->f, MARGIN, s->y + 12, GREY,
		"Backend ring with depth=%u to %u, engine kvm, ring %d.  Polled, without exits: %s ns.",
		q->depths[0].depth, q->depths[BENCH_DEPTHS - 1].depth, q->in_ring,
		number(poll, q->poll.each.median, unit_for(0)));
	s->y += 22;
	put_curve(s);
}

/* ---- both ---- */

static void put_host(struct sheet *s)
{
	char text[640];

	snprintf(text, sizeof(text), "%s%sLinux %s, %s. Times are medians of %d.", s->r->cpu,
		 s->r->cpu[0] ? ", " : "", s->r->host.release, s->r->host.machine, BENCH_ROUNDS);
	put_paragraph(s, MARGIN, text);
}

void bench_write_svg(FILE *f, const struct bench_results *r)
{
	struct sheet *s = calloc(1, sizeof(*s));
	char *body = NULL;
	size_t size;

	if (s)
		s->f = open_memstream(&body, &size); /* the height is known only at the end */
	if (!s || !s->f) {
		fprintf(f,
			"<svg xmlns=\"http://www.w3.org/2000/svg\"><text y=\"20\">no memory</text></svg>\n");
		free(s);
		return;
	}
	s->r = r;
	s->y = MARGIN;
	collect_bars(s);
	for (unsigned int i = 0; i < s->bar_count; i++)
		while (s->bars[i].panel < 0)
			add_panel(s, s->bars[i].group);
	lay_out(s);
	put_bars(s);
	s->y += 16;
	put_queue(s);
	s->y += 16;
	put_host(s);
	fclose(s->f);
	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
		"viewBox=\"0 0 %.0f %.0f\" role=\"img\" font-family=\"sans-serif\" "
		"font-size=\"%d\" fill=\"#222\">\n"
		"<title>What a ucall and a queued message cost</title>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n%s</svg>\n",
		s->width, s->y + MARGIN, s->width, s->y + MARGIN, FONT, body ? body : "");
	free(body);
	free(s);
}
