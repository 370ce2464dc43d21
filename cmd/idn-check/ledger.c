/* SPDX-License-Identifier: MIT */
/* idn-check ledger: which ledgers there are, whose, and which of them nobody needs any more. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "cli/facts.h"
#include "cli/message.h"
#include "cli/names.h"
#include "cli/table.h"
#include "core/ledger.h"

enum { EXIT_ALL_LIVE = 0, EXIT_NOT_ALL = 1 };

struct options {
	int clean, json, quiet;
};

enum found {
	FOUND_LIVE,
	FOUND_STALE,	    /* its process is gone */
	FOUND_NOT_BELIEVED, /* REASON says why */
	FOUND_UNKNOWN	    /* its process cannot be looked at */
};

struct file {
	char name[256];
	enum found found;
	const char *reason; /* NULL: none */
	bool removed;
	uid_t owner;
	pid_t pid; /* 0: the name does not tell */
	char command[64];
	bool counted;
	struct ledger_totals totals;
};

static const char *found_name(enum found found)
{
	static const char *const names[] = {"live", "stale", "not_believed", "unknown"};

	return names[found];
}

/* -------------------------------------------------------------------------------- looking -- */

static void look_inside(struct file *file)
{
	struct procfs_thread thread;
	struct imp_ledger *ledger;
	int error;

	if (procfs_read_thread(file->pid, 0, &thread) == 0) {
		memcpy(file->command, thread.command, sizeof(file->command));
		procfs_clear_thread(&thread);
	}
	error = imp_ledger_open(file->pid, &ledger);
	if (error == 0) {
		error = ledger_sum(ledger, &file->totals);
		imp_ledger_close(ledger);
	}
	file->counted = error == 0;
	file->found = error == 0			     ? FOUND_LIVE
		      : error == -ESRCH			     ? FOUND_STALE
		      : error == -EACCES || error == -ENOMEM ? FOUND_UNKNOWN
							     : FOUND_NOT_BELIEVED;
	if (error < 0 && error != -ESRCH)
		file->reason = why_no_ledger(error);
}

/* False where it is gone already. */
static bool look_at_file(int directory_fd, const char *name, struct file *file)
{
	struct stat status;
	uint64_t start;

	*file = (struct file){.owner = IMP_NO_UID};
	snprintf(file->name, sizeof(file->name), "%s", name);
	if (fstatat(directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	file->owner = status.st_uid;
	if (!ledger_parse_name(name, &file->pid, &start)) {
		file->pid = 0;
		file->found = FOUND_NOT_BELIEVED;
		file->reason = "not a ledger's name";
	} else if (ledger_is_stale(name)) {
		file->found = FOUND_STALE;
	} else {
		look_inside(file);
	}
	return true;
}

static void clean(int directory_fd, struct file *file)
{
	/* Asked again, of the name that is removed: no process to come can have it. */
	if (!ledger_is_stale(file->name))
		return;
	if (unlinkat(directory_fd, file->name, 0) == 0)
		file->removed = true;
	else
		complain_of("%s/%s: cannot be removed: %s", ledger_directory(), file->name,
			    strerror(errno));
}

/* ------------------------------------------------------------------------------- telling -- */

static const char *const headings[] = {
	"PID",	 "OWNER",   "COMMAND",	  "THREADS", "ACTING", "IMPERSONATIONS",
	"FLOWS", "REFUSED", "MISMATCHES", "STATE",
};
enum { COLUMNS = sizeof(headings) / sizeof(headings[0]) };

static void add_number(struct table *table, bool known, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	table_add(table, known ? text : "-");
}

static void add_row(struct table *table, const struct file *file)
{
	const struct ledger_totals *totals = &file->totals;
	char text[512], safe[1100];

	add_number(table, file->pid, (uint64_t)file->pid);
	table_add(table, describe_user(file->owner, text, sizeof(text)));
	table_add(table, file->command[0] ? printable(file->command, text, sizeof(text)) : "-");
	add_number(table, file->counted, totals->threads);
	add_number(table, file->counted, totals->impersonating);
	add_number(table, file->counted, totals->counters.impersonations);
	add_number(table, file->counted, totals->counters.flows);
	add_number(table, file->counted, totals->counters.flows_refused);
	add_number(table, file->counted, totals->counters.mismatches);
	if (file->removed)
		snprintf(text, sizeof(text), "stale, removed");
	else if (file->pid == 0)
		snprintf(text, sizeof(text), "%s: %s", file->reason,
			 printable(file->name, safe, sizeof(safe)));
	else
		snprintf(text, sizeof(text), "%s",
			 file->reason ? file->reason : found_name(file->found));
	table_add(table, text);
}

static json_t *counters_object(const struct ledger_totals *totals)
{
	json_t *object = json_counters(&totals->counters);

	json_put(object, "overflow", json_integer(totals->overflow));
	return object;
}

static json_t *file_object(const struct file *file)
{
	const struct ledger_totals *totals = &file->totals;
	json_t *object = json_object(), *owner = json_object();
	char name[256];

	json_put(owner, "uid", json_integer(file->owner));
	json_put(owner, "name", json_text(user_name(file->owner, name, sizeof(name))));
	json_put(object, "ledger", json_text(file->name));
	json_put(object, "pid", file->pid ? json_integer(file->pid) : json_null());
	json_put(object, "command", json_text(file->command[0] ? file->command : NULL));
	json_put(object, "owner", owner);
	json_put(object, "found", json_string(found_name(file->found)));
	json_put(object, "reason", json_text(file->reason));
	json_put(object, "removed", json_boolean(file->removed));
	json_put(object, "threads",
		 file->counted ? json_integer((json_int_t)totals->threads) : json_null());
	json_put(object, "impersonating",
		 file->counted ? json_integer((json_int_t)totals->impersonating) : json_null());
	json_put(object, "counters", file->counted ? counters_object(totals) : json_null());
	return object;
}

/* ------------------------------------------------------------------------------ the directory --
 */

static int is_file(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int check_directory_and_warn(int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (!ledger_directory_is_safe(&status, geteuid()))
		warn_of("%s: others could exchange files in it", ledger_directory());
	return 0;
}

static int tell_all(int fd, struct dirent **entries, int count, const struct options *options)
{
	struct table *table = table_new(headings, COLUMNS);
	int status = EXIT_ALL_LIVE;

	for (int i = 0; i < count; i++) {
		struct file file;

		if (!look_at_file(fd, entries[i]->d_name, &file))
			continue;
		if (options->clean && file.found == FOUND_STALE)
			clean(fd, &file);
		if (file.found != FOUND_LIVE && !file.removed)
			status = EXIT_NOT_ALL;
		if (options->json && !options->quiet)
			json_write(file_object(&file), stdout);
		else
			add_row(table, &file);
	}
	if (!options->json && !options->quiet)
		table_print(table, stdout, 0, 0, "\n");
	table_free(table);
	return status;
}

static int list(const struct options *options)
{
	const char *directory = ledger_directory();
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **entries;
	int count, status;

	/* The first service makes it. */
	if (fd < 0 && errno == ENOENT)
		return EXIT_ALL_LIVE;
	if (fd < 0 || check_directory_and_warn(fd) < 0)
		die(EXIT_UNKNOWN, "%s: %s", directory, strerror(errno));
	count = scandirat(fd, ".", &entries, is_file, versionsort);
	if (count < 0)
		die(EXIT_UNKNOWN, "%s: %s", directory, strerror(errno));
	status = tell_all(fd, entries, count, options);
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	close(fd);
	return status;
}

int ledger_main(int argc, const char **argv)
{
	struct options options = {.clean = 0};
	const struct poptOption table[] = {
		{"clean", 0, POPT_ARG_NONE, &options.clean, 0, "remove those whose process is gone",
		 NULL},
		{"json", 0, POPT_ARG_NONE, &options.json, 0, "one JSON object a line", NULL},
		{"quiet", 'q', POPT_ARG_NONE, &options.quiet, 0,
		 "print nothing: the exit status tells", NULL},
		COMMON_OPTIONS,
		POPT_TABLEEND,
	};
	poptContext context = poptGetContext("idn-check", argc, argv, table, 0);
	int option, status;

	poptSetOtherOptionHelp(context, "[OPTION...]");
	while ((option = poptGetNextOpt(context)) >= 0)
		answer_common_option(context, option);
	end_options(context, option, EXIT_USAGE);
	if (options.quiet)
		message_be_quiet();
	if (poptPeekArg(context))
		die(EXIT_USAGE, "%s: an argument is not expected", poptPeekArg(context));
	status = list(&options);
	poptFreeContext(context);
	return status;
}
