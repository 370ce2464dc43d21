/* SPDX-License-Identifier: MIT */
/* What service and acceptor say to each other: a header, and the bytes that it announces. */
#ifndef RING_ACCEPT_H
#define RING_ACCEPT_H

#include "net/remote.h"

#define ACCEPT_MAGIC UINT32_C(0x31414d49) /* "IMA1" */

enum accept_kind {
	ACCEPT_STEP = 1, /* a client's message; the first has its connection along */
	ACCEPT_FORGET	 /* a handshake that nobody goes on with; there is no answer */
};

struct accept_request {
	uint32_t magic;
	uint32_t kind;
	uint32_t serial;    /* comes back in the answer */
	uint32_t handshake; /* as the answer to its first step has it; 0: this is that */
	uint32_t size;	    /* of the message behind this */
};

enum { ACCEPT_MESSAGE = 1 << 18, ACCEPT_PART = 1 << 20 }; /* bytes at most */

/* What is behind an answer, in this order. */
enum accept_part { PART_REPLY, PART_REASON, PART_PRINCIPAL, PART_GROUPS, PART_LENT, N_PARTS };

struct accept_answer {
	uint32_t magic;
	uint32_t serial;
	int32_t result; /* of imp_handshake_step */
	uint32_t handshake;
	uint32_t sizes[N_PARTS];

	/* With the result 0: an outcome. */
	int32_t error;
	uint32_t has_identity, uid, gid;
	uint32_t delegated;
	uint32_t number, holding, level, decided_by;
	int64_t expires_ns;
};

/* An answer, with what is behind it; all of that belongs to who has it. */
struct accept_result {
	int result;
	uint32_t handshake;
	void *reply;
	size_t reply_size;
	char *reason; /* for the log; NULL: none */
	struct outcome outcome;
};

void accept_clear(struct accept_result *result);

/*
 * 0; -EPIPE: the other end is gone; -EPROTO: what it says makes no sense, and nothing that it says
 * from now on would; -ENOMEM; what the kernel reports.
 */
int accept_send_request(int to, const struct accept_request *request, int fd,
			const void *message) IMP_MUST_CHECK;
/* *MESSAGE, and *FD, which is -1 for none, or an error by which it could not be had, are the
 * caller's. */
int accept_receive_request(int from, struct accept_request *request, int *fd,
			   void **message) IMP_MUST_CHECK;
int accept_send_answer(int to, uint32_t serial, const struct accept_result *result) IMP_MUST_CHECK;
int accept_receive_answer(int from, uint32_t serial, struct accept_result *result) IMP_MUST_CHECK;

#endif
