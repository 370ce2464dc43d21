/* SPDX-License-Identifier: MIT */
/* Commands of clients: who they are, by the kernel, and whom a service may start one as. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/command.h"

static struct who alice, bob, many, nobody;
static struct imp_token *as_alice, *as_bob, *as_many;
static struct state service, acting_alice;

static void set_out(const char *kind)
{
	who_is("alice", &alice);
	who_is("bob", &bob);
	who_is("g1024", &many);
	who_is("nobody", &nobody);
	nobody.n_groups = 0;
	as_alice = token_at(&alice, NULL, NULL);
	as_bob = token_at(&bob, NULL, NULL);
	as_many = token_at(&many, NULL, NULL);
	while (waitpid(-1, NULL, 0) > 0) /* the clients, whose connections are closed */
		;
	become_service(kind);
	state_read(0, &service);
	state_acting(&service, &alice, &acting_alice);
}

static void command_is(struct imp_token *token, const struct who *who)
{
	static _Thread_local struct state seen, expected;

	state_for_good(&service, who, &expected);
	command_state(token, &seen);
	check_states(__FILE__, __LINE__, &seen, &expected);
}

/* -------------------------------------------------------------------------------- who it is -- */

static void identity(const char *kind)
{
	set_out(kind);
	command_is(as_alice, &alice); /* also before the library is prepared */
	MUST(imp_prepare());
	command_is(as_bob, &bob);
	command_is(as_many, &many);
	STATE_IS(0, &service);
	no_child_is_left();
}

static void impersonating(const char *kind)
{
	struct imp_token *current;

	set_out(kind);
	MUST(imp_impersonate(as_alice));
	command_is(NULL, &alice);
	command_is(as_alice, &alice);
	command_is(as_bob, &bob);
	command_is(as_many, &many);
	STATE_IS(0, &acting_alice);
	MUST(imp_assert(as_alice));
	MUST(imp_token_current(&current));
	SAME(current == as_alice, 1);
	imp_revert();
	STATE_IS(0, &service);
	no_child_is_left();
}

static void below(const char *kind)
{
	static const char *const levels[] = {"anonymous", "identification"};

	who_is("alice", &alice);
	struct imp_token *tokens[] = {token_at(&alice, levels[0], NULL),
				      token_at(&alice, levels[1], NULL)};

	set_out(kind);
	for (size_t i = 0; i < 2; i++) {
		command_is(tokens[i], &nobody);
		MUST(imp_impersonate(tokens[i]));
		command_is(NULL, &nobody);
		command_is(as_alice, &alice);
		imp_revert();
	}
}

/* A command is the client's as a whole, whatever of its starter was. */
static void scope(const char *kind)
{
	struct imp_token *files;

	set_out(kind);
	MUST(imp_token_scoped(as_alice, IMP_SCOPE_FILES, &files));
	command_is(files, &alice);
	MUST(imp_impersonate(files));
	command_is(NULL, &alice);
	command_is(as_bob, &bob);
}

/* The ledger says what it said, and the command has none. */
static void ledger(const char *kind)
{
	static const char *const arguments[] = {"/bin/cat", NULL};
	struct imp_spawn command = command_of(arguments);
	struct imp_ledger_entry before, after;
	struct imp_ledger *own, *other;
	int ends[2], status;
	pid_t pid;

	set_out(kind);
	MUST(imp_impersonate(as_alice));
	MUST(imp_ledger_open(getpid(), &own));
	MUST(imp_ledger_read(own, gettid(), &before));
	SYSTEM(pipe2(ends, O_CLOEXEC));
	command.stdin_fd = ends[0];
	MUST(imp_spawn(as_bob, &command, &pid));
	MUST(imp_ledger_read(own, gettid(), &after));
	SAME(memcmp(&before, &after, sizeof(before)), 0);
	SAME(after.client_uid, alice.uid);
	imp_revert();
	SAME(imp_ledger_open(pid, &other), -ENOENT);
	close(ends[1]);
	SAME(SYSTEM(waitpid(pid, &status, 0)), pid);
	SAME(status, 0);
}

/* ------------------------------------------------------------------------------ capabilities -- */

static void root_is(struct imp_token *token, unsigned long long capabilities)
{
	static struct state seen;

	command_state(token, &seen);
	SAME(seen.real_uid | seen.who.uid | seen.saved_uid | seen.filesystem_uid, 0);
	SAME(seen.effective, capabilities);
	SAME(seen.permitted, capabilities);
	SAME(seen.inheritable | seen.ambient, 0);
}

static struct imp_token *root_by_connection(void)
{
	static const struct who root;
	struct imp_policy *policy;

	MUST(imp_policy_new(&policy));
	MUST(imp_policy_set(policy, "impersonation", "privileged_clients", "allow"));
	return token_at(&root, NULL, policy);
}

/* What a token of root brings is what the command has; one of a connection brings nothing. */
static void root_tokens(void)
{
	struct imp_token *by_connection = root_by_connection(), *by_name;

	set_out("root");
	MUST(imp_token_from_user("root", IMP_LEVEL_IMPERSONATION, NULL, &by_name));
	root_is(by_name, service.permitted);
	root_is(by_connection, 0);
	STATE_IS(0, &service);
}

/* The kernel would give a program of root's all that the bounding set has. */
static void root_tokens_of_ordinary(void)
{
	const struct imp_become become = {
		.uid = SERVICE_ID,
		.gid = SERVICE_ID,
		.capabilities = 1ull << CAP_SETUID | 1ull << CAP_SETGID,
	};
	struct imp_token *by_connection = root_by_connection(), *by_name;

	set_out("root");
	MUST(imp_become(&become, NULL));
	MUST(imp_token_from_user("root", IMP_LEVEL_IMPERSONATION, NULL, &by_name));
	state_read(0, &service);
	SAME(service.bounding != service.permitted, 1);
	root_is(by_name, become.capabilities);
	root_is(by_connection, 0);
	STATE_IS(0, &service);
}

static void root_token(const char *kind)
{
	if (strcmp(kind, "root") == 0)
		root_tokens();
	else
		root_tokens_of_ordinary();
}

/* A process of alice's that has a capability, until it is killed. */
static pid_t capable_process(int said)
{
	const struct imp_become become = {
		.uid = alice.uid,
		.gid = alice.gid,
		.capabilities = 1ull << CAP_CHOWN,
		.effective = true,
	};
	pid_t pid = (pid_t)SYSTEM(fork());

	if (pid > 0)
		return pid;
	MUST(imp_become(&become, NULL));
	SAME(write(said, "", 1), 1);
	for (;;)
		pause();
}

static void capable(const char *kind)
{
	static struct state seen, expected;
	struct imp_token *token;
	int ends[2];
	char byte;

	who_is("alice", &alice);
	SYSTEM(pipe2(ends, O_CLOEXEC));

	pid_t pid = capable_process(ends[1]);

	SAME(read(ends[0], &byte, 1), 1);
	MUST(imp_token_from_thread(pid, 0, &token));
	SYSTEM(kill(pid, SIGKILL));
	set_out(kind);
	if (strcmp(kind, "root") != 0) {
		struct imp_spawn command = command_of((const char *const[]){"/bin/true", NULL});

		SAME(imp_spawn(token, &command, &pid), -EPERM);
		CONTAINS(logged(), "needs capabilities that the service has not");
		no_child_is_left();
		return;
	}
	alice.n_groups = 0;
	state_for_good(&service, &alice, &expected);
	expected.effective = expected.permitted = 1ull << CAP_CHOWN;
	expected.inheritable = expected.ambient = 1ull << CAP_CHOWN;
	command_state(token, &seen);
	check_states(__FILE__, __LINE__, &seen, &expected);
}

/* --------------------------------------------------------------------------------- privilege -- */

static void refused(const char *kind)
{
	struct imp_spawn command = command_of((const char *const[]){"/bin/true", NULL});
	pid_t pid = -1;

	set_out(kind);
	SAME(imp_spawn(as_alice, &command, &pid), -EPERM);
	CONTAINS(logged(),
		 strcmp(kind, "no-setgid") == 0 ? "needs CAP_SETGID" : "needs CAP_SETUID");
	SAME(pid, -1);
	STATE_IS(0, &service);
	no_child_is_left();
}

static void oneself(const char *kind)
{
	static const struct who self = {.uid = SERVICE_ID, .gid = SERVICE_ID};
	static const struct who more = {
		.uid = SERVICE_ID, .gid = SERVICE_ID, .n_groups = 1, .groups = {SERVICE_ID}};
	struct imp_spawn command = command_of((const char *const[]){"/bin/true", NULL});
	struct imp_token *as_self = token_at(&self, NULL, NULL);
	struct imp_token *as_more = token_at(&more, NULL, NULL);
	pid_t pid;

	set_out(kind);
	command_is(as_self, &self);
	SAME(imp_spawn(as_more, &command, &pid), -EPERM);
	no_child_is_left();
}

/* ------------------------------------------------------------------------------- no way back -- */

static void ways(const char *kind)
{
	static struct said said;
	const char *const arguments[] = {program_here("ways-back"), NULL};
	struct imp_spawn command = command_of(arguments);

	set_out(kind);
	for (int i = 0; i < 2; i++) {
		command.new_session = i == 1;
		MUST(command_heard(as_alice, &command, &said));
		SAME_TEXT(said.text, "tried\n");
		MUST(imp_impersonate(as_alice));
		MUST(command_heard(NULL, &command, &said));
		SAME_TEXT(said.text, "tried\n");
		MUST(command_heard(as_bob, &command, &said));
		SAME_TEXT(said.text, "tried\n");
		imp_revert();
	}
}

/* ------------------------------------------------------------------------------------ errors -- */

static volatile sig_atomic_t heard;

static void hear(int number)
{
	(void)number;
	heard = 1;
}

static void fails(struct imp_token *token, const struct imp_spawn *command, int expected)
{
	pid_t pid = -1;

	SAME(imp_spawn(token, command, &pid), expected);
	SAME(pid, -1);
	SAME(heard, 0);
	no_child_is_left();
}

static const char *const *huge(void)
{
	static char argument[128 * 1024 + 1];
	static const char *const arguments[] = {"/bin/true", argument, NULL};

	memset(argument, 'x', sizeof(argument) - 1);
	return arguments;
}

static void errors(const char *kind)
{
	static const char *const none[] = {NULL};
	static const char *const works[] = {"/bin/true", NULL};
	static const char *const missing[] = {"/bin/no-such-program", NULL};
	static const char *const directory[] = {"/bin", NULL};
	const char *private[] = {NULL, NULL}, *empty[] = {NULL, NULL}, *own[] = {NULL, NULL};
	struct imp_spawn command;

	who_is("alice", &alice);
	private[0] = strdup(
		scratch_file("private", strcmp(kind, "root") == 0 ? 0 : SERVICE_ID, 0, 0700));
	empty[0] = strdup(scratch_file("empty", alice.uid, alice.gid, 0755));
	own[0] = strdup(scratch_file("own", alice.uid, alice.gid, 0400));
	SYSTEM(mkdir(scratch("closed"), 0700));
	int closed = (int)SYSTEM(open(scratch("closed"), O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	set_out(kind);
	SYSTEM(sigaction(SIGCHLD, &(struct sigaction){.sa_handler = hear}, NULL));
	for (int i = 0; i < 2; i++) {
		command = command_of(missing);
		fails(as_alice, &command, -ENOENT);
		command = command_of(private);
		fails(as_alice, &command, -EACCES);
		command = command_of(own);
		fails(as_alice, &command, -EACCES);
		command = command_of(directory);
		fails(as_alice, &command, -EACCES);
		command = command_of(empty);
		fails(as_alice, &command, -ENOEXEC);
		command = command_of(huge());
		fails(as_alice, &command, -E2BIG);
		command = command_of(works);
		command.directory = closed;
		fails(as_alice, &command, -EACCES);
		command = command_of(works);
		command.stdin_fd = 987;
		fails(as_alice, &command, -EBADF);
		command = command_of(none);
		fails(as_alice, &command, -EINVAL);
		command = command_of(works);
		command.arguments = (char *const *)none;
		fails(as_alice, &command, -EINVAL);
		command = command_of(works);
		if (i == 0)
			fails(NULL, &command, -ENOENT);
		MUST(imp_impersonate(as_alice));
	}
	STATE_IS(0, &acting_alice);
	SAME_TEXT(logged(), ""); /* the caller knows what it asked for */
}

/* The limit is the service's, the processes are the client's. */
static void too_many(const char *kind)
{
	struct imp_spawn command = command_of((const char *const[]){"/bin/true", NULL});
	struct rlimit limit;
	pid_t pid = -1;

	who_is("alice", &alice);
	int connection = client_at(&alice, NULL); /* whose process stays */

	as_alice = token_at(&alice, NULL, NULL);
	become_service(kind);
	SYSTEM(getrlimit(RLIMIT_NPROC, &limit));
	SYSTEM(setrlimit(RLIMIT_NPROC, &(struct rlimit){1, limit.rlim_max}));
	SAME(imp_spawn(as_alice, &command, &pid), -EAGAIN);
	SAME(pid, -1);
	SYSTEM(setrlimit(RLIMIT_NPROC, &limit));
	MUST(imp_spawn(as_alice, &command, &pid));
	close(connection);
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{"identity", identity}, {"impersonating", impersonating},
		{"below", below},	{"scope", scope},
		{"ledger", ledger},	{"root-token", root_token},
		{"capable", capable},	{"refused", refused},
		{"oneself", oneself},	{"ways", ways},
		{"errors", errors},	{"too-many", too_many},
		{NULL, NULL},
	};

	return check_main(argc, argv, cases);
}
