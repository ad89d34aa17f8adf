#include "session.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "control.h"
#include "engine.h"
#include "wire.h"

struct session {
    struct session *next;
    uint64_t number;
    struct wire wire;
    struct connection *connection;
};

static pthread_mutex_t sessions_lock = PTHREAD_MUTEX_INITIALIZER;
static struct session *sessions;
static uint64_t last_number;
static int watcher = -1;

/* The connection leaves the session first, so that the watcher never sees one that is gone. */
static struct connection *detach(struct session *session)
{
    pthread_mutex_lock(&sessions_lock);
    struct connection *connection = session->connection;
    session->connection = NULL;
    pthread_mutex_unlock(&sessions_lock);
    return connection;
}

static void break_connection_of(uint64_t number)
{
    pthread_mutex_lock(&sessions_lock);
    for (struct session *session = sessions; session != NULL; session = session->next)
        if (session->number == number && session->connection != NULL) {
            pthread_mutex_lock(&engine.lock);
            connection_break(session->connection);
            pthread_mutex_unlock(&engine.lock);
        }
    pthread_mutex_unlock(&sessions_lock);
}

static void *watch(void *unused)
{
    (void)unused;
    for (;;) {
        struct epoll_event events[16];
        int count = epoll_wait(watcher, events, 16, -1);
        for (int i = 0; i < count; i++)
            break_connection_of(events[i].data.u64);
    }
    return NULL;
}

static void start_thread(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &detached, run, argument) != 0)
        abort();
    pthread_attr_destroy(&detached);
}

void session_watch(void)
{
    watcher = epoll_create1(EPOLL_CLOEXEC);
    if (watcher < 0)
        abort();
    start_thread(watch, NULL);
}

static void reply(struct session *session, struct outcome outcome)
{
    wire_begin(&session->wire, FRAME_CONTROL);
    wire_add_outcome(&session->wire, outcome);
}

/* Each function reads its parameters, calls the verb, and makes the answer. False: the frame was nonsense. */

static bool serve_control(struct session *session)
{
    struct wire *wire = &session->wire;
    struct span line;
    if (!wire_take_span(wire, &line) || line.data == NULL)
        return false;
    char *text = strndup(line.data, (size_t)line.length);
    char *answer = text != NULL ? stand_in_control(text) : NULL;
    free(text);
    wire_begin(wire, FRAME_CONTROL);
    wire_add(wire, answer, answer != NULL ? strlen(answer) : 0);
    stand_in_free(answer);
    return true;
}

static bool serve_connect(struct session *session)
{
    struct connect_request request;
    struct connection *connection;
    if (session->connection != NULL || !wire_take_request(&session->wire, &request))
        return false;
    struct outcome outcome = connect_queue_manager(&request, &connection);
    pthread_mutex_lock(&sessions_lock);
    session->connection = connection;
    pthread_mutex_unlock(&sessions_lock);
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET, .data.u64 = session->number};
    epoll_ctl(watcher, EPOLL_CTL_ADD, session->wire.socket, &event);
    reply(session, outcome);
    return true;
}

static bool serve_open(struct session *session)
{
    struct wire *wire = &session->wire;
    MQLONG options;
    MQLONG selects;
    MQOD od;
    MQHOBJ handle;
    if (!wire_take_number(wire, &options) || !wire_take(wire, &od, sizeof od) || !wire_take_number(wire, &selects))
        return false;
    od.SelectionString = selects ? (MQCHARV){.VSPtr = wire, .VSLength = 1} : (MQCHARV){0};
    struct outcome outcome = open_object(session->connection, &od, options, &handle);
    reply(session, outcome);
    wire_add(wire, &od, sizeof od);
    wire_add_number(wire, handle);
    return true;
}

static bool serve_close(struct session *session)
{
    MQHOBJ handle;
    MQLONG options;
    if (!wire_take_number(&session->wire, &handle) || !wire_take_number(&session->wire, &options))
        return false;
    reply(session, close_object(session->connection, handle, options));
    return true;
}

struct put_frame {
    MQMD md;
    MQPMO pmo;
    MQLONG length;
    const char *body;
};

static bool take_put(struct wire *wire, struct put_frame *put)
{
    if (!wire_take(wire, &put->md, sizeof put->md) || !wire_take(wire, &put->pmo, sizeof put->pmo) ||
        !wire_take_number(wire, &put->length))
        return false;
    put->body = wire->in.data + wire->begin;
    return put->length < 0 || wire->frame_end - wire->begin == (size_t)put->length;
}

static bool serve_put(struct session *session, bool answered)
{
    struct wire *wire = &session->wire;
    MQHOBJ handle;
    struct put_frame put;
    if (!wire_take_number(wire, &handle) || !take_put(wire, &put))
        return false;
    struct outcome outcome = put_message(session->connection, handle, &put.md, &put.pmo, put.length, put.body);
    if (!answered) {
        wire->out.length = 0;
        return true;
    }
    reply(session, outcome);
    wire_add(wire, &put.md, sizeof put.md);
    wire_add(wire, &put.pmo, sizeof put.pmo);
    return true;
}

static bool serve_put_once(struct session *session)
{
    struct wire *wire = &session->wire;
    MQOD od;
    struct put_frame put;
    if (!wire_take(wire, &od, sizeof od) || !take_put(wire, &put))
        return false;
    od.SelectionString = (MQCHARV){0};
    reply(session, put_message_once(session->connection, &od, &put.md, &put.pmo, put.length, put.body));
    wire_add(wire, &od, sizeof od);
    wire_add(wire, &put.md, sizeof put.md);
    wire_add(wire, &put.pmo, sizeof put.pmo);
    return true;
}

/* The body is written where it is sent from; what stands before it is filled in afterwards. */
static bool serve_get(struct session *session)
{
    struct wire *wire = &session->wire;
    MQHOBJ handle;
    MQLONG capacity;
    MQLONG length;
    MQMD md;
    MQGMO gmo;
    if (!wire_take_number(wire, &handle) || !wire_take_number(wire, &capacity) || !wire_take(wire, &md, sizeof md) ||
        !wire_take(wire, &gmo, sizeof gmo))
        return false;
    enum { BEFORE = 8 + 2 * 4 + 4 + sizeof md + sizeof gmo + 4 };
    wire->out.length = 0;
    text_reserve(&wire->out, BEFORE + (size_t)(capacity > 0 ? capacity : 0));
    struct outcome outcome =
        get_message(session->connection, handle, &md, &gmo, capacity, wire->out.data + BEFORE, &length);
    MQLONG copied = outcome.comp == MQCC_FAILED ? 0 : length < capacity ? length : capacity;
    reply(session, outcome);
    wire_add_number(wire, length);
    wire_add(wire, &md, sizeof md);
    wire_add(wire, &gmo, sizeof gmo);
    wire_add_number(wire, copied);
    wire->out.length += (size_t)copied;
    return true;
}

static bool serve_inquire(struct session *session)
{
    struct wire *wire = &session->wire;
    MQHOBJ handle;
    struct span selectors;
    MQLONG integer_count;
    MQLONG text_length;
    if (!wire_take_number(wire, &handle) || !wire_take_span(wire, &selectors) ||
        !wire_take_number(wire, &integer_count) || !wire_take_number(wire, &text_length) || selectors.length > 1024 ||
        integer_count < 0 || integer_count > 1024 || text_length < 0 || text_length > 65536)
        return false;
    MQLONG copied[256];
    memcpy(copied, selectors.data, (size_t)selectors.length);
    MQLONG *integers = calloc((size_t)integer_count + 1, sizeof *integers);
    char *texts = calloc((size_t)text_length + 1, 1);
    if (integers == NULL || texts == NULL)
        abort();
    reply(session, inquire(session->connection, handle, selectors.length / (MQLONG)sizeof *copied, copied,
                           integer_count, integers, text_length, texts));
    wire_add(wire, integers, (size_t)integer_count * sizeof *integers);
    wire_add(wire, texts, (size_t)text_length);
    free(integers);
    free(texts);
    return true;
}

static bool serve_set(struct session *session)
{
    MQHOBJ handle;
    struct span selectors;
    struct span integers;
    MQLONG copied[2][256];
    if (!wire_take_number(&session->wire, &handle) || !wire_take_span(&session->wire, &selectors) ||
        !wire_take_span(&session->wire, &integers) || selectors.length > 1024 || integers.length > 1024)
        return false;
    memcpy(copied[0], selectors.data, (size_t)selectors.length);
    memcpy(copied[1], integers.data, (size_t)integers.length);
    reply(session, set_attributes(session->connection, handle, selectors.length / (MQLONG)sizeof(MQLONG), copied[0],
                                  integers.length / (MQLONG)sizeof(MQLONG), copied[1]));
    return true;
}

static bool serve_status(struct session *session)
{
    MQSTS status = {0};
    reply(session, put_status(session->connection, &status));
    wire_add(&session->wire, &status, sizeof status);
    return true;
}

static bool serve_create_handle(struct session *session)
{
    MQHMSG handle;
    reply(session, create_message_handle(session->connection, &handle));
    wire_add(&session->wire, &handle, sizeof handle);
    return true;
}

static bool serve_delete_handle(struct session *session)
{
    MQHMSG handle;
    if (!wire_take(&session->wire, &handle, sizeof handle))
        return false;
    reply(session, delete_message_handle(session->connection, handle));
    return true;
}

static bool serve_set_property(struct session *session)
{
    struct wire *wire = &session->wire;
    MQHMSG handle;
    struct span name;
    MQPD descriptor;
    MQLONG type;
    struct span value;
    if (!wire_take(wire, &handle, sizeof handle) || !wire_take_span(wire, &name) ||
        !wire_take(wire, &descriptor, sizeof descriptor) || !wire_take_number(wire, &type) ||
        !wire_take_span(wire, &value))
        return false;
    reply(session, set_property(session->connection, handle, name, &descriptor, type, value.length, value.data));
    return true;
}

static bool serve_inquire_property(struct session *session)
{
    struct wire *wire = &session->wire;
    MQHMSG handle;
    MQLONG options;
    struct span name;
    MQLONG type;
    MQLONG capacity;
    struct property_answer answer;
    if (!wire_take(wire, &handle, sizeof handle) || !wire_take_number(wire, &options) ||
        !wire_take_span(wire, &name) || !wire_take_number(wire, &type) || !wire_take_number(wire, &capacity) ||
        capacity < 0)
        return false;
    char *value = malloc((size_t)capacity + 1);
    if (value == NULL)
        abort();
    struct outcome outcome =
        inquire_property(session->connection, handle, options, name, type, capacity, value, &answer);
    bool queried = (options & MQIMPO_QUERY_LENGTH) != 0 || outcome.comp == MQCC_FAILED;
    reply(session, outcome);
    wire_add(wire, &answer, sizeof answer);
    wire_add_span(wire, (struct span){value, queried ? 0 : answer.length});
    free(value);
    return true;
}

static bool serve_delete_property(struct session *session)
{
    struct wire *wire = &session->wire;
    MQHMSG handle;
    MQLONG options;
    struct span name;
    if (!wire_take(wire, &handle, sizeof handle) || !wire_take_number(wire, &options) || !wire_take_span(wire, &name))
        return false;
    reply(session, delete_property(session->connection, handle, options, name));
    return true;
}

static bool serve_connected(struct session *session, enum frame_verb verb)
{
    switch (verb) {
    case FRAME_OPEN:
        return serve_open(session);
    case FRAME_CLOSE:
        return serve_close(session);
    case FRAME_PUT:
        return serve_put(session, true);
    case FRAME_PUT_UNANSWERED:
        return serve_put(session, false);
    case FRAME_PUT_ONCE:
        return serve_put_once(session);
    case FRAME_GET:
        return serve_get(session);
    case FRAME_COMMIT:
        reply(session, commit(session->connection));
        return true;
    case FRAME_BACK_OUT:
        reply(session, back_out(session->connection));
        return true;
    case FRAME_INQUIRE:
        return serve_inquire(session);
    case FRAME_SET:
        return serve_set(session);
    case FRAME_STATUS:
        return serve_status(session);
    case FRAME_CREATE_HANDLE:
        return serve_create_handle(session);
    case FRAME_DELETE_HANDLE:
        return serve_delete_handle(session);
    case FRAME_SET_PROPERTY:
        return serve_set_property(session);
    case FRAME_INQUIRE_PROPERTY:
        return serve_inquire_property(session);
    case FRAME_DELETE_PROPERTY:
        return serve_delete_property(session);
    default:
        return false;
    }
}

static bool serve(struct session *session, enum frame_verb verb)
{
    if (verb == FRAME_CONTROL)
        return serve_control(session);
    if (verb == FRAME_CONNECT)
        return serve_connect(session);
    if (session->connection == NULL)
        return false;
    if (verb == FRAME_DISCONNECT) {
        reply(session, disconnect(detach(session)));
        return true;
    }
    return serve_connected(session, verb);
}

static void session_end(struct session *session)
{
    struct connection *connection = detach(session);
    if (connection != NULL)
        abandon(connection);
    pthread_mutex_lock(&sessions_lock);
    struct session **link = &sessions;
    while (*link != session)
        link = &(*link)->next;
    *link = session->next;
    pthread_mutex_unlock(&sessions_lock);
    wire_close(&session->wire);
    free(session);
}

static void *run(void *argument)
{
    struct session *session = argument;
    enum frame_verb verb;
    while (wire_receive(&session->wire, &verb) && serve(session, verb))
        if (session->wire.out.length > 0 && !wire_send(&session->wire))
            break;
    session_end(session);
    return NULL;
}

void session_start(int socket)
{
    struct session *session = calloc(1, sizeof *session);
    if (session == NULL)
        abort();
    wire_open(&session->wire, socket);
    pthread_mutex_lock(&sessions_lock);
    session->number = ++last_number;
    session->next = sessions;
    sessions = session;
    pthread_mutex_unlock(&sessions_lock);
    start_thread(run, session);
}
