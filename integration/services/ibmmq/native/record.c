#include "record.h"

#include <stdlib.h>
#include <string.h>

struct head {
    uint32_t length; /* of the content */
    uint32_t type;
    uint64_t sum;
};

/* Only meant to notice a record that was not written to its end. */
static uint64_t sum_of(const char *data, size_t length)
{
    uint64_t sum = 14695981039346656037u ^ length;
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, data, 8);
        sum = (sum ^ word) * 1099511628211u;
        data += 8;
        length -= 8;
    }
    for (size_t i = 0; i < length; i++)
        sum = (sum ^ (unsigned char)data[i]) * 1099511628211u;
    return sum;
}

size_t record_begin(struct text *out, enum record_type type)
{
    size_t begin = out->length;
    struct head head = {.type = type};
    text_add(out, &head, sizeof head);
    return begin;
}

void record_end(struct text *out, size_t begin)
{
    struct head head;
    memcpy(&head, out->data + begin, sizeof head);
    head.length = (uint32_t)(out->length - begin - sizeof head);
    head.sum = sum_of(out->data + begin + sizeof head, head.length);
    memcpy(out->data + begin, &head, sizeof head);
}

void record_add_put(struct text *out, const struct message *message)
{
    const char step = STEP_PUT;
    char queue[NAME_TEXT] = {0};
    memcpy(queue, message->queue->name, strlen(message->queue->name));
    text_add(out, &step, 1);
    text_add(out, &message->order, sizeof message->order);
    text_add(out, &message->expires, sizeof message->expires);
    text_add(out, queue, sizeof queue);
    text_add(out, &message->md, sizeof message->md);
    text_add(out, &message->length, sizeof message->length);
    text_add(out, message->body, (size_t)message->length);
}

void record_add_get(struct text *out, const struct message *message)
{
    const char step = STEP_GET;
    text_add(out, &step, 1);
    text_add(out, &message->order, sizeof message->order);
}

bool record_next(struct record_reader *file, enum record_type *type, struct record_reader *content)
{
    struct head head;
    struct record_reader ahead = *file;
    if (!record_take(&ahead, &head, sizeof head) || (size_t)(ahead.end - ahead.at) < head.length ||
        sum_of(ahead.at, head.length) != head.sum)
        return false;
    *type = (enum record_type)head.type;
    *content = (struct record_reader){ahead.at, ahead.at + head.length};
    file->at = content->end;
    return true;
}

bool record_take(struct record_reader *content, void *data, size_t size)
{
    if ((size_t)(content->end - content->at) < size)
        return false;
    memcpy(data, content->at, size);
    content->at += size;
    return true;
}

struct message *record_take_put(struct record_reader *content, char queue[NAME_TEXT])
{
    uint64_t order;
    int64_t expires;
    MQMD md;
    MQLONG length;
    if (!record_take(content, &order, sizeof order) || !record_take(content, &expires, sizeof expires) ||
        !record_take(content, queue, NAME_TEXT) || !record_take(content, &md, sizeof md) ||
        !record_take(content, &length, sizeof length) || length < 0 || content->end - content->at < length)
        return NULL;
    struct message *message = message_new(&md, length, content->at);
    content->at += length;
    if (message == NULL)
        abort();
    message->order = order;
    message->expires = expires;
    return message;
}
