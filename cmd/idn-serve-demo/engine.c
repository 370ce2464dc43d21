/* SPDX-License-Identifier: MIT */
/* Which engine clients are served by: the ring engine, where nothing speaks against it. */
#include <stdio.h>
#include <string.h>

#include "cli/message.h"
#include "serve.h"

enum {
	MORE_SEATS = 4, /* than threads that serve: for the workers, whose operations are few */
	MOST_SEATS = 64
};

static enum imp_engine chosen = IMP_ENGINE_THREAD;
static const char *against; /* why it is not the ring engine, where nobody said so */

/* ------------------------------------------------------------------------------- options -- */

/* The option that only a thread that is the client itself can serve; NULL: there is none. */
static const char *option_against(const struct options *options)
{
	if (options->stay_root)
		return "--stay-root";
	if (options->defect != DEFECT_NONE)
		return "--demo-defect";
	return NULL;
}

void engine_parse(const char *name, struct options *options)
{
	static const char *const names[] = {
		[CHOOSE_AUTO] = "auto",
		[CHOOSE_RING] = "ring",
		[CHOOSE_THREAD] = "thread",
	};
	const char *excluded = option_against(options);
	size_t i = 0;

	while (i < sizeof(names) / sizeof(names[0]) && strcmp(name, names[i]) != 0)
		i++;
	if (i == sizeof(names) / sizeof(names[0]))
		die(EXIT_USAGE, "--engine: %s: must be ring, thread or auto", name);
	options->engine = (enum engine_choice)i;
	if (options->engine == CHOOSE_RING && excluded)
		die(EXIT_USAGE, "--engine ring and %s exclude each other", excluded);
}

/* ------------------------------------------------------------------------------ starting -- */

/* NULL: it was started.  Else why not. */
static const char *start_ring(const struct options *options, struct imp_policy *policy,
			      int listen_fd)
{
	static char text[256];
	const unsigned int seats = (unsigned int)options->threads + MORE_SEATS;
	const struct imp_acceptor_options acceptor = authenticate_options(options);
	struct imp_ring_options wanted = {
		.listen_fd = listen_fd,
		.policy = policy,
		.seats = seats < MOST_SEATS ? seats : MOST_SEATS,
		.without_connect = !options->backend,
		.acceptor = options->keytab ? &acceptor : NULL,
	};
	const char *problem = NULL, *missing;

	if (imp_check_privilege(&missing) < 0) {
		snprintf(text, sizeof(text), "%s is missing", missing);
		return text;
	}

	if (wanted.acceptor)
		drop_acceptor(policy, &wanted.acceptor_uid, &wanted.acceptor_gid);

	int error = imp_ring_start(&wanted, &problem);

	if (error == 0)
		return NULL;
	return problem ? problem : reason_of(error);
}

enum imp_engine engine_start(const struct options *options, struct imp_policy *policy,
			     int listen_fd)
{
	if (options->engine == CHOOSE_THREAD)
		return chosen;
	against = option_against(options);
	if (!against)
		against = start_ring(options, policy, listen_fd);
	if (!against) {
		chosen = IMP_ENGINE_RING;
	} else if (options->engine == CHOOSE_RING) {
		/* The broker has to know the socket, which therefore was there before. */
		listen_close(options, listen_fd);
		die(EXIT_FAILED, "--engine ring: %s", against);
	}
	return chosen;
}

void engine_tell(void)
{
	const char *name = imp_engine_name(chosen);

	if (against)
		tell_of("engine: %s, not ring: %s", name, against);
	else
		tell_of("engine: %s", name);
}

enum imp_engine engine_chosen(void)
{
	return chosen;
}
