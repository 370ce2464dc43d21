/* SPDX-License-Identifier: MIT */
/*
 * The mistakes that services make, made on purpose, so that it can be seen how each is found.  This
 * is the only file that may call the C library's seteuid(3), and it shows why.
 */
#include <pthread.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "cli/message.h"
#include "core/credentials.h"
#include "core/switch.h"
#include "serve.h"

enum { BORN_MAXIMUM = 64 };

static struct {
	pthread_mutex_t lock;
	pthread_cond_t over;
	bool stopping;
	pthread_t born[BORN_MAXIMUM];
	int n_born;
} defects = {.lock = PTHREAD_MUTEX_INITIALIZER, .over = PTHREAD_COND_INITIALIZER};

enum defect defect_by_name(const char *name)
{
	static const char *const names[] = {
		[DEFECT_NO_FLOW] = "no-flow",
		[DEFECT_FORGOTTEN_REVERT] = "forgotten-revert",
		[DEFECT_BORN_IMPERSONATING] = "born-impersonating",
		[DEFECT_RAW_SETRESUID] = "raw-setresuid",
		[DEFECT_GLIBC_SETEUID] = "glibc-seteuid",
		[DEFECT_LAZY_CHANNEL] = "lazy-channel",
	};

	for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return (enum defect)i;
	return DEFECT_NONE;
}

/* ----------------------------------------------------------------------- born impersonating -- */

static void *stay(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "born");
	pthread_mutex_lock(&defects.lock);
	while (!defects.stopping)
		pthread_cond_wait(&defects.over, &defects.lock);
	pthread_mutex_unlock(&defects.lock);
	return NULL;
}

/* What pthread_create(3) makes has its maker's credentials for life. */
static void make_thread(void)
{
	pthread_mutex_lock(&defects.lock);
	if (!defects.stopping && defects.n_born < BORN_MAXIMUM &&
	    pthread_create(&defects.born[defects.n_born], NULL, stay, NULL) == 0)
		defects.n_born++;
	pthread_mutex_unlock(&defects.lock);
}

void defect_stop(void)
{
	pthread_mutex_lock(&defects.lock);
	defects.stopping = true;
	pthread_cond_broadcast(&defects.over);
	pthread_mutex_unlock(&defects.lock);
	for (int i = 0; i < defects.n_born; i++)
		pthread_join(defects.born[i], NULL);
}

/* --------------------------------------------------------------------- behind the library -- */

/* "Just for a moment", as the service itself: for this thread alone, and the library is not told.
 */
static void set_raw(void)
{
	if (credentials_set_uids(IMP_NO_UID, switch_primary()->view.uid, IMP_NO_UID) < 0)
		warn_of("--demo-defect raw-setresuid: the uid cannot be set");
}

/* Changes nothing for the thread that calls it, and every other one. */
static void *set_by_library(void *gate)
{
	/* Its maker has left its identity to make it, and is to have it again first. */
	pthread_mutex_lock(gate);
	pthread_mutex_unlock(gate);
	if (seteuid(switch_primary()->view.uid) < 0)
		warn_of("--demo-defect glibc-seteuid: the uid cannot be set");
	return NULL;
}

static void set_in_another_thread(void)
{
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	pthread_t thread;
	bool before = imp_flow_suppress();

	pthread_mutex_lock(&gate);

	int error = imp_thread_create(&thread, NULL, set_by_library, &gate);

	pthread_mutex_unlock(&gate);
	imp_flow_restore(before);
	if (error == 0)
		pthread_join(thread, NULL);
}

void defect_while_holding(enum defect defect)
{
	switch (defect) {
	case DEFECT_BORN_IMPERSONATING:
		make_thread();
		break;
	case DEFECT_RAW_SETRESUID:
		set_raw();
		break;
	case DEFECT_GLIBC_SETEUID:
		set_in_another_thread();
		break;
	default:
		break;
	}
}
