/* SPDX-License-Identifier: MIT */
/* idn-check who --only: those who may, held against those who should. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"
#include "who.h"

struct only {
	uid_t *uids;
	gid_t *gids;
	size_t n_uids, n_gids;
};

static _Noreturn void refuse(const char *word, const char *what, int error)
{
	bool wrong = error == -ESRCH || error == -EINVAL || error == -ERANGE;

	die(wrong ? EXIT_USAGE : EXIT_UNKNOWN, "--only: %s: %s%s", word, wrong ? "no such " : "",
	    wrong ? what : reason_of(error));
}

static void add_user(struct only *only, const char *word, const struct accounts *accounts)
{
	const struct listed_account *listed = accounts_find(accounts, word);
	struct account account;
	int error;

	if (listed) {
		only->uids[only->n_uids++] = listed->uid;
		return;
	}
	error = account_without_groups(word, &account);
	if (error < 0)
		refuse(word, "account", error);
	only->uids[only->n_uids++] = account.identity.view.uid;
	account_clear(&account);
}

static void add_group(struct only *only, const char *word, const char *name)
{
	int error = identity_of_group(name, &only->gids[only->n_gids]);

	if (error < 0)
		refuse(word, "group", error);
	only->n_gids++;
}

static void add_word(struct only *only, const char *word, const struct accounts *accounts)
{
	if (word[0] == '@')
		add_group(only, word, word + 1);
	else if (strncmp(word, "group:", 6) == 0)
		add_group(only, word, word + 6);
	else
		add_user(only, word, accounts);
}

struct only *only_parse(const char *list, const struct accounts *accounts)
{
	struct only *only = calloc(1, sizeof(*only));
	char *copy = strdup(list), *rest = copy, *word;
	size_t room = strlen(list) + 1;

	if (!only || !copy || !(only->uids = calloc(room, sizeof(*only->uids))) ||
	    !(only->gids = calloc(room, sizeof(*only->gids))))
		die(EXIT_UNKNOWN, "%s", strerror(ENOMEM));
	/* An empty list is nobody; an empty word in a list is a mistake. */
	while (list[0] && (word = strsep(&rest, ",")))
		add_word(only, word, accounts);
	free(copy);
	return only;
}

static bool is_in(const struct only *only, const struct listed_account *account, enum who_kind kind)
{
	for (size_t i = 0; i < only->n_uids; i++)
		if (kind != WHO_GROUP && only->uids[i] == account->uid)
			return true;
	for (size_t i = 0; i < only->n_gids; i++) {
		/* A uid without an account is in no group, whatever number it is judged with. */
		if (kind == WHO_UID)
			return false;
		for (uint32_t j = 0; j < account->n_groups; j++)
			if (account->groups[j] == only->gids[i])
				return true;
	}
	return false;
}

bool only_hold(const struct only *only, struct who_answer *answer)
{
	const struct who *who = &answer->who;

	answer->anybody_else = who->anybody;
	answer->others = calloc(who->count + 1, sizeof(*answer->others));
	if (!answer->others)
		die(EXIT_UNKNOWN, "%s", strerror(ENOMEM));
	for (size_t i = 0; i < who->n_rules; i++)
		for (size_t j = 0; j < who->rules[i].count; j++) {
			uint32_t index = who->rules[i].identities[j];
			enum who_kind kind;
			const struct listed_account *account = who_identity(who, index, &kind);

			if (!is_in(only, account, kind))
				answer->others[answer->n_others++] = index;
		}
	return answer->n_others || answer->anybody_else;
}

void only_free(struct only *only)
{
	if (!only)
		return;
	free(only->uids);
	free(only->gids);
	free(only);
}
