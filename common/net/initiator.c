/* SPDX-License-Identifier: MIT */
/*
 * How the service, acting for a client, proves to another service who that client is.  What may be
 * used for it is decided before anything is asked of a KDC, and what was granted is looked at
 * after.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/impersonate-thread.h"
#include "core/level.h"
#include "core/switch.h"
#include "net/connect.h"
#include "net/memory-cache.h"
#include "net/own-cache.h"
#include "net/target.h"

struct initiator {
	struct imp_target *target;
	struct imp_token *token;   /* a reference, for what it has lent; NULL: the service itself */
	struct imp_policy *policy; /* a reference, where there is a token */
	struct own_cache *own;	   /* NULL: none */
	const struct lent *lent;   /* the token's; NULL: nothing */
	gss_cred_id_t borrowed;	   /* of that */
	gss_cred_id_t credential;  /* whichever it is */
	gss_ctx_id_t context;
	OM_uint32 asked;
	bool delegates;
	OM_uint32 lifetime;
};

/* ---------------------------------------------------------------------- what may be used -- */

static int refuse(const struct initiator *initiator, int error, const char *why)
{
	const struct imp_token *token = initiator->token;

	return kerberos_refuse(error, "uid %u at %s, to %s: %s", imp_token_identity(token)->uid,
			       imp_level_name(imp_token_level(token)),
			       target_text(initiator->target), why);
}

/* A client of this machine: its own cache, which the service can open while it is the client. */
static int use_own(struct initiator *initiator)
{
	int error;

	if (imp_token_level(initiator->token) < IMP_LEVEL_DELEGATION &&
	    !initiator->policy->delegation.one_hop)
		return refuse(initiator, -EPERM, "the policy allows no hop at this level: one_hop");
	error = own_cache_open(initiator->token, &initiator->own);
	if (error == 0)
		initiator->credential = own_cache_credential(initiator->own);
	return error;
}

static int use_lent(struct initiator *initiator)
{
	const struct client *client = initiator->token->client;

	if (imp_token_level(initiator->token) < IMP_LEVEL_DELEGATION)
		return refuse(initiator, -EPERM,
			      "a client of the network: no second hop but at delegation");
	if (client->delegated != IMP_DELEGATED_FORWARDED || !client->lent)
		return refuse(initiator, -ENOKEY, "it has forwarded no ticket");
	initiator->lent = client->lent;
	return 0;
}

static int borrow(struct initiator *initiator)
{
	char reason[KERBEROS_REASON];
	OM_uint32 minor, major = memory_cache_borrow(initiator->lent, &initiator->borrowed, &minor);

	if (GSS_ERROR(major))
		return refuse(initiator, kerberos_error(major, minor),
			      kerberos_reason(major, minor, reason));
	initiator->credential = initiator->borrowed;
	return 0;
}

/* A KDC that is as patient with clocks as they are may make a ticket even of one that is over. */
static int check_lifetime(const struct initiator *initiator)
{
	OM_uint32 minor, lifetime = 0;
	OM_uint32 major = gss_inquire_cred_by_mech(&minor, initiator->credential,
						   &kerberos_negotiable.elements[0], NULL,
						   &lifetime, NULL, NULL);

	if (!GSS_ERROR(major) && lifetime > 0)
		return 0;
	return refuse(initiator, -EKEYEXPIRED, "its tickets have ended");
}

static int take_credential(void *data)
{
	struct initiator *initiator = data;
	int error = initiator->lent ? borrow(initiator) : 0;

	return error < 0 ? error : check_lifetime(initiator);
}

/* As the service: what is asked of libkrb5 reads its configuration. */
static int as_service(int (*work)(void *data), struct initiator *initiator)
{
	int result = 0, error = imp_run(NULL, work, initiator, &result);

	return error < 0 ? error : result;
}

static int check_target(void *data)
{
	struct initiator *initiator = data;

	if (target_is_allowed(initiator->target, &initiator->policy->delegation))
		return 0;
	return refuse(initiator, -EACCES, "the policy's allow does not name it");
}

static int find(struct initiator *initiator)
{
	switch (imp_token_transport(initiator->token)) {
	case IMP_TRANSPORT_UNIX:
		return use_own(initiator);
	case IMP_TRANSPORT_TCP:
		return use_lent(initiator);
	default:
		return refuse(initiator, -EPERM, "not a client's: no connection brought it here");
	}
}

static int choose(struct initiator *initiator)
{
	int error = as_service(check_target, initiator);

	if (error == 0)
		error = find(initiator);
	return error < 0 ? error : as_service(take_credential, initiator);
}

static int choose_by_policy(struct initiator *initiator, enum imp_level level)
{
	int error;

	/* The service's own: what it may do with that is not for this policy to say. */
	if (!initiator->token)
		return !switch_has_primary() || thread_agrees(NULL) ? 0 : -ESTALE;
	error = policy_resolve(NULL, &initiator->policy);
	if (error == 0)
		error = token_is_current(initiator->token);
	if (error < 0)
		return error;
	initiator->delegates = level == IMP_LEVEL_DELEGATION;
	if (initiator->delegates)
		initiator->asked |= initiator->policy->delegation.require_ok_as_delegate
					    ? GSS_C_DELEG_POLICY_FLAG
					    : GSS_C_DELEG_FLAG;
	return choose(initiator);
}

int initiator_new(struct imp_target *target, enum imp_level level, struct initiator **initiator)
{
	struct initiator *new = calloc(1, sizeof(*new));
	struct imp_token *token = thread_token();
	int error;

	if (!new)
		return -ENOMEM;
	new->target = imp_target_ref(target);
	new->token = token ? imp_token_ref(token) : NULL;
	new->credential = new->borrowed = GSS_C_NO_CREDENTIAL;
	new->context = GSS_C_NO_CONTEXT;
	new->asked = GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG;
	error = choose_by_policy(new, level);
	if (error < 0)
		initiator_free(new);
	else
		*initiator = new;
	return error;
}

static int release(void *data)
{
	struct initiator *initiator = data;
	OM_uint32 minor;

	gss_delete_sec_context(&minor, &initiator->context, GSS_C_NO_BUFFER);
	gss_release_cred(&minor, &initiator->borrowed);
	own_cache_free(initiator->own);
	initiator->own = NULL;
	return 0;
}

void initiator_free(struct initiator *initiator)
{
	int error;

	if (!initiator)
		return;
	error = as_service(release, initiator);
	/* Better as whoever this is than not at all. */
	if (error < 0 && (initiator->context != GSS_C_NO_CONTEXT || initiator->own ||
			  initiator->borrowed != GSS_C_NO_CREDENTIAL))
		release(initiator);
	imp_token_unref(initiator->token);
	imp_policy_unref(initiator->policy);
	imp_target_unref(initiator->target);
	free(initiator);
}

/* ------------------------------------------------------------------------------- messages -- */

/* One step, to be made as the service: tickets, configuration and hosts are nothing of a client's.
 */
struct step {
	struct initiator *initiator;
	gss_buffer_desc answer, message;
	OM_uint32 granted;
};

/* What the other end answered was no proof, whatever it was. */
static int tell_of_failure(const struct step *step, OM_uint32 major, OM_uint32 minor)
{
	int error = kerberos_error(major, minor);
	char reason[KERBEROS_REASON];

	if (step->answer.length > 0 && error != -ENOMEM)
		error = -EBADMSG;
	return kerberos_refuse(error, "not authenticated with %s: %s",
			       target_text(step->initiator->target),
			       kerberos_reason(major, minor, reason));
}

/* Asked for is not granted: the KDC, or the ticket, says no without a word. */
static int check_granted(const struct step *step)
{
	const struct initiator *initiator = step->initiator;

	if (!(step->granted & GSS_C_MUTUAL_FLAG))
		return kerberos_refuse(-EBADMSG, "%s has not proven who it is",
				       target_text(initiator->target));
	if (initiator->delegates && !(step->granted & GSS_C_DELEG_FLAG))
		return refuse(
			initiator, -EKEYREJECTED,
			initiator->asked & GSS_C_DELEG_POLICY_FLAG
				? "its ticket was not forwarded: it cannot be, or the realm does "
				  "not mark the service ok-as-delegate"
				: "its ticket was not forwarded: it cannot be");
	return 0;
}

static int make_step(void *data)
{
	struct step *step = data;
	struct initiator *initiator = step->initiator;
	OM_uint32 minor;
	OM_uint32 major = gss_init_sec_context(
		&minor, initiator->credential, &initiator->context, target_name(initiator->target),
		&kerberos_spnego, initiator->asked, 0, GSS_C_NO_CHANNEL_BINDINGS, &step->answer,
		NULL, &step->message, &step->granted, &initiator->lifetime);

	if (GSS_ERROR(major))
		return tell_of_failure(step, major, minor);
	if (major & GSS_S_CONTINUE_NEEDED)
		return 1;
	return check_granted(step);
}

int initiator_step(struct initiator *initiator, const void *answer, size_t answer_size,
		   void **message, size_t *size)
{
	struct step step = {
		.initiator = initiator,
		.answer = {answer_size, (void *)answer},
		.message = GSS_C_EMPTY_BUFFER,
	};
	int result = 0, error = imp_run(NULL, make_step, &step, &result);
	OM_uint32 minor;

	if (error == 0 && result >= 0)
		error = kerberos_give(&step.message, message, size);
	gss_release_buffer(&minor, &step.message);
	return error < 0 ? error : result;
}

int64_t initiator_expires(const struct initiator *initiator)
{
	struct timespec now;

	if (initiator->lifetime == GSS_C_INDEFINITE)
		return 0;
	clock_gettime(CLOCK_REALTIME, &now);
	return ((int64_t)now.tv_sec + initiator->lifetime) * 1000000000;
}
