#define _GNU_SOURCE
#include "load.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

int load_watch(int epoll, int descriptor, uint32_t index) {
  struct epoll_event event = {.events = EPOLLIN, .data = {.u32 = index}};
  return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

int load_wait(int epoll, uint32_t *indices, int capacity, int64_t nanoseconds) {
  struct epoll_event events[256];
  struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  int count = epoll_pwait2(epoll, events, capacity < 256 ? capacity : 256, &limit, NULL);
  for (int i = 0; i < count; i++) indices[i] = events[i].data.u32;
  return count;
}

int load_set_rules(SSL_CTX *context) {
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, 64 << 10);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
  return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) && SSL_CTX_set_num_tickets(context, 0) &&
         SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
}

int load_pin(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  return sched_setaffinity(0, sizeof set, &set);
}

int load_unpin(void) {
  cpu_set_t set;
  memset(&set, 0xff, sizeof set);
  return sched_setaffinity(0, sizeof set, &set);
}

void load_lower_priority(void) {
  struct sched_param none = {0};
  sched_setscheduler(0, SCHED_IDLE, &none);
}

void load_flush_lines(void) { setlinebuf(stdout); }
