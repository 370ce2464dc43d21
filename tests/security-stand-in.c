/* SPDX-License-Identifier: MIT */
/*
 * Stands in for a security module: preloaded, it lets faccessat2(2) say no to uid 2002 (bob) and
 * yes to uid 2003 (carol), whatever the file's permissions are.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

long syscall(long number, ...)
{
	void *found = dlsym(RTLD_NEXT, "syscall");
	long (*real)(long number, ...), words[6];
	va_list arguments;

	memcpy(&real, &found, sizeof(real));
	va_start(arguments, number);
	for (int i = 0; i < 6; i++)
		words[i] = va_arg(arguments, long);
	va_end(arguments);
	if (number == SYS_faccessat2 && geteuid() == 2003)
		return 0;
	if (number == SYS_faccessat2 && geteuid() == 2002) {
		errno = EACCES;
		return -1;
	}
	return real(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}
