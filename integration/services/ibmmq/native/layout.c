#include "layout.h"

#include <string.h>

#define SIZE_OF(name, ...)                                                       \
    size_t name(MQLONG version)                                                  \
    {                                                                            \
        static const size_t sizes[] = {__VA_ARGS__};                             \
        size_t count = sizeof sizes / sizeof sizes[0];                           \
        return version >= 1 && (size_t)version <= count ? sizes[version - 1] : 0; \
    }

SIZE_OF(md_size, 324, 364)
SIZE_OF(gmo_size, 72, 80, 100, 112)
SIZE_OF(pmo_size, 128, 160, 184)
SIZE_OF(od_size, 168, 208, 344, 424)
SIZE_OF(cno_size, 12, 24, 152, 168, 200, 224, 256, 272)
SIZE_OF(csp_size, 56, 80, 104)
SIZE_OF(sco_size, 536, 544, 560, 564, 628, 648, 672)
SIZE_OF(cd_size, 984, 1312, 1480, 1568, 1584, 1688, 1792, 1884, 1908, 1920, 1984, 1988, 2000)
SIZE_OF(sts_size, 224, 280)

static MQLONG version_of(const void *given)
{
    MQLONG version;
    memcpy(&version, (const char *)given + 4, sizeof version);
    return version;
}

static bool read_structure(void *full, const void *given, const char *eye_catcher, size_t size)
{
    if (memcmp(given, eye_catcher, 4) != 0 || size == 0)
        return false;
    memcpy(full, given, size);
    return true;
}

bool md_read(MQMD *md, const void *given)
{
    *md = (MQMD){.MsgSeqNumber = 1, .OriginalLength = MQOL_UNDEFINED};
    return given != NULL && read_structure(md, given, "MD  ", md_size(version_of(given)));
}

bool gmo_read(MQGMO *gmo, const void *given)
{
    *gmo = (MQGMO){.MatchOptions = MQMO_MATCH_MSG_ID | MQMO_MATCH_CORREL_ID, .ReturnedLength = -1};
    return given != NULL && read_structure(gmo, given, "GMO ", gmo_size(version_of(given)));
}

bool pmo_read(MQPMO *pmo, const void *given)
{
    *pmo = (MQPMO){.PubLevel = 9};
    return given != NULL && read_structure(pmo, given, "PMO ", pmo_size(version_of(given)));
}

bool od_read(MQOD *od, const void *given)
{
    *od = (MQOD){0};
    return given != NULL && read_structure(od, given, "OD  ", od_size(version_of(given)));
}

/* The version stays the caller's, whatever the structure was meanwhile. */
static void write_structure(void *given, const void *full, size_t size)
{
    memcpy((char *)given + 8, (const char *)full + 8, size - 8);
}

void md_write(void *given, const MQMD *md)
{
    write_structure(given, md, md_size(version_of(given)));
}

void gmo_write(void *given, const MQGMO *gmo)
{
    write_structure(given, gmo, gmo_size(version_of(given)));
}

void pmo_write(void *given, const MQPMO *pmo)
{
    write_structure(given, pmo, pmo_size(version_of(given)));
}

void od_write(void *given, const MQOD *od)
{
    write_structure(given, od, od_size(version_of(given)));
}
