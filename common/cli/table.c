/* SPDX-License-Identifier: MIT */
/* Text in columns, each as wide as its widest cell. */
#include <stdlib.h>
#include <string.h>

#include "cli/table.h"

struct table {
	size_t n_columns;
	size_t *widths; /* of each column, in characters */
	size_t *cells;	/* where each begins in text */
	size_t n_cells, cells_room;
	char *text;
	size_t used, room;
};

static void *grow(void *memory, size_t *room, size_t needed, size_t size)
{
	while (*room < needed)
		*room = *room ? *room * 2 : 1024;

	void *larger = reallocarray(memory, *room, size);

	if (!larger)
		abort();
	return larger;
}

/* Characters of UTF-8: all bytes but those that continue one. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

struct table *table_new(const char *const *headings, size_t n_columns)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table || !(table->widths = calloc(n_columns, sizeof(*table->widths))))
		abort();
	table->n_columns = n_columns;
	for (size_t i = 0; i < n_columns; i++)
		table_add(table, headings[i]);
	return table;
}

void table_add(struct table *table, const char *text)
{
	size_t column = table->n_cells % table->n_columns;
	size_t size = strlen(text) + 1, width = width_of(text);

	if (table->n_cells == table->cells_room)
		table->cells = grow(table->cells, &table->cells_room, table->n_cells + 1,
				    sizeof(*table->cells));
	if (table->room - table->used < size)
		table->text = grow(table->text, &table->room, table->used + size, 1);
	memcpy(table->text + table->used, text, size);
	table->cells[table->n_cells++] = table->used;
	table->used += size;
	if (width > table->widths[column])
		table->widths[column] = width;
}

/* Prints up to ROOM characters of TEXT; returns how many. */
static size_t print_cut(const char *text, size_t room, FILE *out)
{
	size_t printed = 0;

	for (; *text; text++) {
		bool begins = ((unsigned char)*text & 0xc0) != 0x80;

		if (begins && printed == room)
			break;
		printed += begins;
		fputc(*text, out);
	}
	return printed;
}

static void print_row(const struct table *table, size_t first, size_t room, FILE *out)
{
	for (size_t i = 0; i < table->n_columns && room > 0; i++) {
		size_t printed = print_cut(table->text + table->cells[first + i], room, out);
		size_t padding = table->widths[i] - printed + 2;

		room -= printed;
		if (i + 1 == table->n_columns)
			break;
		for (; padding > 0 && room > 0; padding--, room--)
			fputc(' ', out);
	}
}

void table_print(const struct table *table, FILE *out, int width, int lines, const char *line_end)
{
	size_t room = width > 0 ? (size_t)width : SIZE_MAX;
	size_t rows = table->n_cells / table->n_columns;

	if (lines > 0 && rows > (size_t)lines)
		rows = (size_t)lines;
	for (size_t row = 0; row < rows; row++) {
		print_row(table, row * table->n_columns, room, out);
		fputs(line_end, out);
	}
}

void table_free(struct table *table)
{
	free(table->widths);
	free(table->cells);
	free(table->text);
	free(table);
}
