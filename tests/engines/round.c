/* SPDX-License-Identifier: MIT */
/* One round: everybody does the same, and is told the same, and leaves the same. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engines.h"

enum { COMMANDS = 160, PEERS_ROOM = 4096 };

struct play {
	struct stage *stage;
	struct tree tree;
	struct desk desk;
	struct person persons[USERS];
	pid_t pids[USERS];
	int clients[USERS];
	enum way last;
	uint64_t seed;
};

/* -------------------------------------------------------------------------------- beginning -- */

static void begin(struct play *play)
{
	static const mode_t masks[] = {0, 022, 002, 077, 027};
	const mode_t mask = masks[random_below(5)];

	tree_choose(&play->tree);
	for (enum way way = 0; way <= play->last; way++)
		tree_make(&play->tree, way);
	for (int user = 0; user < USERS; user++) {
		struct person *person = &play->persons[user];

		choose_person(person);
		play->pids[user] = client_start(play->stage, person, mask, &play->clients[user]);
		client_admit(play->stage, user, mask);
	}
}

static void end(struct play *play)
{
	const struct command command = {.work = WORK_RELEASE};
	struct answer answer;

	for (enum way way = WAY_THREAD; way <= play->last; way++)
		if (send(play->stage->services[way], &command, sizeof(command), MSG_NOSIGNAL) !=
			    sizeof(command) ||
		    recv(play->stage->services[way], &answer, sizeof(answer), 0) != sizeof(answer))
			broken("a service does not release");
	/* Those that began later have inherited the others' descriptors. */
	for (int user = 0; user < USERS; user++)
		close(play->clients[user]);
	for (int user = 0, status; user < USERS; user++)
		if (waitpid(play->pids[user], &status, 0) < 0 || status != 0)
			broken("a client ended with status %#x", (unsigned)status);
	for (enum way way = 0; way <= play->last; way++)
		tree_remove(&play->tree, way);
}

/* -------------------------------------------------------------------------------- comparing -- */

static int peer_of(const struct play *play, const struct command *command, enum way way)
{
	return way == WAY_PLAIN ? play->clients[command->user] : play->stage->services[way];
}

static void ask(const struct play *play, const struct command *command, struct answer answers[WAYS])
{
	for (enum way way = 0; way <= play->last; way++)
		if (send(peer_of(play, command, way), command, sizeof(*command), MSG_NOSIGNAL) !=
		    sizeof(*command))
			broken("send to way %d", way);
	for (enum way way = 0; way <= play->last; way++)
		if (recv(peer_of(play, command, way), &answers[way], sizeof(answers[way]), 0) !=
		    sizeof(answers[way]))
			broken("no answer of way %d", way);
}

static bool changes(const struct command *command)
{
	return command->work != WORK_STAT && command->work != WORK_GET &&
	       command->work != WORK_GET_FD && command->work != WORK_CONNECT;
}

static void tell(const struct play *play, const struct command *command,
		 const struct answer answers[WAYS], char peers[WAYS][PEERS_ROOM])
{
	printf("DISAGREEMENT, again by: --seed %llu --cases 1\n", (unsigned long long)play->seed);
	report_person(&play->persons[command->user]);
	report_command(command);
	for (enum way way = 0; way <= play->last; way++)
		report_answer(way, command, &answers[way], peers[way]);
}

/* The trees are looked at where something may have changed. */
static bool are_same_trees(const struct play *play, bool telling)
{
	const char *plain = look(WAY_PLAIN);
	bool same = true;

	for (enum way way = WAY_THREAD; way <= play->last; way++) {
		const char *other = look(way);

		if (strcmp(plain, other) == 0)
			continue;
		same = false;
		if (telling)
			report_looks(way, plain, other);
	}
	return same;
}

static bool has_empty_path(const struct command *command)
{
	const bool has_two = command->work == WORK_RENAME || command->work == WORK_LINK ||
			     command->work == WORK_SYMLINK;

	return (command->at != BY_LINK && command->path[0] == '\0') ||
	       (has_two && command->to_path[0] == '\0');
}

/*
 * What a ring cannot have the same.  It takes all paths in before it looks at anything else, so
 * that an empty one is told before what is wrong with the flags or with the other path.  And
 * statx(2) of a descriptor alone does not look at flags that it does not know, but in a ring.
 */
static bool is_known(const struct command *command, const struct answer answers[WAYS])
{
	const int64_t plain = answers[WAY_PLAIN].result, ring = answers[WAY_RING].result;
	const unsigned known =
		AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE;

	if (answers[WAY_THREAD].result != plain || !has_empty_path(command))
		return false;
	if (command->work == WORK_STAT && (command->flags & ~known) && plain == 0)
		return ring == -EINVAL;
	return plain < 0 && ring == -ENOENT;
}

/* False: nothing that is done in this round from now on is the same. */
static bool compare(struct play *play, const struct command *command, bool telling, int64_t *result)
{
	static char peers[WAYS][PEERS_ROOM];
	struct answer answers[WAYS];
	bool same = true;

	ask(play, command, answers);
	*result = answers[WAY_PLAIN].result;
	if (command->work == WORK_OPEN && *result >= 0)
		play->desk.kinds[command->user][command->slot] =
			answers[WAY_PLAIN].file.mode & S_IFMT;
	for (enum way way = 0; way <= play->last; way++) {
		peers[way][0] = '\0';
		if (command->work == WORK_CONNECT)
			tree_peers(&play->tree, way, peers[way], PEERS_ROOM);
		same = same &&
		       memcmp(&answers[way], &answers[WAY_PLAIN], sizeof(answers[0])) == 0 &&
		       strcmp(peers[way], peers[WAY_PLAIN]) == 0;
	}
	if (!same && play->last == WAY_RING && is_known(command, answers))
		same = true;
	if (!same && telling)
		tell(play, command, answers, peers);
	if (!changes(command) || answers[WAY_PLAIN].result < 0)
		return same;
	if (are_same_trees(play, false))
		return same;
	if (same && telling)
		tell(play, command, answers, peers);
	if (telling)
		are_same_trees(play, true);
	return false;
}

static void count(const struct command *command, int64_t result, struct statistics *statistics)
{
	statistics->cases++;
	if (result >= 0)
		statistics->succeeded[command->work]++;
	else
		statistics->refused[command->work]++;
	if (result < 0 && result > -134)
		statistics->errors[command->work][-result]++;
}

/* ------------------------------------------------------------------------------------ rounds -- */

void round_play(struct stage *stage, uint64_t seed, int *reports, struct statistics *statistics)
{
	static struct play play;

	memset(&play, 0, sizeof(play));
	play.stage = stage;
	play.desk.tree = &play.tree;
	play.seed = seed;
	play.last = stage->ring ? WAY_RING : WAY_THREAD;
	random_seed(seed);
	begin(&play);
	for (int i = 0; i < COMMANDS; i++) {
		struct command command;
		int64_t result;

		choose_command(&play.desk, &command);
		if (compare(&play, &command, *reports > 0, &result)) {
			count(&command, result, statistics);
			continue;
		}
		statistics->disagreements++;
		(*reports)--;
		break;
	}
	end(&play);
}
