/* SPDX-License-Identifier: MIT */
/* idn-check threads: one finding, in words and as an object. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/facts.h"
#include "cli/message.h"
#include "cli/names.h"
#include "threads.h"

/* "6241/6259 httpd": the command of its process, and its own where it has another. */
static const char *subject_of(const struct look_thread *thread, char *buffer, size_t size)
{
	char process[300], own[300];

	printable(thread->process, process, sizeof(process));
	printable(thread->kernel.command, own, sizeof(own));
	if (strcmp(process, own) == 0)
		snprintf(buffer, size, "%d/%d %s", (int)thread->kernel.pid, (int)thread->kernel.tid,
			 process);
	else
		snprintf(buffer, size, "%d/%d %s (%s)", (int)thread->kernel.pid,
			 (int)thread->kernel.tid, process, own);
	return buffer;
}

/* ----------------------------------------------------------------------------------- text -- */

/* What tells the two identities apart: mostly the user, at times the group, or the groups alone. */
static void print_identities(const struct look_finding *finding)
{
	char expected[700], actual[700];

	if (finding->expected_uid != finding->actual_uid) {
		printf("should be %s, is %s",
		       describe_user(finding->expected_uid, expected, sizeof(expected)),
		       describe_user(finding->actual_uid, actual, sizeof(actual)));
		return;
	}
	if (finding->expected_gid != finding->actual_gid) {
		printf("should be %s, is %s",
		       describe_identity(finding->expected_uid, finding->expected_gid, expected,
					 sizeof(expected)),
		       describe_identity(finding->actual_uid, finding->actual_gid, actual,
					 sizeof(actual)));
		return;
	}
	printf("is %s, but has other %s than it should",
	       describe_user(finding->actual_uid, actual, sizeof(actual)),
	       finding->thread->kernel.uids[ID_EFFECTIVE] !=
			       finding->thread->kernel.uids[ID_FILESYSTEM]
		       ? "effective ids"
		       : "groups");
}

static void print_channel(const struct look_finding *finding)
{
	uint64_t times = finding->thread->entry.channel_mismatches;
	char expected[300], actual[300];

	printf("a channel of %s was used for %s, %llu time%s so far",
	       describe_user(finding->actual_uid, actual, sizeof(actual)),
	       describe_user(finding->expected_uid, expected, sizeof(expected)),
	       (unsigned long long)times, times == 1 ? "" : "s");
}

static void print_kernel(const struct procfs_thread *kernel)
{
	char text[2048];

	put_ids(stdout, "  uids", kernel->uids);
	put_ids(stdout, "  gids", kernel->gids);
	put_groups(stdout, "  groups", kernel->groups, kernel->n_groups);
	put_fact(stdout, "  capabilities", "%s",
		 capability_text(kernel->capabilities[SET_EFFECTIVE], text, sizeof(text)));
}

void print_finding(const struct look_finding *finding, bool verbose)
{
	char text[1024];

	printf("%s: %s: ", subject_of(finding->thread, text, sizeof(text)),
	       look_state_name(finding->state));
	if (finding->kind == LOOK_FOUND_CHANNEL)
		print_channel(finding);
	else
		print_identities(finding);
	if (finding->since_ns)
		printf(", %s %s", finding->kind == LOOK_FOUND_CHANNEL ? "the last one at" : "since",
		       time_text(finding->since_ns, text, sizeof(text)));
	putchar('\n');
	if (verbose)
		print_kernel(&finding->thread->kernel);
}

void warn_of_finding(const struct look_finding *finding)
{
	const struct look_thread *thread = finding->thread;
	char text[1024], actual[300];

	if (finding->kind == LOOK_FOUND_LEDGER)
		warn_of("%d (%s): %s", (int)thread->kernel.pid,
			printable(thread->process, text, sizeof(text)),
			why_no_ledger(thread->ledger_error));
	else
		warn_of("%s: acts as %s, and nothing says whether it should (%s)",
			subject_of(thread, text, sizeof(text)),
			describe_user(finding->actual_uid, actual, sizeof(actual)),
			why_no_ledger(thread->ledger_error));
}

/* ----------------------------------------------------------------------------------- JSON -- */

/* Where the thread is to act as a client, and not as the service or the anonymous account. */
static const char *expected_principal(const struct look_finding *finding)
{
	const struct imp_ledger_entry *entry = &finding->thread->entry;
	bool client = finding->kind == LOOK_FOUND_THREAD &&
		      (finding->state == LOOK_LOST || finding->state == LOOK_MISMATCHED) &&
		      entry->level >= IMP_LEVEL_IMPERSONATION;

	return client ? principal_of(entry) : NULL;
}

/* Of a channel the uid alone is known; of who should act, the groups are not. */
static json_t *expected_object(const struct look_finding *finding)
{
	const struct look_thread *thread = finding->thread;
	bool service = finding->kind == LOOK_FOUND_THREAD && finding->state == LOOK_LEAKED;
	json_t *object =
		json_identity(finding->expected_uid, finding->expected_gid, thread->service_groups,
			      thread->n_service_groups, service && thread->service_groups_known,
			      expected_principal(finding));

	if (finding->expected_gid == IMP_NO_GID)
		json_put(object, "gid", json_null());
	return object;
}

static json_t *actual_object(const struct look_finding *finding)
{
	const struct procfs_thread *kernel = &finding->thread->kernel;
	bool channel = finding->kind == LOOK_FOUND_CHANNEL;
	json_t *object = json_identity(finding->actual_uid, finding->actual_gid, kernel->groups,
				       kernel->n_groups, !channel, NULL);

	if (channel)
		json_put(object, "gid", json_null());
	return object;
}

json_t *finding_object(const struct look_finding *finding, bool verbose)
{
	const struct procfs_thread *kernel = &finding->thread->kernel;
	bool channel = finding->kind == LOOK_FOUND_CHANNEL;
	json_t *object = json_object();
	struct timespec now;
	char text[64];

	clock_gettime(CLOCK_REALTIME, &now);
	json_put(object, "what", json_string(channel ? "channel" : "thread"));
	json_put(object, "pid", json_integer(kernel->pid));
	json_put(object, "tid", json_integer(kernel->tid));
	json_put(object, "process", json_text(finding->thread->process));
	json_put(object, "command", json_text(kernel->command));
	json_put(object, "state", json_string(look_state_name(finding->state)));
	json_put(object, "expected", expected_object(finding));
	json_put(object, "actual", actual_object(finding));
	json_put(object, "since",
		 finding->since_ns ? json_string(time_text(finding->since_ns, text, sizeof(text)))
				   : json_null());
	json_put(object, "seen",
		 json_string(time_text((int64_t)now.tv_sec * 1000000000 + now.tv_nsec, text,
				       sizeof(text))));
	json_put(object, "times",
		 channel ? json_integer((json_int_t)finding->thread->entry.channel_mismatches)
			 : json_null());
	if (verbose) {
		json_put(object, "uids", json_ids(kernel->uids));
		json_put(object, "gids", json_ids(kernel->gids));
		json_put(object, "capabilities", json_capability_sets(kernel->capabilities));
	}
	return object;
}
