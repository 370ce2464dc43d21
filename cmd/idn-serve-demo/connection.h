/* SPDX-License-Identifier: MIT */
/* A connection, and whose it is: for connection.c, which counts them, and authenticate.c. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <netinet/in.h>

#include "serve.h"

/* Whose connections are counted together: a user's, or those from one address. */
struct origin {
	bool network;
	uid_t uid;
	struct in6_addr address;
};

enum proof {
	PROOF_NONE, /* of a client of the network: nobody, so far */
	PROOF_DONE, /* whoever the token says */
	PROOF_OVER  /* failed, not finished or expired: nobody, and not even Anonymous any more */
};

/* But for the references, used only by the thread that serves the connection. */
struct client_connection {
	atomic_int references;	 /* HTTP's, and those of requests that are being worked for */
	struct imp_token *token; /* NULL: the error says why, or the proof is over */
	int error;
	enum proof proof;
	struct imp_handshake *handshake; /* one that has begun, and not come to its end */
	struct backends *backends;	 /* of whom the token is */
	struct origin origin;		 /* counted against max_client_connections */
	bool counted;
};

/* From now on it is TOKEN's, which it takes over; NULL: nobody's any more. */
void connection_become(struct client_connection *client, struct imp_token *token);

/* A request's header: -ENOENT without one; -EINVAL where there are several, or it is broken. */
int connection_header(struct MHD_Connection *connection, const char *name, const char **value);

#endif
