/* Records of the journal. */
#ifndef STAND_IN_RECORD_H
#define STAND_IN_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine.h"
#include "text.h"

enum record_type { RECORD_UNIT = 1, RECORD_BACKOUT, RECORD_DEFINITION, RECORD_RESET };
enum step_type { STEP_PUT = 1, STEP_GET };

/* A record is begun, filled, and ended; several may stand in one text. */
size_t record_begin(struct text *out, enum record_type type);
void record_end(struct text *out, size_t begin);
void record_add_put(struct text *out, const struct message *message);
void record_add_get(struct text *out, const struct message *message);

/* Reads a file of records, or the content of one. */
struct record_reader {
    const char *at;
    const char *end;
};

/* False: there is no further record, or an incomplete one. */
bool record_next(struct record_reader *file, enum record_type *type, struct record_reader *content);
bool record_take(struct record_reader *content, void *data, size_t size);
/* A message as record_add_put wrote it, without its queue, whose name is set. NULL: incomplete. */
struct message *record_take_put(struct record_reader *content, char queue[NAME_TEXT]);

#endif
