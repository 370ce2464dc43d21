/* SPDX-License-Identifier: MIT */
/* idn-serve-demo: what its parts share. */
#ifndef SERVE_H
#define SERVE_H

#include <microhttpd.h>
#include <sys/stat.h>

#include "core/procfs.h"
#include "impersonate.h"

enum { EXIT_DRAINED = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct options {
	const char *socket_path;
	const char *root;
	const char *user;
	mode_t socket_mode;
	int threads;
	int stay_root;
	int verbose;
	int max_header; /* bytes */
	int max_body;	/* bytes */
	int max_connections;
	int max_client_connections; /* of one uid */
	int timeout;		    /* seconds without a byte */
};

/* ------------------------------------------------------------------------------ listen.c -- */

/* The listening socket: from the service manager (LISTEN_FDS), or made at options->socket_path. */
int listen_open(const struct options *options);

/* Takes the socket's name away again, where that is allowed. */
void listen_close(const struct options *options, int fd);

/* Tells the service manager (sd_notify(3)); does nothing without one. */
void notify_manager(const char *state);

/* -------------------------------------------------------------------------------- drop.c -- */

/* From root to an account that is nobody else's, with the two capabilities alone. */
void drop_privilege(const struct options *options, const struct imp_policy *policy);

/* -------------------------------------------------------------------------------- work.c -- */

/* What came of a piece of work; text and body are owned. */
struct reply {
	unsigned int status; /* HTTP */
	const char *type;    /* of the content */
	char *body;
	size_t size;
	int fd;	   /* >= 0: the content, of SIZE bytes, instead of a body */
	pid_t tid; /* of the thread that did it */
};

enum work_kind { WORK_WHOAMI, WORK_FILE, WORK_LIST };

/* Does it as TOKEN, asserted before and after.  PATH is below root_fd, without leading slashes. */
void work_do(enum work_kind kind, struct imp_token *token, int root_fd, const char *path,
	     struct reply *reply);

void reply_text(struct reply *reply, unsigned int status, const char *format, ...) IMP_PRINTF(3, 4);
void reply_clear(struct reply *reply);

/* What an impersonation that failed means for the client. */
void reply_not_impersonated(struct reply *reply, int error);

/*
 * The answer of /whoami, in two parts: who the client is, told by the service, since name services
 * are nothing to ask as a client; and what the kernel had for the thread while it was the client,
 * which takes over the first part.  The caller frees the line.
 */
struct json_t *work_describe(const struct imp_token *token);
char *work_describe_thread(struct json_t *object, const struct procfs_thread *kernel);

/* -------------------------------------------------------------------------------- hold.c -- */

struct hold;

/*
 * Has a thread of its own take TOKEN for MILLISECONDS; CONNECTION, which must be suspended, is
 * resumed once it has, or could not.  NULL when there are too many.
 */
struct hold *hold_start(struct MHD_Connection *connection, struct imp_token *token,
			unsigned int milliseconds);
/* After that: 0 and the response, or the reply that says why not. */
int hold_response(struct hold *hold, struct MHD_Response **response, struct reply *reply);
pid_t hold_thread(struct hold *hold);
void hold_unref(struct hold *hold);
/* Ends all of them early, and their threads. */
void hold_drain(void);

/* -------------------------------------------------------------------------------- http.c -- */

struct MHD_Daemon *http_start(const struct options *options, struct imp_policy *policy, int root_fd,
			      int listen_fd);
/* No more connections; the descriptor returned becomes readable when the last request has ended. */
int http_drain(struct MHD_Daemon *daemon);

#endif
