/* SPDX-License-Identifier: MIT */
/* Many users at once, who check every byte: what the parts of soak share. */
#ifndef SOAK_H
#define SOAK_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum { FILES_OF_ONE = 6, CONTENT_MAXIMUM = 12000, ANSWER_MAXIMUM = 65536 };

struct soak_options {
	const char *socket;
	const char *url;       /* of a server in the network, in place of the socket */
	const char *caches;    /* where each user has a ticket, in the cache of its uid */
	const char *directory; /* where each user has a directory, and all have one */
	long requests;	       /* of all users together */
	int users;
	int first_uid;
	int seed;
	int backend; /* the server has one */
	int ring;    /* it serves by the ring engine: no thread of it is anybody else */
	int once;    /* each request has a connection of its own */
	int comers;  /* connections that come and go before each, and ask for nothing */
	int hostile; /* things are being broken meanwhile: an answer may be an honest failure */
};

/* What the users share with who counts them; each writes its own. */
struct soak_tally {
	uint64_t answered, refused, failed,
		cut; /* 2xx; 403, as it should be; 5xx; no whole answer */
	uint64_t bytes;
	long number; /* the highest that the first server's broker was seen to give */
	bool done;
};

/* What a user believes of one of its files. */
struct soak_file {
	char name[64];
	bool shared;  /* in the directory of all */
	int sequence; /* of what is in it; 0: it is not there */
	int pending;  /* what may be in it as well, since nobody said; -1: nothing */
	time_t since; /* when that came to be so */
};

struct soak_user {
	const struct soak_options *options;
	struct soak_tally *tally;
	uid_t uid;
	unsigned int random;
	CURL *curl;
	int sequence;
	struct soak_file files[FILES_OF_ONE];
	char answer[ANSWER_MAXIMUM];
	size_t answer_size;
	bool overflow;
};

struct soak_answer {
	long status; /* 0: there was no whole answer */
	bool direct; /* by the first server itself */
};

/* ---------------------------------------------------------------------------------- user.c -- */

/* One user, until it has made COUNT requests; ends the process with 1 on anything that is wrong. */
void soak_user_run(const struct soak_options *options, struct soak_tally *tally, uid_t uid,
		   long count);

/* ------------------------------------------------------------------------------- request.c -- */

void soak_connect(struct soak_user *user);
/* A connection that says nothing, and is gone at the other end, too. */
void soak_come_and_go(struct soak_user *user);
/* METHOD on PATH, by one of the ways that lead there; the body of a PUT is CONTENT. */
struct soak_answer soak_request(struct soak_user *user, const char *method, const char *path,
				const char *level, const char *content, size_t size);

/* Numbers that follow from the seed alone. */
unsigned int soak_random(struct soak_user *user, unsigned int below);

_Noreturn void soak_wrong(const struct soak_user *user, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
