// SPDX-License-Identifier: MIT
/* Checks that what a plugin's file says about itself is true and complete. */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ucall/test.h>

#include "base/text.h"
#include "conform-file.h"
#include "text.h"

const struct ucall_backend_info *conform_info;

const struct ucall_ops *conform_ops(void)
{
	void *handle = dlopen(conform_info->path, RTLD_NOW | RTLD_LOCAL);
	const void *ops = handle ? dlsym(handle, "ucall_ops") : NULL;

	if (!ops)
		ucall_fail(ENOEXEC, "cannot be loaded: %s", dlerror());
	return ops;
}

void conform_file_loaded(void)
{
	CHECK_OK(conform_ops());
}

void conform_file_found(void)
{
	char expected[64];
	const char *base = ucall_file_name(conform_info->path);

	snprintf(expected, sizeof(expected), "ucall-%s.so", conform_info->metadata.name);
	if (strcmp(base, expected) != 0)
		FAIL("the file is called %s: UCALL_BACKEND=%s looks for %s", base,
		     conform_info->metadata.name, expected);
}

static bool is_text(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || (unsigned char)*s == 0x7f)
			return false;
	return true;
}

void conform_file_texts(void)
{
	const struct ucall_metadata *md = &conform_info->metadata;
	char text[512];

	if (!md->version[0] || !is_text(md->version))
		FAIL(".version is \"%s\": give a version in printable characters",
		     printable(md->version, text, sizeof(text)));
	if (!md->summary[0] || !is_text(md->summary))
		FAIL(".summary is \"%s\": give a phrase for `ucall info`, in printable characters",
		     printable(md->summary, text, sizeof(text)));
}

void conform_file_claims(void)
{
	const struct ucall_metadata *md = &conform_info->metadata;
	uint32_t known = 0;

	for (uint32_t bit = 1; bit; bit <<= 1)
		known |= ucall_protection_name(bit) ? bit : 0;
	if (!conform_info->archs)
		FAIL("it has no guest code for any architecture");
	/* Guest code may be missing for lack of a compiler. */
	for (uint32_t bit = 1; bit; bit <<= 1)
		if ((md->default_for & bit) && !ucall_arch_name(bit))
			FAIL(".default_for has a bit (0x%x) that is not a UCALL_ARCH_", bit);
	if (!md->protections || (md->protections & ~known))
		FAIL(".protections is 0x%x: name the UCALL_PROTECT_ bits of the VMs that it serves",
		     md->protections);
	if (md->default_for_protections & ~md->protections)
		FAIL(".default_for_protections has bits (0x%x) that .protections lacks",
		     md->default_for_protections & ~md->protections);
	if (!md->default_for != !md->default_for_protections)
		FAIL(".default_for and .default_for_protections go together: give both or neither");
}

unsigned int conform_option_count(void)
{
	unsigned int n = 0;

	while (n < UCALL_MAX_OPTIONS && conform_info->metadata.options[n].name[0])
		n++;
	return n;
}

void conform_file_options(void)
{
	for (unsigned int i = 0; i < conform_option_count(); i++) {
		const struct ucall_option *o = &conform_info->metadata.options[i];

		if (strspn(o->name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(o->name))
			FAIL("option \"%s\": use a-z, 0-9, - and _ in its name", o->name);
		if (o->type < UCALL_OPTION_UINT || o->type > UCALL_OPTION_STRING)
			FAIL("option %s is of unknown type %u", o->name, o->type);
		if (o->type == UCALL_OPTION_UINT && o->min > o->max)
			FAIL("option %s: .min is greater than .max", o->name);
		if (o->type == UCALL_OPTION_CHOICE && !strchr(o->choices, '|'))
			FAIL("option %s: .choices is \"%s\"; write it as \"this|that\"", o->name,
			     o->choices);
		if (!o->help[0] || !is_text(o->help))
			FAIL("option %s has no .help", o->name);
		for (unsigned int k = 0; k < i; k++)
			if (!strcmp(o->name, conform_info->metadata.options[k].name))
				FAIL("there are two options named %s", o->name);
	}
}

void conform_check_reason(void)
{
	if (strstr(ucall_error(), "failed without calling ucall_fail()"))
		FAIL("%s: call ucall_fail(errno, ...) with a sentence where it returns -1",
		     ucall_error());
}

/* The errno of creating a VM with one option; 0: it was created. */
static int try_option(const char *name, const char *value)
{
	char text[4096 + 128];
	struct ucall_vm_config c = { .backend = text };
	struct ucall_vm *vm;
	int error;

	snprintf(text, sizeof(text), "%s,%s=%s", conform_info->path, name, value);
	vm = ucall_vm_create(&c);
	error = vm ? 0 : errno;
	if (!vm)
		conform_check_reason();
	ucall_vm_free(vm);
	return error;
}

static bool is_refusal(int error)
{
	return error == EINVAL || error == ERANGE;
}

void conform_file_defaults(void)
{
	for (unsigned int i = 0; i < conform_option_count(); i++) {
		const struct ucall_option *o = &conform_info->metadata.options[i];

		if (is_refusal(try_option(o->name, o->value)))
			FAIL("option %s: its own default is refused: %s", o->name, ucall_error());
	}
}

static void check_refused(const char *name, const char *value)
{
	int error = try_option(name, value);

	if (!is_refusal(error))
		FAIL("option %s=%s is not refused (%s)", name, value,
		     error ? ucall_error() : "a VM was created");
}

void conform_file_refused(void)
{
	char value[32];

	check_refused("no-such-option", "1");
	for (unsigned int i = 0; i < conform_option_count(); i++) {
		const struct ucall_option *o = &conform_info->metadata.options[i];

		if (o->type == UCALL_OPTION_STRING)
			continue;
		check_refused(o->name, "no-such-value");
		if (o->type == UCALL_OPTION_BOOL)
			check_refused(o->name, "2");
		if (o->type != UCALL_OPTION_UINT)
			continue;
		snprintf(value, sizeof(value), "%llu", (unsigned long long)o->max + 1);
		if (o->max != UINT64_MAX)
			check_refused(o->name, value);
		snprintf(value, sizeof(value), "%llu", (unsigned long long)o->min - 1);
		if (o->min)
			check_refused(o->name, value);
	}
}

void conform_file_ops(void)
{
	bool native = conform_info->archs & ucall_arch_host();
	const struct ucall_ops *ops = conform_ops();

	CHECK_OK(ops);
	if (ops->abi != conform_info->metadata.abi)
		FAIL("ucall_ops.abi is %u, but the metadata's is %u: begin ucall_ops with "
		     "UCALL_OPS",
		     ops->abi, conform_info->metadata.abi);
	if (!ops->metadata ||
	    memcmp(ops->metadata, &conform_info->metadata, conform_info->metadata.size) != 0)
		FAIL("ucall_ops.metadata is not the metadata of the file: begin ucall_ops with "
		     "UCALL_OPS");
	if (native && !ops->send_cmd && !ops->send_cmd_shared)
		FAIL("it has guest code for the host's architecture, but no send_cmd in ucall_ops");
	if (!ops->recv_cmd && !ops->recv_cmd_shared)
		FAIL("ucall_ops has neither recv_cmd nor recv_cmd_shared");
}
