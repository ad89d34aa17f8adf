#include "rfh2.h"

#include <stdlib.h>
#include <string.h>

#include "folder.h"

enum { FIXED = 36 };

struct header {
    bool reversed; /* the integers are little-endian */
    MQLONG length;
    MQLONG encoding;
    MQLONG ccsid;
    char format[8];
    MQLONG names_ccsid;
};

static MQLONG integer_at(const char *data, bool reversed)
{
    uint32_t number;
    memcpy(&number, data, sizeof number);
    return (MQLONG)(reversed ? number : __builtin_bswap32(number));
}

static bool is_rfh2(const char *format)
{
    return memcmp(format, "MQHRF2  ", 8) == 0;
}

static bool header_read(struct header *header, MQLONG encoding, MQLONG length, const char *body)
{
    header->reversed = (encoding & MQENC_INTEGER_MASK) == MQENC_INTEGER_REVERSED;
    if (length < FIXED || memcmp(body, "RFH ", 4) != 0 || integer_at(body + 4, header->reversed) != 2)
        return false;
    header->length = integer_at(body + 8, header->reversed);
    header->encoding = integer_at(body + 12, header->reversed);
    header->ccsid = integer_at(body + 16, header->reversed);
    memcpy(header->format, body + 20, sizeof header->format);
    header->names_ccsid = integer_at(body + 32, header->reversed);
    return header->length >= FIXED && header->length <= length && header->length % 4 == 0;
}

MQLONG rfh2_length(const char *format, MQLONG encoding, MQLONG length, const char *body)
{
    struct header header;
    return is_rfh2(format) && header_read(&header, encoding, length, body) ? header.length : 0;
}

/* The next folder; the offset moves behind it. False at the end, which is well formed if the offset is the length. */
static bool next_folder(const struct header *header, const char *body, MQLONG *offset, struct span *folder)
{
    if (*offset > header->length - 4)
        return false;
    MQLONG length = integer_at(body + *offset, header->reversed);
    if (length < 0 || length % 4 != 0 || length > header->length - *offset - 4)
        return false;
    *folder = (struct span){body + *offset + 4, length};
    *offset += 4 + length;
    return true;
}

MQLONG rfh2_check(const MQMD *md, MQLONG length, const void *body)
{
    if (!is_rfh2(md->Format))
        return MQRC_NONE;
    struct header header;
    if (!header_read(&header, md->Encoding, length, body))
        return MQRC_RFH_ERROR;
    MQLONG offset = FIXED;
    struct span folder;
    while (next_folder(&header, body, &offset, &folder)) {
        char name[64];
        bool is_properties;
        if (header.names_ccsid == MQCCSI_UTF8 &&
            !folder_read(folder.data, (size_t)folder.length, name, sizeof name, &is_properties))
            return MQRC_RFH_FORMAT_ERROR;
    }
    return offset == header.length ? MQRC_NONE : MQRC_RFH_ERROR;
}

static void fixed_part(struct text *out, MQLONG encoding, MQLONG ccsid, const char *format)
{
    const MQLONG numbers[] = {2, 0, encoding, ccsid};
    const MQLONG rest[] = {0, MQCCSI_UTF8};
    text_add(out, "RFH ", 4);
    text_add(out, numbers, sizeof numbers);
    text_add(out, format, 8);
    text_add(out, rest, sizeof rest);
}

static void set_length(struct text *out)
{
    MQLONG length = (MQLONG)out->length;
    memcpy(out->data + 8, &length, sizeof length);
}

static void describe_header(MQMD *md)
{
    memcpy(md->Format, "MQHRF2  ", 8);
    md->Encoding = MQENC_NATIVE;
    md->CodedCharSetId = MQCCSI_UTF8;
}

struct message *rfh2_message(const struct property_set *set, const MQMD *md, MQLONG length, const void *body)
{
    struct text text = {0};
    fixed_part(&text, md->Encoding, md->CodedCharSetId, md->Format);
    folders_write(&text, set);
    set_length(&text);
    text_add(&text, body, (size_t)length);
    MQMD described = *md;
    describe_header(&described);
    struct message *message = message_new(&described, (MQLONG)text.length, text.data);
    free(text.data);
    return message;
}

/* What stays of a header when its properties are taken out: the other folders, in our encoding. */
static bool split(const struct header *header, const char *body, struct property_set *set, struct text *others)
{
    MQLONG offset = FIXED;
    struct span folder;
    while (next_folder(header, body, &offset, &folder)) {
        char name[64];
        bool is_properties = false;
        if (header->names_ccsid == MQCCSI_UTF8 &&
            !folder_read(folder.data, (size_t)folder.length, name, sizeof name, &is_properties))
            return false;
        if (!is_properties) {
            text_add(others, &folder.length, sizeof folder.length);
            text_add(others, folder.data, (size_t)folder.length);
        } else if (set != NULL && !folder_properties(folder.data, (size_t)folder.length, set)) {
            return false;
        }
    }
    return offset == header->length;
}

char *rfh2_without_properties(MQMD *md, MQLONG length, const char *body, struct property_set *set,
                              MQLONG *rest_length)
{
    struct header header;
    struct text others = {0};
    if (!is_rfh2(md->Format) || !header_read(&header, md->Encoding, length, body) ||
        !split(&header, body, set, &others)) {
        free(others.data);
        return NULL;
    }
    struct text rest = {0};
    if (others.length > 0) {
        fixed_part(&rest, header.encoding, header.ccsid, header.format);
        text_add(&rest, others.data, others.length);
        set_length(&rest);
        describe_header(md);
    } else {
        memcpy(md->Format, header.format, sizeof md->Format);
        md->Encoding = header.encoding;
        if (header.ccsid > 0)
            md->CodedCharSetId = header.ccsid;
    }
    free(others.data);
    text_add(&rest, body + header.length, (size_t)(length - header.length));
    *rest_length = (MQLONG)rest.length;
    return rest.data != NULL ? rest.data : calloc(1, 1);
}
