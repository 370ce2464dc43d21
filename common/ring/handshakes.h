/* SPDX-License-Identifier: MIT */
/* The service's end of the acceptor: handshakes are made there, one step of one at a time. */
#ifndef RING_HANDSHAKES_H
#define RING_HANDSHAKES_H

#include "impersonate.h"

/*
 * Waits for the acceptor to say that it is ready, by SOCKET, which stays open as long as that is
 * not ended.  *PROBLEM, where it is not, is a line that stays until the next call.
 */
int handshakes_begin(int socket, const char **problem) IMP_MUST_CHECK;
/* There are none after all; -1 is allowed. */
void handshakes_end(int socket);

#endif
