/* SPDX-License-Identifier: MIT */
/* idn-show: threads as a table, one row each. */
#include <string.h>

#include "cli/facts.h"
#include "cli/message.h"
#include "cli/names.h"
#include "cli/table.h"
#include "show.h"

/* The columns, in their order; groups and capabilities come with -v. */
static const char *const headings[] = {
	"PID/TID", "USER",  "LEVEL",   "STATE",	       "ACCESS", "SERVICE",
	"CLIENT",  "SINCE", "COMMAND", "CAPABILITIES", "GROUPS",
};
enum { COLUMNS = 9, COLUMNS_VERBOSE = 11 };

static const char *name_or_number(uid_t uid, char *buffer, size_t size)
{
	if (!user_name(uid, buffer, size))
		snprintf(buffer, size, "%u", uid);
	return buffer;
}

static const char *group_names(const struct procfs_thread *kernel, char *buffer, size_t size)
{
	size_t used = 0;

	snprintf(buffer, size, "none");
	for (size_t i = 0; i < kernel->n_groups; i++) {
		char name[256];

		if (!group_name(kernel->groups[i], name, sizeof(name)))
			snprintf(name, sizeof(name), "%u", kernel->groups[i]);
		if (used + strlen(name) + 16 > size) {
			snprintf(buffer + used, size - used, ",+%zu", kernel->n_groups - i);
			break;
		}
		used += (size_t)snprintf(buffer + used, size - used, "%s%s", i ? "," : "", name);
	}
	return buffer;
}

/* Who came over the network has no process here. */
static const char *client_text(const struct look_thread *thread, char *buffer, size_t size)
{
	const struct imp_ledger_entry *entry = &thread->entry;

	if (!thread->level_known)
		return "-";
	if (entry->client_pid > 0)
		snprintf(buffer, size, "%d", (int)entry->client_pid);
	else if (entry->transport == IMP_TRANSPORT_TCP && entry->level > IMP_LEVEL_ANONYMOUS)
		snprintf(buffer, size, "%s", imp_transport_name(IMP_TRANSPORT_TCP));
	else
		return "-";
	return buffer;
}

static void add_row(struct table *table, const struct look_thread *thread, bool verbose)
{
	const struct procfs_thread *kernel = &thread->kernel;
	bool known = thread->level_known;
	char text[2048];

	snprintf(text, sizeof(text), "%d/%d", (int)kernel->pid, (int)kernel->tid);
	table_add(table, text);
	if (thread->user_uid == IMP_NO_UID)
		table_add(table, "Anonymous");
	else
		table_add(table, name_or_number(thread->user_uid, text, sizeof(text)));
	table_add(table, !thread->impersonating ? "-"
			 : known		? imp_level_name(thread->entry.level)
						: "unknown");
	table_add(table, look_state_name(thread->state));
	table_add(table, name_or_number(thread->access_uid, text, sizeof(text)));
	table_add(table, name_or_number(thread->service_uid, text, sizeof(text)));
	table_add(table, client_text(thread, text, sizeof(text)));
	table_add(table, known ? time_text(thread->entry.since_ns, text, sizeof(text)) : "-");
	table_add(table, printable(kernel->command, text, sizeof(text)));
	if (!verbose)
		return;
	table_add(table, capability_text(kernel->capabilities[SET_EFFECTIVE], text, sizeof(text)));
	/* By the ring engine they are the service's, and not those it acts with. */
	table_add(table, thread->by_ring ? "-" : group_names(kernel, text, 256));
}

void print_table(FILE *out, const struct look_list *list, bool verbose, int width, int lines,
		 const char *line_end)
{
	struct table *table = table_new(headings, verbose ? COLUMNS_VERBOSE : COLUMNS);

	for (size_t i = 0; i < list->count && (lines == 0 || i < (size_t)lines); i++)
		add_row(table, &list->threads[i], verbose);
	table_print(table, out, width, lines, line_end);
	table_free(table);
}
