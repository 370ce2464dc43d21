/* SPDX-License-Identifier: MIT */
/* idn-show: a thread as text, the three lines of whom, whether and how far first. */
#include "cli/facts.h"
#include "cli/message.h"
#include "cli/names.h"
#include "show.h"

static void put_client(FILE *out, const struct imp_ledger_entry *entry)
{
	struct procfs_thread client;
	char command[256];

	if (entry->client_pid > 0 && procfs_read_thread(entry->client_pid, 0, &client) == 0) {
		put_fact(out, "Client:", "%d (%s), %s", (int)entry->client_pid,
			 printable(client.command, command, sizeof(command)),
			 imp_transport_name(entry->transport));
		procfs_clear_thread(&client);
	} else if (entry->client_pid > 0) {
		put_fact(out, "Client:", "%d (ended), %s", (int)entry->client_pid,
			 imp_transport_name(entry->transport));
	} else {
		put_fact(out, "Client:", "%s", imp_transport_name(entry->transport));
	}
}

static void put_principal(FILE *out, const struct imp_ledger_entry *entry)
{
	const char *principal = principal_of(entry);
	char safe[4 * IMP_LEDGER_PRINCIPAL];

	if (!principal)
		return;
	put_fact(out, "Principal:", "%s", printable(principal, safe, sizeof(safe)));
	put_fact(out, "Delegated Credentials:", "%s", imp_delegated_name(entry->delegated));
}

/* Ids that the kernel shows are proof; of a ring there is the service's word. */
static const char *how_sure(const struct look_thread *thread)
{
	if (!thread->by_ring)
		return "";
	return thread->ring == LOOK_RING_THERE
		       ? " (by the service's word: the kernel does not show for whom a ring's "
			 "operations are)"
		       : " (by the service's word: not even whether it has a ring can be seen)";
}

static void put_state(FILE *out, const struct look_thread *thread)
{
	char who[256];
	const char *state = look_state_name(thread->state);

	switch (thread->state) {
	case LOOK_LOST:
		put_fact(out, "State:", "%s: recorded as acting as %s, but has %s", state,
			 describe_user(thread->entry.access_uid, who, sizeof(who)),
			 !thread->ring			  ? "the primary identity"
			 : thread->ring == LOOK_RING_NONE ? "no ring to do so"
							  : "no token to do so");
		break;
	case LOOK_MISMATCHED:
		put_fact(out, "State:", "%s: recorded as acting as %s", state,
			 describe_user(thread->entry.access_uid, who, sizeof(who)));
		break;
	case LOOK_LEAKED:
		put_fact(out, "State:", "%s: %s", state,
			 thread->ring ? "by the ring engine it should have the primary identity"
			 : thread->ledger_error ? "for good, and not who its process is"
						: "nothing is recorded that would make it so");
		break;
	case LOOK_UNRECORDED:
		put_fact(out, "State:", "%s (%s)", state,
			 thread->worker ? "a worker of the kernel's own"
					: why_no_ledger(thread->ledger_error));
		break;
	case LOOK_CONSISTENT:
		put_fact(out, "State:", "%s%s", state, how_sure(thread));
	}
}

static void put_impersonation(FILE *out, const struct look_thread *thread)
{
	const struct imp_ledger_entry *entry = &thread->entry;
	char text[64];

	put_fact(out, "Level Decided By:", "%s", imp_decided_by_name(entry->decided_by));
	if (entry->level != IMP_LEVEL_ANONYMOUS)
		put_client(out, entry);
	put_principal(out, entry);
	put_fact(out, "Since:", "%s", time_text(entry->since_ns, text, sizeof(text)));
	put_fact(out, "Scope:", "%s", entry->scope == IMP_SCOPE_FILES ? "files" : "all");
	if (thread->by_ring)
		put_fact(out, "Engine:", "%s (token %u)", imp_engine_name(entry->engine),
			 entry->number);
	else
		put_fact(out, "Engine:", "%s", imp_engine_name(entry->engine));
}

static void put_counters(FILE *out, const struct imp_ledger_entry *entry, bool verbose)
{
	const struct {
		const char *label;
		uint64_t count;
	} rows[] = {
		{"Flows:", entry->flows},
		{"Flows Refused:", entry->flows_refused},
		{"Mismatches:", entry->mismatches},
		{"  of channels", entry->channel_mismatches},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (verbose || rows[i].count)
			put_fact(out, rows[i].label, "%llu", (unsigned long long)rows[i].count);
}

static void put_ids_there(FILE *out, const char *label, const uint32_t ids[N_IDS])
{
	static const char *const names[] = {"real ", ", effective ", ", saved ", ", filesystem "};

	fprintf(out, "%-22s ", label);
	for (int i = 0; i < N_IDS; i++)
		if (ids[i] == UINT32_MAX)
			fprintf(out, "%sunmapped", names[i]);
		else
			fprintf(out, "%s%u", names[i], ids[i]);
	fputc('\n', out);
}

static void put_user_namespace(FILE *out, const struct look_thread *thread)
{
	const char *whose = thread->own_user_namespace ? "own" : "another";

	if (thread->user_namespace)
		put_fact(out, "User Namespace:", "%llu (%s)",
			 (unsigned long long)thread->user_namespace, whose);
	else
		put_fact(out, "User Namespace:", "not readable (%s)", whose);
	if (!thread->own_user_namespace) {
		put_ids_there(out, "UIDs There:", thread->uids_there);
		put_ids_there(out, "GIDs There:", thread->gids_there);
	}
}

void print_thread(FILE *out, const struct look_thread *thread, bool verbose)
{
	static const char *const seccomp[] = {"off", "strict", "filter"};
	const struct procfs_thread *kernel = &thread->kernel;
	char text[600];

	put_user(out, thread->user_uid);
	fprintf(out, "Impersonating: %s\n", thread->impersonating ? "yes" : "no");
	if (thread->impersonating)
		fprintf(out, "Impersonation Level: %s\n",
			thread->level_known ? level_title(thread->entry.level, text, sizeof(text))
					    : "Unknown");

	put_fact(out, "Access As:", "%s",
		 describe_identity(thread->access_uid, thread->access_gid, text, sizeof(text)));
	if (thread->by_ring)
		put_fact(out, "Groups:", "with the kernel's token, which does not show them");
	else
		put_groups(out, "Groups:", kernel->groups, kernel->n_groups);
	put_fact(out, "Service:", "%s",
		 describe_identity(thread->service_uid, thread->service_gid, text, sizeof(text)));
	if (thread->level_known)
		put_impersonation(out, thread);
	put_ids(out, "UIDs:", kernel->uids);
	put_ids(out, "GIDs:", kernel->gids);
	put_capabilities(out, kernel->capabilities);
	put_fact(out, "No New Privs:", "%s", kernel->no_new_privs ? "yes" : "no");
	put_fact(out, "Seccomp:", "%s",
		 kernel->seccomp <= 2 ? seccomp[kernel->seccomp] : "unknown");
	put_fact(out, "Label:", "%s",
		 thread->label[0] ? printable(thread->label, text, sizeof(text)) : "none");
	put_user_namespace(out, thread);
	if (thread->recorded)
		put_counters(out, &thread->entry, verbose);
	put_state(out, thread);
}

/* One line for a thread that is shown beside its process's main one. */
void print_thread_line(const struct look_thread *thread)
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
