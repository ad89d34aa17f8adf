/* What tests tell the stand-in and ask it, as lines of text: by a call in this process, by a socket of a server. */
#ifndef STAND_IN_CONTROL_H
#define STAND_IN_CONTROL_H

/* The answer to a line: `ok` and lines of `key=value`, or `error` and what is wrong. Freed by stand_in_free. */
__attribute__((visibility("default"))) char *stand_in_control(const char *line);
__attribute__((visibility("default"))) void stand_in_free(char *answer);

#endif
