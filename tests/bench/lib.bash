# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the benchmarks of whole commands share: a run's time, medians, and the record of bench.h.

# time_of COMMAND [ARG...]: of one run, in nanoseconds.  A check that denies is one that has answered.
time_of() {
	local start=${EPOCHREALTIME/./}

	"$@" || [ $? -eq 1 ] || exit 1
	echo $(((${EPOCHREALTIME/./} - start) * 1000))
}

median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# record NAME OURS-FILE RIVAL-FILE GOAL RIVAL: of the medians.
record() {
	awk -v name="$1" -v ours="$(median <"$2")" -v rival="$(median <"$3")" -v goal="$4" -v against="$5" 'BEGIN {
		ratio = ours / rival
		printf "%s\t%d\t%d\t%.3f\t%s\t%s\t%.3f\t%s\n", name, ours, rival, ratio, goal,
			ratio <= goal ? "ok" : "missed", ratio, against
	}'
}
