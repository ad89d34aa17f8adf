/* What outlives the process of a server: persistent messages and definitions. Every `note` and `commit` accepts NULL.
 *
 * A file of records, each with its length and a sum, written with one call. Killed in the middle of a record, the
 * process leaves an incomplete one, which the next start ignores: the unit of work was not committed, and nobody has
 * been told that it was. Killed after it, before the answer: the unit of work is committed and the application does
 * not know, as with the product.
 */
#ifndef STAND_IN_JOURNAL_H
#define STAND_IN_JOURNAL_H

#include <stdbool.h>

struct journal;
struct message;
struct queue_manager;

/* Reads what is in the file, makes it true, and goes on writing there. False: it cannot be used; errno says why. */
bool journal_open(struct queue_manager *manager, const char *path, bool forced_to_disk);
/* Writes what a unit of work does, as one record, and forces it to the disk. False: it could not be written. */
bool journal_commit(struct journal *journal, struct message *const *messages, int count);
/* Backout counts and expired messages: written, but worth no wait for the disk. */
void journal_note_backout(struct journal *journal, const struct message *message);
void journal_note_removal(struct journal *journal, const struct message *message);
/* A line of control.c that defines something. */
void journal_note_definition(struct journal *journal, const char *line);
/* Everything is forgotten. */
void journal_note_reset(struct journal *journal);

#endif
