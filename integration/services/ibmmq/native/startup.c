/* Commands for the queue managers of a process that nobody can give commands to: they are in the file that
 * STAND_IN_COMMANDS names, and are carried out when the library is loaded. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"

static void carry_out(char *line)
{
    line[strcspn(line, "\n")] = '\0';
    char *answer = stand_in_control(line);
    if (strncmp(answer, "ok\n", 3) != 0) {
        fprintf(stderr, "STAND_IN_COMMANDS: %.60s: %s", line, answer);
        exit(1);
    }
    stand_in_free(answer);
}

__attribute__((constructor)) static void start_up(void)
{
    const char *path = getenv("STAND_IN_COMMANDS");
    if (path == NULL)
        return;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "STAND_IN_COMMANDS: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, file) >= 0)
        carry_out(line);
    free(line);
    fclose(file);
}
