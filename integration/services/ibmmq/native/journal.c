#include "journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arguments.h"
#include "definition.h"
#include "record.h"

enum { SMALLEST_WORTH_REWRITING = 64 << 20 };

struct journal {
    struct queue_manager *manager;
    char *path;
    int file;
    bool forced;
    int64_t size;
    int64_t size_after_rewriting;
    struct text record;      /* kept for its memory */
    struct text definitions; /* lines */
};

static bool write_all(int file, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(file, data, length);
        if (written < 0)
            return false;
        data += written;
        length -= (size_t)written;
    }
    return true;
}

static void add_definitions(const struct journal *journal, struct text *out)
{
    const char *line = journal->definitions.data;
    const char *end = line + journal->definitions.length;
    while (line < end) {
        size_t length = strlen(line) + 1;
        size_t begin = record_begin(out, RECORD_DEFINITION);
        text_add(out, line, length);
        record_end(out, begin);
        line += length;
    }
}

static void add_list(const struct message_list *list, struct text *out)
{
    for (const struct message *message = list->head; message != NULL; message = message->next)
        if (message->md.Persistence == MQPER_PERSISTENT && message->state != MESSAGE_BEING_PUT) {
            size_t begin = record_begin(out, RECORD_UNIT);
            record_add_put(out, message);
            record_end(out, begin);
        }
}

/* Into a new file that takes the place of the old one when it is complete: killed before, the old one is still true. */
static bool rewrite(struct journal *journal)
{
    struct text out = {0};
    text_add(&out, "", 0);
    add_definitions(journal, &out);
    for (const struct queue *queue = journal->manager->queues; queue != NULL; queue = queue->next) {
        for (int priority = 0; priority <= MQ_MAX_PRIORITY; priority++)
            add_list(&queue->visible[priority], &out);
        add_list(&queue->in_flight, &out);
    }
    struct text name = {0};
    text_format(&name, "%s.new", journal->path);
    int file = open(name.data, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    bool fine = file >= 0 && write_all(file, out.data, out.length) && fsync(file) == 0 &&
                rename(name.data, journal->path) == 0;
    if (fine) {
        if (journal->file >= 0)
            close(journal->file);
        journal->file = file;
        journal->size = journal->size_after_rewriting = (int64_t)out.length;
    } else if (file >= 0) {
        close(file);
    }
    free(out.data);
    free(name.data);
    return fine;
}

/* Failing to write is failing to commit. A part that was written is cut off again, so that later records can be read. */
static bool append(struct journal *journal, bool force)
{
    const struct text *record = &journal->record;
    if (!write_all(journal->file, record->data, record->length) ||
        (force && journal->forced && fdatasync(journal->file) != 0)) {
        if (ftruncate(journal->file, journal->size) != 0)
            abort();
        return false;
    }
    journal->size += (int64_t)record->length;
    if (journal->size > SMALLEST_WORTH_REWRITING && journal->size > 4 * journal->size_after_rewriting)
        journal->size_after_rewriting = -1;
    return true;
}

/* Between two units of work, when the state in memory is what the file says. */
static void rewrite_if_due(struct journal *journal)
{
    if (journal->size_after_rewriting < 0 && !rewrite(journal))
        abort();
}

bool journal_commit(struct journal *journal, struct message *const *messages, int count)
{
    if (journal == NULL)
        return true;
    rewrite_if_due(journal);
    journal->record.length = 0;
    size_t begin = record_begin(&journal->record, RECORD_UNIT);
    size_t empty = journal->record.length;
    for (int i = 0; i < count; i++) {
        if (messages[i]->md.Persistence != MQPER_PERSISTENT)
            continue;
        if (messages[i]->state == MESSAGE_BEING_PUT)
            record_add_put(&journal->record, messages[i]);
        else
            record_add_get(&journal->record, messages[i]);
    }
    if (journal->record.length == empty)
        return true;
    record_end(&journal->record, begin);
    return append(journal, true);
}

void journal_note_backout(struct journal *journal, const struct message *message)
{
    if (journal == NULL)
        return;
    journal->record.length = 0;
    size_t begin = record_begin(&journal->record, RECORD_BACKOUT);
    text_add(&journal->record, &message->order, sizeof message->order);
    text_add(&journal->record, &message->md.BackoutCount, sizeof message->md.BackoutCount);
    record_end(&journal->record, begin);
    append(journal, false);
}

void journal_note_removal(struct journal *journal, const struct message *message)
{
    if (journal == NULL)
        return;
    journal->record.length = 0;
    size_t begin = record_begin(&journal->record, RECORD_UNIT);
    record_add_get(&journal->record, message);
    record_end(&journal->record, begin);
    append(journal, false);
}

void journal_note_definition(struct journal *journal, const char *line)
{
    if (journal == NULL)
        return;
    text_add(&journal->definitions, line, strlen(line) + 1);
    journal->record.length = 0;
    size_t begin = record_begin(&journal->record, RECORD_DEFINITION);
    text_add(&journal->record, line, strlen(line) + 1);
    record_end(&journal->record, begin);
    append(journal, true);
}

void journal_note_reset(struct journal *journal)
{
    if (journal == NULL)
        return;
    journal->definitions.length = 0;
    if (!rewrite(journal))
        abort();
}

/* Messages by their order, while the file is read. */
struct index {
    struct message **places;
    size_t size; /* a power of two */
    size_t used; /* removed ones leave a mark */
};

static struct message removed;

static size_t place_of(const struct index *index, uint64_t order)
{
    size_t place = (size_t)(order * 11400714819323198485u) & (index->size - 1);
    while (index->places[place] != NULL &&
           (index->places[place] == &removed || index->places[place]->order != order))
        place = (place + 1) & (index->size - 1);
    return place;
}

static void index_add(struct index *index, struct message *message);

static void index_grow(struct index *index)
{
    struct index grown = {calloc(index->size * 2, sizeof *grown.places), index->size * 2, 0};
    if (grown.places == NULL)
        abort();
    for (size_t i = 0; i < index->size; i++)
        if (index->places[i] != NULL && index->places[i] != &removed)
            index_add(&grown, index->places[i]);
    free(index->places);
    *index = grown;
}

static void index_add(struct index *index, struct message *message)
{
    if (2 * index->used >= index->size)
        index_grow(index);
    index->places[place_of(index, message->order)] = message;
    index->used++;
}

static struct message *index_find(const struct index *index, uint64_t order)
{
    return index->places[place_of(index, order)];
}

static bool replay_put(struct queue_manager *manager, struct index *index, struct record_reader *content)
{
    char name[NAME_TEXT];
    struct message *message = record_take_put(content, name);
    if (message == NULL)
        return false;
    message->queue = queue_define(manager, name);
    message->state = MESSAGE_BEING_PUT;
    queue_enter(message);
    queue_show(message);
    index_add(index, message);
    if (message->order > manager->next_order)
        manager->next_order = message->order;
    return true;
}

static bool replay_unit(struct queue_manager *manager, struct index *index, struct record_reader *content)
{
    char step;
    uint64_t order;
    while (record_take(content, &step, 1)) {
        if (step == STEP_PUT) {
            if (!replay_put(manager, index, content))
                return false;
            continue;
        }
        if (!record_take(content, &order, sizeof order))
            return false;
        struct message *message = index_find(index, order);
        if (message != NULL) {
            index->places[place_of(index, order)] = &removed;
            queue_forget(message);
        }
    }
    return true;
}

static bool replay_backout(const struct index *index, struct record_reader *content)
{
    uint64_t order;
    MQLONG count;
    if (!record_take(content, &order, sizeof order) || !record_take(content, &count, sizeof count))
        return false;
    struct message *message = index_find(index, order);
    if (message != NULL)
        message->md.BackoutCount = count;
    return true;
}

static bool replay_definition(struct journal *journal, const struct record_reader *content)
{
    struct arguments arguments;
    bool known = false;
    text_add(&journal->definitions, content->at, (size_t)(content->end - content->at));
    bool fine = arguments_read(&arguments, content->at) && define(&arguments, &known) == NULL && known;
    arguments_free(&arguments);
    return fine;
}

static bool replay_record(struct journal *journal, struct index *index, enum record_type type,
                          struct record_reader *content)
{
    switch (type) {
    case RECORD_UNIT:
        return replay_unit(journal->manager, index, content);
    case RECORD_BACKOUT:
        return replay_backout(index, content);
    case RECORD_DEFINITION:
        return replay_definition(journal, content);
    default:
        return false;
    }
}

static bool replay(struct journal *journal, const char *data, size_t length)
{
    struct index index = {calloc(1024, sizeof *index.places), 1024, 0};
    struct record_reader file = {data, data + length};
    struct record_reader content;
    enum record_type type;
    bool fine = index.places != NULL;
    while (fine && record_next(&file, &type, &content))
        fine = replay_record(journal, &index, type, &content);
    free(index.places);
    return fine;
}

static bool read_file(const char *path, struct text *content)
{
    int file = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    struct stat status;
    if (file < 0)
        return false;
    bool fine = fstat(file, &status) == 0;
    if (fine && status.st_size > 0) {
        text_add_zeros(content, (size_t)status.st_size);
        for (size_t done = 0; fine && done < content->length;) {
            ssize_t count = read(file, content->data + done, content->length - done);
            fine = count > 0;
            done += fine ? (size_t)count : 0;
        }
    }
    close(file);
    return fine;
}

bool journal_open(struct queue_manager *manager, const char *path, bool forced_to_disk)
{
    struct journal *journal = calloc(1, sizeof *journal);
    struct text content = {0};
    if (journal == NULL)
        return false;
    journal->manager = manager;
    journal->path = strdup(path);
    journal->forced = forced_to_disk;
    journal->file = -1;
    bool fine = journal->path != NULL && read_file(path, &content) &&
                replay(journal, content.data, content.length) && rewrite(journal);
    free(content.data);
    if (!fine) {
        free(journal->definitions.data);
        free(journal->path);
        free(journal);
        return false;
    }
    manager->journal = journal;
    return true;
}
