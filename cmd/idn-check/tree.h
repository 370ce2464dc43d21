/* SPDX-License-Identifier: MIT */
/* idn-check access -r: what its two parts share. */
#ifndef CHECK_TREE_H
#define CHECK_TREE_H

#include <pthread.h>

#include "access/tree.h"
#include "check.h"

enum { RULES_MAXIMUM = 128 };

/* How often each rule denied; beyond so many different ones the rest is counted together. */
struct rule_counts {
	struct {
		char *text;
		uint64_t count;
	} rules[RULES_MAXIMUM];
	size_t n_rules;
	uint64_t others;
};

struct listing {
	const struct tree_options *options;
	unsigned listed; /* 1 << TREE_...: what --list is for */
	bool terminal;	 /* names are made printable */
	json_t **identities;
	pthread_mutex_t lock;	   /* over rules, and what is for one thread alone */
	struct rule_counts *rules; /* for each start path and subject, as counts are; or NULL */
};

/* tree-list.c: called for each entry; CONTEXT is a struct listing. */
void list_path(void *context, const struct tree_entry *entry, struct tree_output *output);
void list_object(void *context, const struct tree_entry *entry, struct tree_output *output);
/* The same, as the caller, who can look at what decided. */
void list_with_rules(void *context, const struct tree_entry *entry, struct tree_output *output);

#endif
