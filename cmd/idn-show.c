/* SPDX-License-Identifier: MIT */
/* idn-show - who a thread acts as, at which level, and whether what the service claims is so. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/facts.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/names.h"
#include "look/state.h"

enum { EXIT_SHOWN = 0, EXIT_NO_SUCH_THREAD = 1, EXIT_USAGE = 2 };

struct options {
	int json;
	int quiet;
	int verbose;
};

struct subject {
	const char *text;
	pid_t pid;
	pid_t tid; /* 0: the main thread, and those that differ from it */
};

/* --------------------------------------------------------------------------------- text -- */

static void print_client(const struct imp_ledger_entry *entry)
{
	struct procfs_thread client;
	char command[256];

	if (entry->client_pid > 0 && procfs_read_thread(entry->client_pid, 0, &client) == 0) {
		printf("%-18s %d (%s), %s\n", "Client:", (int)entry->client_pid,
		       printable(client.command, command, sizeof(command)),
		       imp_transport_name(entry->transport));
		procfs_clear_thread(&client);
	} else if (entry->client_pid > 0) {
		printf("%-18s %d (ended), %s\n", "Client:", (int)entry->client_pid,
		       imp_transport_name(entry->transport));
	} else {
		print_fact("Client:", imp_transport_name(entry->transport));
	}
}

static const char *why_no_ledger(int error)
{
	switch (error) {
	case 0:
	case -ENOENT:
		return "no ledger";
	case -EPERM:
		return "ledger not believed: wrong owner or mode, or a symbolic link";
	case -ESTALE:
		return "ledger not believed: another process's";
	case -ENOTSUP:
		return "ledger not believed: unknown version";
	case -EPROTO:
		return "ledger not believed: it makes no sense";
	default:
		return reason_of(error);
	}
}

static void print_state(const struct look_thread *thread)
{
	char who[256];
	const char *state = look_state_name(thread->state);

	switch (thread->state) {
	case LOOK_LOST:
		printf("%-18s %s: recorded as acting as %s, but has the primary identity\n",
		       "State:", state, describe_user(thread->entry.access_uid, who, sizeof(who)));
		break;
	case LOOK_MISMATCHED:
		printf("%-18s %s: recorded as acting as %s\n", "State:", state,
		       describe_user(thread->entry.access_uid, who, sizeof(who)));
		break;
	case LOOK_LEAKED:
		printf("%-18s %s: nothing is recorded that would make it so\n", "State:", state);
		break;
	case LOOK_UNRECORDED:
		printf("%-18s %s (%s)\n", "State:", state, why_no_ledger(thread->ledger_error));
		break;
	case LOOK_CONSISTENT:
		print_fact("State:", state);
	}
}

static void print_impersonation(const struct look_thread *thread)
{
	const struct imp_ledger_entry *entry = &thread->entry;
	char text[64];

	print_fact("Level Decided By:", imp_decided_by_name(entry->decided_by));
	if (entry->level != IMP_LEVEL_ANONYMOUS)
		print_client(entry);
	print_fact("Since:", time_text(entry->since_ns, text, sizeof(text)));
	print_fact("Scope:", entry->scope == IMP_SCOPE_FILES ? "files" : "all");
}

static void print_thread(const struct look_thread *thread)
{
	static const char *const seccomp[] = {"off", "strict", "filter"};
	const struct procfs_thread *kernel = &thread->kernel;
	char text[600];

	print_user(thread->user_uid);
	printf("Impersonating: %s\n", thread->impersonating ? "yes" : "no");
	if (thread->impersonating)
		printf("Impersonation Level: %s\n",
		       thread->level_known ? level_title(thread->entry.level, text, sizeof(text))
					   : "Unknown");

	print_fact("Access As:",
		   describe_identity(thread->access_uid, thread->access_gid, text, sizeof(text)));
	print_groups("Groups:", kernel->groups, kernel->n_groups);
	print_fact("Service:",
		   describe_identity(thread->service_uid, thread->service_gid, text, sizeof(text)));
	if (thread->level_known)
		print_impersonation(thread);
	print_ids("UIDs:", kernel->uids);
	print_ids("GIDs:", kernel->gids);
	print_capabilities(kernel->capabilities);
	print_fact("No New Privs:", kernel->no_new_privs ? "yes" : "no");
	print_fact("Seccomp:", kernel->seccomp <= 2 ? seccomp[kernel->seccomp] : "unknown");
	print_fact("Label:",
		   thread->label[0] ? printable(thread->label, text, sizeof(text)) : "none");
	if (thread->user_namespace)
		printf("%-18s %llu (%s)\n",
		       "User Namespace:", (unsigned long long)thread->user_namespace,
		       thread->own_user_namespace ? "own" : "another");
	else
		print_fact("User Namespace:", "not readable");
	print_state(thread);
}

/* One line for a thread that is shown beside its process's main one. */
static void print_thread_line(const struct look_thread *thread)
{
	char user[256], command[256];

	printf("%d/%d %s: %s, %s%s, %s\n", (int)thread->kernel.pid, (int)thread->kernel.tid,
	       printable(thread->kernel.command, command, sizeof(command)),
	       describe_user(thread->user_uid, user, sizeof(user)),
	       thread->impersonating ? "impersonating at level " : "not impersonating",
	       !thread->impersonating ? ""
	       : thread->level_known  ? imp_level_name(thread->entry.level)
				      : "unknown",
	       look_state_name(thread->state));
}

/* --------------------------------------------------------------------------------- JSON -- */

static json_t *client_object(const struct look_thread *thread)
{
	struct procfs_thread client;
	json_t *object;

	if (!thread->level_known || thread->entry.level == IMP_LEVEL_ANONYMOUS)
		return json_null();
	object = json_object();
	json_put(object, "pid",
		 thread->entry.client_pid > 0 ? json_integer(thread->entry.client_pid)
					      : json_null());
	if (thread->entry.client_pid > 0 &&
	    procfs_read_thread(thread->entry.client_pid, 0, &client) == 0) {
		json_put(object, "command", json_text(client.command));
		procfs_clear_thread(&client);
	} else {
		json_put(object, "command", json_null());
	}
	json_put(object, "transport", json_string(imp_transport_name(thread->entry.transport)));
	return object;
}

static json_t *user_object(const struct look_thread *thread)
{
	const struct procfs_thread *kernel = &thread->kernel;

	/* Below impersonation the groups that the thread has are not the user's. */
	if (thread->user_uid != thread->access_uid)
		return json_identity(thread->user_uid, thread->entry.client_gid, NULL, 0, false);
	return json_identity(thread->user_uid, thread->access_gid, kernel->groups, kernel->n_groups,
			     true);
}

static json_t *thread_object(const struct look_thread *thread)
{
	const struct procfs_thread *kernel = &thread->kernel;
	bool known = thread->level_known;
	json_t *object = json_object();
	char text[64];

	json_put(object, "pid", json_integer(kernel->pid));
	json_put(object, "tid", json_integer(kernel->tid));
	json_put(object, "command", json_text(kernel->command));
	json_put(object, "user", user_object(thread));
	json_put(object, "impersonating", json_boolean(thread->impersonating));
	json_put(object, "level",
		 !thread->impersonating
			 ? json_null()
			 : json_string(known ? imp_level_name(thread->entry.level) : "unknown"));
	json_put(object, "level_decided_by",
		 known ? json_string(imp_decided_by_name(thread->entry.decided_by)) : json_null());
	json_put(object, "scope",
		 known ? json_string(thread->entry.scope == IMP_SCOPE_FILES ? "files" : "all")
		       : json_null());
	json_put(object, "access_as",
		 json_identity(thread->access_uid, thread->access_gid, kernel->groups,
			       kernel->n_groups, true));
	json_put(object, "service",
		 json_identity(thread->service_uid, thread->service_gid, thread->service_groups,
			       thread->n_service_groups, thread->service_groups_known));
	json_put(object, "client", client_object(thread));
	json_put(object, "since",
		 known ? json_string(time_text(thread->entry.since_ns, text, sizeof(text)))
		       : json_null());
	json_put(object, "uids", json_ids(kernel->uids));
	json_put(object, "gids", json_ids(kernel->gids));
	json_put(object, "capabilities", json_capability_sets(kernel->capabilities));
	json_put(object, "securebits", json_null()); /* /proc does not tell them */
	json_put(object, "no_new_privs", json_boolean(kernel->no_new_privs));
	json_put(object, "seccomp", json_integer(kernel->seccomp));
	json_put(object, "label", json_text(thread->label[0] ? thread->label : NULL));
	json_put(object, "user_namespace",
		 thread->user_namespace ? json_integer((json_int_t)thread->user_namespace)
					: json_null());
	json_put(object, "engine", known ? json_string("thread") : json_null());
	json_put(object, "state", json_string(look_state_name(thread->state)));
	return object;
}

/* --------------------------------------------------------------------------------- show -- */

static int complain(const struct subject *subject, int error)
{
	complain_of("%s: %s", subject->text, error == -ESRCH ? "no such thread" : reason_of(error));
	return EXIT_NO_SUCH_THREAD;
}

/* The other threads of a process, where they differ from the main one, or act for somebody. */
static int show_others(const struct subject *subject, const struct look_thread *first,
		       const struct options *options)
{
	pid_t *tids;
	size_t count;
	int error = procfs_list_threads(subject->pid, &tids, &count);
	bool headed = false;

	if (error < 0)
		return complain(subject, error);
	for (size_t i = 0; i < count; i++) {
		struct look_thread thread;

		if (tids[i] == subject->pid || look_at_thread(subject->pid, tids[i], &thread) < 0)
			continue; /* one that ends meanwhile is no error */
		if (options->verbose || look_differ(first, &thread)) {
			if (options->json)
				json_write(thread_object(&thread), stdout);
			else
				printf("%s", headed ? "" : "\n");
			if (!options->json)
				print_thread_line(&thread);
			headed = true;
		}
		look_clear(&thread);
	}
	free(tids);
	return EXIT_SHOWN;
}

static int show(const struct subject *subject, const struct options *options)
{
	struct look_thread thread;
	int error = look_at_thread(subject->pid, subject->tid, &thread);
	int status = EXIT_SHOWN;

	if (error < 0)
		return complain(subject, error);
	if (options->json)
		json_write(thread_object(&thread), stdout);
	else
		print_thread(&thread);
	if (subject->tid == 0)
		status = show_others(subject, &thread, options);
	look_clear(&thread);
	return status;
}

/* ------------------------------------------------------------------------------- options -- */

static bool parse_pid(const char *text, const char **end, pid_t *pid)
{
	char *after;

	if (text[0] < '1' || text[0] > '9')
		return false;
	errno = 0;
	long value = strtol(text, &after, 10);

	if (errno || value > INT32_MAX)
		return false;
	*pid = (pid_t)value;
	*end = after;
	return true;
}

static struct subject parse_subject(const char *text)
{
	struct subject subject = {.text = text};
	const char *end;

	if (parse_pid(text, &end, &subject.pid) && *end == '\0')
		return subject;
	if (parse_pid(text, &end, &subject.pid) && *end == '/' &&
	    parse_pid(end + 1, &end, &subject.tid) && *end == '\0')
		return subject;
	die(EXIT_USAGE, "%s: not a PID or PID/TID", text);
}

static void parse_options(poptContext context, struct options *options)
{
	int option;

	poptSetOtherOptionHelp(context, "[OPTION...] [PID | PID/TID ...]");
	while ((option = poptGetNextOpt(context)) >= 0)
		answer_common_option(context, option);
	if (option < -1)
		die(EXIT_USAGE, "%s: %s", poptBadOption(context, POPT_BADOPTION_NOALIAS),
		    poptStrerror(option));
	if (options->quiet)
		message_be_quiet();
}

int main(int argc, const char **argv)
{
	struct options options = {.json = 0};
	const struct poptOption table[] = {
		{"json", 0, POPT_ARG_NONE, &options.json, 0,
		 "one JSON object a line, a thread each", NULL},
		{"quiet", 'q', POPT_ARG_NONE, &options.quiet, 0, "leave warnings out", NULL},
		{"verbose", 'v', POPT_ARG_NONE, &options.verbose, 0,
		 "a line for every other thread of a process too", NULL},
		COMMON_OPTIONS,
		POPT_TABLEEND,
	};
	poptContext context = poptGetContext("idn-show", argc, argv, table, 0);
	int status = EXIT_SHOWN;
	char parent[16];

	message_init("idn-show");
	parse_options(context, &options);

	const char **texts = poptGetArgs(context);

	snprintf(parent, sizeof(parent), "%d", (int)getppid());
	const char *caller[] = {parent, NULL};

	if (!texts)
		texts = caller;
	/* All of them, before anything is shown: half an answer to a wrong question helps nobody.
	 */
	for (size_t i = 0; texts[i]; i++)
		parse_subject(texts[i]);
	for (size_t i = 0; texts[i]; i++) {
		struct subject subject = parse_subject(texts[i]);

		if (texts[1] && !options.json)
			printf("%s%s:\n", i ? "\n" : "", texts[i]);
		int shown = show(&subject, &options);

		status = status ? status : shown;
	}
	poptFreeContext(context);
	finish_output(status);
}
