/* MQPUT and MQPUT1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "fault.h"
#include "journal.h"
#include "property.h"
#include "rfh2.h"

enum {
    PUT_CONTEXTS = MQPMO_PASS_IDENTITY_CONTEXT | MQPMO_PASS_ALL_CONTEXT | MQPMO_SET_IDENTITY_CONTEXT |
                   MQPMO_SET_ALL_CONTEXT | MQPMO_NO_CONTEXT,
    /* what the stand-in does not know is refused, so that no test believes in it */
    PUT_KNOWN = MQPMO_SYNCPOINT | MQPMO_NO_SYNCPOINT | 0x20 | MQPMO_NEW_MSG_ID | MQPMO_NEW_CORREL_ID | PUT_CONTEXTS |
                MQPMO_FAIL_IF_QUIESCING | MQPMO_ASYNC_RESPONSE | 0x20000 | 0x40000,
};

static struct outcome check_options(const struct connection *connection, const struct queue *queue, const MQPMO *pmo)
{
    MQLONG context = pmo->Options & PUT_CONTEXTS;
    if ((pmo->Options & ~PUT_KNOWN) != 0)
        return failed(MQRC_FUNCTION_NOT_SUPPORTED);
    if ((pmo->Options & MQPMO_SYNCPOINT) != 0 && (pmo->Options & MQPMO_NO_SYNCPOINT) != 0)
        return failed(MQRC_OPTIONS_ERROR);
    if ((context & (context - 1)) != 0)
        return failed(MQRC_OPTIONS_ERROR);
    if ((pmo->Options & MQPMO_FAIL_IF_QUIESCING) != 0 && connection->owner->state != MANAGER_RUNNING)
        return failed(MQRC_Q_MGR_QUIESCING);
    if (connection->doomed && (pmo->Options & MQPMO_SYNCPOINT) != 0)
        return failed(MQRC_BACKED_OUT);
    return queue->put_inhibited ? failed(MQRC_PUT_INHIBITED) : OUTCOME_OK;
}

static struct outcome check_length(const struct connection *connection, const struct queue *queue, MQLONG length)
{
    if (length < 0)
        return failed(MQRC_BUFFER_LENGTH_ERROR);
    if (length > connection->max_length)
        return failed(MQRC_DATA_LENGTH_ERROR);
    if (length > queue->max_length)
        return failed(MQRC_MSG_TOO_BIG_FOR_Q);
    return length > connection->owner->max_length ? failed(MQRC_MSG_TOO_BIG_FOR_Q_MGR) : OUTCOME_OK;
}

/* A priority that is too high is a warning: the message is put with the highest there is. */
static struct outcome check_descriptor(const MQMD *md)
{
    if (md->Expiry <= 0 && md->Expiry != MQEI_UNLIMITED)
        return failed(MQRC_EXPIRY_ERROR);
    if (md->MsgType < 1)
        return failed(MQRC_MSG_TYPE_ERROR);
    if (md->MsgType == MQMT_REQUEST && (md->ReplyToQ[0] == '\0' || md->ReplyToQ[0] == ' '))
        return failed(MQRC_MISSING_REPLY_TO_Q);
    if (md->Persistence < MQPER_NOT_PERSISTENT || md->Persistence > MQPER_PERSISTENCE_AS_Q_DEF)
        return failed(MQRC_PERSISTENCE_ERROR);
    if (md->Priority < MQPRI_PRIORITY_AS_Q_DEF)
        return failed(MQRC_PRIORITY_ERROR);
    return md->Priority > MQ_MAX_PRIORITY ? warning(MQRC_PRIORITY_EXCEEDS_MAXIMUM) : OUTCOME_OK;
}

/* A field of text is padded with blanks when it is stored; a zero byte ends it before. */
static void pad(char *field, size_t width)
{
    size_t length = strnlen(field, width);
    memset(field + length, ' ', width - length);
}

static void set_identity(MQMD *md, const struct connection *connection)
{
    memcpy(md->UserIdentifier, connection->user, sizeof md->UserIdentifier);
    memset(md->ApplIdentityData, ' ', sizeof md->ApplIdentityData);
    memset(md->AccountingToken, 0, sizeof md->AccountingToken);
    md->AccountingToken[0] = 4;
    memcpy(md->AccountingToken + 1, "1001", 4);
    md->AccountingToken[31] = 6; /* a number of Unix */
}

static void set_origin(MQMD *md, const struct connection *connection)
{
    md->PutApplType = MQAT_UNIX;
    memcpy(md->PutApplName, connection->application, sizeof md->PutApplName);
    memset(md->ApplOriginData, ' ', sizeof md->ApplOriginData);
    now_as_put_date(md->PutDate, md->PutTime);
}

static void pass_identity(MQMD *md, const MQMD *from)
{
    memcpy(md->UserIdentifier, from->UserIdentifier, sizeof md->UserIdentifier);
    memcpy(md->AccountingToken, from->AccountingToken, sizeof md->AccountingToken);
    memcpy(md->ApplIdentityData, from->ApplIdentityData, sizeof md->ApplIdentityData);
}

static void pass_origin(MQMD *md, const MQMD *from)
{
    md->PutApplType = from->PutApplType;
    memcpy(md->PutApplName, from->PutApplName, sizeof md->PutApplName);
    memcpy(md->PutDate, from->PutDate, sizeof md->PutDate);
    memcpy(md->PutTime, from->PutTime, sizeof md->PutTime);
    memcpy(md->ApplOriginData, from->ApplOriginData, sizeof md->ApplOriginData);
}

static void clear_context(MQMD *md)
{
    memset(md->UserIdentifier, ' ', sizeof md->UserIdentifier);
    memset(md->AccountingToken, 0, sizeof md->AccountingToken);
    memset(md->ApplIdentityData, ' ', sizeof md->ApplIdentityData);
    md->PutApplType = MQAT_NO_CONTEXT;
    memset(md->PutApplName, ' ', sizeof md->PutApplName);
    memset(md->PutDate, ' ', sizeof md->PutDate);
    memset(md->PutTime, ' ', sizeof md->PutTime);
    memset(md->ApplOriginData, ' ', sizeof md->ApplOriginData);
}

static struct outcome passed_context(MQMD *md, struct connection *connection, const MQPMO *pmo, MQLONG options)
{
    bool all = (pmo->Options & MQPMO_PASS_ALL_CONTEXT) != 0;
    if ((options & (all ? MQOO_PASS_ALL_CONTEXT : MQOO_PASS_IDENTITY_CONTEXT | MQOO_PASS_ALL_CONTEXT)) == 0)
        return failed(all ? MQRC_NOT_OPEN_FOR_PASS_ALL : MQRC_NOT_OPEN_FOR_PASS_IDENT);
    const struct object *source = connection_object(connection, pmo->Context);
    if (source == NULL || (source->options & MQOO_SAVE_ALL_CONTEXT) == 0)
        return failed(MQRC_CONTEXT_HANDLE_ERROR);
    if (!source->has_context)
        return failed(MQRC_CONTEXT_NOT_AVAILABLE);
    pass_identity(md, &source->context);
    if (all)
        pass_origin(md, &source->context);
    else
        set_origin(md, connection);
    return OUTCOME_OK;
}

static struct outcome set_context(MQMD *md, struct connection *connection, const MQPMO *pmo, MQLONG options)
{
    switch (pmo->Options & PUT_CONTEXTS) {
    case MQPMO_SET_ALL_CONTEXT:
        return options & MQOO_SET_ALL_CONTEXT ? OUTCOME_OK : failed(MQRC_NOT_OPEN_FOR_SET_ALL);
    case MQPMO_SET_IDENTITY_CONTEXT:
        if ((options & (MQOO_SET_IDENTITY_CONTEXT | MQOO_SET_ALL_CONTEXT)) == 0)
            return failed(MQRC_NOT_OPEN_FOR_SET_IDENT);
        set_origin(md, connection);
        return OUTCOME_OK;
    case MQPMO_PASS_ALL_CONTEXT:
    case MQPMO_PASS_IDENTITY_CONTEXT:
        return passed_context(md, connection, pmo, options);
    case MQPMO_NO_CONTEXT:
        clear_context(md);
        return OUTCOME_OK;
    default:
        set_identity(md, connection);
        set_origin(md, connection);
        return OUTCOME_OK;
    }
}

static bool is_zero(const char *field, size_t width)
{
    for (size_t i = 0; i < width; i++)
        if (field[i] != '\0')
            return false;
    return true;
}

static void set_identifiers(MQMD *md, struct queue_manager *manager, const MQPMO *pmo)
{
    if ((pmo->Options & MQPMO_NEW_MSG_ID) != 0 || is_zero(md->MsgId, sizeof md->MsgId))
        message_give_id(manager, md->MsgId);
    if ((pmo->Options & MQPMO_NEW_CORREL_ID) != 0)
        message_give_id(manager, md->CorrelId);
    if ((md->MsgFlags & (MQMF_MSG_IN_GROUP | MQMF_LAST_MSG_IN_GROUP)) != 0 &&
        is_zero(md->GroupId, sizeof md->GroupId))
        message_give_id(manager, md->GroupId);
}

static void set_defaults(MQMD *md, const struct queue *queue)
{
    md->Version = 2;
    if (md->Priority == MQPRI_PRIORITY_AS_Q_DEF)
        md->Priority = queue->default_priority;
    if (md->Priority > MQ_MAX_PRIORITY)
        md->Priority = MQ_MAX_PRIORITY;
    if (md->Persistence == MQPER_PERSISTENCE_AS_Q_DEF)
        md->Persistence = queue->default_persistence;
    if (md->CodedCharSetId == MQCCSI_Q_MGR)
        md->CodedCharSetId = queue->owner->ccsid;
    md->BackoutCount = 0;
    pad(md->Format, sizeof md->Format);
    pad(md->ReplyToQ, sizeof md->ReplyToQ);
    pad(md->ReplyToQMgr, sizeof md->ReplyToQMgr);
    if (md->ReplyToQ[0] != ' ' && md->ReplyToQMgr[0] == ' ')
        name_write(md->ReplyToQMgr, sizeof md->ReplyToQMgr, queue->owner->name);
    pad(md->UserIdentifier, sizeof md->UserIdentifier);
    pad(md->ApplIdentityData, sizeof md->ApplIdentityData);
    pad(md->PutApplName, sizeof md->PutApplName);
    pad(md->PutDate, sizeof md->PutDate);
    pad(md->PutTime, sizeof md->PutTime);
    pad(md->ApplOriginData, sizeof md->ApplOriginData);
}

/* With the properties of a message handle in front of the body, if there are any. NULL with the reason set. */
static struct message *compose(struct connection *connection, const MQMD *md, const MQPMO *pmo, MQLONG length,
                               const void *body, MQLONG *reason)
{
    *reason = rfh2_check(md, length, body);
    if (*reason != MQRC_NONE)
        return NULL;
    MQHMSG handle = pmo->OriginalMsgHandle;
    const struct property_set *set = NULL;
    if (handle != MQHM_NONE && handle != MQHM_UNUSABLE_HMSG) {
        set = properties_find(connection, handle);
        if (set == NULL) {
            *reason = MQRC_HMSG_ERROR;
            return NULL;
        }
    }
    *reason = MQRC_STORAGE_NOT_AVAILABLE;
    if (set == NULL || set->first == NULL)
        return message_new(md, length, body);
    return rfh2_message(set, md, length, body);
}

/* Enters a message into its queue: in the unit of work, or at once and for good. */
struct outcome message_store(struct connection *connection, struct queue *queue, struct message *message, bool in_unit)
{
    struct queue_manager *manager = queue->owner;
    if (queue_depth(queue) >= queue->max_depth) {
        free(message);
        return failed(MQRC_Q_FULL);
    }
    message->queue = queue;
    message->order = ++manager->next_order;
    message->expires =
        message->md.Expiry == MQEI_UNLIMITED ? 0 : now_in_milliseconds() + (int64_t)message->md.Expiry * 100;
    message->state = MESSAGE_BEING_PUT;
    if (in_unit) {
        struct outcome outcome = unit_add(connection, message);
        if (outcome.comp != MQCC_OK)
            free(message);
        else
            queue_enter(message);
        return outcome;
    }
    if (!journal_commit(manager->journal, &message, 1)) {
        free(message);
        return failed(MQRC_UNEXPECTED_ERROR);
    }
    queue_enter(message);
    queue_put(message);
    return OUTCOME_OK;
}

static void answer(MQPMO *pmo, const struct queue *queue)
{
    pmo->KnownDestCount = 1;
    pmo->UnknownDestCount = pmo->InvalidDestCount = 0;
    name_write(pmo->ResolvedQName, MQ_NAME_LENGTH, queue->name);
    name_write(pmo->ResolvedQMgrName, MQ_NAME_LENGTH, queue->owner->name);
}

static struct outcome put_locked(struct connection *connection, const struct object *object, MQMD *md, MQPMO *pmo,
                                 MQLONG length, const void *body)
{
    struct queue *queue = object->queue;
    struct outcome outcome = check_options(connection, queue, pmo);
    if (outcome.comp == MQCC_OK && object->named->put_inhibited)
        outcome = failed(MQRC_PUT_INHIBITED);
    if (outcome.comp == MQCC_OK)
        outcome = check_length(connection, queue, length);
    if (outcome.comp != MQCC_OK)
        return outcome;
    struct outcome remark = check_descriptor(md);
    if (remark.comp == MQCC_FAILED)
        return remark;
    MQMD stored = *md;
    outcome = set_context(&stored, connection, pmo, object->options);
    if (outcome.comp != MQCC_OK)
        return outcome;
    set_defaults(&stored, queue);
    set_identifiers(&stored, queue->owner, pmo);
    MQLONG reason;
    struct message *message = compose(connection, &stored, pmo, length, body, &reason);
    if (message == NULL)
        return failed(reason);
    outcome = message_store(connection, queue, message, (pmo->Options & MQPMO_SYNCPOINT) != 0);
    if (outcome.comp != MQCC_OK)
        return outcome;
    *md = stored;
    answer(pmo, queue);
    return remark;
}

/* The first thing that went wrong is kept for MQSTAT; the application goes on. */
static struct outcome count_asynchronous(struct connection *connection, const struct object *object,
                                         struct outcome outcome)
{
    MQSTS *status = &connection->asynchronous;
    if (outcome.comp == MQCC_OK)
        status->PutSuccessCount++;
    else if (outcome.comp == MQCC_WARNING)
        status->PutWarningCount++;
    else
        status->PutFailureCount++;
    if (outcome.comp > status->CompCode) {
        status->CompCode = outcome.comp;
        status->Reason = outcome.reason;
        status->ObjectType = MQOT_Q;
        status->OpenOptions = object->options;
        name_write(status->ObjectName, MQ_NAME_LENGTH, object->named->name);
        name_write(status->ObjectQMgrName, MQ_NAME_LENGTH, connection->owner->name);
        name_write(status->ResolvedObjectName, MQ_NAME_LENGTH, object->queue->name);
        name_write(status->ResolvedQMgrName, MQ_NAME_LENGTH, connection->owner->name);
    }
    return OUTCOME_OK;
}

struct outcome put_message(struct connection *connection, MQHOBJ handle, MQMD *md, MQPMO *pmo, MQLONG length,
                           const void *body)
{
    struct call call;
    struct outcome outcome;
    if (!call_begin(&call, connection, VERB_PUT, handle, NULL, &outcome))
        return outcome;
    const struct object *object = connection_object(connection, handle);
    if (object == NULL)
        return call_end(&call, failed(MQRC_HOBJ_ERROR));
    if ((object->options & MQOO_OUTPUT) == 0)
        return call_end(&call, failed(MQRC_NOT_OPEN_FOR_OUTPUT));
    outcome = put_locked(connection, object, md, pmo, length, body);
    if ((pmo->Options & MQPMO_ASYNC_RESPONSE) != 0)
        outcome = count_asynchronous(connection, object, outcome);
    return call_end(&call, outcome);
}

/* MQPUT1 needs no options of MQOPEN: it asks for what the put options imply. */
static MQLONG implied_options(const MQPMO *pmo)
{
    MQLONG options = MQOO_OUTPUT;
    if ((pmo->Options & MQPMO_SET_ALL_CONTEXT) != 0)
        options |= MQOO_SET_ALL_CONTEXT;
    if ((pmo->Options & MQPMO_SET_IDENTITY_CONTEXT) != 0)
        options |= MQOO_SET_IDENTITY_CONTEXT;
    if ((pmo->Options & MQPMO_PASS_ALL_CONTEXT) != 0)
        options |= MQOO_PASS_ALL_CONTEXT;
    if ((pmo->Options & MQPMO_PASS_IDENTITY_CONTEXT) != 0)
        options |= MQOO_PASS_IDENTITY_CONTEXT;
    return options;
}

struct outcome put_message_once(struct connection *connection, MQOD *od, MQMD *md, MQPMO *pmo, MQLONG length,
                                const void *body)
{
    char name[NAME_TEXT];
    name_read(name, sizeof name, od->ObjectName, MQ_NAME_LENGTH);
    struct call call;
    struct outcome outcome;
    if (!call_begin(&call, connection, VERB_PUT1, 0, name, &outcome))
        return outcome;
    struct object object = {.options = implied_options(pmo)};
    outcome = object_resolve(connection, od, &object);
    if (outcome.comp == MQCC_OK && object.is_queue_manager)
        outcome = failed(MQRC_OBJECT_TYPE_ERROR);
    if (outcome.comp == MQCC_OK)
        outcome = object_authorize(&object, connection->owner, object.options);
    if (outcome.comp == MQCC_OK)
        outcome = put_locked(connection, &object, md, pmo, length, body);
    return call_end(&call, outcome);
}
