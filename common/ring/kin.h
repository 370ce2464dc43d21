/* SPDX-License-Identifier: MIT */
/* Whether a client is one, and not the service itself, or a process of its own making. */
#ifndef RING_KIN_H
#define RING_KIN_H

#include "core/token.h"

struct kin {
	pid_t service;
	int pidfd; /* of it; -1: the kernel does not tell of other processes, or nobody asks */
};

/* In the broker, before it is confined; KIN->pidfd is to be kept.  CONNECTS: the service can do
 * that as a client. */
void kin_prepare(pid_t service, bool connects, struct kin *kin);
/* In the service: whether the broker will be able to tell its children from clients. */
bool kin_is_told(void);

/* -EPERM for a connection that TOKEN's client has not made itself; -ESRCH: it is not to be known.
 */
int kin_check(const struct kin *kin, int connection, const struct imp_token *token) IMP_MUST_CHECK;

#endif
