#include "folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_ROOM = 1024, DEEPEST = 16 };

struct reader {
    const char *at;
    const char *end;
    struct property_set *set; /* NULL: only look */
    char path[NAME_ROOM];
};

struct element {
    char name[NAME_ROOM];
    char type[32];
    bool is_null;
    bool is_empty; /* <name/> */
    bool says_properties;
};

static bool skip(struct reader *reader, char wanted)
{
    if (reader->at >= reader->end || *reader->at != wanted)
        return false;
    reader->at++;
    return true;
}

static void skip_blanks(struct reader *reader)
{
    while (reader->at < reader->end && strchr(" \t\r\n", *reader->at) != NULL)
        reader->at++;
}

static bool read_name(struct reader *reader, char *name, size_t size)
{
    size_t length = 0;
    while (reader->at < reader->end && strchr(" \t\r\n=/><'\"&", *reader->at) == NULL) {
        if (length + 1 >= size)
            return false;
        name[length++] = *reader->at++;
    }
    name[length] = '\0';
    return length > 0;
}

static bool read_attribute(struct reader *reader, struct element *element)
{
    char name[64];
    char value[256];
    if (!read_name(reader, name, sizeof name))
        return false;
    skip_blanks(reader);
    if (!skip(reader, '='))
        return false;
    skip_blanks(reader);
    char quote = reader->at < reader->end ? *reader->at : '\0';
    if (quote != '\'' && quote != '"')
        return false;
    const char *begin = ++reader->at;
    const char *end = memchr(begin, quote, (size_t)(reader->end - begin));
    if (end == NULL)
        return false;
    reader->at = end + 1;
    snprintf(value, sizeof value, "%.*s", (int)(end - begin), begin);
    if (strcmp(name, "dt") == 0)
        snprintf(element->type, sizeof element->type, "%.31s", value);
    if (strcmp(name, "xsi:nil") == 0)
        element->is_null = strcmp(value, "true") == 0;
    if (strcmp(name, "content") == 0)
        element->says_properties = strcmp(value, "properties") == 0;
    return true;
}

static bool read_start(struct reader *reader, struct element *element)
{
    memset(element, 0, sizeof *element);
    if (!skip(reader, '<') || !read_name(reader, element->name, sizeof element->name))
        return false;
    for (;;) {
        skip_blanks(reader);
        if (skip(reader, '/')) {
            element->is_empty = true;
            return skip(reader, '>');
        }
        if (skip(reader, '>'))
            return true;
        if (!read_attribute(reader, element))
            return false;
    }
}

static bool read_end(struct reader *reader, const char *name)
{
    char found[NAME_ROOM];
    if (!skip(reader, '<') || !skip(reader, '/') || !read_name(reader, found, sizeof found))
        return false;
    skip_blanks(reader);
    return skip(reader, '>') && strcmp(found, name) == 0;
}

static const struct {
    const char *text;
    char character;
} entities[] = {{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''}};

static void decode(struct text *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t used = 0;
        for (size_t k = 0; k < sizeof entities / sizeof entities[0] && used == 0; k++) {
            size_t size = strlen(entities[k].text);
            if (length - i >= size && memcmp(text + i, entities[k].text, size) == 0) {
                text_add(out, &entities[k].character, 1);
                used = size;
            }
        }
        if (used == 0)
            text_add(out, text + i, used = 1);
        i += used;
    }
}

/* How a value is written for its type, and how long it is in memory. */
static const struct {
    const char *type;
    MQLONG number;
    MQLONG size;
} integer_types[] = {{"boolean", MQTYPE_BOOLEAN, 4}, {"i1", MQTYPE_INT8, 1},  {"i2", MQTYPE_INT16, 2},
                     {"i4", MQTYPE_INT32, 4},        {"i8", MQTYPE_INT64, 8}, {"int", MQTYPE_INT64, 8}};

static bool store_text(struct reader *reader, const struct element *element, struct text *value)
{
    struct span name = {reader->path, (MQLONG)strlen(reader->path)};
    text_add(value, "", 1);
    const char *text = value->data;
    size_t length = value->length - 1;
    if (element->is_null)
        return properties_set(reader->set, name, NULL, MQTYPE_NULL, 0, NULL);
    if (strcmp(element->type, "r4") == 0) {
        float number = strtof(text, NULL);
        return properties_set(reader->set, name, NULL, MQTYPE_FLOAT32, sizeof number, &number);
    }
    if (strcmp(element->type, "r8") == 0) {
        double number = strtod(text, NULL);
        return properties_set(reader->set, name, NULL, MQTYPE_FLOAT64, sizeof number, &number);
    }
    if (strcmp(element->type, "bin.hex") == 0) {
        long bytes = hex_read(value->data, length, value->data, length);
        return bytes >= 0 && properties_set(reader->set, name, NULL, MQTYPE_BYTE_STRING, (MQLONG)bytes, value->data);
    }
    for (size_t i = 0; i < sizeof integer_types / sizeof integer_types[0]; i++)
        if (strcmp(element->type, integer_types[i].type) == 0) {
            int64_t number = strtoll(text, NULL, 10); /* little-endian: its first bytes are the shorter number */
            return properties_set(reader->set, name, NULL, integer_types[i].number, integer_types[i].size, &number);
        }
    return properties_set(reader->set, name, NULL, MQTYPE_STRING, (MQLONG)length, text);
}

static bool store(struct reader *reader, const struct element *element, const char *begin, const char *end)
{
    if (reader->set == NULL)
        return true;
    struct text value = {0};
    decode(&value, begin, (size_t)(end - begin));
    bool stored = store_text(reader, element, &value);
    free(value.data);
    return stored;
}

static bool read_elements(struct reader *reader, int depth);

static bool read_element(struct reader *reader, int depth)
{
    struct element element;
    size_t before = strlen(reader->path);
    if (depth > DEEPEST || !read_start(reader, &element))
        return false;
    if (before + 1 + strlen(element.name) >= sizeof reader->path)
        return false;
    if (before > 0)
        reader->path[before] = '.';
    memcpy(reader->path + before + (before > 0), element.name, strlen(element.name) + 1);
    bool fine = true;
    if (element.is_empty) {
        fine = store(reader, &element, reader->at, reader->at);
    } else {
        const char *begin = reader->at;
        const char *end = memchr(begin, '<', (size_t)(reader->end - begin));
        fine = end != NULL;
        if (fine && reader->end - end > 1 && end[1] == '/') {
            reader->at = end;
            fine = store(reader, &element, begin, end) && read_end(reader, element.name);
        } else if (fine) {
            fine = read_elements(reader, depth + 1) && read_end(reader, element.name);
        }
    }
    reader->path[before] = '\0';
    return fine;
}

static bool read_elements(struct reader *reader, int depth)
{
    for (;;) {
        skip_blanks(reader);
        if (reader->end - reader->at >= 2 && reader->at[0] == '<' && reader->at[1] == '/')
            return true;
        if (!read_element(reader, depth))
            return false;
    }
}

static bool read_folder(struct reader *reader, struct element *folder)
{
    if (!read_start(reader, folder))
        return false;
    if (strcmp(folder->name, "usr") != 0)
        snprintf(reader->path, sizeof reader->path, "%s", folder->name);
    if (!folder->is_empty && !(read_elements(reader, 0) && read_end(reader, folder->name)))
        return false;
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\0'))
        reader->at++;
    return reader->at == reader->end;
}

static bool holds_properties(const struct element *folder)
{
    static const char *const known[] = {"usr", "jms", "mcd", "mqext", "mqps", "mq", "sib", "sib_usr"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(folder->name, known[i]) == 0)
            return true;
    return folder->says_properties;
}

bool folder_read(const char *text, size_t length, char *name, size_t size, bool *is_properties)
{
    struct reader reader = {.at = text, .end = text + length};
    struct element folder;
    if (!read_folder(&reader, &folder))
        return false;
    snprintf(name, size, "%.*s", (int)size - 1, folder.name);
    *is_properties = holds_properties(&folder);
    return true;
}

bool folder_properties(const char *text, size_t length, struct property_set *set)
{
    struct reader reader = {.at = text, .end = text + length, .set = set};
    struct element folder;
    return read_folder(&reader, &folder);
}

static void encode(struct text *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        const char *entity = NULL;
        for (size_t k = 0; k < sizeof entities / sizeof entities[0]; k++)
            if (entities[k].character == text[i])
                entity = entities[k].text;
        text_add(out, entity != NULL ? entity : text + i, entity != NULL ? strlen(entity) : 1);
    }
}

static int64_t integer_value(const struct property *property)
{
    int8_t byte;
    int16_t small;
    int32_t middle;
    int64_t large;
    switch (property->length) {
    case 1:
        memcpy(&byte, property->value, sizeof byte);
        return byte;
    case 2:
        memcpy(&small, property->value, sizeof small);
        return small;
    case 4:
        memcpy(&middle, property->value, sizeof middle);
        return middle;
    default:
        memcpy(&large, property->value, sizeof large);
        return large;
    }
}

static void write_integer(struct text *out, const char *name, const struct property *property)
{
    const char *type = "i8";
    for (size_t i = 0; i < sizeof integer_types / sizeof integer_types[0]; i++)
        if (integer_types[i].number == property->type) {
            type = integer_types[i].type;
            break;
        }
    text_format(out, "<%s dt='%s'>%lld</%s>", name, type, (long long)integer_value(property), name);
}

static void write_property(struct text *out, const char *name, const struct property *property)
{
    float single;
    double twice;
    switch (property->type) {
    case MQTYPE_NULL:
        text_format(out, "<%s xsi:nil='true'></%s>", name, name);
        return;
    case MQTYPE_STRING:
        text_format(out, "<%s>", name);
        encode(out, property->value, (size_t)property->length);
        text_format(out, "</%s>", name);
        return;
    case MQTYPE_BYTE_STRING:
        text_format(out, "<%s dt='bin.hex'>", name);
        text_add_hex(out, property->value, (size_t)property->length);
        text_format(out, "</%s>", name);
        return;
    case MQTYPE_FLOAT32:
        memcpy(&single, property->value, sizeof single);
        text_format(out, "<%s dt='r4'>%.9g</%s>", name, (double)single, name);
        return;
    case MQTYPE_FLOAT64:
        memcpy(&twice, property->value, sizeof twice);
        text_format(out, "<%s dt='r8'>%.17g</%s>", name, twice, name);
        return;
    default:
        write_integer(out, name, property);
    }
}

/* `jms.Cid` lies in the folder jms; a name without a point, or with another first part, in usr. */
static const char *name_in_folder(const char *name, const char *folder)
{
    size_t length = strlen(folder);
    bool qualified = strncmp(name, folder, length) == 0 && name[length] == '.';
    if (strcmp(folder, "usr") != 0)
        return qualified ? name + length + 1 : NULL;
    if (qualified)
        return name + 4;
    return strncmp(name, "mcd.", 4) == 0 || strncmp(name, "jms.", 4) == 0 || strncmp(name, "mqext.", 6) == 0 ? NULL
                                                                                                           : name;
}

static void write_folder(struct text *out, const struct property_set *set, const char *folder)
{
    struct text text = {0};
    text_format(&text, "<%s>", folder);
    size_t empty = text.length;
    for (const struct property *property = set->first; property != NULL; property = property->next) {
        const char *name = name_in_folder(property->name, folder);
        if (name != NULL)
            write_property(&text, name, property);
    }
    if (text.length > empty) {
        text_format(&text, "</%s>", folder);
        while (text.length % 4 != 0)
            text_add(&text, " ", 1);
        int32_t length = (int32_t)text.length;
        text_add(out, &length, sizeof length);
        text_add(out, text.data, text.length);
    }
    free(text.data);
}

void folders_write(struct text *out, const struct property_set *set)
{
    static const char *const folders[] = {"mcd", "jms", "mqext", "usr"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        write_folder(out, set, folders[i]);
}
