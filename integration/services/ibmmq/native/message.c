/* A message: its memory, its identifier, its time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine.h"

struct message *message_new(const MQMD *md, MQLONG length, const void *body)
{
    struct message *message = malloc(sizeof *message + (size_t)length);
    if (message == NULL)
        return NULL;
    memset(message, 0, offsetof(struct message, md));
    message->length = length;
    message->md = *md;
    if (length > 0)
        memcpy(message->body, body, (size_t)length);
    return message;
}

/* `AMQ `, twelve characters of the queue manager's name, and eight bytes that never come back. */
void message_give_id(struct queue_manager *manager, char id[MQ_ID_LENGTH])
{
    uint64_t number = __builtin_bswap64(++manager->next_id);
    memcpy(id, "AMQ ", 4);
    name_write(id + 4, 12, manager->name);
    memcpy(id + 16, &number, sizeof number);
}

int64_t now_in_milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The text of a second is kept, because every put asks for it. */
void now_as_put_date(char date[8], char time[8])
{
    static time_t second = -1;
    static char kept[16];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != second) {
        struct tm parts;
        gmtime_r(&now.tv_sec, &parts);
        char text[16];
        strftime(text, sizeof text, "%Y%m%d%H%M%S", &parts);
        memcpy(kept, text, 14);
        second = now.tv_sec;
    }
    int hundredths = (int)(now.tv_nsec / 10000000);
    kept[14] = (char)('0' + hundredths / 10);
    kept[15] = (char)('0' + hundredths % 10);
    memcpy(date, kept, 8);
    memcpy(time, kept + 8, 8);
}
