/* Revocations on disk: an append-only file of lines, each a checksum and a JSON object. What `journal_append` or
 * `journal_rewrite` has returned true for is on the disk. A crash at any byte leaves at worst a last line that its
 * checksum gives away. */
#ifndef NIGHTJAR_JOURNAL_H
#define NIGHTJAR_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "control.h"
#include "revocations.h"

struct journal;

struct journal *journal_new(const char *path);
void journal_free(struct journal *journal);

/* Read all whole lines into `revocations`; `bad_lines` counts the others. No file is the same as an empty one.
 * False with errno set when the file cannot be read. */
bool journal_load(struct journal *journal, struct revocations *revocations, size_t *bad_lines);
/* Replace the file by one that holds just `revocations`. False with errno set when that fails: the old one stays. */
bool journal_rewrite(struct journal *journal, const struct revocations *revocations);
/* Add commands to the end. False with errno set when that fails: the file has to be rewritten before the next append. */
bool journal_append(struct journal *journal, const struct commands *commands);
/* Whether the file must, or had better, be rewritten. */
bool journal_wants_rewrite(const struct journal *journal, const struct revocations *revocations);

/* Read the lines of a journal; returns how many were not whole. */
size_t journal_parse(const char *text, size_t size, struct revocations *revocations, size_t *lines);

#endif
