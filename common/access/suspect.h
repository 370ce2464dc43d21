/* SPDX-License-Identifier: MIT */
/* What may stand behind an answer that the rules do not explain. */
#ifndef ACCESS_SUSPECT_H
#define ACCESS_SUSPECT_H

#include "access/subject.h"
#include "access/walk.h"

struct suspect {
	bool proven; /* the facts say that it decides here; else it only may */
	char text[256];
};

enum { SUSPECTS_MAXIMUM = 16 };

/* Security modules, labels, and file systems that decide by themselves; returns how many. */
size_t suspects_find(const struct walk *walk, const struct access_subject *subject,
		     struct suspect suspects[SUSPECTS_MAXIMUM]);

#endif
