/* Faults that a test plants, and the frame that every verb runs in. */
#ifndef STAND_IN_FAULT_H
#define STAND_IN_FAULT_H

#include <stdbool.h>

#include "engine.h"

enum verb {
    VERB_CONNX,
    VERB_DISC,
    VERB_OPEN,
    VERB_CLOSE,
    VERB_PUT,
    VERB_PUT1,
    VERB_GET,
    VERB_CMIT,
    VERB_BACK,
    VERB_INQ,
    VERB_SET,
    VERB_STAT,
    VERB_CRTMH,
    VERB_DLTMH,
    VERB_SETMP,
    VERB_INQMP,
    VERB_DLTMP,
    VERB_COUNT,
};

extern const char *const verb_names[VERB_COUNT];

enum fault_action { FAULT_ANSWER, FAULT_BREAK, FAULT_EXIT, FAULT_PAUSE };

struct fault {
    struct fault *next;
    unsigned number;
    enum verb verb;
    char object[NAME_TEXT]; /* empty for any */
    char application[29];   /* empty for any */
    int skip;
    int times; /* -1 for ever */
    bool after; /* when the verb has done its work */
    enum fault_action action;
    struct outcome outcome;
    int hits;
    int paused;
    bool released;
};

/* One verb in progress. */
struct call {
    struct connection *connection;
    enum verb verb;
    const char *object;
};

/* Takes the lock. True: the verb goes on and ends with call_end. False: the lock is free again and the outcome is set.
 * The object is given by its handle or, where there is none yet, by its name. */
bool call_begin(struct call *call, struct connection *connection, enum verb verb, MQHOBJ handle, const char *object,
                struct outcome *outcome);
/* Gives the lock back; what the application hears. */
struct outcome call_end(const struct call *call, struct outcome outcome);

/* With the lock held: what a fault makes of a verb. True: the outcome is the fault's. False: it goes on as if nothing
 * had been. A connection that does not exist yet is NULL. */
bool fault_applies(struct connection *connection, enum verb verb, bool after, const char *object,
                   const char *application, struct outcome *outcome);

struct fault *fault_list(void);
unsigned fault_add(const struct fault *fault);
/* Lets those go on who are held; 0 is every fault. */
void fault_release(unsigned number);
/* The same, and nobody meets these faults any more. */
void fault_clear(unsigned number);
/* Whoever is held looks again whether its connection is still there. */
void fault_wake(void);

#endif
