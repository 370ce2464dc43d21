/* SPDX-License-Identifier: MIT */
/* One attempt at a request, over a connection that is there already. */
#ifndef BACKEND_TRANSFER_H
#define BACKEND_TRANSFER_H

#include <curl/curl.h>

#include "backend.h"

struct transfer {
	CURL *easy;
	int fd; /* stays the caller's */
	const struct backend_request *request;
	const struct backend_sink *sink;
	long timeout_seconds;
	const char *host;  /* as whom it is addressed; NULL: as localhost */
	const char *level; /* that the other end is told in a header; NULL: of none */

	/* What came of it. */
	unsigned int status; /* 0: there is no head */
	bool is_reusable;    /* the connection */
	bool is_unsent;	     /* not a byte of the request */
	bool is_unheard;     /* not a byte of an answer */

	/* Meanwhile. */
	struct curl_slist *headers;
	bool is_handed_out;
	int handed_out; /* libcurl's own descriptor */
	int fd_error;
	size_t header_bytes;
	bool has_head; /* the sink has it */
	bool is_stopped;
};

/* All but the first seven members are 0.  Errors as backend_call has them. */
int transfer_do(struct transfer *transfer) IMP_MUST_CHECK;

/* As backend_header; NUMBER, from 0 on, is which one of that name. */
const char *transfer_header(const struct backend_head *head, const char *name, size_t number);

#endif
