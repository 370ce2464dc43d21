/* SPDX-License-Identifier: MIT */
/* Mounts: what lies over what (proc_pid_mountinfo(5)), and idmapped ones (statmount(2)). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "access/mounts.h"
#include "core/procfs.h"

/* ------------------------------------------------------------------------------- lying over -- */

struct mount_line {
	unsigned long long id, parent;
	unsigned major, minor;
	char root[PATH_MAX], point[PATH_MAX]; /* of the file system; from the root directory */
};

static bool parse_line(const char *text, struct mount_line *line)
{
	/* The widths are those of the fields, less one. */
	_Static_assert(PATH_MAX == 4096, "the widths below");
	if (sscanf(text, "%llu %llu %u:%u %4095s %4095s", &line->id, &line->parent, &line->major,
		   &line->minor, line->root, line->point) != 6)
		return false;
	mount_line_unescape(line->root);
	mount_line_unescape(line->point);
	return true;
}

static bool find_line(const char *text, unsigned long long id, struct mount_line *line)
{
	for (const char *at = text; at && *at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strtoull(at, NULL, 10) == id)
			return parse_line(at, line);
	}
	return false;
}

/* PATH, which lies in that mount, from the root of the file system.  False where it does not. */
static bool within(const struct mount_line *mount, const char *path, char *inner, size_t size)
{
	size_t length = strcmp(mount->point, "/") == 0 ? 0 : strlen(mount->point);

	if (strncmp(path, mount->point, length) != 0 || (path[length] != '/' && path[length]))
		return false;
	return snprintf(inner, size, "%s%s", strcmp(mount->root, "/") == 0 ? "" : mount->root,
			path + length) < (int)size;
}

/* Does another line of TEXT say that something is mounted at INNER of the file system of HERE? */
static bool is_mounted_over(const char *text, const struct mount_line *here, const char *inner)
{
	struct mount_line *over = malloc(2 * sizeof(*over)), *below = over + 1;
	char *where = malloc(2 * PATH_MAX);
	bool found = false;

	for (const char *at = text; over && where && !found && at && *at; at = strchr(at, '\n')) {
		at += *at == '\n';
		found = parse_line(at, over) && find_line(text, over->parent, below) &&
			below->major == here->major && below->minor == here->minor &&
			within(below, over->point, where, 2 * PATH_MAX) &&
			strcmp(where, inner) == 0;
	}
	free(over);
	free(where);
	return found;
}

bool mounts_lie_over(const struct object *directory, const char *name)
{
	char link[PROCFS_FD_PATH], *text = NULL;
	struct mount_line *here = malloc(sizeof(*here));
	char *path = malloc(2 * PATH_MAX), *inner = malloc(2 * PATH_MAX);
	bool found = false;
	ssize_t length = -1;

	if (here && path && inner)
		length = readlink(procfs_fd_path(directory->fd, link), path, PATH_MAX);
	if (length > 0 && procfs_mounts(directory->mounts_of, &text) == 0) {
		snprintf(path + length, 2 * PATH_MAX - (size_t)length, "%s%s",
			 length > 1 ? "/" : "", name);
		found = find_line(text, directory->mount, here) &&
			within(here, path, inner, 2 * PATH_MAX) &&
			is_mounted_over(text, here, inner);
	}
	free(text);
	free(here);
	free(path);
	free(inner);
	return found;
}

/* --------------------------------------------------------------------------------- idmapped -- */

#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000 /* Linux 6.8 */
#endif
#ifndef SYS_statmount
#define SYS_statmount 457
#endif

/* linux/mount.h, of Linux 6.15. */
enum { MOUNT_BASIC = 0x02, MOUNT_UIDMAP = 0x2000, MOUNT_GIDMAP = 0x4000 };
enum { MOUNT_IS_IDMAPPED = 0x00100000 };

struct mount_request {
	uint32_t size, spare;
	uint64_t id, wanted;
};

struct mount_status {
	uint32_t size, options;
	uint64_t mask;
	uint32_t major, minor;
	uint64_t magic;
	uint32_t flags, type;
	uint64_t id, parent;
	uint32_t old_id, old_parent;
	uint64_t attributes, propagation, peer_group, master, propagate_from;
	uint32_t root, point;
	uint64_t namespace;
	uint32_t subtype, source, n_options, options_at, n_secrets, secrets_at;
	uint64_t supported;
	uint32_t n_uidmap, uidmap, n_gidmap, gidmap;
	uint64_t later[43];
	char text[16384];
};

/* COUNT strings "FIRST SEEN COUNT", one behind the other; what counts is what is seen. */
static int read_ranges(const char *text, size_t count, struct procfs_id_range **ranges, size_t *n)
{
	*n = 0;
	*ranges = count ? calloc(count, sizeof(**ranges)) : NULL;
	if (count && !*ranges)
		return -ENOMEM;
	for (; count > 0; count--, text += strlen(text) + 1) {
		uint32_t range[3];

		if (procfs_parse_ids(text, range, 3))
			(*ranges)[(*n)++] =
				(struct procfs_id_range){.first = range[1], .count = range[2]};
	}
	return 0;
}

static int take_over(const struct mount_status *status, struct object *directory)
{
	int error = read_ranges(status->text + status->uidmap, status->n_uidmap,
				&directory->uid_ranges, &directory->n_uid_ranges);

	if (error == 0)
		error = read_ranges(status->text + status->gidmap, status->n_gidmap,
				    &directory->gid_ranges, &directory->n_gid_ranges);
	directory->idmap_known = error == 0;
	return error;
}

int mounts_read_idmap(struct object *directory)
{
	struct mount_status *status = calloc(1, sizeof(*status));
	struct mount_request request = {.size = sizeof(request),
					.wanted = MOUNT_BASIC | MOUNT_UIDMAP | MOUNT_GIDMAP};
	struct statx found;
	int error = 0;

	if (!status)
		return -ENOMEM;
	if (!directory->idmap_known && !directory->uid_ranges &&
	    statx(directory->fd, "", AT_EMPTY_PATH, STATX_MNT_ID_UNIQUE, &found) == 0 &&
	    (found.stx_mask & STATX_MNT_ID_UNIQUE)) {
		request.id = found.stx_mnt_id;
		if (syscall(SYS_statmount, &request, status, sizeof(*status), 0) == 0 &&
		    (status->mask & MOUNT_BASIC)) {
			directory->idmapped = status->attributes & MOUNT_IS_IDMAPPED;
			if ((status->mask & MOUNT_UIDMAP) && (status->mask & MOUNT_GIDMAP))
				error = take_over(status, directory);
		}
	}
	free(status);
	return error;
}
