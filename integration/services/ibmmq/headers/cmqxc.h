#ifndef STAND_IN_CMQXC_H
#define STAND_IN_CMQXC_H

#include "cmqc.h"

typedef MQCD *PMQCD;
enum { MQCD_CURRENT_LENGTH = sizeof(MQCD) };

#endif
