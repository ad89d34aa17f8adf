/* MQGET. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "delivery.h"
#include "engine.h"
#include "fault.h"
#include "journal.h"
#include "property.h"

enum {
    GET_KNOWN = MQGMO_WAIT | MQGMO_SYNCPOINT | MQGMO_NO_SYNCPOINT | MQGMO_BROWSE_ANY | MQGMO_ACCEPT_TRUNCATED_MSG |
                MQGMO_MSG_UNDER_CURSOR | MQGMO_LOCK | MQGMO_UNLOCK | MQGMO_SYNCPOINT_IF_PERSISTENT |
                MQGMO_FAIL_IF_QUIESCING | MQGMO_CONVERT | MQGMO_PROPERTIES_FORCE_MQRFH2 | MQGMO_NO_PROPERTIES |
                MQGMO_PROPERTIES_IN_HANDLE | MQGMO_PROPERTIES_COMPATIBILITY,
    GET_MATCHES = MQMO_MATCH_MSG_ID | MQMO_MATCH_CORREL_ID | MQMO_MATCH_GROUP_ID | MQMO_MATCH_MSG_SEQ_NUMBER |
                  MQMO_MATCH_OFFSET | MQMO_MATCH_MSG_TOKEN,
};

struct request {
    struct connection *connection;
    struct object *object;
    MQMD *md;
    MQGMO *gmo;
    MQLONG capacity;
    void *buffer;
    MQLONG *length;
};

static bool has_one_bit(MQLONG bits)
{
    return (bits & (bits - 1)) == 0;
}

static struct outcome check_options(const struct object *object, const MQGMO *gmo)
{
    MQLONG options = gmo->Options;
    MQLONG browse = options & MQGMO_BROWSE_ANY;
    MQLONG units = options & (MQGMO_SYNCPOINT | MQGMO_NO_SYNCPOINT | MQGMO_SYNCPOINT_IF_PERSISTENT);
    if ((options & ~GET_KNOWN) != 0)
        return failed(MQRC_FUNCTION_NOT_SUPPORTED);
    if (!has_one_bit(browse | (options & MQGMO_MSG_UNDER_CURSOR)) || !has_one_bit(units))
        return failed(MQRC_OPTIONS_ERROR);
    if (browse != 0 && (units & ~MQGMO_NO_SYNCPOINT) != 0)
        return failed(MQRC_OPTIONS_ERROR);
    if ((options & MQGMO_LOCK) != 0 && browse == 0)
        return failed(MQRC_OPTIONS_ERROR);
    bool browses = browse != 0 || (options & (MQGMO_UNLOCK | MQGMO_MSG_UNDER_CURSOR)) != 0;
    if (browses && (object->options & MQOO_BROWSE) == 0)
        return failed(MQRC_NOT_OPEN_FOR_BROWSE);
    if (browse == 0 && (options & MQGMO_UNLOCK) == 0 && (object->options & MQOO_INPUT_ANY) == 0)
        return failed(MQRC_NOT_OPEN_FOR_INPUT);
    if (gmo->WaitInterval < MQWI_UNLIMITED && (options & MQGMO_WAIT) != 0)
        return failed(MQRC_WAIT_INTERVAL_ERROR);
    return (gmo->MatchOptions & ~GET_MATCHES) != 0 ? failed(MQRC_MATCH_OPTIONS_ERROR) : OUTCOME_OK;
}

/* What may change while a get waits. */
static struct outcome check_state(const struct request *request)
{
    const struct connection *connection = request->connection;
    MQLONG options = request->gmo->Options;
    if (connection->broken)
        return failed(MQRC_CONNECTION_BROKEN);
    if (connection->doomed && (options & (MQGMO_SYNCPOINT | MQGMO_SYNCPOINT_IF_PERSISTENT)) != 0)
        return failed(MQRC_BACKED_OUT);
    if ((options & MQGMO_FAIL_IF_QUIESCING) != 0 && connection->owner->state != MANAGER_RUNNING)
        return failed(MQRC_Q_MGR_QUIESCING);
    if (!request->object->queue->defined)
        return failed(MQRC_Q_DELETED);
    if (request->object->queue->get_inhibited || request->object->named->get_inhibited)
        return failed(MQRC_GET_INHIBITED);
    return OUTCOME_OK;
}

static bool field_matches(const char *wanted, const char *found, size_t width, bool zero_is_any)
{
    static const char zeros[MQ_ID_LENGTH];
    return memcmp(wanted, found, width) == 0 || (zero_is_any && memcmp(wanted, zeros, width) == 0);
}

static bool token_matches(const char *token, uint64_t order)
{
    return memcmp(token, &order, sizeof order) == 0;
}

static bool matches(const struct message *message, const MQMD *wanted, const MQGMO *gmo)
{
    MQLONG by = gmo->MatchOptions;
    const MQMD *md = &message->md;
    if (by == 0)
        return true;
    return (!(by & MQMO_MATCH_MSG_ID) || field_matches(wanted->MsgId, md->MsgId, MQ_ID_LENGTH, true)) &&
           (!(by & MQMO_MATCH_CORREL_ID) || field_matches(wanted->CorrelId, md->CorrelId, MQ_ID_LENGTH, true)) &&
           (!(by & MQMO_MATCH_GROUP_ID) || field_matches(wanted->GroupId, md->GroupId, MQ_ID_LENGTH, true)) &&
           (!(by & MQMO_MATCH_MSG_SEQ_NUMBER) || wanted->MsgSeqNumber == md->MsgSeqNumber) &&
           (!(by & MQMO_MATCH_OFFSET) || wanted->Offset == md->Offset) &&
           (!(by & MQMO_MATCH_MSG_TOKEN) || token_matches(gmo->MsgToken, message->order));
}

static bool is_after_cursor(const struct object *object, const struct message *message)
{
    if (!object->has_cursor)
        return true;
    MQLONG priority = object->queue->fifo ? 0 : message->md.Priority;
    return priority < object->cursor_priority ||
           (priority == object->cursor_priority && message->order > object->cursor);
}

static bool is_candidate(const struct request *request, const struct message *message)
{
    const struct object *object = request->object;
    MQLONG options = request->gmo->Options;
    if (message->locked_by != NULL && message->locked_by != object)
        return false;
    if ((options & (MQGMO_MSG_UNDER_CURSOR | MQGMO_BROWSE_MSG_UNDER_CURSOR)) != 0)
        return object->has_cursor && message->order == object->cursor;
    if ((options & MQGMO_BROWSE_NEXT) != 0 && !is_after_cursor(object, message))
        return false;
    return matches(message, request->md, request->gmo);
}

static void discard_expired(struct message *message)
{
    if (is_persistent(message))
        journal_note_removal(message->queue->owner->journal, message);
    queue_forget(message);
}

static struct message *choose(const struct request *request)
{
    struct queue *queue = request->object->queue;
    int64_t now = 0;
    for (int priority = MQ_MAX_PRIORITY; priority >= 0; priority--) {
        struct message *next;
        for (struct message *message = queue->visible[priority].head; message != NULL; message = next) {
            next = message->next;
            if (message->expires != 0) {
                now = now != 0 ? now : now_in_milliseconds();
                if (message->expires <= now) {
                    discard_expired(message);
                    continue;
                }
            }
            if (is_candidate(request, message))
                return message;
        }
    }
    return NULL;
}

static void unlock(struct object *object)
{
    if (object->locked == NULL)
        return;
    object->locked->locked_by = NULL;
    queue_wake(object->locked->queue);
    object->locked = NULL;
}

static void move_cursor(struct object *object, struct message *message, bool lock)
{
    unlock(object);
    object->has_cursor = true;
    object->cursor = message->order;
    object->cursor_priority = object->queue->fifo ? 0 : message->md.Priority;
    if (lock) {
        object->locked = message;
        message->locked_by = object;
    }
}

static bool is_in_unit(const struct request *request, const struct message *message)
{
    MQLONG options = request->gmo->Options;
    return (options & MQGMO_SYNCPOINT) != 0 ||
           ((options & MQGMO_SYNCPOINT_IF_PERSISTENT) != 0 && is_persistent(message));
}

/* Takes the message away: in the unit of work, or for good. */
static struct outcome take(const struct request *request, struct message *message)
{
    struct connection *connection = request->connection;
    if (is_in_unit(request, message)) {
        struct outcome outcome = unit_add(connection, message);
        if (outcome.comp == MQCC_OK)
            queue_hide(message);
        return outcome;
    }
    queue_hide(message);
    if (!journal_commit(connection->owner->journal, &message, 1)) {
        queue_show(message);
        return failed(MQRC_UNEXPECTED_ERROR);
    }
    return OUTCOME_OK;
}

static void answer(const struct request *request, const struct message *message, const struct delivery *delivery)
{
    MQGMO *gmo = request->gmo;
    MQLONG copied = delivery->length < request->capacity ? delivery->length : request->capacity;
    if (copied > 0)
        memcpy(request->buffer, delivery->body, (size_t)copied);
    *request->length = delivery->length;
    *request->md = delivery->md;
    request->md->Expiry = message->md.Expiry;
    if (message->expires != 0) {
        int64_t left = (message->expires - now_in_milliseconds()) / 100;
        request->md->Expiry = left > 0 ? (MQLONG)left : 1;
    }
    name_write(gmo->ResolvedQName, MQ_NAME_LENGTH, request->object->queue->name);
    gmo->ReturnedLength = copied;
    memset(gmo->MsgToken, 0, sizeof gmo->MsgToken);
    memcpy(gmo->MsgToken, &message->order, sizeof message->order);
    bool last = (delivery->md.MsgFlags & MQMF_LAST_MSG_IN_GROUP) != 0;
    bool grouped = last || (delivery->md.MsgFlags & MQMF_MSG_IN_GROUP) != 0;
    gmo->GroupStatus = last ? 'L' : grouped ? 'G' : ' ';
    gmo->SegmentStatus = gmo->Segmentation = ' ';
}

static struct outcome deliver(const struct request *request, struct message *message)
{
    struct object *object = request->object;
    MQLONG options = request->gmo->Options;
    bool browses = (options & MQGMO_BROWSE_ANY) != 0;
    struct delivery delivery;
    delivery_make(&delivery, request->connection, message, request->md, request->gmo, request->capacity);
    struct outcome outcome = delivery.outcome;
    if (delivery.length > request->capacity && (options & MQGMO_ACCEPT_TRUNCATED_MSG) == 0) {
        answer(request, message, &delivery);
        delivery_free(&delivery);
        return warning(MQRC_TRUNCATED_MSG_FAILED);
    }
    if (delivery.length > request->capacity)
        outcome = warning(MQRC_TRUNCATED_MSG_ACCEPTED);
    if (browses) {
        move_cursor(object, message, (options & MQGMO_LOCK) != 0);
    } else {
        struct outcome taken = take(request, message);
        if (taken.comp != MQCC_OK) {
            delivery_free(&delivery);
            return taken;
        }
    }
    answer(request, message, &delivery);
    if (!browses && (object->options & MQOO_SAVE_ALL_CONTEXT) != 0) {
        object->has_context = true;
        object->context = message->md;
    }
    delivery_free(&delivery);
    if (!browses && !is_in_unit(request, message))
        queue_got(message);
    return outcome;
}

static struct timespec deadline_after(MQLONG milliseconds)
{
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += milliseconds / 1000;
    deadline.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_sec++;
        deadline.tv_nsec -= 1000000000;
    }
    return deadline;
}

/* False: the time is over. */
static bool wait_for_arrival(const struct request *request, struct queue *queue, const struct timespec *deadline)
{
    queue->waiting++;
    request->connection->waits_for = queue;
    int ended = request->gmo->WaitInterval == MQWI_UNLIMITED
                    ? pthread_cond_wait(&queue->arrival, &engine.lock)
                    : pthread_cond_timedwait(&queue->arrival, &engine.lock, deadline);
    request->connection->waits_for = NULL;
    queue->waiting--;
    return ended != ETIMEDOUT;
}

static struct outcome none_available(MQLONG options)
{
    bool under_cursor = (options & (MQGMO_MSG_UNDER_CURSOR | MQGMO_BROWSE_MSG_UNDER_CURSOR)) != 0;
    return failed(under_cursor ? MQRC_NO_MSG_UNDER_CURSOR : MQRC_NO_MSG_AVAILABLE);
}

static struct outcome get_locked(struct request *request)
{
    MQLONG options = request->gmo->Options;
    struct object *object = request->object;
    struct queue *queue = object->queue;
    if ((options & MQGMO_UNLOCK) != 0) {
        bool held = object->locked != NULL;
        unlock(object);
        return held ? OUTCOME_OK : failed(MQRC_NO_MSG_LOCKED);
    }
    if ((options & MQGMO_BROWSE_FIRST) != 0)
        object->has_cursor = false;
    bool waits = (options & MQGMO_WAIT) != 0 && request->gmo->WaitInterval != 0;
    struct timespec deadline = deadline_after(waits ? request->gmo->WaitInterval : 0);
    for (;;) {
        struct outcome outcome = check_state(request);
        if (outcome.comp != MQCC_OK)
            return outcome;
        struct message *message = choose(request);
        if (message != NULL)
            return deliver(request, message);
        if (!waits)
            return none_available(options);
        waits = wait_for_arrival(request, queue, &deadline);
    }
}

struct outcome get_message(struct connection *connection, MQHOBJ handle, MQMD *md, MQGMO *gmo, MQLONG capacity,
                           void *buffer, MQLONG *length)
{
    struct call call;
    struct outcome outcome;
    *length = 0;
    if (!call_begin(&call, connection, VERB_GET, handle, NULL, &outcome))
        return outcome;
    struct request request = {connection, connection_object(connection, handle), md, gmo, capacity, buffer, length};
    if (request.object == NULL || request.object->is_queue_manager)
        return call_end(&call, failed(MQRC_HOBJ_ERROR));
    if (capacity < 0)
        return call_end(&call, failed(MQRC_BUFFER_LENGTH_ERROR));
    outcome = check_options(request.object, gmo);
    if (outcome.comp == MQCC_OK && (gmo->Options & MQGMO_PROPERTIES_IN_HANDLE) != 0 &&
        properties_find(connection, gmo->MsgHandle) == NULL)
        outcome = failed(MQRC_HMSG_ERROR);
    if (outcome.comp == MQCC_OK)
        outcome = get_locked(&request);
    return call_end(&call, outcome);
}
