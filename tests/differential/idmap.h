/* SPDX-License-Identifier: MIT */
#ifndef DIFFERENTIAL_IDMAP_H
#define DIFFERENTIAL_IDMAP_H

/*
 * Its mapping exchanges uid 3003 and 3004, gid 3103 and 3104, keeps those below, gid 3105, uid 4001
 * and gid 4101, and knows no others.  -1 where there is none to be had.
 */
int idmap_open(void);

#endif
