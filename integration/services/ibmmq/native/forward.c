/* The verbs in the process of an application whose queue manager is a server: each is a frame and its answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "wire.h"

struct connection {
    struct wire wire;
    bool broken;
};

/* Whoever does not answer is gone, for every later call too. */
static struct outcome lose(struct connection *connection)
{
    connection->broken = true;
    return failed(MQRC_CONNECTION_BROKEN);
}

static void begin(struct connection *connection, enum frame_verb verb)
{
    wire_begin(&connection->wire, verb);
}

/* Sends the frame and reads the beginning of its answer. False: there is nobody; the outcome says so. */
static bool ask(struct connection *connection, struct outcome *outcome)
{
    enum frame_verb verb;
    struct wire *wire = &connection->wire;
    if (!connection->broken && wire_send(wire) && wire_receive(wire, &verb) && wire_take_outcome(wire, outcome))
        return true;
    *outcome = lose(connection);
    return false;
}

/* The next address of a list `host(port),host(port)`; the list moves on. */
static bool next_address(const char **list, char host[256], char port[16])
{
    const char *at = *list + strspn(*list, ", ");
    size_t length = strcspn(at, ",(");
    if (length == 0 || length >= 256)
        return false;
    memcpy(host, at, length);
    host[length] = '\0';
    snprintf(port, 16, "1414");
    at += length;
    if (*at == '(') {
        size_t digits = strcspn(at + 1, ")");
        if (digits == 0 || digits >= 16)
            return false;
        memcpy(port, at + 1, digits);
        port[digits] = '\0';
        at += 1 + digits + (at[1 + digits] == ')');
    }
    *list = at;
    return true;
}

static struct outcome connect_one(const struct connect_request *request, int socket, struct connection **connection)
{
    struct connection *made = calloc(1, sizeof *made);
    struct outcome outcome;
    if (made == NULL) {
        close(socket);
        return failed(MQRC_STORAGE_NOT_AVAILABLE);
    }
    wire_open(&made->wire, socket);
    begin(made, FRAME_CONNECT);
    wire_add_request(&made->wire, request);
    if (!ask(made, &outcome))
        outcome = failed(MQRC_HOST_NOT_AVAILABLE);
    if (outcome.comp == MQCC_FAILED)
        abandon(made);
    else
        *connection = made;
    return outcome;
}

static bool next_may_help(MQLONG reason)
{
    return reason == MQRC_HOST_NOT_AVAILABLE || reason == MQRC_Q_MGR_NOT_AVAILABLE || reason == MQRC_Q_MGR_NAME_ERROR ||
           reason == MQRC_Q_MGR_QUIESCING;
}

static struct outcome connect_list(const struct connect_request *request, const char *list,
                                   struct connection **connection)
{
    struct outcome outcome = failed(MQRC_HOST_NOT_AVAILABLE);
    char host[256];
    char port[16];
    while (next_address(&list, host, port)) {
        int socket = connect_to(host, port);
        if (socket < 0)
            continue;
        outcome = connect_one(request, socket, connection);
        if (outcome.comp != MQCC_FAILED || !next_may_help(outcome.reason))
            break;
    }
    return outcome;
}

/* `CHANNEL/TCP/host(port)`, as MQSERVER has it: the channel goes into the request. */
static const char *use_mqserver(struct connect_request *request, const char *value)
{
    const char *address = strstr(value, "/TCP/");
    if (address == NULL)
        return NULL;
    request->has_cd = true;
    request->cd.Version = 1;
    request->cd.MaxMsgLength = 4194304;
    size_t length = (size_t)(address - value);
    memset(request->cd.ChannelName, ' ', MQ_CHANNEL_NAME_LENGTH);
    memcpy(request->cd.ChannelName, value, length < MQ_CHANNEL_NAME_LENGTH ? length : MQ_CHANNEL_NAME_LENGTH);
    return address + 5;
}

/* By the channel definition, else by MQSERVER, else by STAND_IN_ADDRESS, which stands for the queue managers of this
 * machine and for client channel definition tables, which the stand-in does not read. */
struct outcome connect_queue_manager(const struct connect_request *given, struct connection **connection)
{
    struct connect_request request = *given;
    char list[sizeof request.cd.ConnectionName + 1];
    const char *addresses = NULL;
    *connection = NULL;
    if (request.has_cd) {
        name_read(list, sizeof list, request.cd.ConnectionName, sizeof request.cd.ConnectionName);
        addresses = list;
    } else if (request.ccdt_url.data == NULL && getenv("MQSERVER") != NULL &&
               (request.cno.Options & MQCNO_LOCAL_BINDING) == 0) {
        addresses = use_mqserver(&request, getenv("MQSERVER"));
    } else {
        addresses = getenv("STAND_IN_ADDRESS");
    }
    if (addresses == NULL)
        return failed(MQRC_Q_MGR_NOT_AVAILABLE);
    return connect_list(&request, addresses, connection);
}

void abandon(struct connection *connection)
{
    wire_close(&connection->wire);
    free(connection);
}

struct outcome disconnect(struct connection *connection)
{
    struct outcome outcome;
    begin(connection, FRAME_DISCONNECT);
    ask(connection, &outcome);
    abandon(connection);
    return outcome;
}

struct outcome open_object(struct connection *connection, MQOD *od, MQLONG options, MQHOBJ *object)
{
    struct wire *wire = &connection->wire;
    struct outcome outcome;
    MQOD sent = *od;
    struct span selection = {od->SelectionString.VSPtr, od->SelectionString.VSLength};
    *object = MQHO_UNUSABLE_HOBJ;
    begin(connection, FRAME_OPEN);
    wire_add_number(wire, options);
    wire_add(wire, &sent, sizeof sent);
    wire_add_number(wire, selection.data != NULL && selection.length != 0);
    if (ask(connection, &outcome) && outcome.comp != MQCC_FAILED &&
        !(wire_take(wire, &sent, sizeof sent) && wire_take_number(wire, object)))
        return lose(connection);
    if (outcome.comp != MQCC_FAILED) {
        memcpy(od->ResolvedQName, sent.ResolvedQName, sizeof od->ResolvedQName);
        memcpy(od->ResolvedQMgrName, sent.ResolvedQMgrName, sizeof od->ResolvedQMgrName);
        od->ResolvedType = sent.ResolvedType;
    }
    return outcome;
}

struct outcome close_object(struct connection *connection, MQHOBJ object, MQLONG options)
{
    struct outcome outcome;
    begin(connection, FRAME_CLOSE);
    wire_add_number(&connection->wire, object);
    wire_add_number(&connection->wire, options);
    ask(connection, &outcome);
    return outcome;
}

static void add_put(struct wire *wire, const MQMD *md, const MQPMO *pmo, MQLONG length, const void *body)
{
    wire_add(wire, md, sizeof *md);
    wire_add(wire, pmo, sizeof *pmo);
    wire_add_number(wire, length);
    if (length > 0)
        wire_add(wire, body, (size_t)length);
}

/* The places of the caller's arrays mean nothing to the server, nor does the server's answer to the caller. */
static bool take_put(struct wire *wire, MQMD *md, MQPMO *pmo)
{
    return wire_take(wire, md, sizeof *md) && wire_take(wire, pmo, sizeof *pmo);
}

struct outcome put_message(struct connection *connection, MQHOBJ object, MQMD *md, MQPMO *pmo, MQLONG length,
                           const void *body)
{
    struct wire *wire = &connection->wire;
    struct outcome outcome;
    bool answered = (pmo->Options & MQPMO_ASYNC_RESPONSE) == 0;
    begin(connection, answered ? FRAME_PUT : FRAME_PUT_UNANSWERED);
    wire_add_number(wire, object);
    add_put(wire, md, pmo, length, body);
    if (!answered)
        return !connection->broken && wire_send(wire) ? OUTCOME_OK : lose(connection);
    if (ask(connection, &outcome) && outcome.comp != MQCC_FAILED && !take_put(wire, md, pmo))
        return lose(connection);
    return outcome;
}

struct outcome put_message_once(struct connection *connection, MQOD *od, MQMD *md, MQPMO *pmo, MQLONG length,
                                const void *body)
{
    struct wire *wire = &connection->wire;
    struct outcome outcome;
    begin(connection, FRAME_PUT_ONCE);
    wire_add(wire, od, sizeof *od);
    add_put(wire, md, pmo, length, body);
    MQOD answer;
    if (ask(connection, &outcome) && outcome.comp != MQCC_FAILED &&
        !(wire_take(wire, &answer, sizeof answer) && take_put(wire, md, pmo)))
        return lose(connection);
    if (outcome.comp != MQCC_FAILED) {
        memcpy(od->ResolvedQName, answer.ResolvedQName, sizeof od->ResolvedQName);
        memcpy(od->ResolvedQMgrName, answer.ResolvedQMgrName, sizeof od->ResolvedQMgrName);
    }
    return outcome;
}

struct outcome get_message(struct connection *connection, MQHOBJ object, MQMD *md, MQGMO *gmo, MQLONG capacity,
                           void *buffer, MQLONG *length)
{
    struct wire *wire = &connection->wire;
    struct outcome outcome;
    struct span body;
    *length = 0;
    begin(connection, FRAME_GET);
    wire_add_number(wire, object);
    wire_add_number(wire, capacity);
    wire_add(wire, md, sizeof *md);
    wire_add(wire, gmo, sizeof *gmo);
    if (!ask(connection, &outcome) || outcome.comp == MQCC_FAILED)
        return outcome;
    if (!wire_take_number(wire, length) || !wire_take(wire, md, sizeof *md) || !wire_take(wire, gmo, sizeof *gmo) ||
        !wire_take_span(wire, &body) || body.length > capacity)
        return lose(connection);
    if (body.length > 0)
        memcpy(buffer, body.data, (size_t)body.length);
    return outcome;
}

static struct outcome ask_alone(struct connection *connection, enum frame_verb verb)
{
    struct outcome outcome;
    begin(connection, verb);
    ask(connection, &outcome);
    return outcome;
}

struct outcome commit(struct connection *connection)
{
    return ask_alone(connection, FRAME_COMMIT);
}

struct outcome back_out(struct connection *connection)
{
    return ask_alone(connection, FRAME_BACK_OUT);
}

struct outcome put_status(struct connection *connection, MQSTS *status)
{
    struct outcome outcome = ask_alone(connection, FRAME_STATUS);
    if (outcome.comp == MQCC_OK && !wire_take(&connection->wire, status, sizeof *status))
        return lose(connection);
    return outcome;
}

struct outcome inquire(struct connection *connection, MQHOBJ object, MQLONG selector_count, const MQLONG *selectors,
                       MQLONG integer_count, MQLONG *integers, MQLONG text_length, char *texts)
{
    struct wire *wire = &connection->wire;
    struct outcome outcome;
    begin(connection, FRAME_INQUIRE);
    wire_add_number(wire, object);
    wire_add_span(wire, (struct span){(const char *)selectors, selector_count * (MQLONG)sizeof *selectors});
    wire_add_number(wire, integer_count);
    wire_add_number(wire, text_length);
    if (!ask(connection, &outcome) || outcome.comp == MQCC_FAILED)
        return outcome;
    if (!wire_take(wire, integers, (size_t)integer_count * sizeof *integers) ||
        !wire_take(wire, texts, (size_t)text_length))
        return lose(connection);
    return outcome;
}

struct outcome set_attributes(struct connection *connection, MQHOBJ object, MQLONG selector_count,
                              const MQLONG *selectors, MQLONG integer_count, const MQLONG *integers)
{
    struct wire *wire = &connection->wire;
    struct outcome outcome;
    begin(connection, FRAME_SET);
    wire_add_number(wire, object);
    wire_add_span(wire, (struct span){(const char *)selectors, selector_count * (MQLONG)sizeof *selectors});
    wire_add_span(wire, (struct span){(const char *)integers, integer_count * (MQLONG)sizeof *integers});
    ask(connection, &outcome);
    return outcome;
}

struct outcome create_message_handle(struct connection *connection, MQHMSG *handle)
{
    struct outcome outcome = ask_alone(connection, FRAME_CREATE_HANDLE);
    *handle = MQHM_UNUSABLE_HMSG;
    if (outcome.comp == MQCC_OK && !wire_take(&connection->wire, handle, sizeof *handle))
        return lose(connection);
    return outcome;
}

struct outcome delete_message_handle(struct connection *connection, MQHMSG handle)
{
    struct outcome outcome;
    begin(connection, FRAME_DELETE_HANDLE);
    wire_add(&connection->wire, &handle, sizeof handle);
    ask(connection, &outcome);
    return outcome;
}

struct outcome set_property(struct connection *connection, MQHMSG handle, struct span name, const MQPD *descriptor,
                            MQLONG type, MQLONG length, const void *value)
{
    struct wire *wire = &connection->wire;
    struct outcome outcome;
    begin(connection, FRAME_SET_PROPERTY);
    wire_add(wire, &handle, sizeof handle);
    wire_add_span(wire, name);
    wire_add(wire, descriptor, sizeof *descriptor);
    wire_add_number(wire, type);
    wire_add_span(wire, (struct span){length > 0 ? value : "", length > 0 ? length : 0});
    ask(connection, &outcome);
    return outcome;
}

struct outcome inquire_property(struct connection *connection, MQHMSG handle, MQLONG options, struct span name,
                                MQLONG requested_type, MQLONG capacity, void *value, struct property_answer *answer)
{
    struct wire *wire = &connection->wire;
    struct outcome outcome;
    struct span found;
    memset(answer, 0, sizeof *answer);
    begin(connection, FRAME_INQUIRE_PROPERTY);
    wire_add(wire, &handle, sizeof handle);
    wire_add_number(wire, options);
    wire_add_span(wire, name);
    wire_add_number(wire, requested_type);
    wire_add_number(wire, capacity);
    if (!ask(connection, &outcome))
        return outcome;
    if (!wire_take(wire, answer, sizeof *answer) || !wire_take_span(wire, &found) || found.length > capacity)
        return lose(connection);
    if (found.length > 0)
        memcpy(value, found.data, (size_t)found.length);
    return outcome;
}

struct outcome delete_property(struct connection *connection, MQHMSG handle, MQLONG options, struct span name)
{
    struct wire *wire = &connection->wire;
    struct outcome outcome;
    begin(connection, FRAME_DELETE_PROPERTY);
    wire_add(wire, &handle, sizeof handle);
    wire_add_number(wire, options);
    wire_add_span(wire, name);
    ask(connection, &outcome);
    return outcome;
}
