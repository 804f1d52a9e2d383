#include "CNightjarProto.h"
