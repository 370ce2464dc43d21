/* SPDX-License-Identifier: MIT */
/* Requests to the next server, made as whoever the calling thread acts as, over a channel. */
#ifndef BACKEND_H
#define BACKEND_H

#include "impersonate.h"

/* One client of one server.  May be shared by threads: one call at a time. */
struct backend;

/*
 * Loads and initialises all that a call needs, and tries it out, since under a client nothing may
 * be loaded.  Once, before threads start and before anybody is impersonated.  -ENOTSUP where this
 * was built without libcurl, or with one that has no Unix sockets; -ENOMEM; what socketpair(2)
 * reports.
 */
int backend_prepare(void) IMP_MUST_CHECK;

/*
 * A client of the server at SOCKET_PATH, at LEVEL at most.  A call in which that sends or takes no
 * byte for TIMEOUT_SECONDS, or does not let it connect, is given up; 0: never.  The time does not
 * count in which a call waits for another thread's to end.
 * Errors of imp_channel_new, -ENOTSUP.
 */
int backend_new(const char *socket_path, enum imp_level level, long timeout_seconds,
		struct backend **backend) IMP_MUST_CHECK;

/*
 * The same of the server that TARGET is, addressed as HOST ("b.example:8080") in requests, which
 * has to outlive it.  TIMEOUT_SECONDS are 1 at least.  Where the connection is opened,
 * client and server prove to each other who they are, before any request is made; then each
 * request says at which level it is made.
 */
int backend_new_network(struct imp_target *target, const char *host, enum imp_level level,
			long timeout_seconds, struct backend **backend) IMP_MUST_CHECK;
void backend_free(struct backend *backend); /* NULL is allowed */

struct backend_header {
	const char *name, *value;
};

struct backend_request {
	const char *method; /* in capitals */
	const char *target; /* path and query, as they are to be sent */
	const void *body;
	size_t size; /* of it; 0 also for none */
	const struct backend_header *headers;
	size_t n_headers;
};

/* What comes before the body; all of it lives as long as on_head runs. */
struct backend_head {
	unsigned int status;
	const char *type; /* of the content; NULL: it is not said */
	int64_t length;	  /* of the content; -1: it is not said */
	void *source;
};

/* The value of a header, the first of that name, or NULL. */
const char *backend_header(const struct backend_head *head, const char *name);

/* Where the answer goes, piece by piece; false: no more of it is wanted. */
struct backend_sink {
	/* Once, before the first byte of the body or, without one, at the end. */
	bool (*on_head)(void *data, const struct backend_head *head);
	bool (*on_data)(void *data, const void *bytes, size_t size);
	void *data;
};

/*
 * Makes REQUEST as whom the calling thread acts as.  Where the connection was open before, and is
 * found to have ended before any byte of an answer, a GET or HEAD is made once more over a new one,
 * and so is any request of which nothing had been sent.
 *
 * 0 once the whole answer has come, whatever its status.  Errors of imp_channel_begin, above all
 * -ESTALE for a connection that is another's, and -EACCES for a client that may not connect there;
 * over the network those of imp_channel_new_network, and -EREMOTEIO where the other end has not
 * accepted the client; -EINVAL for a method, target or header that cannot be sent; -ECONNRESET
 * where the connection ended early: of other methods nobody knows whether it was done; -ETIMEDOUT;
 * -EPROTO for an answer that is not HTTP, or not sensible; -ECANCELED when the sink wanted no more;
 * -EMFILE; -ENOMEM. Where on_head was called before the error, the answer is cut off.
 */
int backend_call(struct backend *backend, const struct backend_request *request,
		 const struct backend_sink *sink) IMP_MUST_CHECK;

#endif
