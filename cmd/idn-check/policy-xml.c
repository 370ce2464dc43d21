/* SPDX-License-Identifier: MIT */
/*
 * A configuration file of the .NET Framework, by expat: where its two elements stand, and what they
 * say.  No document type is let through, so that there are no entities to resolve or to expand.
 */
#include <expat.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <errno.h>

#include "policy.h"

/* /configuration/runtime, and below it what counts. */
static const char *const way[] = {"configuration", "runtime"};

enum { WAY = sizeof(way) / sizeof(way[0]) };

struct reader {
	XML_Parser parser;
	struct aspnet *aspnet;
	struct report *report;
	unsigned int depth;
	unsigned int matched; /* of the way, from the root on */
	struct imp_policy_problem *problem;
};

static void XMLCALL begin_element(void *data, const char *name, const char **attributes);
static void XMLCALL end_element(void *data, const char *name);
static void XMLCALL refuse_doctype(void *data, const char *name, const char *system_id,
				   const char *public_id, int internal);
static void locate(const struct reader *reader, unsigned int *line, unsigned int *column);

int aspnet_read(const char *text, size_t size, struct aspnet *aspnet, struct report *report,
		struct imp_policy_problem *problem)
{
	struct reader reader = {
		.parser = XML_ParserCreate(NULL),
		.aspnet = aspnet,
		.report = report,
		.problem = problem,
	};
	int error = 0;

	*aspnet = (struct aspnet){.settings = {{.said = false}}};
	*problem = (struct imp_policy_problem){.line = 0};
	if (!reader.parser)
		return -ENOMEM;
	XML_SetUserData(reader.parser, &reader);
	XML_SetElementHandler(reader.parser, begin_element, end_element);
	XML_SetDoctypeDeclHandler(reader.parser, refuse_doctype, NULL);
	if (XML_Parse(reader.parser, text, (int)size, 1) != XML_STATUS_OK) {
		error = XML_GetErrorCode(reader.parser) == XML_ERROR_NO_MEMORY ? -ENOMEM : -EPROTO;
		if (problem->line == 0) {
			locate(&reader, &problem->line, &problem->column);
			snprintf(problem->text, sizeof(problem->text), "%s",
				 XML_ErrorString(XML_GetErrorCode(reader.parser)));
		}
	}
	XML_ParserFree(reader.parser);
	return error;
}

/* From 1 on, both. */
static void locate(const struct reader *reader, unsigned int *line, unsigned int *column)
{
	*line = (unsigned int)XML_GetCurrentLineNumber(reader->parser);
	*column = (unsigned int)XML_GetCurrentColumnNumber(reader->parser) + 1;
}

static void XMLCALL refuse_doctype(void *data, const char *name, const char *system_id,
				   const char *public_id, int internal)
{
	struct reader *reader = data;

	(void)name;
	(void)system_id;
	(void)public_id;
	(void)internal;
	locate(reader, &reader->problem->line, &reader->problem->column);
	snprintf(reader->problem->text, sizeof(reader->problem->text),
		 "a document type: no configuration file has one, and it could be anything");
	XML_StopParser(reader->parser, XML_FALSE);
}

/* -------------------------------------------------------------------------------- elements -- */

/* "true" and "false" are documented; what XML takes for them besides is a guess. */
static bool read_boolean(const char *text, bool *value, bool *documented)
{
	*value = strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0;
	*documented = strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
	return *value || strcasecmp(text, "false") == 0 || strcmp(text, "0") == 0;
}

static const char *enabled_of(const char **attributes)
{
	for (; attributes[0]; attributes += 2)
		if (strcmp(attributes[0], "enabled") == 0)
			return attributes[1];
	return NULL;
}

static void take_setting(struct reader *reader, int which, const char **attributes)
{
	struct aspnet_setting *setting = &reader->aspnet->settings[which];
	const struct aspnet_setting before = *setting;
	const char *element = aspnet_element(which);
	const char *enabled = enabled_of(attributes);
	bool documented, value;
	unsigned int line, column;

	locate(reader, &line, &column);
	if (!enabled) {
		report_add(reader->report, OUTCOME_FAIL, element, line, column,
			   "without enabled=, which it must have: says nothing");
		return;
	}
	if (!read_boolean(enabled, &value, &documented)) {
		report_add(reader->report, OUTCOME_FAIL, element, line, column,
			   "enabled=\"%.40s\" is neither true nor false: says nothing", enabled);
		return;
	}
	if (!documented)
		report_add(reader->report, OUTCOME_WARN, element, line, column,
			   "enabled=\"%.40s\" is taken for %s, but only true and false, in lower "
			   "case, are documented",
			   enabled, value ? "true" : "false");
	if (before.said)
		report_add(reader->report, before.value == value ? OUTCOME_WARN : OUTCOME_FAIL,
			   element, line, column, "said already in line %u%s", before.line,
			   before.value == value
				   ? ""
				   : ", and otherwise: which of them counts is not documented, and "
				     "the last is taken here");
	*setting = (struct aspnet_setting){
		.said = true, .value = value, .line = line, .column = column};
}

static void begin_element(void *data, const char *name, const char **attributes)
{
	struct reader *reader = data;
	const bool in_place = reader->depth == WAY && reader->matched == WAY;
	unsigned int line, column;

	locate(reader, &line, &column);
	if (reader->depth == 0 && strcmp(name, way[0]) != 0)
		report_add(reader->report, OUTCOME_FAIL, "file", line, column,
			   "<%.40s> is no <configuration>: not a configuration file", name);
	if (reader->depth == reader->matched && reader->matched < WAY &&
	    strcmp(name, way[reader->matched]) == 0)
		reader->matched++;
	reader->depth++;
	for (int i = 0; i < ASPNET_SETTINGS; i++) {
		const char *element = aspnet_element(i);

		if (strcasecmp(name, element) != 0)
			continue;
		if (strcmp(name, element) != 0)
			report_add(reader->report, OUTCOME_FAIL, element, line, column,
				   "<%s> is another element, for upper and lower case count: says "
				   "nothing",
				   name);
		else if (!in_place)
			report_add(reader->report, OUTCOME_FAIL, element, line, column,
				   "not in /configuration/runtime: says nothing there");
		else
			take_setting(reader, i, attributes);
	}
}

static void end_element(void *data, const char *name)
{
	struct reader *reader = data;

	(void)name;
	reader->depth--;
	if (reader->matched > reader->depth)
		reader->matched = reader->depth;
}
