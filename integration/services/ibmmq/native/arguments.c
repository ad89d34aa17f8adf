#include "arguments.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

/* In place: what is decoded is never longer. */
static void decode(char *value)
{
    char *out = value;
    for (const char *in = value; *in != '\0'; in++) {
        if (*in == '%' && strlen(in) > 2 && hex_read(out, 1, in + 1, 2) == 1)
            in += 2;
        else
            *out = *in;
        out++;
    }
    *out = '\0';
}

bool arguments_read(struct arguments *arguments, const char *line)
{
    memset(arguments, 0, sizeof *arguments);
    arguments->command = "";
    arguments->memory = strdup(line);
    if (arguments->memory == NULL)
        return false;
    char *rest = arguments->memory;
    char *word = strtok_r(rest, " \r\n", &rest);
    if (word == NULL)
        return true;
    arguments->command = word;
    while ((word = strtok_r(NULL, " \r\n", &rest)) != NULL) {
        if (arguments->count == ARGUMENTS)
            return false;
        char *equals = strchr(word, '=');
        arguments->keys[arguments->count] = word;
        if (equals != NULL) {
            *equals = '\0';
            decode(equals + 1);
        }
        arguments->values[arguments->count++] = equals != NULL ? equals + 1 : "";
    }
    return true;
}

void arguments_free(struct arguments *arguments)
{
    free(arguments->memory);
}

const char *argument(const struct arguments *arguments, const char *key)
{
    for (int i = 0; i < arguments->count; i++)
        if (strcmp(arguments->keys[i], key) == 0)
            return arguments->values[i];
    return NULL;
}

long argument_number(const struct arguments *arguments, const char *key, long otherwise)
{
    const char *value = argument(arguments, key);
    return value != NULL ? strtol(value, NULL, 10) : otherwise;
}
