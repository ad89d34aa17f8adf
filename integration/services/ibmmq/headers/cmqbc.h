#ifndef STAND_IN_CMQBC_H
#define STAND_IN_CMQBC_H

#include "cmqc.h"

/* The calls are refused, so that it does not matter what most of these are. */
enum {
    MQIT_INTEGER = 1,
    MQIT_STRING = 2,
    MQITEM_BYTE_STRING = 4,
    MQHB_NONE = -2,
    MQHB_UNUSABLE_HBAG = -1,
    MQCBO_ADMIN_BAG = 1,
    MQIND_NONE = -1,
    MQBL_NULL_TERMINATED = -1,
    MQHA_BAG_HANDLE = 4001,
    MQSEL_ANY_USER_SELECTOR = -30002,
    MQSEL_ALL_USER_SELECTORS = -30001,
    MQIASY_REASON = -3,
    MQIASY_COMP_CODE = -6,
};

void mqCreateBag(MQLONG, MQHBAG *, MQLONG *, MQLONG *);
void mqDeleteBag(MQHBAG *, MQLONG *, MQLONG *);
void mqAddInteger(MQHBAG, MQLONG, MQLONG, MQLONG *, MQLONG *);
void mqAddIntegerFilter(MQHBAG, MQLONG, MQLONG, MQLONG, MQLONG *, MQLONG *);
void mqAddString(MQHBAG, MQLONG, MQLONG, char *, MQLONG *, MQLONG *);
void mqAddStringFilter(MQHBAG, MQLONG, MQLONG, char *, MQLONG, MQLONG *, MQLONG *);
void mqAddByteString(MQHBAG, MQLONG, MQLONG, void *, MQLONG *, MQLONG *);
void mqAddInquiry(MQHBAG, MQLONG, MQLONG *, MQLONG *);
void mqCountItems(MQHBAG, MQLONG, MQLONG *, MQLONG *, MQLONG *);
void mqExecute(MQHCONN, MQLONG, MQHBAG, MQHBAG, MQHBAG, MQHOBJ, MQHOBJ, MQLONG *, MQLONG *);
void mqInquireBag(MQHBAG, MQLONG, MQLONG, MQHBAG *, MQLONG *, MQLONG *);
void mqInquireInteger(MQHBAG, MQLONG, MQLONG, MQLONG *, MQLONG *, MQLONG *);
void mqInquireString(MQHBAG, MQLONG, MQLONG, MQLONG, char *, MQLONG *, MQLONG *, MQLONG *, MQLONG *);
void mqInquireByteString(MQHBAG, MQLONG, MQLONG, MQLONG, void *, MQLONG *, MQLONG *, MQLONG *);
void mqInquireItemInfo(MQHBAG, MQLONG, MQLONG, MQLONG *, MQLONG *, MQLONG *, MQLONG *);

#endif
