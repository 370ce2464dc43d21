/* SPDX-License-Identifier: MIT */
/* idn-show: which threads of the system are wanted, and in which order. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/message.h"
#include "cli/names.h"
#include "core/identity.h"
#include "show.h"

/* ------------------------------------------------------------------------------ checking -- */

static void check_user(struct selection *selection)
{
	struct identity identity;
	int error;

	if (!selection->user)
		return;
	if (strcasecmp(selection->user, "anonymous") == 0) {
		selection->uid = IMP_NO_UID;
		return;
	}
	error = identity_of_user(selection->user, &identity);
	if (error < 0)
		die(EXIT_USAGE, "--user: %s: %s", selection->user,
		    error == -ESRCH ? "no such account" : reason_of(error));
	selection->uid = identity.view.uid;
	identity_clear(&identity);
}

static void check_level(struct selection *selection)
{
	enum imp_level level;

	selection->level_name = selection->level;
	if (!selection->level || strcmp(selection->level, "unknown") == 0)
		return;
	if (imp_level_parse(selection->level, &level) < 0)
		die(EXIT_USAGE, "--level: %s: not a level", selection->level);
	selection->level_name = imp_level_name(level);
}

static void check_state(const struct selection *selection)
{
	bool known = !selection->state;

	for (int state = LOOK_CONSISTENT; state <= LOOK_UNRECORDED && !known; state++)
		known = strcmp(selection->state, look_state_name((enum look_state)state)) == 0;
	if (!known)
		die(EXIT_USAGE, "--state: %s: not a state", selection->state);
}

/* ------------------------------------------------------------------------------- sorting -- */

typedef int compare_fn(const struct look_thread *a, const struct look_thread *b);

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_pid(const struct look_thread *a, const struct look_thread *b)
{
	int order = compare_numbers((uint64_t)a->kernel.pid, (uint64_t)b->kernel.pid);

	return order ? order : compare_numbers((uint64_t)a->kernel.tid, (uint64_t)b->kernel.tid);
}

static int compare_names(uid_t a, uid_t b)
{
	char left[256] = "", right[256] = "";

	if (a == b)
		return 0;
	user_name(a, left, sizeof(left));
	user_name(b, right, sizeof(right));

	/* Those without a name come last, by number. */
	if (!left[0] || !right[0])
		return left[0] || right[0] ? (left[0] ? -1 : 1) : compare_numbers(a, b);
	return strcmp(left, right);
}

static int by_user(const struct look_thread *a, const struct look_thread *b)
{
	return compare_names(a->user_uid, b->user_uid);
}

static int by_service(const struct look_thread *a, const struct look_thread *b)
{
	return compare_names(a->service_uid, b->service_uid);
}

static int level_rank(const struct look_thread *thread)
{
	return !thread->impersonating ? -2 : !thread->level_known ? -1 : (int)thread->entry.level;
}

static int by_level(const struct look_thread *a, const struct look_thread *b)
{
	return level_rank(a) - level_rank(b);
}

static int by_state(const struct look_thread *a, const struct look_thread *b)
{
	return (int)a->state - (int)b->state;
}

/* What a row does not show does not count: those without come first. */
static uint64_t client_of(const struct look_thread *thread)
{
	return thread->level_known ? (uint64_t)thread->entry.client_pid : 0;
}

static int by_client(const struct look_thread *a, const struct look_thread *b)
{
	return compare_numbers(client_of(a), client_of(b));
}

static uint64_t since_of(const struct look_thread *thread)
{
	return thread->level_known ? (uint64_t)thread->entry.since_ns : 0;
}

static int by_since(const struct look_thread *a, const struct look_thread *b)
{
	return compare_numbers(since_of(a), since_of(b));
}

static int by_command(const struct look_thread *a, const struct look_thread *b)
{
	return strcmp(a->kernel.command, b->kernel.command);
}

static const struct {
	const char *name;
	compare_fn *compare;
} keys[] = {
	{"pid", by_pid},     {"user", by_user},	      {"level", by_level},
	{"state", by_state}, {"service", by_service}, {"client", by_client},
	{"since", by_since}, {"command", by_command},
};

enum { KEYS_MAXIMUM = 8 };

static struct {
	compare_fn *compare;
	int sign;
} order[KEYS_MAXIMUM + 1];

static void check_sort(const struct selection *selection)
{
	const char *text = selection->sort;
	int count = 0;

	while (text) {
		size_t length;
		int sign = text[0] == '-' ? -1 : 1;

		text += sign < 0;
		length = strcspn(text, ",");
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && count < KEYS_MAXIMUM; i++)
			if (strlen(keys[i].name) == length &&
			    strncmp(text, keys[i].name, length) == 0) {
				order[count].compare = keys[i].compare;
				order[count++].sign = sign;
				length = SIZE_MAX;
				break;
			}
		if (length != SIZE_MAX)
			die(EXIT_USAGE, "--sort: %.*s: not a key", (int)length, text);
		text = strchr(text, ',');
		text = text ? text + 1 : NULL;
	}
}

static int in_order(const void *a, const void *b)
{
	for (int i = 0; order[i].compare; i++) {
		int result = order[i].compare(a, b);

		if (result)
			return result * order[i].sign;
	}
	return by_pid(a, b);
}

/* ----------------------------------------------------------------------------- selecting -- */

void check_selection(struct selection *selection)
{
	check_user(selection);
	check_level(selection);
	check_state(selection);
	check_sort(selection);
}

bool is_filtered(const struct selection *selection)
{
	return selection->user || selection->level || selection->state || selection->service;
}

static bool is_named(const struct selection *selection, const struct look_thread *thread)
{
	for (size_t i = 0; i < selection->n_subjects; i++) {
		const struct subject *subject = &selection->subjects[i];

		if (subject->pid == thread->kernel.pid &&
		    (subject->tid == 0 || subject->tid == thread->kernel.tid))
			return true;
	}
	return selection->n_subjects == 0;
}

static bool is_at_level(const struct selection *selection, const struct look_thread *thread)
{
	const char *level = !thread->impersonating ? NULL
			    : thread->level_known  ? imp_level_name(thread->entry.level)
						   : "unknown";

	return level && strcmp(selection->level_name, level) == 0;
}

static bool is_of_service(const struct selection *selection, const struct look_thread *thread)
{
	char name[256], number[16];

	snprintf(number, sizeof(number), "%u", thread->service_uid);
	return strcmp(selection->service, thread->process) == 0 ||
	       strcmp(selection->service, number) == 0 ||
	       (user_name(thread->service_uid, name, sizeof(name)) &&
		strcmp(selection->service, name) == 0);
}

static bool is_wanted(const struct selection *selection, const struct look_thread *thread)
{
	if (!is_named(selection, thread))
		return false;
	if (selection->user && thread->user_uid != selection->uid &&
	    thread->access_uid != selection->uid)
		return false;
	if (selection->level && !is_at_level(selection, thread))
		return false;
	if (selection->state && strcmp(selection->state, look_state_name(thread->state)) != 0)
		return false;
	return !selection->service || is_of_service(selection, thread);
}

int check_named(const struct selection *selection)
{
	int status = EXIT_SHOWN;

	for (size_t i = 0; i < selection->n_subjects; i++) {
		const struct subject *subject = &selection->subjects[i];
		struct procfs_thread thread;
		int error = procfs_read_thread(subject->pid, subject->tid, &thread);

		if (error < 0)
			status = complain(subject, error);
		else
			procfs_clear_thread(&thread);
	}
	return status;
}

void select_threads(const struct selection *selection, struct look_list *list)
{
	size_t kept = 0;
	int error = look_scan(selection->every ? LOOK_EVERY : LOOK_ACTING, list);

	if (error < 0)
		die(EXIT_NO_SUCH_THREAD, "/proc: %s", reason_of(error));
	for (size_t i = 0; i < list->count; i++)
		if (is_wanted(selection, &list->threads[i]))
			list->threads[kept++] = list->threads[i];
		else
			look_clear(&list->threads[i]);
	list->count = kept;
	qsort(list->threads, list->count, sizeof(*list->threads), in_order);
}
