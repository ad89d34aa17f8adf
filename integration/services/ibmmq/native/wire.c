#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct frame {
    uint32_t length; /* of what follows */
    uint32_t verb;
};

enum { LONGEST_FRAME = 1 << 30, ROOM = 65536 };

void wire_open(struct wire *wire, int socket)
{
    memset(wire, 0, sizeof *wire);
    wire->socket = socket;
}

void wire_close(struct wire *wire)
{
    if (wire->socket >= 0)
        close(wire->socket);
    wire->socket = -1;
    free(wire->out.data);
    free(wire->in.data);
    wire->out = wire->in = (struct text){0};
}

void wire_begin(struct wire *wire, enum frame_verb verb)
{
    struct frame frame = {0, verb};
    wire->out.length = 0;
    text_add(&wire->out, &frame, sizeof frame);
}

void wire_add(struct wire *wire, const void *data, size_t length)
{
    text_add(&wire->out, data, length);
}

void wire_add_number(struct wire *wire, MQLONG number)
{
    text_add(&wire->out, &number, sizeof number);
}

/* A span without data stays one. */
void wire_add_span(struct wire *wire, struct span span)
{
    wire_add_number(wire, span.data != NULL ? span.length : -1);
    if (span.data != NULL)
        wire_add(wire, span.data, (size_t)span.length);
}

void wire_add_outcome(struct wire *wire, struct outcome outcome)
{
    wire_add_number(wire, outcome.comp);
    wire_add_number(wire, outcome.reason);
}

bool wire_send(struct wire *wire)
{
    struct frame frame;
    memcpy(&frame, wire->out.data, sizeof frame);
    frame.length = (uint32_t)(wire->out.length - sizeof frame);
    memcpy(wire->out.data, &frame, sizeof frame);
    for (size_t sent = 0; sent < wire->out.length;) {
        ssize_t count = send(wire->socket, wire->out.data + sent, wire->out.length - sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        sent += (size_t)count;
    }
    return true;
}

/* Until so many bytes of the frame have arrived. */
static bool fill(struct wire *wire, size_t wanted)
{
    while (wire->in.length - wire->begin < wanted) {
        size_t missing = wanted - (wire->in.length - wire->begin);
        text_reserve(&wire->in, missing > ROOM ? missing : ROOM);
        ssize_t count =
            recv(wire->socket, wire->in.data + wire->in.length, wire->in.capacity - wire->in.length, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        wire->in.length += (size_t)count;
    }
    return true;
}

/* What was read is given up, and the rest moves to the beginning. */
static void forget_read(struct wire *wire)
{
    size_t rest = wire->in.length - wire->begin;
    if (rest > 0 && wire->begin > 0)
        memmove(wire->in.data, wire->in.data + wire->begin, rest);
    wire->in.length = rest;
    wire->begin = 0;
}

bool wire_receive(struct wire *wire, enum frame_verb *verb)
{
    struct frame frame;
    wire->begin = wire->frame_end;
    forget_read(wire);
    if (!fill(wire, sizeof frame))
        return false;
    memcpy(&frame, wire->in.data, sizeof frame);
    if (frame.length > LONGEST_FRAME || frame.verb >= FRAME_LAST || !fill(wire, sizeof frame + frame.length))
        return false;
    *verb = (enum frame_verb)frame.verb;
    wire->begin = sizeof frame;
    wire->frame_end = sizeof frame + frame.length;
    return true;
}

bool wire_take(struct wire *wire, void *data, size_t length)
{
    if (wire->frame_end - wire->begin < length)
        return false;
    if (length > 0)
        memcpy(data, wire->in.data + wire->begin, length);
    wire->begin += length;
    return true;
}

bool wire_take_number(struct wire *wire, MQLONG *number)
{
    return wire_take(wire, number, sizeof *number);
}

bool wire_take_span(struct wire *wire, struct span *span)
{
    *span = (struct span){NULL, 0};
    MQLONG length;
    if (!wire_take_number(wire, &length) || length < -1)
        return false;
    if (length == -1)
        return true;
    if (wire->frame_end - wire->begin < (size_t)length)
        return false;
    *span = (struct span){wire->in.data + wire->begin, length};
    wire->begin += (size_t)length;
    return true;
}

bool wire_take_outcome(struct wire *wire, struct outcome *outcome)
{
    return wire_take_number(wire, &outcome->comp) && wire_take_number(wire, &outcome->reason);
}

void wire_add_request(struct wire *wire, const struct connect_request *request)
{
    wire_add(wire, request, sizeof *request);
    wire_add_span(wire, request->user);
    wire_add_span(wire, request->password);
    wire_add_span(wire, request->token);
    wire_add_span(wire, request->ccdt_url);
    wire_add_span(wire, request->peer_name);
    wire_add_span(wire, request->key_password);
}

bool wire_take_request(struct wire *wire, struct connect_request *request)
{
    return wire_take(wire, request, sizeof *request) && wire_take_span(wire, &request->user) &&
           wire_take_span(wire, &request->password) && wire_take_span(wire, &request->token) &&
           wire_take_span(wire, &request->ccdt_url) && wire_take_span(wire, &request->peer_name) &&
           wire_take_span(wire, &request->key_password);
}
