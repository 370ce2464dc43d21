/* SPDX-License-Identifier: MIT */
/* threads N - a process of N threads that do nothing; says "ready" and ends when its input does. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *wait_forever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

int main(int argc, char **argv)
{
	long count = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
	pthread_attr_t attributes;
	pthread_t thread;
	char byte;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 * 1024);
	for (long i = 1; i < count; i++)
		if (pthread_create(&thread, &attributes, wait_forever, NULL) != 0) {
			fprintf(stderr, "threads: only %ld threads\n", i);
			return 1;
		}
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
