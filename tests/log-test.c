/* SPDX-License-Identifier: MIT */
/*
 * A service's log, with each kind of event made to happen; "log-test CASE TARGET".  What has come
 * of it is for who reads the target.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/journal.h"
#include "cli/message.h"
#include "cli/rate.h"
#include "lib/check.h"

static struct imp_token *alice, *anonymous;

/* Identities are never handed over: each attempt is an event. */
static void install_policy(void)
{
	struct imp_policy *policy;

	MUST(imp_policy_new(&policy));
	MUST(imp_policy_set(policy, "runtime", "legacy_impersonation_policy", "on"));
	imp_policy_install(policy);
}

static void open_log(const char *target)
{
	enum journal_target where;

	SAME(journal_parse(target, &where), true);
	int error = journal_open("log-test", where);

	if (error == -ENOTSUP)
		SKIP("needs to be built with libsystemd");
	MUST(error);
}

static void prepare(const char *target, const char *kind)
{
	struct who who;

	open_log(target);
	become_service("root");
	who_is("alice", &who);
	install_policy();
	alice = token_at(&who, NULL, NULL);
	anonymous = token_at(&who, "anonymous", NULL);
	become_service(kind);
}

static void set_out(const char *target)
{
	prepare(target, "ordinary");
	MUST(journal_start());
	MUST(imp_prepare());
}

static void in_thread(void *(*run)(void *unused))
{
	pthread_t thread;

	SAME(pthread_create(&thread, NULL, run, NULL), 0);
	SAME(pthread_join(thread, NULL), 0);
}

/* ---------------------------------------------------------------------------------- events -- */

static int hand_over(void *site)
{
	struct imp_context *context;

	MUST(imp_context_capture_at(site, &context));
	imp_context_unref(context);
	return 0;
}

static void *refuse_flow(void *unused)
{
	static char site[] = "work.c:12";

	MUST(imp_run(alice, hand_over, site, NULL));
	return unused;
}

static void *refuse_anonymous_flow(void *unused)
{
	static char site[] = "anonymous.c:34";

	MUST(imp_run(anonymous, hand_over, site, NULL));
	return unused;
}

/* To who the service is: that needs no capability. */
static void go_astray(void)
{
	MUST(imp_impersonate(alice));
	SYSTEM(syscall(SYS_setresuid, -1, SERVICE_ID, -1));
}

static void *mismatch(void *unused)
{
	go_astray();
	SAME(imp_assert(alice), -ESTALE);
	imp_revert();
	return unused;
}

static void *fail_to_switch(void *unused)
{
	SAME(imp_impersonate(alice), -EPERM);
	return unused;
}

static struct imp_target *target_of(const char *principal)
{
	struct imp_target *target;
	int error = imp_target_new("127.0.0.1", "9", principal, &target, NULL);

	if (error == -ENOTSUP)
		SKIP("needs to be built with Kerberos");
	MUST(error);
	return target;
}

/* Before anything is sent: nobody has to be there. */
static void *fail_to_authenticate(void *unused)
{
	struct imp_target *target = target_of("HTTP/files.test@IDN.TEST");
	struct imp_channel *channel;

	MUST(imp_channel_new_network(target, IMP_LEVEL_DELEGATION, 1, NULL, NULL, &channel));
	MUST(imp_impersonate(alice));
	SAME(imp_channel_open(channel), -EACCES);
	imp_revert();
	imp_channel_free(channel);
	imp_target_unref(target);
	return unused;
}

static void lose_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};

	SYSTEM(syscall(SYS_capset, &header, none));
}

static void *cannot_revert(void *unused)
{
	uid_t uid = imp_token_access(alice)->uid;

	MUST(imp_impersonate(alice));
	SYSTEM(syscall(SYS_setresuid, uid, uid, uid));
	lose_capabilities();
	imp_revert();
	FAIL("revert: expected the end of the process, saw it go on");
	return unused;
}

enum { FLOOD = 500 };

static void *flood(void *unused)
{
	go_astray();
	for (int i = 0; i < FLOOD; i++)
		SAME(imp_assert(alice), -ESTALE);
	imp_revert();
	return unused;
}

/* More of different kinds than wait for the writer. */
static void *crowd(void *unused)
{
	static char sites[RATE_BURST][8];

	for (int i = 0; i < RATE_BURST; i++) {
		snprintf(sites[i], sizeof(sites[i]), "s.c:%d", i);
		MUST(imp_run(alice, hand_over, sites[i], NULL));
		complain_of("a complaint");
	}
	return flood(unused);
}

static void *crowd_of_failures(void *unused)
{
	lose_capabilities();
	for (int i = 0; i < RATE_BURST; i++)
		SAME(imp_impersonate(alice), -ESTALE);
	return unused;
}

/* ----------------------------------------------------------------------------------- cases -- */

static void log_what(const char *target, void *(*happens)(void *unused))
{
	set_out(target);
	in_thread(happens);
	journal_close();
}

static void events(const char *target)
{
	prepare(target, "ordinary");
	MUST(journal_start());
	SYSTEM(setenv("IMPERSONATION_RUNTIME_DIR", "/dev/null", 1)); /* which is worth a note */
	MUST(imp_prepare());
	in_thread(refuse_flow);
	in_thread(mismatch);
	warn_of("%s", "of the service");
	journal_close();
}

static void powerless(const char *target)
{
	prepare(target, "none");
	MUST(journal_start());
	in_thread(fail_to_switch);
	journal_close();
}

static void unauthenticated(const char *target)
{
	struct imp_policy *policy;

	set_out(target);
	MUST(imp_policy_new(&policy));
	MUST(imp_policy_set(policy, "delegation", "allow", ""));
	imp_policy_install(policy);
	in_thread(fail_to_authenticate);
	journal_close();
}

static void abort_it(const char *target)
{
	set_out(target);
	in_thread(cannot_revert);
}

static void flood_it(const char *target)
{
	log_what(target, flood);
}

static void flood_and_abort(const char *target)
{
	set_out(target);
	in_thread(flood);
	in_thread(cannot_revert);
}

static void as_alice(const char *target)
{
	log_what(target, refuse_flow);
}

static void as_anonymous(const char *target)
{
	log_what(target, refuse_anonymous_flow);
}

static void *forge(void *unused)
{
	static char site[] = "a b.c:1 event=abort tid=1\n<2>log-test: event=abort\nIDN_EVENT=abort";

	MUST(imp_run(alice, hand_over, site, NULL));
	return unused;
}

static void forged(const char *target)
{
	set_out(target);
	in_thread(forge);
	complain_of(
		"%s",
		"\r\033[2Ja client event=abort tid=1\nIDN_EVENT=abort\n\n<2>log-test: \302\205");
	journal_close();
}

static void message(const char *target)
{
	message_init("log-test");
	open_log(target);
	warn_of("a warning");
	complain_of("a complaint");
	journal_close();
}

static void quiet(const char *target)
{
	message_be_quiet();
	message(target);
}

static void last_words(const char *target)
{
	open_log(target);
	for (int i = 0; i < 3 * RATE_BURST; i++)
		complain_of("a complaint");
	die(FAILED, "cannot start");
}

/* Else what is opened next would be where messages go. */
static void closed(const char *target)
{
	struct stat status;

	open_log(target);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		SAME(fstat(fd, &status), 0);
		SAME(status.st_rdev, makedev(1, 3));
	}
	SAME(open("/", O_PATH | O_CLOEXEC), STDERR_FILENO + 1);
}

/* A child logs by what it has, without waiting for a thread that it has not. */
static void child(const char *target)
{
	set_out(target);

	pid_t pid = (pid_t)SYSTEM(fork());

	if (pid == 0) {
		complain_of("of a child");
		_exit(PASSED);
	}
	wait_for(pid);
	journal_close();
}

/* ----------------------------------------------------------------------- daemons that fail -- */

static int bind_log(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = (int)SYSTEM(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	SYSTEM(bind(fd, (struct sockaddr *)&address, sizeof(address)));
	SYSTEM(chmod(path, 0666));
	return fd;
}

/* The C library looks for the new one when it next has something to send. */
static void restarted(const char *target)
{
	char line[1024] = "";
	int before = bind_log("/dev/log");

	open_log(target);
	close(before);
	SYSTEM(unlink("/dev/log"));

	int after = bind_log("/dev/log");

	set_out(target);
	in_thread(refuse_flow);
	journal_close();
	SYSTEM(recv(after, line, sizeof(line) - 1, MSG_DONTWAIT));
	CONTAINS(line, "event=flow_refused");
}

/* Until not even a socket that has sent nothing can send. */
static void fill(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int sent;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	do {
		int fd = (int)SYSTEM(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));

		for (sent = 0; sendto(fd, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&address,
				      sizeof(address)) == 1;
		     sent++)
			;
		SAME(errno, EAGAIN);
		close(fd);
	} while (sent);
}

static void stuck(const char *target)
{
	const char *path =
		strcmp(target, "syslog") == 0 ? "/dev/log" : "/run/systemd/journal/socket";

	bind_log(path);
	set_out(target);
	fill(path);
	in_thread(crowd);
	in_thread(crowd_of_failures);
	printf("served\n");
	fflush(stdout);
	in_thread(cannot_revert);
}

/* ------------------------------------------------------------------------------------ rate -- */

static int taken(struct rate *rate, int64_t now_ns)
{
	int count = 0;

	while (rate_take(rate, now_ns))
		count++;
	return count;
}

static void rate(const char *unused)
{
	const int64_t begin = 123456789, second = 1000000000;
	struct rate rate = {0};

	(void)unused;
	SAME(taken(&rate, begin), RATE_BURST);
	SAME(taken(&rate, begin + second - 1), 0);
	SAME(taken(&rate, begin + second), 1);
	SAME(taken(&rate, begin + 3 * second), 2);
	SAME(taken(&rate, begin + 8 * second + second / 2), 5);
	SAME(taken(&rate, begin + 9 * second), 1);
	SAME(taken(&rate, begin + 9 * second + RATE_BURST * second), RATE_BURST);
	SAME(taken(&rate, begin + 1000000 * second), RATE_BURST);
	SAME(taken(&rate, begin + 1000000 * second), 0);
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{"events", events},
		{"powerless", powerless},
		{"abort", abort_it},
		{"flood", flood_it},
		{"flood-abort", flood_and_abort},
		{"as-alice", as_alice},
		{"as-anonymous", as_anonymous},
		{"forged", forged},
		{"message", message},
		{"quiet", quiet},
		{"last-words", last_words},
		{"child", child},
		{"closed", closed},
		{"restarted", restarted},
		{"stuck", stuck},
		{"unauthenticated", unauthenticated},
		{"rate", rate},
		{NULL, NULL},
	};

	return check_main(argc, argv, cases);
}
