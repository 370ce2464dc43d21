/* SPDX-License-Identifier: MIT */
/* What a request asks for, by its method and URL. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve.h"

enum { HOLD_MAXIMUM_MS = 600000 };

#define GET (1 << METHOD_GET | 1 << METHOD_HEAD)
#define ALL (GET | 1 << METHOD_PUT | 1 << METHOD_DELETE)

static const struct {
	const char *prefix;
	bool has_path; /* something follows it */
	enum work_kind kind;
	unsigned int methods;
} routes[] = {
	{"/whoami", false, WORK_WHOAMI, GET},	{"/hold", false, WORK_HOLD, GET},
	{"/files/", true, WORK_FILE, ALL},	{"/list/", true, WORK_LIST, GET},
	{"/keys/", true, WORK_KEY, GET},	{"/backend/", true, WORK_BACKEND, ALL},
	{"/", false, WORK_PAGE, GET},		{"/events", false, WORK_EVENTS, GET},
	{"/metrics", false, WORK_METRICS, GET},
};

/* Undoes %XX in place; false for what is malformed, and for %00, which would end the path early. */
static bool unescape(char *text)
{
	char *out = text;

	for (; *text; text++) {
		unsigned int byte;

		if (*text != '%') {
			*out++ = *text;
			continue;
		}
		if (strspn(text + 1, "0123456789abcdefABCDEF") < 2 ||
		    sscanf(text + 1, "%2x", &byte) != 1 || byte == 0)
			return false;
		*out++ = (char)byte;
		text += 2;
	}
	*out = '\0';
	return true;
}

static bool parse_milliseconds(const char *text, unsigned int *milliseconds)
{
	if (!text || !text[0] || strlen(text) > 6 || text[strspn(text, "0123456789")] != '\0')
		return false;
	*milliseconds = (unsigned int)strtoul(text, NULL, 10);
	return *milliseconds <= HOLD_MAXIMUM_MS;
}

const char *method_name(enum method method)
{
	static const char *const names[N_METHODS] = {
		[METHOD_OTHER] = "other",
		[METHOD_GET] = MHD_HTTP_METHOD_GET,
		[METHOD_HEAD] = MHD_HTTP_METHOD_HEAD,
		[METHOD_PUT] = MHD_HTTP_METHOD_PUT,
		[METHOD_DELETE] = MHD_HTTP_METHOD_DELETE,
	};

	return names[method];
}

static bool parse_method(const char *text, enum method *method)
{
	for (enum method i = METHOD_GET; i <= METHOD_DELETE; i++)
		if (strcmp(text, method_name(i)) == 0) {
			*method = i;
			return true;
		}
	return false;
}

/* ------------------------------------------------------------------------ what is asked of it --
 */

static enum MHD_Result add_argument(void *data, enum MHD_ValueKind kind, const char *key,
				    const char *value)
{
	FILE *query = data;

	(void)kind;
	fprintf(query, "%c%s%s%s", ftell(query) == 0 ? '?' : '&', key, value ? "=" : "",
		value ? value : "");
	return MHD_YES;
}

/* The URL and query as they came: what they mean is the next server's to say. */
static char *path_for_backend(struct MHD_Connection *connection, const char *url)
{
	char *query = NULL, *path = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&query, &size);

	if (!file)
		return NULL;
	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_argument, file);
	if (fclose(file) == 0 && asprintf(&path, "%s%s", url, query) < 0)
		path = NULL;
	free(query);
	return path;
}

static unsigned int route_path(struct MHD_Connection *connection, const char *rest,
			       struct errand *errand, const char **reason)
{
	if (errand->kind == WORK_BACKEND) {
		/* With the slash that ends the prefix, which begins its path. */
		errand->path = path_for_backend(connection, rest - 1);
	} else {
		if (errand->kind != WORK_KEY)
			rest += strspn(rest, "/");
		errand->path = strdup(rest);
	}
	*reason = "out of memory";
	if (!errand->path)
		return MHD_HTTP_SERVICE_UNAVAILABLE;
	*reason = "malformed path";
	if (errand->kind != WORK_BACKEND && !unescape(errand->path))
		return MHD_HTTP_BAD_REQUEST;
	return MHD_HTTP_OK;
}

static unsigned int route_hold(struct MHD_Connection *connection, struct errand *errand,
			       const char **reason)
{
	const char *text = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "ms");

	*reason = "/hold?ms=N: N must be a number up to 600000";
	return parse_milliseconds(text, &errand->milliseconds) ? MHD_HTTP_OK : MHD_HTTP_BAD_REQUEST;
}

static bool is_prefix(const char *prefix, bool has_path, const char *url)
{
	return has_path ? strncmp(url, prefix, strlen(prefix)) == 0 : strcmp(url, prefix) == 0;
}

unsigned int route(struct MHD_Connection *connection, const char *url, const char *method,
		   struct errand *errand, const char **reason)
{
	bool known_method = parse_method(method, &errand->method);

	if (strncmp(url, "/async/", 7) == 0) {
		errand->async = true;
		url += 6;
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!is_prefix(routes[i].prefix, routes[i].has_path, url) ||
		    (errand->async && routes[i].kind >= WORK_PAGE))
			continue;
		errand->kind = routes[i].kind;
		errand->may_change = routes[i].methods == ALL;
		*reason = errand->may_change ? "only GET, HEAD, PUT and DELETE are served"
					     : "only GET and HEAD are served";
		if (!known_method || !(routes[i].methods & 1u << errand->method))
			return MHD_HTTP_METHOD_NOT_ALLOWED;
		if (errand->kind == WORK_HOLD)
			return route_hold(connection, errand, reason);
		if (!routes[i].has_path)
			return MHD_HTTP_OK;
		return route_path(connection, url + strlen(routes[i].prefix), errand, reason);
	}
	*reason = "nothing here by that name";
	return MHD_HTTP_NOT_FOUND;
}
