#define _GNU_SOURCE
#include "CTransport.h"

#include <pthread.h>
#include <sched.h>

int nj_accept(int listener, struct sockaddr_storage *address, socklen_t *length) {
  return accept4(listener, (struct sockaddr *)address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int nj_stream_socket(int family) { return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

int nj_epoll_control(int epoll, int operation, int descriptor, uint32_t events, void *data) {
  struct epoll_event event = {.events = events, .data = {.ptr = data}};
  return epoll_ctl(epoll, operation, descriptor, &event);
}

void nj_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

void nj_lower_priority(void) {
  struct sched_param none = {0};
  sched_setscheduler(0, SCHED_IDLE, &none);
}
