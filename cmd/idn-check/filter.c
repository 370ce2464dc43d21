/* SPDX-License-Identifier: MIT */
/*
 * The filter under which a command runs: it stops for the calls that are looked at, and for no
 * other, so that everything else goes at full speed (seccomp(2), SECCOMP_RET_TRACE).
 */
#include <endian.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"
#include "trace.h"

struct program {
	size_t count;
	struct sock_filter *code;
};

static void emit(struct program *program, uint16_t code, uint32_t value, size_t if_true,
		 size_t if_false)
{
	/* NULL: it is only counted. */
	if (program->code)
		program->code[program->count] = (struct sock_filter){
			.code = code,
			.jt = (uint8_t)if_true,
			.jf = (uint8_t)if_false,
			.k = value,
		};
	program->count++;
}

static void emit_return(struct program *program, uint32_t value)
{
	emit(program, BPF_RET | BPF_K, value, 0, 0);
}

static void emit_load(struct program *program, size_t offset)
{
	emit(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void emit_load_argument(struct program *program, int argument)
{
	size_t low = __BYTE_ORDER == __LITTLE_ENDIAN ? 0 : 4;

	emit_load(program,
		  offsetof(struct seccomp_data, args) + (size_t)argument * sizeof(uint64_t) + low);
}

/* What call_matters() says. */
static void emit_conditions(struct program *program, const struct call *call)
{
	if (call->only != NO_ARGUMENT) {
		emit_load_argument(program, call->only);
		emit(program, BPF_JMP | BPF_JSET | BPF_K, call->only_bits, 1, 0);
		emit_return(program, SECCOMP_RET_ALLOW);
	}
	if (call->unless != NO_ARGUMENT) {
		emit_load_argument(program, call->unless);
		emit(program, BPF_JMP | BPF_JSET | BPF_K, call->unless_bits, 0, 1);
		emit_return(program, SECCOMP_RET_ALLOW);
	}
}

/* The data that comes with the stop. */
static uint32_t call_index(const struct call *call)
{
	size_t count;

	return (uint32_t)(call - calls(&count));
}

/* A binary search, since every call has to go through here where the kernel keeps no bitmap. */
static void emit_search(struct program *program, const struct call *const *sorted, size_t count)
{
	if (count == 1) {
		emit(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)sorted[0]->number, 1, 0);
		emit_return(program, SECCOMP_RET_ALLOW);
		emit_conditions(program, sorted[0]);
		emit_return(program, SECCOMP_RET_TRACE | call_index(sorted[0]));
		return;
	}

	struct program left = {.code = NULL};
	size_t half = count / 2;

	/* A conditional jump goes 255 instructions far, and the other one as far as it has to. */
	emit_search(&left, sorted, half);
	emit(program, BPF_JMP | BPF_JGE | BPF_K, (uint32_t)sorted[half]->number, 0, 1);
	emit(program, BPF_JMP | BPF_JA, (uint32_t)left.count, 0, 0);
	emit_search(program, sorted, half);
	emit_search(program, sorted + half, count - half);
}

static void emit_filter(struct program *program, uint32_t architecture,
			const struct call *const *sorted, size_t count)
{
	emit_load(program, offsetof(struct seccomp_data, arch));
	emit(program, BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0);
	emit_return(program, SECCOMP_RET_ALLOW);
	emit_load(program, offsetof(struct seccomp_data, nr));
	emit_search(program, sorted, count);
}

static int compare_numbers(const void *a, const void *b)
{
	const struct call *const *one = a, *const *other = b;

	return ((*one)->number > (*other)->number) - ((*one)->number < (*other)->number);
}

static int install(const struct program *program)
{
	struct sock_fprog code = {
		.len = (unsigned short)program->count,
		.filter = program->code,
	};

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0UL, &code) < 0 ? -errno : 0;
}

int filter_install(uint32_t architecture)
{
	struct program length = {.code = NULL}, program = {.code = NULL};
	size_t count;
	const struct call *table = calls(&count);
	const struct call **sorted = malloc(count * sizeof(struct call *));
	int error = -ENOMEM;

	if (!sorted)
		return error;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &table[i];
	qsort(sorted, count, sizeof(*sorted), compare_numbers);
	emit_filter(&length, architecture, sorted, count);
	program.code = calloc(length.count, sizeof(*program.code));
	if (program.code) {
		emit_filter(&program, architecture, sorted, count);
		error = install(&program);
	}
	free(program.code);
	free(sorted);
	return error;
}
