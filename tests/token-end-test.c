/* SPDX-License-Identifier: MIT */
/* How clients of the network end: when their authentication does, and with what they have lent. */
#include <errno.h>
#include <unistd.h>

#include "lib/check.h"
#include "token.h"

#define PRINCIPAL "alice/laptop@IDN.TEST"

static struct who alice, bob;

static void meet(void)
{
	become_service("root");
	who_is("alice", &alice);
	who_is("bob", &bob);
}

/* --------------------------------------------------------------------------------- its end -- */

/* Years from now, and then a while ago. */
static const int64_t some_day = INT64_MAX;

static void end(struct imp_token *token)
{
	token->client->expires_ns = 1;
}

static struct imp_token *token_until(int64_t expires_ns, const char *account)
{
	const struct network_client client = {
		.principal = PRINCIPAL,
		.account = account,
		.delegated = IMP_DELEGATED_FORWARDED,
		.expires_ns = expires_ns,
	};
	struct imp_token *token, *requested;

	MUST(token_of_network_client(&client, NULL, &token));
	MUST(imp_token_at_request(token, IMP_LEVEL_IMPERSONATION, &requested));
	imp_token_unref(token);
	return requested;
}

static void expired(const char *kind)
{
	struct network_client client = {
		.principal = PRINCIPAL,
		.account = "alice",
		.expires_ns = 1,
	};
	struct imp_token *token = NULL, *lowered;

	meet();
	become_service(kind);
	log_to_memory();
	SAME(token_of_network_client(&client, NULL, &token), -EKEYEXPIRED);
	SAME(token == NULL, 1);

	token = token_until(some_day, "alice");
	SAME(imp_token_expires(token), some_day);
	MUST(imp_token_lowered(token, IMP_LEVEL_IDENTIFICATION, &lowered));
	MUST(imp_impersonate(lowered));
	imp_revert();
	end(token);
	SAME(imp_impersonate(token), -EKEYEXPIRED);
	SAME(imp_impersonate(lowered), -EKEYEXPIRED);
	SAME(geteuid() == alice.uid, 0);
	MUST(imp_assert(NULL));
	CONTAINS(logged(), "its authentication has ended");
}

static void goes_on(const char *kind)
{
	struct imp_token *token, *current;
	struct state service, acting;

	meet();
	become_service(kind);
	state_read(0, &service);
	state_acting(&service, &alice, &acting);
	token = token_until(some_day, "alice");
	MUST(imp_impersonate(token));
	end(token);
	STATE_IS(0, &acting);
	MUST(imp_assert(token));
	SAME(imp_impersonate(token), -EKEYEXPIRED);
	STATE_IS(0, &acting);
	MUST(imp_token_current(&current));
	SAME(current == token, 1);

	/* Nor is it replaced by one that has ended. */
	struct imp_token *other = token_until(some_day, "bob");

	end(other);
	SAME(imp_impersonate(other), -EKEYEXPIRED);
	STATE_IS(0, &acting);
	imp_revert();
	STATE_IS(0, &service);
}

struct nested {
	struct imp_token *outer; /* ends meanwhile */
	int times;
	uid_t seen;
};

static int see(void *data)
{
	struct nested *nested = data;

	nested->times++;
	nested->seen = geteuid();
	if (nested->outer)
		end(nested->outer);
	return 7;
}

/* What was current when it ended is what the thread comes back to. */
static void nests(const char *kind)
{
	struct imp_token *inner, *outer, *over;
	struct state service, acting;
	struct nested nested = {NULL, 0, 0};
	int result = 0;

	meet();
	become_service(kind);
	state_read(0, &service);
	state_acting(&service, &alice, &acting);
	inner = token_until(0, "bob");
	outer = token_until(some_day, "alice");
	over = token_until(some_day, "bob");
	end(over);
	MUST(imp_impersonate(outer));

	nested.outer = outer;
	MUST(imp_run(inner, see, &nested, &result));
	SAME(result, 7);
	SAME(nested.seen, bob.uid);
	STATE_IS(0, &acting);
	MUST(imp_run(NULL, see, &nested, &result));
	SAME(nested.seen, service.who.uid);
	STATE_IS(0, &acting);

	/* Work of one that has ended is not begun, and what was current stays so. */
	SAME(imp_run(over, see, &nested, &result), -EKEYEXPIRED);
	SAME(imp_run(outer, see, &nested, &result), -EKEYEXPIRED);
	SAME(nested.times, 2);
	STATE_IS(0, &acting);
	MUST(imp_assert(outer));
	imp_revert();
	STATE_IS(0, &service);
}

/* ---------------------------------------------------------------------------- what is lent -- */

static int destroyed;

static void destroy(struct lent *lent)
{
	(void)lent;
	destroyed++;
}

static void lent(const char *kind)
{
	struct lent ticket = {.destroy = destroy};
	struct network_client client = {
		.principal = PRINCIPAL,
		.account = "alice",
		.delegated = IMP_DELEGATED_FORWARDED,
		.lent = &ticket,
	};
	struct imp_token *token, *derived[3];

	meet();
	become_service(kind);
	MUST(token_of_network_client(&client, NULL, &token));
	MUST(imp_token_at_request(token, IMP_LEVEL_DELEGATION, &derived[0]));
	MUST(imp_token_lowered(derived[0], IMP_LEVEL_IMPERSONATION, &derived[1]));
	MUST(imp_token_scoped(derived[1], IMP_SCOPE_FILES, &derived[2]));
	SAME(derived[2]->client->lent == &ticket, 1);
	imp_token_unref(token);
	for (int i = 0; i < 3; i++) {
		MUST(imp_impersonate(derived[i]));
		imp_token_unref(derived[i]);
		SAME(destroyed, 0);
	}
	imp_revert(); /* from the last one that there is */
	SAME(destroyed, 1);
}

/* Whoever gives it away keeps it where that fails. */
static void lent_in_vain(const char *kind)
{
	struct lent ticket = {.destroy = destroy};
	struct network_client client = {
		.principal = PRINCIPAL,
		.account = "no-such-account",
		.delegated = IMP_DELEGATED_FORWARDED,
		.lent = &ticket,
	};
	struct imp_token *token = NULL;

	(void)kind;
	meet();
	SAME(token_of_network_client(&client, NULL, &token), -ESRCH);
	client.account = "alice";
	client.expires_ns = 1;
	SAME(token_of_network_client(&client, NULL, &token), -EKEYEXPIRED);
	SAME(destroyed, 0);

	/* One that is of no account is not passed on either, and is gone with its token. */
	client.account = NULL;
	client.expires_ns = 0;
	MUST(token_of_network_client(&client, NULL, &token));
	SAME(imp_token_delegated(token), IMP_DELEGATED_NONE);
	imp_token_unref(token);
	SAME(destroyed, 1);
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{"expired", expired}, {"goes-on", goes_on},	      {"nests", nests},
		{"lent", lent},	      {"lent-in-vain", lent_in_vain}, {NULL, NULL},
	};

	return check_main(argc, argv, cases);
}
