/* What pymqi wants to be compiled with, on the layouts that the stand-in has. */
#ifndef STAND_IN_CMQC_H
#define STAND_IN_CMQC_H

#include "mqi.h"

#define MQCMDL_LEVEL_500 500
#define MQCMDL_LEVEL_510 510
#define MQCMDL_LEVEL_520 520
#define MQCMDL_LEVEL_530 530
#define MQCMDL_LEVEL_600 600
#define MQCMDL_LEVEL_700 700
#define MQCMDL_LEVEL_710 710
#define MQCMDL_LEVEL_750 750
#define MQCMDL_LEVEL_800 800
#define MQCMDL_LEVEL_801 801

typedef char MQCHAR, *PMQCHAR;
typedef unsigned char MQBYTE, *PMQBYTE;
typedef MQLONG MQBOOL, *PMQBOOL, MQHBAG;
typedef int8_t MQINT8, *PMQINT8;
typedef int16_t MQINT16, *PMQINT16;
typedef int32_t MQINT32, *PMQINT32;
typedef int64_t MQINT64, *PMQINT64;
typedef float MQFLOAT32, *PMQFLOAT32;
typedef double MQFLOAT64, *PMQFLOAT64;

typedef struct {
    char StrucId[4];
    MQLONG Version;
    MQLONG Options;
} MQBO;

typedef struct {
    char StrucId[4];
    MQLONG Version;
    MQLONG Options;
    MQLONG NumPubs;
} MQSRO;

typedef struct {
    char StrucId[4];
    MQLONG Version;
    MQLONG Options;
    char ObjectName[48];
    char AlternateUserId[12];
    char AlternateSecurityId[40];
    MQLONG SubExpiry;
    MQCHARV ObjectString;
    MQCHARV SubName;
    MQCHARV SubUserData;
    char SubCorrelId[24];
    MQLONG PubPriority;
    char PubAccountingToken[32];
    char PubApplIdentityData[32];
    MQCHARV SelectionString;
    MQLONG SubLevel;
    MQCHARV ResObjectString;
} MQSD;

#define MQBO_DEFAULT {'B', 'O', ' ', ' '}, 1, 0
#define MQCNO_DEFAULT {'C', 'N', 'O', ' '}, 1, 0, 0, NULL, {0}, NULL, 0, {0}, 0, NULL, NULL, 0, 0, {0}, {0}, {0}, NULL, 0, {0}
#define MQCSP_DEFAULT {'C', 'S', 'P', ' '}, 1, 0, {0}, NULL, 0, 0, {0}, NULL, 0, 0, {0}, NULL, 0, 0, {0}, NULL, 0, 0
#define MQCHARV_DEFAULT NULL, 0, 0, 0, -3
#define MQIMPO_DEFAULT {'I', 'M', 'P', 'O'}, 1, 0, 546, -3, 546, 0, {0}, {NULL, 0, 0, 0, -3}, {0}
#define MQPD_DEFAULT {'P', 'D', ' ', ' '}, 1, 0, 1, 0, 0x16

enum {
    MQCC_UNKNOWN = -1,
    MQRC_STRING_TRUNCATED = 2311,
    MQCNO_NONE = 0,
    MQCNO_VERSION_2 = 2,
    MQCNO_VERSION_5 = 5,
    MQHO_NONE = 0,
    MQIA_FIRST = 1,
    MQOD_CURRENT_LENGTH = sizeof(MQOD),
    MQPMO_CURRENT_LENGTH = sizeof(MQPMO),
};

void MQCONN(char *, MQHCONN *, MQLONG *, MQLONG *);
void MQCONNX(char *, MQCNO *, MQHCONN *, MQLONG *, MQLONG *);
void MQDISC(MQHCONN *, MQLONG *, MQLONG *);
void MQOPEN(MQHCONN, void *, MQLONG, MQHOBJ *, MQLONG *, MQLONG *);
void MQCLOSE(MQHCONN, MQHOBJ *, MQLONG, MQLONG *, MQLONG *);
void MQPUT(MQHCONN, MQHOBJ, void *, void *, MQLONG, void *, MQLONG *, MQLONG *);
void MQPUT1(MQHCONN, void *, void *, void *, MQLONG, void *, MQLONG *, MQLONG *);
void MQGET(MQHCONN, MQHOBJ, void *, void *, MQLONG, void *, MQLONG *, MQLONG *, MQLONG *);
void MQBEGIN(MQHCONN, void *, MQLONG *, MQLONG *);
void MQCMIT(MQHCONN, MQLONG *, MQLONG *);
void MQBACK(MQHCONN, MQLONG *, MQLONG *);
void MQINQ(MQHCONN, MQHOBJ, MQLONG, MQLONG *, MQLONG, MQLONG *, MQLONG, char *, MQLONG *, MQLONG *);
void MQSET(MQHCONN, MQHOBJ, MQLONG, MQLONG *, MQLONG, MQLONG *, MQLONG, char *, MQLONG *, MQLONG *);
void MQSUB(MQHCONN, void *, MQHOBJ *, MQHOBJ *, MQLONG *, MQLONG *);
void MQCRTMH(MQHCONN, MQCMHO *, MQHMSG *, MQLONG *, MQLONG *);
void MQSETMP(MQHCONN, MQHMSG, MQSMPO *, MQCHARV *, MQPD *, MQLONG, MQLONG, void *, MQLONG *, MQLONG *);
void MQINQMP(MQHCONN, MQHMSG, MQIMPO *, MQCHARV *, MQPD *, MQLONG *, MQLONG, void *, MQLONG *, MQLONG *, MQLONG *);

#endif
