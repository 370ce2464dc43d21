/* SPDX-License-Identifier: MIT */
/* Text in columns, each as wide as its widest cell. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdio.h>

#include "impersonate.h"

struct table;

/* Out of memory is the end of the process, here and below. */
struct table *table_new(const char *const *headings, size_t n_columns);
/* One cell after the other; after N_COLUMNS a new row begins.  TEXT is copied, as it is. */
void table_add(struct table *table, const char *text);
/*
 * Prints headings and rows; at most WIDTH columns of each line and LINES lines in all, where those
 * are not 0.  Each line ends in LINE_END.
 */
void table_print(const struct table *table, FILE *out, int width, int lines, const char *line_end);
void table_free(struct table *table);

#endif
