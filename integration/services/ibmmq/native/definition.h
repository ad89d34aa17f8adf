/* Commands that define things. They are kept in the journal, so that they are true again after a restart. */
#ifndef STAND_IN_DEFINITION_H
#define STAND_IN_DEFINITION_H

#include "arguments.h"
#include "engine.h"

/* With the lock held. NULL: done; else what is wrong. False in *known: it is another kind of command. */
const char *define(const struct arguments *arguments, bool *known);

#endif
