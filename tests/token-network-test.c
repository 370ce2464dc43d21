/* SPDX-License-Identifier: MIT */
/*
 * Tokens of clients that came over the network: who has a say in their level, and as whom a thread
 * acts with them.  No Kerberos is needed for that: what it has proven is said.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/check.h"
#include "token.h"

#define PRINCIPAL "alice/laptop@IDN.TEST"

static struct who alice, nobody;

static void meet(void)
{
	become_service("root");
	who_is("alice", &alice);
	who_is("nobody", &nobody);
	nobody.n_groups = 0;
}

static struct imp_token *token_of(const char *principal, const char *account)
{
	const struct network_client client = {.principal = principal, .account = account};
	struct imp_token *token;

	MUST(token_of_network_client(&client, NULL, &token));
	return token;
}

/* ------------------------------------------------------------------------- who has the say -- */

enum person { ALICE, ROOT, NO_ACCOUNT, UNAUTHENTICATED, N_PERSONS };
enum { NOT_STATED = IMP_LEVEL_DELEGATION + 1, N_STATED };

struct combination {
	enum person person;
	enum imp_delegated delegated;
	int stated; /* by the request */
	enum imp_level default_level, max_level;
	bool root_is_allowed;
};

/* As impersonate(7) has it: the lowest of all that have a say, and of equal ones the first. */
static enum imp_level expected(const struct combination *of, enum imp_decided_by *by)
{
	enum imp_level level =
		of->stated == NOT_STATED ? of->default_level : (enum imp_level)of->stated;
	const bool known = of->person == ALICE || of->person == ROOT;
	const struct {
		bool speaks;
		enum imp_level level;
		enum imp_decided_by by;
	} limits[] = {
		{of->person == UNAUTHENTICATED, IMP_LEVEL_ANONYMOUS,
		 IMP_DECIDED_BY_UNAUTHENTICATED},
		{of->person == NO_ACCOUNT, IMP_LEVEL_ANONYMOUS, IMP_DECIDED_BY_UNMAPPED_CLIENT},
		{known && of->delegated != IMP_DELEGATED_FORWARDED, IMP_LEVEL_IMPERSONATION,
		 IMP_DECIDED_BY_TICKET},
		{of->person == ROOT && !of->root_is_allowed, IMP_LEVEL_IDENTIFICATION,
		 IMP_DECIDED_BY_PRIVILEGED_CLIENT},
		{true, of->max_level, IMP_DECIDED_BY_POLICY},
	};

	*by = of->stated == NOT_STATED ? IMP_DECIDED_BY_DEFAULT : IMP_DECIDED_BY_REQUEST;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (limits[i].speaks && limits[i].level < level) {
			level = limits[i].level;
			*by = limits[i].by;
		}
	return level;
}

static struct imp_policy *policy_of(const struct combination *of)
{
	struct imp_policy *policy;

	MUST(imp_policy_new(&policy));
	MUST(imp_policy_set(policy, "impersonation", "max_level", imp_level_name(of->max_level)));
	MUST(imp_policy_set(policy, "impersonation", "default_level_network",
			    imp_level_name(of->default_level)));
	MUST(imp_policy_set(policy, "impersonation", "privileged_clients",
			    of->root_is_allowed ? "allow" : "identify"));
	return policy;
}

static struct imp_token *token_at_request(const struct combination *of)
{
	static const char *const accounts[N_PERSONS] = {[ALICE] = "alice", [ROOT] = "root"};
	const struct network_client client = {
		.principal = of->person == UNAUTHENTICATED ? NULL : PRINCIPAL,
		.account = accounts[of->person],
		.delegated = of->delegated,
	};
	struct imp_policy *policy = policy_of(of);
	struct imp_token *token, *requested;

	MUST(token_of_network_client(&client, policy, &token));
	imp_policy_unref(policy);
	if (of->stated == NOT_STATED)
		return token;
	MUST(imp_token_at_request(token, (enum imp_level)of->stated, &requested));
	imp_token_unref(token);
	return requested;
}

/* A ticket is, where it may be used one day. */
static enum imp_delegated held(const struct combination *of)
{
	struct combination most = *of;
	enum imp_decided_by by;

	most.stated = IMP_LEVEL_DELEGATION;
	return of->delegated == IMP_DELEGATED_FORWARDED &&
			       expected(&most, &by) < IMP_LEVEL_DELEGATION
		       ? IMP_DELEGATED_NONE
		       : of->delegated;
}

static void check_combination(const struct combination *of)
{
	struct imp_token *token = token_at_request(of);
	enum imp_decided_by by;
	enum imp_level level = expected(of, &by);
	uid_t uid = of->person == ROOT ? 0 : alice.uid;
	const struct imp_identity *identity = imp_token_identity(token);
	const struct imp_identity *access = imp_token_access(token);
	bool known = level > IMP_LEVEL_ANONYMOUS, acts = level >= IMP_LEVEL_IMPERSONATION;

	if (imp_token_level(token) != level || imp_token_level_decided_by(token) != by)
		FAIL("person %d, %s, stated %d, default %s, max %s, root %s: "
		     "expected %s by %s, saw %s by %s",
		     of->person, imp_delegated_name(of->delegated), of->stated,
		     imp_level_name(of->default_level), imp_level_name(of->max_level),
		     of->root_is_allowed ? "allowed" : "capped", imp_level_name(level),
		     imp_decided_by_name(by), imp_level_name(imp_token_level(token)),
		     imp_decided_by_name(imp_token_level_decided_by(token)));
	SAME(identity->uid, known ? uid : nobody.uid);
	SAME(access->uid, acts ? uid : nobody.uid);
	SAME_TEXT(identity->principal ? identity->principal : "none", known ? PRINCIPAL : "none");
	SAME_TEXT(access->principal ? access->principal : "none", acts ? PRINCIPAL : "none");
	SAME(imp_token_delegated(token), known ? held(of) : IMP_DELEGATED_NONE);
	SAME(imp_token_transport(token), IMP_TRANSPORT_TCP);
	SAME(imp_token_client_pid(token), 0);
	imp_token_unref(token);
}

/* Number after number, each digit of which is a choice. */
static struct combination combination_of(int number)
{
	struct combination of;

	of.person = (enum person)(number % N_PERSONS);
	number /= N_PERSONS;
	of.delegated = (enum imp_delegated)(number % 3);
	number /= 3;
	of.stated = number % N_STATED;
	number /= N_STATED;
	of.default_level = (enum imp_level)(number % 4);
	number /= 4;
	of.max_level = (enum imp_level)(number % 4);
	of.root_is_allowed = number / 4;
	return of;
}

static void levels(const char *kind)
{
	enum { COMBINATIONS = N_PERSONS * 3 * N_STATED * 4 * 4 * 2 };

	(void)kind;
	meet();
	for (int i = 0; i < COMBINATIONS; i++) {
		struct combination of = combination_of(i);

		check_combination(&of);
	}
}

/* ------------------------------------------------------------------------------ who it is -- */

static void accounts(const char *kind)
{
	struct network_client client = {.principal = PRINCIPAL, .account = "no-such-account"};
	struct imp_token *token = NULL;

	(void)kind;
	meet();
	SAME(token_of_network_client(&client, NULL, &token), -ESRCH);
	client.account = "2001"; /* alice's uid, and no name of hers */
	SAME(token_of_network_client(&client, NULL, &token), -ESRCH);
	SAME(token == NULL, 1);

	token = token_of(PRINCIPAL, "alice");
	SAME(imp_token_identity(token)->n_groups, alice.n_groups);
	SAME(memcmp(imp_token_identity(token)->groups, alice.groups,
		    alice.n_groups * sizeof(gid_t)),
	     0);
	SAME(imp_token_identity(token)->gid, alice.gid);
	SAME(imp_token_expires(token), 0);
}

/* With no capability of the service's, also where the client is root. */
static void acts(const char *kind)
{
	struct state service, acting;
	struct imp_token *requested;

	meet();
	become_service(kind);
	state_read(0, &service);
	MUST(imp_token_at_request(token_of(PRINCIPAL, "alice"), IMP_LEVEL_IMPERSONATION,
				  &requested));
	state_acting(&service, &alice, &acting);
	MUST(imp_impersonate(requested));
	STATE_IS(0, &acting);
	MUST(imp_impersonate(token_of(NULL, NULL)));
	state_acting(&service, &nobody, &acting);
	STATE_IS(0, &acting);
	imp_revert();
	STATE_IS(0, &service);
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{"levels", levels},
		{"accounts", accounts},
		{"acts", acts},
		{NULL, NULL},
	};

	return check_main(argc, argv, cases);
}
