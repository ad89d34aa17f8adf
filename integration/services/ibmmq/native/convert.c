#include "convert.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#include "rfh2.h"

/* Coded character set identifiers, as the C library calls them. */
static const struct {
    MQLONG ccsid;
    const char *name;
} character_sets[] = {
    {37, "IBM037"},     {273, "IBM273"},    {285, "IBM285"},   {437, "IBM437"},       {500, "IBM500"},
    {819, "ISO-8859-1"}, {850, "IBM850"},   {923, "ISO-8859-15"}, {932, "IBM943"},    {943, "IBM943"},
    {1047, "IBM1047"},  {1140, "IBM1140"},  {1148, "IBM1148"}, {1200, "UTF-16"},      {1208, "UTF-8"},
    {1252, "CP1252"},   {13488, "UTF-16"},  {17584, "UTF-16"}, {367, "ASCII"},
};

/* UTF-16 has its byte order from the encoding. */
static const char *character_set(MQLONG ccsid, MQLONG encoding)
{
    for (size_t i = 0; i < sizeof character_sets / sizeof character_sets[0]; i++)
        if (character_sets[i].ccsid == ccsid) {
            if (strcmp(character_sets[i].name, "UTF-16") != 0)
                return character_sets[i].name;
            return (encoding & MQENC_INTEGER_MASK) == MQENC_INTEGER_REVERSED ? "UTF-16LE" : "UTF-16BE";
        }
    return NULL;
}

static bool run(iconv_t converter, const char *body, MQLONG length, struct text *out)
{
    char *from = (char *)(uintptr_t)body;
    size_t left = (size_t)length;
    while (left > 0) {
        char room[4096];
        char *to = room;
        size_t free_room = sizeof room;
        size_t done = iconv(converter, &from, &left, &to, &free_room);
        text_add(out, room, sizeof room - free_room);
        if (done == (size_t)-1 && errno != E2BIG)
            return false;
    }
    return true;
}

static struct outcome convert_text(struct text *out, const char *body, MQLONG length, const char *from, const char *to)
{
    if (from == NULL)
        return warning(MQRC_SOURCE_CCSID_ERROR);
    if (to == NULL)
        return warning(MQRC_TARGET_CCSID_ERROR);
    iconv_t converter = iconv_open(to, from);
    if (converter == (iconv_t)-1)
        return warning(MQRC_NOT_CONVERTED);
    bool fine = run(converter, body, length, out);
    iconv_close(converter);
    return fine ? OUTCOME_OK : warning(MQRC_NOT_CONVERTED);
}

struct target {
    MQLONG encoding;
    MQLONG ccsid;
};

static void write_integer(char *data, MQLONG number, MQLONG encoding)
{
    uint32_t bytes = (uint32_t)number;
    if ((encoding & MQENC_INTEGER_MASK) != MQENC_INTEGER_REVERSED)
        bytes = __builtin_bswap32(bytes);
    memcpy(data, &bytes, sizeof bytes);
}

static MQLONG read_integer(const char *data, MQLONG encoding)
{
    uint32_t bytes;
    memcpy(&bytes, data, sizeof bytes);
    if ((encoding & MQENC_INTEGER_MASK) != MQENC_INTEGER_REVERSED)
        bytes = __builtin_bswap32(bytes);
    return (MQLONG)bytes;
}

/* The numbers of a header in the wanted encoding, and what it says about the body after the conversion. */
static void convert_header(char *header, MQLONG length, MQLONG encoding, const struct target *target)
{
    static const int numbers[] = {4, 8, 12, 16, 28, 32};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        write_integer(header + numbers[i], read_integer(header + numbers[i], encoding), target->encoding);
    for (MQLONG offset = 36; offset + 4 <= length;) {
        MQLONG folder = read_integer(header + offset, encoding);
        write_integer(header + offset, folder, target->encoding);
        if (folder < 0 || folder > length - offset - 4)
            break; /* broken, and stays so */
        offset += 4 + folder;
    }
    write_integer(header + 12, target->encoding, target->encoding);
    write_integer(header + 16, target->ccsid, target->encoding);
}

static struct outcome convert_rest(struct text *out, const char *format, MQLONG length, const char *body,
                                   MQLONG encoding, MQLONG ccsid, const struct target *target)
{
    MQLONG header = rfh2_length(format, encoding, length, body);
    if (header > 0) {
        MQLONG inner_encoding = read_integer(body + 12, encoding);
        MQLONG inner_ccsid = read_integer(body + 16, encoding);
        size_t begin = out->length;
        text_add(out, body, (size_t)header);
        convert_header(out->data + begin, header, encoding, target);
        return convert_rest(out, body + 20, length - header, body + header, inner_encoding,
                            inner_ccsid > 0 ? inner_ccsid : ccsid, target);
    }
    if (memcmp(format, "MQSTR   ", 8) != 0)
        return length == 0 ? OUTCOME_OK : warning(MQRC_FORMAT_ERROR);
    const char *from = character_set(ccsid, encoding);
    const char *to = character_set(target->ccsid, target->encoding);
    if (from != NULL && to != NULL && strcmp(from, to) == 0) {
        text_add(out, body, (size_t)length);
        return OUTCOME_OK;
    }
    return convert_text(out, body, length, from, to);
}

char *convert_body(MQMD *md, MQLONG length, const char *body, MQLONG encoding, MQLONG ccsid, MQLONG *new_length,
                   struct outcome *outcome)
{
    struct target target = {encoding, ccsid};
    *outcome = OUTCOME_OK;
    if (md->Encoding == encoding && md->CodedCharSetId == ccsid && memcmp(md->Format, "MQHRF2  ", 8) != 0)
        return NULL;
    struct text text = {0};
    *outcome = convert_rest(&text, md->Format, length, body, md->Encoding, md->CodedCharSetId, &target);
    if (outcome->comp != MQCC_OK) {
        free(text.data);
        return NULL;
    }
    md->Encoding = encoding;
    md->CodedCharSetId = ccsid;
    *new_length = (MQLONG)text.length;
    return text.data != NULL ? text.data : calloc(1, 1);
}
