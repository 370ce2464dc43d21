/* SPDX-License-Identifier: MIT */
/* The system calls that idn-check run looks at, and what each asks for. */
#ifndef CALLS_H
#define CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NO_ARGUMENT = -1 };

/* How its arguments say what is asked of the path. */
enum call_about {
	ABOUT_PRIVILEGE, /* no path: a capability */
	ABOUT_PROCESS,	 /* no path: argument `detail` is a process */
	ABOUT_WANT,	 /* always `want` */
	ABOUT_WAY,	 /* the way to the path is all that is needed */
	ABOUT_OPEN,	 /* flags in argument `detail` */
	ABOUT_OPEN_HOW,	 /* the same, in a struct open_how */
	ABOUT_ACCESS,	 /* the mode in argument `detail`, as the real ids unless flags behind it */
	ABOUT_RENAME,	 /* from the first path to the second; flags in `detail` */
	ABOUT_LINK,
	ABOUT_TIMES,	 /* times in argument `detail`; NULL is now */
	ABOUT_ATTRIBUTE, /* the name of an extended attribute in `detail` */
	ABOUT_ADDRESS, /* a socket's address, in argument 1; a path where it is of a Unix socket */
	ABOUT_MAPPING  /* of a file, to be executed */
};

/* Where a path is: argument numbers.  Without a path it is about the descriptor itself. */
struct call_place {
	signed char directory, path;
};

struct call {
	int number;
	enum call_about about;
	const char *name;
	struct call_place places[2];
	signed char detail;
	bool follows_not; /* a symbolic link at the end is not followed */
	unsigned want;	  /* ACCESS_ bits */

	/* What it needs where the path is not what refuses: one of these, or neither. */
	bool has_capability;
	int capability;
	const char *otherwise; /* what would do instead of the capability, or beside it */

	/* It is looked at only where argument `only` has one of these bits... */
	signed char only;
	uint32_t only_bits;
	/* ... and argument `unless` none of those; the low 32 bits of both. */
	signed char unless;
	uint32_t unless_bits;
};

const struct call *calls(size_t *count);
/* NULL for one that is not looked at. */
const struct call *call_of_number(uint64_t number);
/* Whether the arguments are such that it is looked at. */
bool call_matters(const struct call *call, const uint64_t arguments[6]);

#endif
