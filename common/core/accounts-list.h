/* SPDX-License-Identifier: MIT */
/* What reading accounts needs of their list; for accounts*.c alone. */
#ifndef CORE_ACCOUNTS_LIST_H
#define CORE_ACCOUNTS_LIST_H

#include "accounts.h"

/* Memory that stays where it is until accounts_clear; NULL: there is none. */
void *accounts_take(struct accounts *accounts, size_t size, size_t alignment);
const char *accounts_keep_text(struct accounts *accounts, const char *text);

/* Room for one more in *(void **)LIST; twice as much each time.  -ENOMEM. */
int accounts_make_room(void *list, size_t count, size_t *room, size_t size) IMP_MUST_CHECK;

/*
 * Adds an account, without its groups yet.  *INDEX is where it is, also with -EEXIST, where it was
 * there before.  -ENOMEM.
 */
int accounts_add_entry(struct accounts *accounts, const char *name, uid_t uid, gid_t gid,
		       size_t *index) IMP_MUST_CHECK;

/* Ascending, each once; of one at least. */
void accounts_order_gids(gid_t *gids, uint32_t *count);

#endif
