#define _GNU_SOURCE
#include "CTransport.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

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

// libssl takes four small blocks for each record that it reads or writes, and gives them back at once.
enum { block_bytes = 64, most_blocks = 16 };
static _Thread_local struct {
  bool keeps;
  int count;
  void *blocks[most_blocks];
} kept;

static void *take_block(size_t bytes, const char *file, int line) {
  (void)file, (void)line;
  if (bytes > block_bytes) return malloc(bytes);
  return kept.count > 0 ? kept.blocks[--kept.count] : malloc(block_bytes);
}

static void *resize_block(void *block, size_t bytes, const char *file, int line) {
  (void)file, (void)line;
  return realloc(block, bytes);
}

static void give_block(void *block, const char *file, int line) {
  (void)file, (void)line;
  // Any block of that size is fit to be kept, wherever it comes from.
  size_t bytes = kept.keeps && block ? malloc_usable_size(block) : 0;
  if (bytes >= block_bytes && bytes < block_bytes + 16 && kept.count < most_blocks)
    kept.blocks[kept.count++] = block;
  else
    free(block);
}

#if !__has_feature(address_sanitizer)
// Before anything else of the process can have used libcrypto, which then takes no other allocator any more.
__attribute__((constructor)) static void lend_blocks(void) {
  CRYPTO_set_mem_functions(take_block, resize_block, give_block);
}
#endif

void nj_keep_blocks(bool keeps) {
  kept.keeps = keeps;
  while (!keeps && kept.count > 0) free(kept.blocks[--kept.count]);
}
