#ifndef NIGHTJAR_CTRANSPORT_H
#define NIGHTJAR_CTRANSPORT_H
#include <sys/epoll.h>
#endif
