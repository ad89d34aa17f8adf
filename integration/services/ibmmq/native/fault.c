/* Faults: the n-th call of a verb answers what a test wants, or stops, or takes the process with it. */
#include "fault.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const verb_names[VERB_COUNT] = {
    [VERB_CONNX] = "CONNX", [VERB_DISC] = "DISC",   [VERB_OPEN] = "OPEN",   [VERB_CLOSE] = "CLOSE",
    [VERB_PUT] = "PUT",     [VERB_PUT1] = "PUT1",   [VERB_GET] = "GET",     [VERB_CMIT] = "CMIT",
    [VERB_BACK] = "BACK",   [VERB_INQ] = "INQ",     [VERB_SET] = "SET",     [VERB_STAT] = "STAT",
    [VERB_CRTMH] = "CRTMH", [VERB_DLTMH] = "DLTMH", [VERB_SETMP] = "SETMP", [VERB_INQMP] = "INQMP",
    [VERB_DLTMP] = "DLTMP",
};

static struct fault *faults;
static unsigned last_number;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;

struct fault *fault_list(void)
{
    return faults;
}

unsigned fault_add(const struct fault *fault)
{
    struct fault *added = malloc(sizeof *added);
    if (added == NULL)
        abort();
    *added = *fault;
    added->number = ++last_number;
    added->next = NULL;
    struct fault **end = &faults;
    while (*end != NULL)
        end = &(*end)->next;
    *end = added;
    return added->number;
}

void fault_wake(void)
{
    pthread_cond_broadcast(&released);
}

void fault_release(unsigned number)
{
    for (struct fault *fault = faults; fault != NULL; fault = fault->next)
        if (number == 0 || fault->number == number)
            fault->released = true;
    fault_wake();
}

/* Who is held at a fault still looks at it: such a one stays until it is cleared again. */
void fault_clear(unsigned number)
{
    fault_release(number);
    struct fault **link = &faults;
    while (*link != NULL) {
        struct fault *fault = *link;
        bool meant = number == 0 || fault->number == number;
        if (meant)
            fault->times = 0;
        if (meant && fault->paused == 0) {
            *link = fault->next;
            free(fault);
        } else {
            link = &fault->next;
        }
    }
}

static bool matches(const struct fault *fault, enum verb verb, bool after, const char *object,
                    const char *application)
{
    return fault->verb == verb && fault->after == after && fault->times != 0 &&
           (fault->object[0] == '\0' || strcmp(fault->object, object) == 0) &&
           (fault->application[0] == '\0' || strcmp(fault->application, application) == 0);
}

static struct fault *fault_hit(enum verb verb, bool after, const char *object, const char *application)
{
    for (struct fault *fault = faults; fault != NULL; fault = fault->next) {
        if (!matches(fault, verb, after, object, application))
            continue;
        if (fault->skip > 0) {
            fault->skip--;
            continue;
        }
        if (fault->times > 0)
            fault->times--;
        fault->hits++;
        return fault;
    }
    return NULL;
}

static void hold(struct fault *fault, const struct connection *connection)
{
    fault->paused++;
    while (!fault->released && !(connection != NULL && connection->broken))
        pthread_cond_wait(&released, &engine.lock);
    fault->paused--;
}

/* What the answer means for the connection: a test that says 2003 or 2009 wants the effect too. */
static void apply_reason(struct connection *connection, enum verb verb, MQLONG reason)
{
    if (reason == MQRC_CONNECTION_BROKEN) {
        connection_break(connection);
    } else if (reason == MQRC_BACKED_OUT) {
        unit_back_out(connection);
        connection->doomed = verb != VERB_CMIT && verb != VERB_BACK;
    }
}

bool fault_applies(struct connection *connection, enum verb verb, bool after, const char *object,
                   const char *application, struct outcome *outcome)
{
    if (faults == NULL)
        return false;
    struct fault *fault = fault_hit(verb, after, object, application);
    if (fault == NULL)
        return false;
    switch (fault->action) {
    case FAULT_EXIT:
        kill(getpid(), SIGKILL);
        return true;
    case FAULT_PAUSE:
        hold(fault, connection);
        return false;
    case FAULT_BREAK:
        if (connection != NULL)
            connection_break(connection);
        *outcome = failed(MQRC_CONNECTION_BROKEN);
        return true;
    default:
        *outcome = fault->outcome;
        if (connection != NULL)
            apply_reason(connection, verb, fault->outcome.reason);
        return true;
    }
}

static bool fault_of_call(const struct call *call, bool after, struct outcome *outcome)
{
    if (faults == NULL || call->connection->broken)
        return false;
    char application[sizeof call->connection->application + 1];
    name_read(application, sizeof application, call->connection->application, sizeof call->connection->application);
    return fault_applies(call->connection, call->verb, after, call->object, application, outcome);
}

static const char *object_name(struct connection *connection, MQHOBJ handle)
{
    const struct object *object = connection_object(connection, handle);
    return object == NULL || object->is_queue_manager ? "" : object->named->name;
}

bool call_begin(struct call *call, struct connection *connection, enum verb verb, MQHOBJ handle, const char *object,
                struct outcome *outcome)
{
    pthread_mutex_lock(&engine.lock);
    *call = (struct call){connection, verb, object != NULL ? object : object_name(connection, handle)};
    bool stopped = fault_of_call(call, false, outcome);
    if (!stopped && connection->broken) {
        *outcome = failed(MQRC_CONNECTION_BROKEN);
        stopped = true;
    }
    if (stopped)
        pthread_mutex_unlock(&engine.lock);
    return !stopped;
}

struct outcome call_end(const struct call *call, struct outcome outcome)
{
    fault_of_call(call, true, &outcome);
    if (call->connection->broken)
        outcome = failed(MQRC_CONNECTION_BROKEN);
    pthread_mutex_unlock(&engine.lock);
    return outcome;
}
