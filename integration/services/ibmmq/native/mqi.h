/* The Message Queue Interface as far as the stand-in needs it: names, numbers and layouts for 64-bit Linux.
 *
 * Written from public lists of fields and offsets; the assertions below compare every size and offset with them.
 */
#ifndef STAND_IN_MQI_H
#define STAND_IN_MQI_H

#include <stddef.h>
#include <stdint.h>

typedef int32_t MQLONG;
typedef int32_t MQHCONN;
typedef int32_t MQHOBJ;
typedef int64_t MQHMSG;

enum { MQCC_OK = 0, MQCC_WARNING = 1, MQCC_FAILED = 2 };

enum {
    MQRC_NONE = 0,
    MQRC_ALIAS_BASE_Q_TYPE_ERROR = 2001,
    MQRC_BACKED_OUT = 2003,
    MQRC_BUFFER_ERROR = 2004,
    MQRC_BUFFER_LENGTH_ERROR = 2005,
    MQRC_CHAR_ATTRS_TOO_SHORT = 2008,
    MQRC_CONNECTION_BROKEN = 2009,
    MQRC_DATA_LENGTH_ERROR = 2010,
    MQRC_EXPIRY_ERROR = 2013,
    MQRC_GET_INHIBITED = 2016,
    MQRC_HANDLE_NOT_AVAILABLE = 2017,
    MQRC_HCONN_ERROR = 2018,
    MQRC_HOBJ_ERROR = 2019,
    MQRC_INHIBIT_VALUE_ERROR = 2020,
    MQRC_INT_ATTR_COUNT_TOO_SMALL = 2022,
    MQRC_SYNCPOINT_LIMIT_REACHED = 2024,
    MQRC_MAX_CONNS_LIMIT_REACHED = 2025,
    MQRC_MD_ERROR = 2026,
    MQRC_MISSING_REPLY_TO_Q = 2027,
    MQRC_MSG_TYPE_ERROR = 2029,
    MQRC_MSG_TOO_BIG_FOR_Q = 2030,
    MQRC_MSG_TOO_BIG_FOR_Q_MGR = 2031,
    MQRC_NO_MSG_AVAILABLE = 2033,
    MQRC_NO_MSG_UNDER_CURSOR = 2034,
    MQRC_NOT_AUTHORIZED = 2035,
    MQRC_NOT_OPEN_FOR_BROWSE = 2036,
    MQRC_NOT_OPEN_FOR_INPUT = 2037,
    MQRC_NOT_OPEN_FOR_INQUIRE = 2038,
    MQRC_NOT_OPEN_FOR_OUTPUT = 2039,
    MQRC_NOT_OPEN_FOR_SET = 2040,
    MQRC_OBJECT_IN_USE = 2042,
    MQRC_OBJECT_TYPE_ERROR = 2043,
    MQRC_OD_ERROR = 2044,
    MQRC_OPTION_NOT_VALID_FOR_TYPE = 2045,
    MQRC_OPTIONS_ERROR = 2046,
    MQRC_PERSISTENCE_ERROR = 2047,
    MQRC_PRIORITY_EXCEEDS_MAXIMUM = 2049,
    MQRC_PRIORITY_ERROR = 2050,
    MQRC_PUT_INHIBITED = 2051,
    MQRC_Q_DELETED = 2052,
    MQRC_Q_FULL = 2053,
    MQRC_Q_MGR_NAME_ERROR = 2058,
    MQRC_Q_MGR_NOT_AVAILABLE = 2059,
    MQRC_SELECTOR_COUNT_ERROR = 2065,
    MQRC_SELECTOR_ERROR = 2067,
    MQRC_SELECTOR_NOT_FOR_TYPE = 2068,
    MQRC_STORAGE_NOT_AVAILABLE = 2071,
    MQRC_TRUNCATED_MSG_ACCEPTED = 2079,
    MQRC_TRUNCATED_MSG_FAILED = 2080,
    MQRC_UNKNOWN_ALIAS_BASE_Q = 2082,
    MQRC_UNKNOWN_OBJECT_NAME = 2085,
    MQRC_UNKNOWN_REMOTE_Q_MGR = 2087,
    MQRC_WAIT_INTERVAL_ERROR = 2090,
    MQRC_NOT_OPEN_FOR_PASS_ALL = 2093,
    MQRC_NOT_OPEN_FOR_PASS_IDENT = 2094,
    MQRC_NOT_OPEN_FOR_SET_ALL = 2095,
    MQRC_NOT_OPEN_FOR_SET_IDENT = 2096,
    MQRC_CONTEXT_HANDLE_ERROR = 2097,
    MQRC_CONTEXT_NOT_AVAILABLE = 2098,
    MQRC_FORMAT_ERROR = 2110,
    MQRC_SOURCE_CCSID_ERROR = 2111,
    MQRC_TARGET_CCSID_ERROR = 2115,
    MQRC_NOT_CONVERTED = 2119,
    MQRC_CONVERTED_MSG_TOO_BIG = 2120,
    MQRC_CNO_ERROR = 2139,
    MQRC_Q_MGR_QUIESCING = 2161,
    MQRC_PMO_ERROR = 2173,
    MQRC_GMO_ERROR = 2186,
    MQRC_UNEXPECTED_ERROR = 2195,
    MQRC_NO_MSG_LOCKED = 2209,
    MQRC_CALL_IN_PROGRESS = 2219,
    MQRC_MATCH_OPTIONS_ERROR = 2247,
    MQRC_CD_ERROR = 2277,
    MQRC_FUNCTION_NOT_SUPPORTED = 2298,
    MQRC_RFH_ERROR = 2334,
    MQRC_SCO_ERROR = 2380,
    MQRC_SSL_ALREADY_INITIALIZED = 2391,
    MQRC_RFH_FORMAT_ERROR = 2421,
    MQRC_STS_ERROR = 2426,
    MQRC_STAT_TYPE_ERROR = 2430,
    MQRC_PROPERTY_NAME_ERROR = 2442,
    MQRC_SMPO_ERROR = 2463,
    MQRC_HMSG_ERROR = 2460,
    MQRC_CMHO_ERROR = 2461,
    MQRC_IMPO_ERROR = 2464,
    MQRC_PROPERTY_NAME_TOO_BIG = 2465,
    MQRC_PROPERTY_VALUE_TOO_BIG = 2469,
    MQRC_PROPERTY_NOT_AVAILABLE = 2471,
    MQRC_PROP_NUMBER_FORMAT_ERROR = 2472,
    MQRC_PROPERTY_TYPE_ERROR = 2473,
    MQRC_CHANNEL_NOT_AVAILABLE = 2537,
    MQRC_HOST_NOT_AVAILABLE = 2538,
    MQRC_UNKNOWN_CHANNEL_NAME = 2540,
    MQRC_CSP_ERROR = 2595,
};

enum {
    MQCNO_HANDLE_SHARE_NONE = 0x20,
    MQCNO_HANDLE_SHARE_BLOCK = 0x40,
    MQCNO_HANDLE_SHARE_NO_BLOCK = 0x80,
    MQCNO_LOCAL_BINDING = 0x400,
    MQCNO_CLIENT_BINDING = 0x800,
    MQCNO_RECONNECT = 0x01000000,
    MQCNO_RECONNECT_Q_MGR = 0x04000000,
};

enum {
    MQOO_INPUT_AS_Q_DEF = 0x1,
    MQOO_INPUT_SHARED = 0x2,
    MQOO_INPUT_EXCLUSIVE = 0x4,
    MQOO_BROWSE = 0x8,
    MQOO_OUTPUT = 0x10,
    MQOO_INQUIRE = 0x20,
    MQOO_SET = 0x40,
    MQOO_SAVE_ALL_CONTEXT = 0x80,
    MQOO_PASS_IDENTITY_CONTEXT = 0x100,
    MQOO_PASS_ALL_CONTEXT = 0x200,
    MQOO_SET_IDENTITY_CONTEXT = 0x400,
    MQOO_SET_ALL_CONTEXT = 0x800,
    MQOO_FAIL_IF_QUIESCING = 0x2000,
    MQOO_INPUT_ANY = MQOO_INPUT_AS_Q_DEF | MQOO_INPUT_SHARED | MQOO_INPUT_EXCLUSIVE,
};

enum {
    MQGMO_WAIT = 0x1,
    MQGMO_SYNCPOINT = 0x2,
    MQGMO_NO_SYNCPOINT = 0x4,
    MQGMO_BROWSE_FIRST = 0x10,
    MQGMO_BROWSE_NEXT = 0x20,
    MQGMO_ACCEPT_TRUNCATED_MSG = 0x40,
    MQGMO_MSG_UNDER_CURSOR = 0x100,
    MQGMO_LOCK = 0x200,
    MQGMO_UNLOCK = 0x400,
    MQGMO_BROWSE_MSG_UNDER_CURSOR = 0x800,
    MQGMO_SYNCPOINT_IF_PERSISTENT = 0x1000,
    MQGMO_FAIL_IF_QUIESCING = 0x2000,
    MQGMO_CONVERT = 0x4000,
    MQGMO_PROPERTIES_FORCE_MQRFH2 = 0x02000000,
    MQGMO_NO_PROPERTIES = 0x04000000,
    MQGMO_PROPERTIES_IN_HANDLE = 0x08000000,
    MQGMO_PROPERTIES_COMPATIBILITY = 0x10000000,
    MQGMO_BROWSE_ANY = MQGMO_BROWSE_FIRST | MQGMO_BROWSE_NEXT | MQGMO_BROWSE_MSG_UNDER_CURSOR,
};

enum {
    MQMO_MATCH_MSG_ID = 0x1,
    MQMO_MATCH_CORREL_ID = 0x2,
    MQMO_MATCH_GROUP_ID = 0x4,
    MQMO_MATCH_MSG_SEQ_NUMBER = 0x8,
    MQMO_MATCH_OFFSET = 0x10,
    MQMO_MATCH_MSG_TOKEN = 0x20,
};

enum {
    MQPMO_SYNCPOINT = 0x2,
    MQPMO_NO_SYNCPOINT = 0x4,
    MQPMO_NEW_MSG_ID = 0x40,
    MQPMO_NEW_CORREL_ID = 0x80,
    MQPMO_PASS_IDENTITY_CONTEXT = 0x100,
    MQPMO_PASS_ALL_CONTEXT = 0x200,
    MQPMO_SET_IDENTITY_CONTEXT = 0x400,
    MQPMO_SET_ALL_CONTEXT = 0x800,
    MQPMO_FAIL_IF_QUIESCING = 0x2000,
    MQPMO_NO_CONTEXT = 0x4000,
    MQPMO_ASYNC_RESPONSE = 0x10000,
};

enum {
    MQIMPO_QUERY_LENGTH = 0x4,
    MQIMPO_INQ_NEXT = 0x8,
    MQIMPO_INQ_PROP_UNDER_CURSOR = 0x10,
    MQIMPO_CONVERT_TYPE = 0x2,
    MQDMPO_DEL_PROP_UNDER_CURSOR = 0x1,
};

enum {
    MQTYPE_AS_SET = 0,
    MQTYPE_NULL = 0x2,
    MQTYPE_BOOLEAN = 0x4,
    MQTYPE_BYTE_STRING = 0x8,
    MQTYPE_INT8 = 0x10,
    MQTYPE_INT16 = 0x20,
    MQTYPE_INT32 = 0x40,
    MQTYPE_INT64 = 0x80,
    MQTYPE_FLOAT32 = 0x100,
    MQTYPE_FLOAT64 = 0x200,
    MQTYPE_STRING = 0x400,
};

enum { MQOT_Q = 1, MQOT_Q_MGR = 5 };
enum { MQQT_LOCAL = 1, MQQT_ALIAS = 3 };
enum { MQPROP_COMPATIBILITY = 0, MQPROP_NONE = 1, MQPROP_ALL = 2, MQPROP_FORCE_MQRFH2 = 3, MQPROP_V6COMPAT = 4 };
enum { MQPER_NOT_PERSISTENT = 0, MQPER_PERSISTENT = 1, MQPER_PERSISTENCE_AS_Q_DEF = 2 };
enum { MQMT_REQUEST = 1, MQMT_SYSTEM_LAST = 65535 };
enum { MQMF_MSG_IN_GROUP = 0x8, MQMF_LAST_MSG_IN_GROUP = 0x10 };
enum { MQENC_INTEGER_MASK = 0xf, MQENC_INTEGER_NORMAL = 0x1, MQENC_INTEGER_REVERSED = 0x2, MQENC_NATIVE = 546 };
enum { MQCCSI_Q_MGR = 0, MQCCSI_INHERIT = -2, MQCCSI_UTF8 = 1208 };
enum { MQAT_NO_CONTEXT = 0, MQAT_UNIX = 6 };
enum { MQEI_UNLIMITED = -1, MQPRI_PRIORITY_AS_Q_DEF = -1, MQWI_UNLIMITED = -1, MQOL_UNDEFINED = -1 };
enum { MQCSP_AUTH_USER_ID_AND_PWD = 1, MQPL_UNIX = 3, MQHO_UNUSABLE_HOBJ = -1 };
enum { MQHC_UNUSABLE_HCONN = -1, MQHC_DEF_HCONN = 0, MQHM_UNUSABLE_HMSG = -1, MQHM_NONE = 0 };
enum { MQSTAT_TYPE_ASYNC_ERROR = 0 };
enum { MQ_NAME_LENGTH = 48, MQ_ID_LENGTH = 24, MQ_CHANNEL_NAME_LENGTH = 20, MQ_MAX_PRIORITY = 9 };

enum {
    MQIA_CODED_CHAR_SET_ID = 2,
    MQIA_CURRENT_Q_DEPTH = 3,
    MQIA_DEF_INPUT_OPEN_OPTION = 4,
    MQIA_DEF_PERSISTENCE = 5,
    MQIA_DEF_PRIORITY = 6,
    MQIA_HARDEN_GET_BACKOUT = 8,
    MQIA_INHIBIT_GET = 9,
    MQIA_INHIBIT_PUT = 10,
    MQIA_MAX_MSG_LENGTH = 13,
    MQIA_MAX_PRIORITY = 14,
    MQIA_MAX_Q_DEPTH = 15,
    MQIA_MSG_DELIVERY_SEQUENCE = 16,
    MQIA_OPEN_INPUT_COUNT = 17,
    MQIA_OPEN_OUTPUT_COUNT = 18,
    MQIA_Q_TYPE = 20,
    MQIA_BACKOUT_THRESHOLD = 22,
    MQIA_SHAREABILITY = 23,
    MQIA_SYNCPOINT = 30,
    MQIA_COMMAND_LEVEL = 31,
    MQIA_PLATFORM = 32,
    MQIA_MAX_UNCOMMITTED_MSGS = 33,
    MQIA_PROPERTY_CONTROL = 190,
    MQIA_LAST = 2000,
    MQCA_BASE_OBJECT_NAME = 2002,
    MQCA_DEAD_LETTER_Q_NAME = 2006,
    MQCA_Q_DESC = 2013,
    MQCA_Q_MGR_DESC = 2014,
    MQCA_Q_MGR_NAME = 2015,
    MQCA_Q_NAME = 2016,
    MQCA_BACKOUT_REQ_Q_NAME = 2019,
    MQCA_Q_MGR_IDENTIFIER = 2032,
};

typedef struct {
    char StrucId[4];
    MQLONG Version;
    MQLONG Report;
    MQLONG MsgType;
    MQLONG Expiry;
    MQLONG Feedback;
    MQLONG Encoding;
    MQLONG CodedCharSetId;
    char Format[8];
    MQLONG Priority;
    MQLONG Persistence;
    char MsgId[24];
    char CorrelId[24];
    MQLONG BackoutCount;
    char ReplyToQ[48];
    char ReplyToQMgr[48];
    char UserIdentifier[12];
    char AccountingToken[32];
    char ApplIdentityData[32];
    MQLONG PutApplType;
    char PutApplName[28];
    char PutDate[8];
    char PutTime[8];
    char ApplOriginData[4];
    char GroupId[24];
    MQLONG MsgSeqNumber;
    MQLONG Offset;
    MQLONG MsgFlags;
    MQLONG OriginalLength;
} MQMD;

typedef struct {
    char StrucId[4];
    MQLONG Version;
    MQLONG Options;
    MQLONG WaitInterval;
    MQLONG Signal1;
    MQLONG Signal2;
    char ResolvedQName[48];
    MQLONG MatchOptions;
    char GroupStatus;
    char SegmentStatus;
    char Segmentation;
    char Reserved1;
    char MsgToken[16];
    MQLONG ReturnedLength;
    MQLONG Reserved2;
    MQHMSG MsgHandle;
} MQGMO;

typedef struct {
    char StrucId[4];
    MQLONG Version;
    MQLONG Options;
    MQLONG Timeout;
    MQHOBJ Context;
    MQLONG KnownDestCount;
    MQLONG UnknownDestCount;
    MQLONG InvalidDestCount;
    char ResolvedQName[48];
    char ResolvedQMgrName[48];
    MQLONG RecsPresent;
    MQLONG PutMsgRecFields;
    MQLONG PutMsgRecOffset;
    MQLONG ResponseRecOffset;
    void *PutMsgRecPtr;
    void *ResponseRecPtr;
    MQHMSG OriginalMsgHandle;
    MQHMSG NewMsgHandle;
    MQLONG Action;
    MQLONG PubLevel;
} MQPMO;

typedef struct {
    void *VSPtr;
    MQLONG VSOffset;
    MQLONG VSBufSize;
    MQLONG VSLength;
    MQLONG VSCCSID;
} MQCHARV;

typedef struct {
    char StrucId[4];
    MQLONG Version;
    MQLONG ObjectType;
    char ObjectName[48];
    char ObjectQMgrName[48];
    char DynamicQName[48];
    char AlternateUserId[12];
    MQLONG RecsPresent;
    MQLONG KnownDestCount;
    MQLONG UnknownDestCount;
    MQLONG InvalidDestCount;
    MQLONG ObjectRecOffset;
    MQLONG ResponseRecOffset;
    void *ObjectRecPtr;
    void *ResponseRecPtr;
    char AlternateSecurityId[40];
    char ResolvedQName[48];
    char ResolvedQMgrName[48];
    MQCHARV ObjectString;
    MQCHARV SelectionString;
    MQCHARV ResObjectString;
    MQLONG ResolvedType;
} MQOD;

typedef struct {
    char StrucId[4];
    MQLONG Version;
    MQLONG Options;
    MQLONG ClientConnOffset;
    void *ClientConnPtr;
    char ConnTag[128];
    void *SSLConfigPtr;
    MQLONG SSLConfigOffset;
    char ConnectionId[24];
    MQLONG SecurityParmsOffset;
    void *SecurityParmsPtr;
    char *CCDTUrlPtr;
    MQLONG CCDTUrlOffset;
    MQLONG CCDTUrlLength;
    char Reserved[8];
    char ApplName[28];
    char Reserved2[4];
    void *BalanceParmsPtr;
    MQLONG BalanceParmsOffset;
    char Reserved3[4];
} MQCNO;

typedef struct {
    char StrucId[4];
    MQLONG Version;
    MQLONG AuthenticationType;
    char Reserved1[4];
    char *CSPUserIdPtr;
    MQLONG CSPUserIdOffset;
    MQLONG CSPUserIdLength;
    char Reserved2[8];
    char *CSPPasswordPtr;
    MQLONG CSPPasswordOffset;
    MQLONG CSPPasswordLength;
    char Reserved3[8];
    char *InitialKeyPtr;
    MQLONG InitialKeyOffset;
    MQLONG InitialKeyLength;
    char Reserved4[8];
    char *TokenPtr;
    MQLONG TokenOffset;
    MQLONG TokenLength;
} MQCSP;

typedef struct {
    char StrucId[4];
    MQLONG Version;
    char KeyRepository[256];
    char CryptoHardware[256];
    MQLONG AuthInfoRecCount;
    MQLONG AuthInfoRecOffset;
    void *AuthInfoRecPtr;
    MQLONG KeyResetCount;
    MQLONG FipsRequired;
    MQLONG EncryptionPolicySuiteB[4];
    MQLONG CertificateValPolicy;
    char CertificateLabel[64];
    char *KeyRepoPasswordPtr;
    MQLONG KeyRepoPasswordOffset;
    MQLONG KeyRepoPasswordLength;
    MQLONG HTTPSCertValidation;
    MQLONG HTTPSCertRevocation;
    char *HTTPSKeyStorePtr;
    MQLONG HTTPSKeyStoreOffset;
    MQLONG HTTPSKeyStoreLength;
} MQSCO;

/* Only what a client connection uses has a name; the rest keeps its place. */
typedef struct {
    char ChannelName[20];
    MQLONG Version;
    MQLONG ChannelType;
    MQLONG TransportType;
    char Unnamed1[812];
    MQLONG MaxMsgLength;
    char Unnamed2[176];
    char ConnectionName[264];
    char RemoteUserIdentifier[12];
    char RemotePassword[12];
    char Unnamed3[168];
    MQLONG HeartbeatInterval;
    char Unnamed4[8];
    MQLONG StrucLength;
    char Unnamed5[192];
    char SSLCipherSpec[32];
    char *SSLPeerNamePtr;
    MQLONG SSLPeerNameLength;
    char Unnamed6[152];
    MQLONG SharingConversations;
    char Unnamed7[28];
    MQLONG DefReconnect;
    char CertificateLabel[64];
    char Unnamed8[16];
} MQCD;

typedef struct {
    char StrucId[4];
    MQLONG Version;
    MQLONG Options;
} MQCMHO, MQDMHO, MQDMPO;

typedef struct {
    char StrucId[4];
    MQLONG Version;
    MQLONG Options;
    MQLONG ValueEncoding;
    MQLONG ValueCCSID;
} MQSMPO;

typedef struct {
    char StrucId[4];
    MQLONG Version;
    MQLONG Options;
    MQLONG RequestedEncoding;
    MQLONG RequestedCCSID;
    MQLONG ReturnedEncoding;
    MQLONG ReturnedCCSID;
    char Reserved1[4];
    MQCHARV ReturnedName;
    char TypeString[8];
} MQIMPO;

typedef struct {
    char StrucId[4];
    MQLONG Version;
    MQLONG Options;
    MQLONG Support;
    MQLONG Context;
    MQLONG CopyOptions;
} MQPD;

typedef struct {
    char StrucId[4];
    MQLONG Version;
    MQLONG CompCode;
    MQLONG Reason;
    MQLONG PutSuccessCount;
    MQLONG PutWarningCount;
    MQLONG PutFailureCount;
    MQLONG ObjectType;
    char ObjectName[48];
    char ObjectQMgrName[48];
    char ResolvedObjectName[48];
    char ResolvedQMgrName[48];
    MQCHARV ObjectString;
    MQCHARV SubName;
    MQLONG OpenOptions;
    MQLONG SubOptions;
} MQSTS;

#define AT(structure, field, offset) \
    _Static_assert(offsetof(structure, field) == (offset), #structure "." #field " is not at " #offset)
#define SIZE(structure, size) _Static_assert(sizeof(structure) == (size), #structure " has not " #size " bytes")

SIZE(MQMD, 364);
AT(MQMD, Format, 32);
AT(MQMD, Priority, 40);
AT(MQMD, MsgId, 48);
AT(MQMD, CorrelId, 72);
AT(MQMD, BackoutCount, 96);
AT(MQMD, ReplyToQ, 100);
AT(MQMD, ReplyToQMgr, 148);
AT(MQMD, UserIdentifier, 196);
AT(MQMD, AccountingToken, 208);
AT(MQMD, ApplIdentityData, 240);
AT(MQMD, PutApplType, 272);
AT(MQMD, PutApplName, 276);
AT(MQMD, PutDate, 304);
AT(MQMD, PutTime, 312);
AT(MQMD, ApplOriginData, 320);
AT(MQMD, GroupId, 324);
AT(MQMD, MsgSeqNumber, 348);
AT(MQMD, Offset, 352);
AT(MQMD, MsgFlags, 356);
AT(MQMD, OriginalLength, 360);

SIZE(MQGMO, 112);
AT(MQGMO, ResolvedQName, 24);
AT(MQGMO, MatchOptions, 72);
AT(MQGMO, GroupStatus, 76);
AT(MQGMO, MsgToken, 80);
AT(MQGMO, ReturnedLength, 96);
AT(MQGMO, MsgHandle, 104);

SIZE(MQPMO, 184);
AT(MQPMO, Context, 16);
AT(MQPMO, ResolvedQName, 32);
AT(MQPMO, ResolvedQMgrName, 80);
AT(MQPMO, RecsPresent, 128);
AT(MQPMO, ResponseRecPtr, 152);
AT(MQPMO, OriginalMsgHandle, 160);
AT(MQPMO, NewMsgHandle, 168);
AT(MQPMO, PubLevel, 180);

SIZE(MQCHARV, 24);
SIZE(MQOD, 424);
AT(MQOD, ObjectName, 12);
AT(MQOD, ObjectQMgrName, 60);
AT(MQOD, DynamicQName, 108);
AT(MQOD, AlternateUserId, 156);
AT(MQOD, RecsPresent, 168);
AT(MQOD, AlternateSecurityId, 208);
AT(MQOD, ResolvedQName, 248);
AT(MQOD, ResolvedQMgrName, 296);
AT(MQOD, ObjectString, 344);
AT(MQOD, SelectionString, 368);
AT(MQOD, ResObjectString, 392);
AT(MQOD, ResolvedType, 416);

SIZE(MQCNO, 272);
AT(MQCNO, ClientConnPtr, 16);
AT(MQCNO, ConnTag, 24);
AT(MQCNO, SSLConfigPtr, 152);
AT(MQCNO, ConnectionId, 164);
AT(MQCNO, SecurityParmsOffset, 188);
AT(MQCNO, SecurityParmsPtr, 192);
AT(MQCNO, CCDTUrlPtr, 200);
AT(MQCNO, CCDTUrlLength, 212);
AT(MQCNO, ApplName, 224);
AT(MQCNO, BalanceParmsPtr, 256);

SIZE(MQCSP, 104);
AT(MQCSP, CSPUserIdPtr, 16);
AT(MQCSP, CSPUserIdLength, 28);
AT(MQCSP, CSPPasswordPtr, 40);
AT(MQCSP, CSPPasswordLength, 52);
AT(MQCSP, InitialKeyPtr, 64);
AT(MQCSP, TokenPtr, 88);

SIZE(MQSCO, 672);
AT(MQSCO, KeyRepository, 8);
AT(MQSCO, AuthInfoRecCount, 520);
AT(MQSCO, KeyResetCount, 536);
AT(MQSCO, EncryptionPolicySuiteB, 544);
AT(MQSCO, CertificateLabel, 564);
AT(MQSCO, KeyRepoPasswordPtr, 632);
AT(MQSCO, KeyRepoPasswordLength, 644);
AT(MQSCO, HTTPSCertValidation, 648);

SIZE(MQCD, 2000);
AT(MQCD, Version, 20);
AT(MQCD, ChannelType, 24);
AT(MQCD, TransportType, 28);
AT(MQCD, MaxMsgLength, 844);
AT(MQCD, ConnectionName, 1024);
AT(MQCD, RemoteUserIdentifier, 1288);
AT(MQCD, HeartbeatInterval, 1480);
AT(MQCD, StrucLength, 1492);
AT(MQCD, SSLCipherSpec, 1688);
AT(MQCD, SSLPeerNamePtr, 1720);
AT(MQCD, SSLPeerNameLength, 1728);
AT(MQCD, SharingConversations, 1884);
AT(MQCD, DefReconnect, 1916);
AT(MQCD, CertificateLabel, 1920);

SIZE(MQCMHO, 12);
SIZE(MQSMPO, 20);
SIZE(MQPD, 24);
SIZE(MQIMPO, 64);
AT(MQIMPO, ReturnedName, 32);
AT(MQIMPO, TypeString, 56);
SIZE(MQSTS, 280);
AT(MQSTS, ObjectName, 32);
AT(MQSTS, ObjectString, 224);
AT(MQSTS, OpenOptions, 272);

#endif
