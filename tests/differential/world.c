/* SPDX-License-Identifier: MIT */
/*
 * Where trees are made: file systems in a mount namespace, and below a root directory, that end
 * with this process.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "differential.h"
#include "idmap.h"
#include "lib/check.h"

/* Every system has it, and nobody else sees what is mounted there. */
static const char root[] = "/tmp";

_Noreturn void world_hold(void)
{
	for (;;)
		pause();
}

/* ------------------------------------------------------------------------------------- ext4 -- */

static bool run_mkfs(const char *image)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execlp("mkfs.ext4", "mkfs.ext4", "-q", "-F", "-O", "^has_journal", image, NULL);
		execl("/usr/sbin/mkfs.ext4", "mkfs.ext4", "-q", "-F", "-O", "^has_journal", image,
		      NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* A device of that file, which ends with its last user. */
static int attach(int image, char *device, size_t size)
{
	struct loop_info64 info = {.lo_flags = LO_FLAGS_AUTOCLEAR};
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int fd = -1;

	/* Another may take a free one first. */
	for (int tries = 0; control >= 0 && tries < 32; tries++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);

		snprintf(device, size, "/dev/loop%d", number);
		fd = number < 0 ? -1 : open(device, O_RDWR | O_CLOEXEC);
		if (fd >= 0 && ioctl(fd, LOOP_SET_FD, image) == 0)
			break;
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	if (control >= 0)
		close(control);
	if (fd >= 0 && ioctl(fd, LOOP_SET_STATUS64, &info) < 0) {
		ioctl(fd, LOOP_CLR_FD);
		close(fd);
		fd = -1;
	}
	return fd;
}

/* NULL, or why not. */
static const char *mount_ext4(const char *where)
{
	char image[64], device[64];
	const char *reason = NULL;

	snprintf(image, sizeof(image), "%s/image", root);

	int fd = open(image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, 16 << 20) < 0)
		broken("make %s", image);
	if (!run_mkfs(image)) {
		close(fd);
		return "mkfs.ext4 is missing, or fails";
	}

	int loop = attach(fd, device, sizeof(device));

	close(fd);
	if (loop < 0)
		return "no loop device is to be had";
	if (mount(device, where, "ext4", 0, "acl") < 0)
		reason = "it cannot be mounted";
	close(loop);
	return reason;
}

/* ---------------------------------------------------------------------------- a running program --
 */

static bool copy_self(const char *to)
{
	struct stat status;
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	bool done = from >= 0 && fd >= 0 && fstat(from, &status) == 0;

	for (off_t left = done ? status.st_size : 0; done && left > 0;) {
		ssize_t sent = sendfile(fd, from, NULL, (size_t)left);

		done = sent > 0;
		left -= sent;
	}
	if (from >= 0)
		close(from);
	if (fd >= 0)
		close(fd);
	return done;
}

/* With the root directory of before, where its libraries are. */
static bool run_busy(const char *vault, pid_t *busy)
{
	pid_t parent = getpid();
	char path[160];
	int started[2];
	char byte;

	snprintf(path, sizeof(path), "%s/busy", vault);
	if (!copy_self(path) || pipe2(started, O_CLOEXEC) < 0)
		return false;

	pid_t pid = fork();

	if (pid == 0) {
		/* It ends with the one that started it, which may be gone already. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
			execl(path, path, "--hold", NULL);
		(void)!write(started[1], "", 1);
		_exit(127);
	}
	close(started[1]);
	*busy = pid;

	/* It is being run as soon as the pipe is closed. */
	bool runs = pid > 0 && read(started[0], &byte, 1) == 0;

	close(started[0]);
	return runs;
}

/* -------------------------------------------------------------------------------------- all -- */

static struct file_system *add(struct world *world, const char *kind, bool lists)
{
	struct file_system *on = &world->file_systems[world->n_file_systems];

	*on = (struct file_system){.kind = kind, .lists = lists};
	snprintf(on->top, sizeof(on->top), "%s/%u", root, world->n_file_systems);
	if (mkdir(on->top, 0755) < 0)
		broken("mkdir %s", on->top);
	return on;
}

/* One that leads to the next, and the last to a file. */
static void make_links(const char *where)
{
	char path[160], target[16] = "../source";

	if (mkdir(where, 0755) < 0)
		broken("mkdir %s", where);

	for (int i = 1; i <= MOST_LINKS; i++) {
		snprintf(path, sizeof(path), "%s/%d", where, i);
		if (symlink(target, path) < 0)
			broken("symlink %s", path);
		snprintf(target, sizeof(target), "%d", i);
	}
}

static void remove_links(const char *where)
{
	char path[160];

	for (int i = 1; i <= MOST_LINKS; i++) {
		snprintf(path, sizeof(path), "%s/%d", where, i);
		unlink(path);
	}
	rmdir(where);
}

/* What trees need there; the name is then that of the new root. */
static void prepare(struct world *world, struct file_system *on)
{
	char path[128];

	if (chmod(on->top, 0755) < 0)
		broken("chmod %s", on->top);
	snprintf(path, sizeof(path), "%s/source", on->top);

	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

	/* That anybody may link, where hard links are protected. */
	if (fd < 0 || fchmod(fd, 0666) < 0)
		broken("make %s", path);
	close(fd);
	snprintf(path, sizeof(path), "%s/links", on->top);
	if (mkdir(path, 0777) < 0 || chmod(path, 0777) < 0)
		broken("mkdir %s", path);
	snprintf(path, sizeof(path), "%s/chain", on->top);
	make_links(path);
	snprintf(path, sizeof(path), "%s/.vault", on->top);
	if (mkdir(path, 0700) < 0)
		broken("mkdir %s", path);
	on->has_busy = run_busy(path, &on->busy);
	memmove(on->top, on->top + sizeof(root) - 1, strlen(on->top) - sizeof(root) + 2);
	world->n_file_systems++;
}

static void add_own(struct world *world)
{
	struct file_system *on = add(world, "tmpfs", true);

	if (mount("differential", on->top, "tmpfs", 0, "mode=0755") < 0)
		broken("mount tmpfs");
	prepare(world, on);
	on = add(world, "ramfs", false);
	if (mount("differential", on->top, "ramfs", 0, "mode=0755") == 0)
		prepare(world, on);
	else
		rmdir(on->top);
	on = add(world, "ext4", true);

	const char *reason = mount_ext4(on->top);

	if (!reason) {
		prepare(world, on);
		return;
	}
	fprintf(stderr, "access-differential: without ext4: %s\n", reason);
	rmdir(on->top);
}

/* A directory of ours on each, seen as a file system of its own. */
static void add_others(struct world *world, char **directories)
{
	for (; directories && *directories && world->n_file_systems < 8; directories++) {
		char path[PATH_MAX];
		struct file_system *on = add(world, *directories, false);

		snprintf(path, sizeof(path), "%s/access-differential.XXXXXX", *directories);
		if (!mkdtemp(path) || mount(path, on->top, NULL, MS_BIND, NULL) < 0)
			broken("%s", *directories);
		on->is_foreign = true;
		on->outside = open(*directories, O_PATH | O_DIRECTORY | O_CLOEXEC);
		snprintf(on->name, sizeof(on->name), "%s", strrchr(path, '/') + 1);
		/* With lists, if one can be set. */
		on->lists = true;
		prepare(world, on);
	}
}

void world_make(struct world *world, char **directories)
{
	char path[64];

	*world = (struct world){.n_file_systems = 0};
	if (geteuid() != 0)
		SKIP("needs root");
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		SKIP("needs a mount namespace: %s", strerror(errno));
	world->idmapping = idmap_open();
	if (mount("differential", root, "tmpfs", 0, "mode=0755") < 0)
		SKIP("needs to mount a tmpfs: %s", strerror(errno));
	snprintf(path, sizeof(path), "%s/proc", root);
	if (mkdir(path, 0755) < 0 || mount("/proc", path, NULL, MS_BIND | MS_REC, NULL) < 0)
		broken("mount %s", path);
	add_own(world);
	add_others(world, directories);
	if (chroot(root) < 0 || chdir("/") < 0)
		broken("chroot");
}

void world_end(const struct world *world)
{
	static const char *const left[] = {"source", ".vault/busy"};
	char path[128];

	for (unsigned i = 0; i < world->n_file_systems; i++) {
		const struct file_system *on = &world->file_systems[i];

		if (on->busy > 0) {
			kill(on->busy, SIGKILL);
			waitpid(on->busy, NULL, 0);
		}
		/* All but what is on others' file systems ends by itself. */
		for (int j = 0; on->is_foreign && j < 2; j++) {
			snprintf(path, sizeof(path), "%s/%s", on->top, left[j]);
			unlink(path);
		}
		snprintf(path, sizeof(path), "%s/links", on->top);
		if (on->is_foreign)
			rmdir(path);
		snprintf(path, sizeof(path), "%s/chain", on->top);
		if (on->is_foreign)
			remove_links(path);
		snprintf(path, sizeof(path), "%s/.vault", on->top);
		if (on->is_foreign &&
		    (rmdir(path) < 0 || unlinkat(on->outside, on->name, AT_REMOVEDIR) < 0))
			fprintf(stderr, "access-differential: %s: left behind\n", on->kind);
	}
}
