// SPDX-License-Identifier: MIT
/* Config strings: NAME[,KEY=VALUE...]. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "options.h"
#include "text.h"

struct value {
	char *text;
	uint64_t number;
	bool given;
};

struct ucall_args {
	struct ucall_metadata metadata;
	struct value values[UCALL_MAX_OPTIONS];
};

char *ucall_config_name(const char *config, const char *kind)
{
	size_t n = strcspn(config, ",");

	if (!n) {
		ucall_fail(EINVAL, "\"%s\" does not name a %s; write NAME[,KEY=VALUE...]", config,
			   kind);
		return NULL;
	}
	return ucall_strndup(config, n);
}

const char *ucall_config_options(const char *config)
{
	const char *comma = strchr(config, ',');

	return comma ? comma + 1 : NULL;
}

/* Writes "its options are: port, speed" or "it has no options". */
static void list_options(const struct ucall_metadata *md, struct ucall_text *t)
{
	if (!md->options[0].name[0])
		ucall_text_add(t, "it has no options");
	for (int i = 0; i < UCALL_MAX_OPTIONS && md->options[i].name[0]; i++)
		ucall_text_add(t, "%s%s", i ? ", " : "its options are: ", md->options[i].name);
}

static int parse_uint(const struct ucall_option *o, const char *text, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 0);
	if (errno || end == text || *end || strchr(text, '-') || strchr(text, '+') ||
	    strchr(text, ' '))
		return ucall_fail(EINVAL, "option %s=%s: \"%s\" is not a number", o->name, text,
				  text);
	if (*number < o->min || *number > o->max)
		return ucall_fail(ERANGE, "option %s=%s is out of range; give 0x%llx to 0x%llx",
				  o->name, text, (unsigned long long)o->min,
				  (unsigned long long)o->max);
	return 0;
}

static int parse_choice(const struct ucall_option *o, const char *text, uint64_t *number)
{
	size_t len = strlen(text), n;

	*number = 0;
	for (const char *c = o->choices; *c; c += n + (c[n] == '|')) {
		n = strcspn(c, "|");
		if (n == len && !memcmp(c, text, n))
			return 0;
		(*number)++;
	}
	return ucall_fail(EINVAL, "option %s=%s: give one of %s", o->name, text, o->choices);
}

static int set_value(const struct ucall_option *o, struct value *v, const char *text)
{
	struct ucall_option flag = *o;
	int r = 0;

	switch (o->type) {
	case UCALL_OPTION_BOOL:
		flag.min = 0;
		flag.max = 1;
		r = parse_uint(&flag, text, &v->number);
		break;
	case UCALL_OPTION_UINT:
		r = parse_uint(o, text, &v->number);
		break;
	case UCALL_OPTION_CHOICE:
		r = parse_choice(o, text, &v->number);
		break;
	case UCALL_OPTION_STRING:
		break;
	default:
		r = ucall_fail(EINVAL, "option %s is of unknown type %u", o->name, o->type);
	}
	if (r)
		return -1;
	v->text = ucall_strdup(text);
	return v->text ? 0 : -1;
}

static int parse_pair(struct ucall_args *args, char *pair)
{
	const struct ucall_metadata *md = &args->metadata;
	char *value = strchr(pair, '='), list[512];
	struct ucall_text names = { list, sizeof(list), 0 };

	if (value)
		*value++ = 0;
	for (int i = 0; i < UCALL_MAX_OPTIONS && md->options[i].name[0]; i++) {
		if (strcmp(md->options[i].name, pair))
			continue;
		if (!value || !*value)
			return ucall_fail(EINVAL, "option %s has no value; write %s=VALUE", pair,
					  pair);
		if (args->values[i].given)
			return ucall_fail(EINVAL, "option %s is given twice", pair);
		args->values[i].given = true;
		return set_value(&md->options[i], &args->values[i], value);
	}
	list_options(md, &names);
	return ucall_fail(EINVAL, "unknown option \"%s\"; %s", pair, list);
}

struct ucall_args *ucall_args_parse(const struct ucall_metadata *metadata, const char *options,
				    const char *kind)
{
	struct ucall_args *args = ucall_calloc(1, sizeof(*args));
	char *copy = NULL, *next, *pair;

	if (!args)
		return NULL;
	args->metadata = *metadata;
	if (options) {
		copy = ucall_strdup(options);
		if (!copy)
			goto failed;
		for (next = copy; (pair = strsep(&next, ","));) {
			if (!*pair) {
				ucall_fail(EINVAL,
					   "empty option in \",%s\"; write "
					   "NAME[,KEY=VALUE...]",
					   options);
				goto failed;
			}
			if (parse_pair(args, pair))
				goto failed;
		}
	}
	for (int i = 0; i < UCALL_MAX_OPTIONS && metadata->options[i].name[0]; i++)
		if (!args->values[i].given &&
		    set_value(&metadata->options[i], &args->values[i], metadata->options[i].value))
			goto failed;
	free(copy);
	return args;

failed:
	free(copy);
	ucall_args_free(args);
	ucall_fail_in("%s %s", kind, metadata->name);
	return NULL;
}

int ucall_args_set_default(struct ucall_args *args, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)value);
	for (int i = 0; i < UCALL_MAX_OPTIONS && args->metadata.options[i].name[0]; i++) {
		const struct ucall_option *o = &args->metadata.options[i];

		if (args->values[i].given || o->type != UCALL_OPTION_UINT || strcmp(o->name, name))
			continue;
		free(args->values[i].text);
		args->values[i].text = NULL;
		return set_value(o, &args->values[i], text);
	}
	return 0;
}

void ucall_args_free(struct ucall_args *args)
{
	if (!args)
		return;
	for (int i = 0; i < UCALL_MAX_OPTIONS; i++)
		free(args->values[i].text);
	free(args);
}

static const struct value *find(const struct ucall_args *args, const char *name)
{
	for (int i = 0; args && i < UCALL_MAX_OPTIONS && args->metadata.options[i].name[0]; i++)
		if (!strcmp(args->metadata.options[i].name, name))
			return &args->values[i];
	return NULL;
}

uint64_t ucall_args_uint(const struct ucall_args *args, const char *name)
{
	const struct value *v = find(args, name);

	return v ? v->number : 0;
}

const char *ucall_args_string(const struct ucall_args *args, const char *name)
{
	const struct value *v = find(args, name);

	return v ? v->text : NULL;
}
