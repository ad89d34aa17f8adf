/* A line of the control interface: a command and `key=value` pairs, values with %XX for what is not printable. */
#ifndef STAND_IN_ARGUMENTS_H
#define STAND_IN_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

enum { ARGUMENTS = 64 };

struct arguments {
    char *memory; /* of everything below */
    const char *command;
    int count;
    const char *keys[ARGUMENTS];
    const char *values[ARGUMENTS];
};

/* False: no memory, or too many. Freed by arguments_free in any case. */
bool arguments_read(struct arguments *arguments, const char *line);
void arguments_free(struct arguments *arguments);
/* NULL if it was not given. */
const char *argument(const struct arguments *arguments, const char *key);
long argument_number(const struct arguments *arguments, const char *key, long otherwise);

#endif
