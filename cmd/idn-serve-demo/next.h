/* SPDX-License-Identifier: MIT */
/* The next server: where it is, who it has to be, and how far it may go for a client. */
#ifndef NEXT_H
#define NEXT_H

#include "backend.h"
#include "serve.h"

/* What the options say of it; ends the program where that makes no sense. */
void next_parse(const struct options *options);
/* Gets ready to call it, where there is one; ends the program where that cannot be. */
void next_prepare(const struct options *options);
/* Is it one of the network? */
bool next_is_remote(void);
/* Errors as backend_new. */
int next_backend(enum imp_level level, long timeout_seconds,
		 struct backend **backend) IMP_MUST_CHECK;

#endif
