/* SPDX-License-Identifier: MIT */
/* What an aspnet.config or a web.config comes to, and the policy that is the same. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/message.h"
#include "policy.h"

const char *aspnet_element(int setting)
{
	static const char *const elements[ASPNET_SETTINGS] = {
		[ASPNET_LEGACY] = "legacyImpersonationPolicy",
		[ASPNET_ALWAYS] = "alwaysFlowImpersonationPolicy",
	};

	return elements[setting];
}

/* By its first bytes: a byte order mark and blanks, and then "<", of one byte or of two. */
bool is_xml(const char *text, size_t size)
{
	size_t at = 0, width = 1, low = 0;

	if (size >= 2 && memcmp(text, "\xff\xfe", 2) == 0)
		at = width = 2;
	else if (size >= 2 && memcmp(text, "\xfe\xff", 2) == 0)
		at = width = 2, low = 1;
	else if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		at = 3;
	for (; at + width <= size; at += width) {
		if (width == 2 && text[at + 1 - low] != '\0')
			return false;
		if (text[at + low] != ' ' && text[at + low] != '\t' && text[at + low] != '\r' &&
		    text[at + low] != '\n')
			return text[at + low] == '<';
	}
	return false;
}

/* --------------------------------------------------------------------------------- meaning -- */

/* web.config, and what it is made from: Web.Release.config. */
static bool is_web_config(const char *name)
{
	const size_t length = strlen(name);

	return strncasecmp(name, "web.", 4) == 0 && length >= strlen("web.config") &&
	       strcasecmp(name + length - strlen(".config"), ".config") == 0;
}

static void report_file(const char *name, bool ignored, const struct aspnet *aspnet,
			struct report *report)
{
	char text[256];

	if (ignored)
		report_add(report, OUTCOME_OK, "file", 0, 0,
			   "%s: of one application; the two elements count only in the "
			   "aspnet.config of its application pool",
			   printable(name, text, sizeof(text)));
	else if (strcasecmp(name, "aspnet.config") == 0)
		report_add(report, OUTCOME_OK, "file", 0, 0,
			   "%s: read by the runtime of an application pool",
			   printable(name, text, sizeof(text)));
	else
		report_add(report, OUTCOME_OK, "file", 0, 0,
			   "%s: counts where an application pool has it for its aspnet.config",
			   printable(name, text, sizeof(text)));
	for (int i = 0; ignored && i < ASPNET_SETTINGS; i++)
		if (aspnet->settings[i].said)
			report_add(report, OUTCOME_FAIL, aspnet_element(i),
				   aspnet->settings[i].line, aspnet->settings[i].column,
				   "%s here, and ignored: it counts only in aspnet.config",
				   aspnet->settings[i].value ? "true" : "false");
}

static const char *true_false(bool value)
{
	return value ? "true" : "false";
}

/* The runtime itself has both off; ASP.NET comes with an aspnet.config that has the first on. */
static void report_settings(const struct aspnet_setting settings[ASPNET_SETTINGS], bool ignored,
			    struct report *report)
{
	const struct aspnet_setting *legacy = &settings[ASPNET_LEGACY];
	const struct aspnet_setting *always = &settings[ASPNET_ALWAYS];

	if (legacy->said)
		report_add(report, legacy->value ? OUTCOME_WARN : OUTCOME_OK,
			   aspnet_element(ASPNET_LEGACY), legacy->line, legacy->column, "%s: %s",
			   true_false(legacy->value), legacy_words(legacy->value));
	else
		report_add(
			report, ignored ? OUTCOME_OK : OUTCOME_WARN, aspnet_element(ASPNET_LEGACY),
			0, 0,
			"true, unless %s says otherwise: the runtime's own default is false, but "
			"ASP.NET ships it true: %s",
			ignored ? "aspnet.config" : "it is said here", legacy_words(true));
	if (always->said)
		report_add(report, legacy->value && always->value ? OUTCOME_FAIL : OUTCOME_OK,
			   aspnet_element(ASPNET_ALWAYS), always->line, always->column, "%s: %s",
			   true_false(always->value), always_words(legacy->value, always->value));
	else
		report_add(report, OUTCOME_OK, aspnet_element(ASPNET_ALWAYS), 0, 0,
			   "false, by default: %s", always_words(legacy->value, false));
}

static const char *on_off(bool on)
{
	return on ? "on" : "off";
}

char *report_aspnet(const char *path, const struct aspnet *aspnet, struct report *report)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const bool ignored = is_web_config(name);
	struct aspnet effective = *aspnet;
	char *policy;

	report_file(name, ignored, aspnet, report);
	if (ignored)
		effective = (struct aspnet){.settings = {{.said = false}}};
	if (!effective.settings[ASPNET_LEGACY].said)
		effective.settings[ASPNET_LEGACY].value = true;
	report_settings(effective.settings, ignored, report);
	if (asprintf(&policy,
		     "; %s\n"
		     "[runtime]\n"
		     "legacy_impersonation_policy = %s\n"
		     "always_flow_impersonation_policy = %s\n",
		     ignored ? "What ASP.NET does by itself, since web.config is ignored."
			     : "The same, for /etc/impersonate/SERVICE.conf.",
		     on_off(effective.settings[ASPNET_LEGACY].value),
		     on_off(effective.settings[ASPNET_ALWAYS].value)) < 0)
		abort();
	return policy;
}
