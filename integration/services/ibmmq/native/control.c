#include "control.h"

#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "definition.h"
#include "engine.h"
#include "fault.h"
#include "journal.h"
#include "rfh2.h"

struct command {
    const struct arguments *arguments;
    struct queue_manager *manager;
    struct queue *queue;
    struct text *answer;
};

static const char *const state_names[] = {"visible", "putting", "getting"};

static const char *read_body(const struct command *command, const char *key, struct text *bytes)
{
    const char *digits = argument(command->arguments, key);
    if (digits == NULL)
        return NULL;
    text_add_zeros(bytes, strlen(digits) / 2);
    return hex_read(bytes->data, bytes->length, digits, strlen(digits)) < 0 ? "hexadecimal digits are wanted" : NULL;
}

/* A message as a test wants it, past every check: also one that no application could put. */
static const char *put(const struct command *command)
{
    struct text md = {0};
    struct text body = {0};
    const char *wrong = read_body(command, "md", &md);
    if (wrong == NULL)
        wrong = read_body(command, "body", &body);
    if (wrong == NULL && md.length != sizeof(MQMD))
        wrong = "md= is a version 2 descriptor of 364 bytes";
    if (wrong == NULL) {
        MQMD descriptor;
        memcpy(&descriptor, md.data, sizeof descriptor);
        struct message *message = message_new(&descriptor, (MQLONG)body.length, body.data);
        static const char none[MQ_ID_LENGTH];
        if (memcmp(descriptor.MsgId, none, sizeof none) == 0)
            message_give_id(command->manager, message->md.MsgId);
        if (message->md.Priority < 0 || message->md.Priority > MQ_MAX_PRIORITY)
            message->md.Priority = command->queue->default_priority;
        if (message_store(NULL, command->queue, message, false).comp != MQCC_OK)
            wrong = "the message could not be stored";
    }
    free(md.data);
    free(body.data);
    return wrong;
}

static void show_message(struct text *answer, const struct message *message)
{
    text_format(answer, "order=%llu state=%s locked=%s md=", (unsigned long long)message->order,
                state_names[message->state], message->locked_by != NULL ? "yes" : "no");
    text_add_hex(answer, &message->md, sizeof message->md);
    text_format(answer, " body=");
    text_add_hex(answer, message->body, (size_t)message->length);
    text_format(answer, "\n");
}

/* Every message in the order of delivery, then those in units of work. */
static const char *messages(const struct command *command)
{
    for (int priority = MQ_MAX_PRIORITY; priority >= 0; priority--)
        for (const struct message *message = command->queue->visible[priority].head; message != NULL;
             message = message->next)
            show_message(command->answer, message);
    for (const struct message *message = command->queue->in_flight.head; message != NULL; message = message->next)
        show_message(command->answer, message);
    return NULL;
}

static const char *depth(const struct command *command)
{
    const struct queue *queue = command->queue;
    text_format(command->answer, "visible=%d putting=%d getting=%d inputs=%d outputs=%d waiting=%d\n",
                queue->visible_count, queue->putting_count, queue->getting_count, queue->input_handles,
                queue->output_handles, queue->waiting);
    return NULL;
}

static const char *clear(const struct command *command)
{
    queue_clear(command->queue);
    return NULL;
}

static const char *connections(const struct command *command)
{
    for (const struct connection *connection = command->manager->connections; connection != NULL;
         connection = connection->next) {
        char application[29];
        name_read(application, sizeof application, connection->application, sizeof connection->application);
        text_format(command->answer, "id=%llu unit=%d options=%d channel=%s application=",
                    (unsigned long long)connection->id, connection->unit_count, connection->options,
                    connection->channel != NULL ? connection->channel->name : "");
        text_add_hex(command->answer, application, strlen(application));
        text_format(command->answer, "\n");
    }
    return NULL;
}

static const char *channels(const struct command *command)
{
    for (const struct channel *channel = command->manager->channels; channel != NULL; channel = channel->next)
        text_format(command->answer, "name=%s instances=%d\n", channel->name, channel->instances);
    return NULL;
}

static bool may_reconnect(const struct connection *connection)
{
    return (connection->options & (MQCNO_RECONNECT | MQCNO_RECONNECT_Q_MGR)) != 0;
}

/* As a cut of the network: the unit of work is lost, and the connection too unless the client reconnects by itself. */
static const char *cut(const struct command *command)
{
    long id = argument_number(command->arguments, "id", 0);
    const char *reconnects = argument(command->arguments, "reconnect");
    int count = 0;
    struct connection *next;
    for (struct connection *connection = command->manager->connections; connection != NULL; connection = next) {
        next = connection->next;
        if (id != 0 && connection->id != (uint64_t)id)
            continue;
        count++;
        if (reconnects != NULL && strcmp(reconnects, "yes") == 0 && may_reconnect(connection)) {
            connection->doomed = connection->unit_count > 0;
            unit_back_out(connection);
        } else {
            connection_break(connection);
        }
    }
    text_format(command->answer, "count=%d\n", count);
    return NULL;
}

static const char *state(const struct command *command)
{
    const char *wanted = argument(command->arguments, "state");
    static const char *const names[] = {"running", "quiescing", "stopped"};
    for (int i = 0; i < 3; i++)
        if (wanted != NULL && strcmp(wanted, names[i]) == 0) {
            command->manager->state = (enum manager_state)i;
            while (i == MANAGER_STOPPED && command->manager->connections != NULL)
                connection_break(command->manager->connections);
            for (struct queue *queue = command->manager->queues; queue != NULL; queue = queue->next)
                queue_wake(queue);
            return NULL;
        }
    return "state= is running, quiescing or stopped";
}

static const char *reset(const struct command *command)
{
    fault_clear(0);
    queue_manager_reset(command->manager);
    return NULL;
}

static const char *const action_names[] = {"answer", "break", "exit", "pause"};

static const char *fault(const struct command *command)
{
    const struct arguments *arguments = command->arguments;
    const char *verb = argument(arguments, "verb");
    const char *object = argument(arguments, "object");
    const char *application = argument(arguments, "application");
    const char *action = argument(arguments, "action");
    struct fault fault = {.verb = VERB_COUNT, .action = FAULT_ANSWER};
    for (int i = 0; i < VERB_COUNT && verb != NULL; i++)
        if (strcmp(verb, verb_names[i]) == 0)
            fault.verb = (enum verb)i;
    if (fault.verb == VERB_COUNT)
        return "verb= is the name of a call without MQ: GET, PUT, CMIT, CONNX …";
    for (int i = 0; i < 4 && action != NULL; i++)
        if (strcmp(action, action_names[i]) == 0)
            fault.action = (enum fault_action)i;
    name_read(fault.object, sizeof fault.object, object != NULL ? object : "", MQ_NAME_LENGTH);
    name_read(fault.application, sizeof fault.application, application != NULL ? application : "", 28);
    fault.skip = (int)argument_number(arguments, "skip", 0);
    fault.times = (int)argument_number(arguments, "times", 1);
    fault.after = argument_number(arguments, "after", 0) != 0;
    fault.outcome.comp = (MQLONG)argument_number(arguments, "comp", MQCC_FAILED);
    fault.outcome.reason = (MQLONG)argument_number(arguments, "reason", MQRC_UNEXPECTED_ERROR);
    text_format(command->answer, "number=%u\n", fault_add(&fault));
    return NULL;
}

static const char *faults(const struct command *command)
{
    for (const struct fault *fault = fault_list(); fault != NULL; fault = fault->next)
        text_format(command->answer, "number=%u verb=%s hits=%d paused=%d left=%d\n", fault->number,
                    verb_names[fault->verb], fault->hits, fault->paused, fault->times);
    return NULL;
}

static const char *release_fault(const struct command *command)
{
    fault_release((unsigned)argument_number(command->arguments, "number", 0));
    return NULL;
}

static const char *clear_fault(const struct command *command)
{
    fault_clear((unsigned)argument_number(command->arguments, "number", 0));
    return NULL;
}

static void show_bytes(struct text *answer, const char *key, const void *data, size_t length)
{
    text_format(answer, "%s=", key);
    text_add_hex(answer, data, length);
    text_format(answer, "\n");
}

static void show_span(struct text *answer, const char *key, struct span span)
{
    if (span.data != NULL)
        show_bytes(answer, key, span.data, (size_t)span.length);
}

static const char *last_connect(const struct command *command)
{
    const struct connect_request *request = engine.last_connect;
    if (request == NULL)
        return "nobody has tried to connect";
    struct text *answer = command->answer;
    show_bytes(answer, "queue-manager", request->queue_manager, sizeof request->queue_manager);
    show_bytes(answer, "application", request->application, sizeof request->application);
    show_bytes(answer, "cno", &request->cno, sizeof request->cno);
    if (request->has_cd)
        show_bytes(answer, "cd", &request->cd, sizeof request->cd);
    if (request->has_csp)
        show_bytes(answer, "csp", &request->csp, sizeof request->csp);
    if (request->has_sco)
        show_bytes(answer, "sco", &request->sco, sizeof request->sco);
    show_span(answer, "user", request->user);
    show_span(answer, "password", request->password);
    show_span(answer, "token", request->token);
    show_span(answer, "ccdt-url", request->ccdt_url);
    show_span(answer, "peer-name", request->peer_name);
    show_span(answer, "key-password", request->key_password);
    return NULL;
}

static const struct {
    const char *name;
    bool needs_queue;
    const char *(*run)(const struct command *command);
} commands[] = {
    {"put", true, put},
    {"messages", true, messages},
    {"depth", true, depth},
    {"clear", true, clear},
    {"connections", false, connections},
    {"channels", false, channels},
    {"cut", false, cut},
    {"state", false, state},
    {"reset", false, reset},
    {"fault", false, fault},
    {"faults", false, faults},
    {"release", false, release_fault},
    {"clear-fault", false, clear_fault},
    {"last-connect", false, last_connect},
};

static const char *run(const struct arguments *arguments, struct text *answer)
{
    const char *owner = argument(arguments, "qmgr");
    const char *queue = argument(arguments, "queue");
    struct command command = {arguments, queue_manager_find(owner != NULL ? owner : ""), NULL, answer};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(arguments->command, commands[i].name) != 0)
            continue;
        if (command.manager == NULL)
            return "there is no such queue manager";
        command.queue = queue != NULL ? queue_find(command.manager, queue) : NULL;
        if (commands[i].needs_queue && command.queue == NULL)
            return "there is no such queue";
        return commands[i].run(&command);
    }
    return "there is no such command";
}

static const char *run_locked(const struct arguments *arguments, const char *line, struct text *answer)
{
    bool known;
    const char *wrong = define(arguments, &known);
    if (!known)
        return run(arguments, answer);
    if (wrong == NULL) {
        const char *owner = argument(arguments, "qmgr");
        struct queue_manager *manager = queue_manager_find(owner != NULL ? owner : "");
        if (manager != NULL)
            journal_note_definition(manager->journal, line);
    }
    return wrong;
}

char *stand_in_control(const char *line)
{
    struct arguments arguments;
    struct text answer = {0};
    const char *wrong = "too many arguments";
    text_format(&answer, "ok\n");
    if (arguments_read(&arguments, line)) {
        pthread_mutex_lock(&engine.lock);
        wrong = run_locked(&arguments, line, &answer);
        pthread_mutex_unlock(&engine.lock);
    }
    arguments_free(&arguments);
    if (wrong != NULL) {
        answer.length = 0;
        text_format(&answer, "error %s\n", wrong);
    }
    text_add(&answer, "", 1);
    return answer.data;
}

void stand_in_free(char *answer)
{
    free(answer);
}
