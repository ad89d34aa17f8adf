/* Connections: who may connect, what a connection has open, how it ends. */
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "fault.h"
#include "property.h"
#include "request.h"

static uint64_t last_connection_id;

static bool span_is(struct span span, const char *text)
{
    return (size_t)span.length == strlen(text) && memcmp(span.data, text, (size_t)span.length) == 0;
}

/* The credentials that count: those of the MQCSP, else the ones that old clients send in the channel definition. */
static bool credentials_are_right(const struct queue_manager *manager, const struct connect_request *request)
{
    if (manager->users == NULL)
        return true;
    char user[13] = "";
    char password[13] = "";
    if (request->has_cd) {
        name_read(user, sizeof user, request->cd.RemoteUserIdentifier, 12);
        name_read(password, sizeof password, request->cd.RemotePassword, 12);
    }
    bool by_csp = request->has_csp && request->csp.AuthenticationType == MQCSP_AUTH_USER_ID_AND_PWD;
    struct span given_user = by_csp ? request->user : (struct span){user, (MQLONG)strlen(user)};
    struct span given_password = by_csp ? request->password : (struct span){password, (MQLONG)strlen(password)};
    for (const struct user *known = manager->users; known != NULL; known = known->next)
        if (span_is(given_user, known->name))
            return span_is(given_password, known->password);
    return false;
}

static MQLONG channel_refusal(const struct channel *channel, const struct connect_request *request)
{
    char cipher[33];
    name_read(cipher, sizeof cipher, request->cd.SSLCipherSpec, sizeof request->cd.SSLCipherSpec);
    if (channel->cipher[0] != '\0' && strcmp(channel->cipher, cipher) != 0 && strncmp(cipher, "ANY_", 4) != 0)
        return 2393; /* MQRC_SSL_INITIALIZATION_ERROR */
    /* every client of a test has the same address, so both limits count the same instances */
    if (channel->instances >= channel->max_instances)
        return channel->limit_reason;
    if (channel->instances >= channel->max_instances_of_client)
        return channel->client_limit_reason;
    return MQRC_NONE;
}

static int connection_count(const struct queue_manager *manager)
{
    int count = 0;
    for (const struct connection *connection = manager->connections; connection != NULL; connection = connection->next)
        count++;
    return count;
}

static MQLONG refusal(struct queue_manager *manager, const struct connect_request *request, struct channel **channel)
{
    if (manager == NULL)
        return MQRC_Q_MGR_NAME_ERROR;
    if (manager->state == MANAGER_STOPPED)
        return MQRC_Q_MGR_NOT_AVAILABLE;
    if (manager->state == MANAGER_QUIESCING)
        return MQRC_Q_MGR_QUIESCING;
    if (connection_count(manager) >= manager->max_connections)
        return MQRC_MAX_CONNS_LIMIT_REACHED;
    if (request->has_cd) {
        char name[MQ_CHANNEL_NAME_LENGTH + 1];
        name_read(name, sizeof name, request->cd.ChannelName, MQ_CHANNEL_NAME_LENGTH);
        *channel = manager->channels_are_checked ? channel_find(manager, name) : channel_define(manager, name);
        if (*channel == NULL)
            return MQRC_UNKNOWN_CHANNEL_NAME;
        MQLONG reason = channel_refusal(*channel, request);
        if (reason != MQRC_NONE)
            return reason;
    }
    return credentials_are_right(manager, request) ? MQRC_NONE : MQRC_NOT_AUTHORIZED;
}

static struct connection *connection_new(struct queue_manager *manager, struct channel *channel,
                                         const struct connect_request *request)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        return NULL;
    connection->owner = manager;
    connection->channel = channel;
    connection->id = ++last_connection_id;
    connection->options = request->cno.Options;
    connection->max_length = request->has_cd ? request->cd.MaxMsgLength : manager->max_length;
    memcpy(connection->application, request->application, sizeof connection->application);
    memcpy(connection->user, request->os_user, sizeof connection->user);
    if (request->user.length > 0) {
        memset(connection->user, ' ', sizeof connection->user);
        size_t length = (size_t)request->user.length;
        memcpy(connection->user, request->user.data, length < 12 ? length : 12);
    }
    if (channel != NULL)
        channel->instances++;
    connection->next = manager->connections;
    manager->connections = connection;
    return connection;
}

static struct outcome connect_locked(const struct connect_request *request, struct connection **connection)
{
    char application[29];
    name_read(application, sizeof application, request->application, sizeof request->application);
    struct outcome outcome;
    if (fault_applies(NULL, VERB_CONNX, false, "", application, &outcome))
        return outcome;
    char name[NAME_TEXT];
    name_read(name, sizeof name, request->queue_manager, MQ_NAME_LENGTH);
    struct queue_manager *manager = queue_manager_find(name);
    struct channel *channel = NULL;
    MQLONG reason = refusal(manager, request, &channel);
    if (reason != MQRC_NONE)
        return failed(reason);
    *connection = connection_new(manager, channel, request);
    if (*connection == NULL)
        return failed(MQRC_STORAGE_NOT_AVAILABLE);
    outcome = OUTCOME_OK;
    fault_applies(*connection, VERB_CONNX, true, "", application, &outcome);
    return outcome;
}

struct outcome connect_queue_manager(const struct connect_request *request, struct connection **connection)
{
    *connection = NULL;
    pthread_mutex_lock(&engine.lock);
    request_free(engine.last_connect);
    engine.last_connect = request_copy(request);
    struct outcome outcome = connect_locked(request, connection);
    struct connection *refused = outcome.comp == MQCC_FAILED ? *connection : NULL;
    pthread_mutex_unlock(&engine.lock);
    if (refused != NULL) {
        abandon(refused);
        *connection = NULL;
    }
    return outcome;
}

struct object *connection_object(struct connection *connection, MQHOBJ handle)
{
    if (handle < 1 || handle > connection->object_count)
        return NULL;
    return connection->objects[handle - 1];
}

static void close_all(struct connection *connection)
{
    for (MQHOBJ handle = 1; handle <= connection->object_count; handle++)
        object_close(connection, handle);
    free(connection->objects);
    connection->objects = NULL;
    connection->object_count = 0;
    properties_free_all(connection);
}

static void leave_queue_manager(struct connection *connection)
{
    struct connection **link = &connection->owner->connections;
    while (*link != NULL && *link != connection)
        link = &(*link)->next;
    if (*link == connection)
        *link = connection->next;
    if (connection->channel != NULL)
        connection->channel->instances--;
    connection->channel = NULL;
}

void connection_break(struct connection *connection)
{
    if (connection->broken)
        return;
    unit_back_out(connection);
    close_all(connection);
    leave_queue_manager(connection);
    connection->broken = true;
    if (connection->waits_for != NULL)
        queue_wake(connection->waits_for);
    fault_wake();
}

static void connection_free(struct connection *connection)
{
    free(connection->unit);
    free(connection);
}

void abandon(struct connection *connection)
{
    pthread_mutex_lock(&engine.lock);
    connection_break(connection);
    pthread_mutex_unlock(&engine.lock);
    connection_free(connection);
}

/* A unit of work that the queue manager has backed out already cannot be committed, which is said once. */
static struct outcome commit_locked(struct connection *connection)
{
    if (!connection->doomed)
        return unit_commit(connection);
    unit_back_out(connection);
    connection->doomed = false;
    return warning(MQRC_BACKED_OUT);
}

struct outcome disconnect(struct connection *connection)
{
    struct call call;
    struct outcome outcome;
    if (call_begin(&call, connection, VERB_DISC, 0, "", &outcome))
        outcome = call_end(&call, commit_locked(connection));
    abandon(connection);
    return outcome;
}

struct outcome commit(struct connection *connection)
{
    struct call call;
    struct outcome outcome;
    if (!call_begin(&call, connection, VERB_CMIT, 0, "", &outcome))
        return outcome;
    return call_end(&call, commit_locked(connection));
}

struct outcome back_out(struct connection *connection)
{
    struct call call;
    struct outcome outcome;
    if (!call_begin(&call, connection, VERB_BACK, 0, "", &outcome))
        return outcome;
    unit_back_out(connection);
    connection->doomed = false;
    return call_end(&call, OUTCOME_OK);
}

struct outcome put_status(struct connection *connection, MQSTS *status)
{
    struct call call;
    struct outcome outcome;
    if (!call_begin(&call, connection, VERB_STAT, 0, "", &outcome))
        return outcome;
    *status = connection->asynchronous;
    memset(&connection->asynchronous, 0, sizeof connection->asynchronous);
    return call_end(&call, OUTCOME_OK);
}
