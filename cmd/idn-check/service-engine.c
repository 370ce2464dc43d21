/* SPDX-License-Identifier: MIT */
/* idn-check service: by which engine it serves its clients, and whether it has what that takes. */
#include "service.h"

/* That it has a ring can be seen; whose identities are registered with it, nobody can tell. */
static void check_ring(struct service *service)
{
	switch (look_for_ring(&service->process, service->pid)) {
	case LOOK_RING_THERE:
		answer(service, "engine", RESULT_OK,
		       "ring: it has one; for whom an operation is, the kernel does not show");
		break;
	case LOOK_RING_NONE:
		answer(service, "engine", RESULT_FAIL,
		       "ring, by its ledger, and it has no descriptor of one: nothing can be done "
		       "as "
		       "a client");
		break;
	default:
		answer(service, "engine", RESULT_SKIP,
		       "ring, by its ledger; whether it has one cannot be seen");
	}
}

void check_engine(struct service *service)
{
	if (!service->process.ledger)
		answer(service, "engine", RESULT_SKIP, "no ledger tells; taken to be thread");
	else if (service->by_ring)
		check_ring(service);
	else
		answer(service, "engine", RESULT_OK, "thread: its threads become its clients");
}
