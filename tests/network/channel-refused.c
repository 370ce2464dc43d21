/* SPDX-License-Identifier: MIT */
/* Channels over the network that are not opened: for want of leave, of tickets, or of proof. */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "other.h"

static const char *const service = "HTTP/b.test@IDN.TEST";

static struct imp_token *remote(OM_uint32 flags, enum imp_level level)
{
	struct imp_token *token = token_of_alice(acceptor_with("a.keytab"), flags);
	struct imp_token *stated = at_request(token, level);

	imp_token_unref(token);
	return stated;
}

/* What the KDC has been asked so far. */
static long long kdc_log(void)
{
	struct stat status;

	SYSTEM(stat(in_realm("kdc/log"), &status));
	return status.st_size;
}

/* Neither the other end nor the KDC gets to know of it. */
static void before_all(struct imp_token *token, int error)
{
	const long long before = kdc_log();
	const int connections = other_connections;

	SAME(call_as(token, service, IMP_LEVEL_DELEGATION).error, error);
	SAME(kdc_log(), before);
	SAME(other_connections, connections);
}

/* ---------------------------------------------------------------------------------- leave -- */

/* A client of the network that has lent nothing goes no further. */
static void no_second_hop(const char *kind)
{
	set_out(kind);
	other_start("b.keytab", HONEST);
	before_all(remote(0, IMP_LEVEL_IMPERSONATION), -EPERM);
	/* Nor one that has, and wants no more. */
	before_all(remote(GSS_C_DELEG_FLAG, IMP_LEVEL_IMPERSONATION), -EPERM);
}

static void not_on_the_list(const char *kind)
{
	static const char *const without[] = {"", "HTTP/c.test", "http/b.test",
					      "HTTP/b.test@OTHER.TEST", "HTTP/b.tes"};
	static const char *const with[] = {"HTTP/b.test", "HTTP/c.test, HTTP/b.test@IDN.TEST"};
	struct imp_token *local, *token;

	become_service("root");
	who_is("alice", &alice);
	local = token_at(&alice, NULL, NULL);
	set_out(kind);
	other_start("b.keytab", HONEST);
	token = remote(GSS_C_DELEG_FLAG, IMP_LEVEL_DELEGATION);
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
		set_policy("delegation", "allow", without[i]);
		before_all(token, -EACCES);
		before_all(local, -EACCES);
	}
	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		set_policy("delegation", "allow", with[i]);
		MUST(call_as(token, service, IMP_LEVEL_DELEGATION).error);
		MUST(call_as(local, service, IMP_LEVEL_DELEGATION).error);
	}
}

/* -------------------------------------------------------------------------------- tickets -- */

/* A call as USER, who is on this machine, whatever is in that user's cache. */
static int local_call(const char *kind, const char *user, const char *level, const char *to)
{
	struct who who;
	struct imp_token *token;

	become_service("root");
	who_is(user, &who);
	token = token_at(&who, level, NULL);
	set_out(kind);
	other_start("b.keytab", HONEST);
	return call_as(token, to, IMP_LEVEL_DELEGATION).error;
}

static void no_cache(const char *kind)
{
	SAME(local_call(kind, "g0", NULL, service), -ENOKEY);
	SAME(other_connections, 0);
}

/* In bob's cache are carol's tickets. */
static void of_another(const char *kind)
{
	SAME(local_call(kind, "bob", NULL, service), -ENOKEY);
	SAME(other_connections, 0);
}

/* Where caches are no files, they are left alone: a keyring that was opened would be possessed. */
static void no_file(const char *kind)
{
	SAME(local_call(kind, "alice", NULL, service), -ENOKEY);
	SAME(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 0), -1);
	SAME(errno == ENOKEY || errno == ENOSYS || errno == EPERM, true);
	told_once("no file");
}

/* In the place of the cache of g32 is a pipe that nobody writes to. */
static void pipe_of_its_own(const char *kind)
{
	SAME(local_call(kind, "g32", NULL, service), -ENOKEY);
}

/* And in that of g1024 more than memory has room for. */
static void without_end(const char *kind)
{
	SAME(local_call(kind, "g1024", NULL, service), -ENOKEY);
	told_once("File too large");
}

/* One that holds its cache's lock is not waited for either. */
static void held_by_another(const char *kind)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = (int)SYSTEM(open(in_realm("caches/2001"), O_RDWR | O_CLOEXEC));

	SYSTEM(fcntl(fd, F_OFD_SETLK, &lock));
	MUST(local_call(kind, "alice", NULL, service));
	close(fd);
}

/* In carol's are her own, which are over. */
static void over(const char *kind)
{
	SAME(local_call(kind, "carol", NULL, service), -EKEYEXPIRED);
	SAME(other_connections, 0);
}

/* In the cache of g1 is a ticket that cannot be forwarded. */
static void not_forwardable(const char *kind)
{
	SAME(local_call(kind, "g1", "delegation", service), -EKEYREJECTED);
}

/* One hop needs none that can. */
static void not_forwardable_one_hop(const char *kind)
{
	MUST(local_call(kind, "g1", NULL, service));
	SAME(imp_token_delegated(other_saw), IMP_DELEGATED_NONE);
}

/* The realm does not mark plain.test as one that tickets may be forwarded to. */
static void not_marked(const char *kind)
{
	static const char to[] = "HTTP/plain.test";
	struct imp_token *token;

	set_out(kind);
	other_start("plain.keytab", HONEST);
	token = remote(GSS_C_DELEG_FLAG, IMP_LEVEL_DELEGATION);
	SAME(call_as(token, to, IMP_LEVEL_DELEGATION).error, -EKEYREJECTED);
	MUST(call_as(token, to, IMP_LEVEL_IMPERSONATION).error);
	set_policy("delegation", "require_ok_as_delegate", "off");
	MUST(call_as(token, to, IMP_LEVEL_DELEGATION).error);
	SAME(imp_token_delegated(other_saw), IMP_DELEGATED_FORWARDED);
}

/* The KDC knows nobody of that name. */
static void no_such_service(const char *kind)
{
	int error;

	set_out(kind);
	other_start("b.keytab", HONEST);
	error = call_as(remote(GSS_C_DELEG_FLAG, IMP_LEVEL_DELEGATION), "HTTP/nobody.test",
			IMP_LEVEL_DELEGATION)
			.error;
	SAME(error, -EPROTO);
	told_once("HTTP/nobody.test");
}

/* ---------------------------------------------------------------------------------- proof -- */

static void not_proven(const char *kind, const char *keytab, enum manners manners, int error)
{
	set_out(kind);
	other_start(keytab, manners);
	SAME(call_as(remote(GSS_C_DELEG_FLAG, IMP_LEVEL_DELEGATION), service, IMP_LEVEL_DELEGATION)
		     .error,
	     error);
	SAME(not_authenticated > 0, true);
}

/* It says that it accepts, and shows nothing of itself. */
static void no_proof(const char *kind)
{
	not_proven(kind, "b.keytab", WITHOUT_PROOF, -EBADMSG);
}

static void no_proof_but_garbage(const char *kind)
{
	not_proven(kind, "b.keytab", WITH_GARBAGE, -EBADMSG);
}

/* It cannot read what was not meant for it. */
static void another(const char *kind)
{
	not_proven(kind, "c.keytab", HONEST, -EBADMSG);
}

static void refused_connection(const char *kind)
{
	set_out(kind);
	snprintf(other_port, sizeof(other_port), "1");
	SAME(call_as(remote(GSS_C_DELEG_FLAG, IMP_LEVEL_DELEGATION), service, IMP_LEVEL_DELEGATION)
		     .error,
	     -ECONNREFUSED);
}

/* What the protocol reports is passed on. */
static void carrier(const char *kind)
{
	static int failure = -EXDEV;
	struct imp_target *target;
	struct imp_channel *channel;

	set_out(kind);
	other_start("b.keytab", HONEST);
	MUST(imp_target_new("127.0.0.1", other_port, service, &target, NULL));
	SAME(imp_channel_new_network(target, (enum imp_level)7, 10, carry, NULL, &channel),
	     -EINVAL);
	MUST(imp_channel_new_network(target, IMP_LEVEL_DELEGATION, 10, carry, &failure, &channel));
	MUST(imp_impersonate(remote(GSS_C_DELEG_FLAG, IMP_LEVEL_DELEGATION)));
	SAME(imp_channel_open(channel), -EXDEV);
	failure = 0;
	MUST(imp_channel_open(channel));
	imp_revert();
	imp_channel_free(channel);
	imp_target_unref(target);
}

const struct check_case channel_refused_cases[] = {
	{"no-second-hop", no_second_hop},
	{"not-on-the-list", not_on_the_list},
	{"no-cache", no_cache},
	{"of-another", of_another},
	{"no-file", no_file},
	{"pipe", pipe_of_its_own},
	{"without-end", without_end},
	{"held-by-another", held_by_another},
	{"over", over},
	{"not-forwardable", not_forwardable},
	{"not-forwardable-one-hop", not_forwardable_one_hop},
	{"not-marked", not_marked},
	{"no-such-service", no_such_service},
	{"no-proof", no_proof},
	{"no-proof-but-garbage", no_proof_but_garbage},
	{"another", another},
	{"refused-connection", refused_connection},
	{"carrier", carrier},
	{NULL, NULL},
};
