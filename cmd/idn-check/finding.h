/* SPDX-License-Identifier: MIT */
/* Why a call was refused. */
#ifndef FINDING_H
#define FINDING_H

#include "question.h"

struct finding {
	const struct spot *spot;
	bool answered;	     /* there is an answer, which may explain */
	bool explains;	     /* its decider is what refused the call */
	bool by_its_program; /* of the interpreter that the first line names */
	bool elsewhere;	     /* the answer's paths begin in another directory than ours */
	struct answer answer;
	char interpreter[256];
	char need[512];
	bool has_need;
};

void find_reason(const struct question *question, struct finding *finding);
void finding_clear(struct finding *finding);

#endif
