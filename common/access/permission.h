/* SPDX-License-Identifier: MIT */
/* Within judging: verdicts, and what judge.c asks of subjects and objects. */
#ifndef ACCESS_PERMISSION_H
#define ACCESS_PERMISSION_H

#include "access/judge.h"

void verdict_allow(struct access_verdict *verdict, enum access_rule rule);
/* ERROR is a positive errno. */
void verdict_deny(struct access_verdict *verdict, enum access_rule rule, int error);
void verdict_leave_open(struct access_verdict *verdict, enum access_rule rule);

bool id_in_ranges(const struct procfs_id_range *ranges, size_t count, uint32_t id);

/* capable_wrt_inode_uidgid(): over what has no owner there, no namespace gives any privilege. */
bool subject_is_capable(const struct access_subject *subject, const struct object *object,
			int capability);
/* inode_owner_or_capable(): a mapped owner alone is enough. */
bool subject_is_capable_over_owner(const struct access_subject *subject,
				   const struct object *object, int capability);
bool subject_is_owner(const struct access_subject *subject, const struct object *object);
bool subject_is_of_group(const struct access_subject *subject, const struct object *object);

/* Its file system, or this mount of it. */
bool object_is_read_only(const struct object *object);
/* What a read-only file system keeps from being written: not devices, fifos and sockets. */
bool object_is_file_or_directory(const struct object *object);

#endif
