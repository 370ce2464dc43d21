/* SPDX-License-Identifier: MIT */
/* What is asked: "rw", "create", "w,create". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "cli/message.h"

static const struct {
	const char *word;
	unsigned want;
} words[] = {
	{"create", ACCESS_CREATE}, {"delete", ACCESS_DELETE}, {"chmod", ACCESS_CHMOD},
	{"chown", ACCESS_CHOWN},   {"list", ACCESS_LIST},     {"link", ACCESS_LINK},
};

static unsigned parse_word(const char *word)
{
	unsigned want = 0;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i].word) == 0)
			return words[i].want;
	if (word[0] == '\0' || word[strspn(word, "rwx")] != '\0')
		return 0;
	for (; *word; word++)
		want |= *word == 'r' ? ACCESS_READ : *word == 'w' ? ACCESS_WRITE : ACCESS_EXECUTE;
	return want;
}

unsigned parse_want(const char *text)
{
	char *copy = strdup(text), *rest = copy;
	unsigned want = 0;

	while (rest) {
		unsigned one = parse_word(strsep(&rest, ","));

		if (one == 0)
			die(EXIT_USAGE,
			    "--want: %s: not of r, w and x, nor create, delete, list, chmod, "
			    "chown or link",
			    text);
		want |= one;
	}
	free(copy);

	unsigned alone = want & ~(unsigned)(ACCESS_RWX | ACCESS_CREATE);
	bool single = (alone & (alone - 1)) == 0 && (!alone || want == alone);

	if (!single || ((want & ACCESS_CREATE) && (want & ACCESS_EXECUTE)))
		die(EXIT_USAGE, "--want: %s: these cannot be asked together", text);
	return want;
}

const char *want_text(unsigned want)
{
	static const char *const letters[] = {"", "x", "w", "wx", "r", "rx", "rw", "rwx"};
	static _Thread_local char text[64];

	snprintf(text, sizeof(text), "%s", letters[want & ACCESS_RWX]);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (want & words[i].want)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
				 text[0] ? "," : "", words[i].word);
	return text;
}
