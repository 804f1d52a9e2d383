#define _GNU_SOURCE
#include "CTransport.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>

#include "CThreads.h"

int nj_accept(int listener, struct sockaddr_storage *address, socklen_t *length) {
  return accept4(listener, (struct sockaddr *)address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int nj_stream_socket(int family) { return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

int nj_epoll_control(int epoll, int operation, int descriptor, uint32_t events, void *data) {
  struct epoll_event event = {.events = events, .data = {.ptr = data}};
  return epoll_ctl(epoll, operation, descriptor, &event);
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

static int socket_read(BIO *bio, char *bytes, int count) {
  BIO_clear_retry_flags(bio);
  ssize_t received = recv((int)(intptr_t)BIO_get_data(bio), bytes, (size_t)count, 0);
  if (received == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return (int)received;
}

// Bytes of a write after which others may run.
enum { most_without_way = 4096 };

static int socket_write(BIO *bio, const char *bytes, int count) {
  BIO_clear_retry_flags(bio);
  ssize_t sent = send((int)(intptr_t)BIO_get_data(bio), bytes, (size_t)count, MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  // Between two of many records.
  if (sent >= most_without_way) nj_make_way();
  return (int)sent;
}

static long socket_control(BIO *bio, int command, long number, void *pointer) {
  (void)number, (void)pointer;
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
  return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP;
}

static BIO_METHOD *socket_method;

static void make_socket_method(void) {
  BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "nightjar socket");
  if (made && BIO_meth_set_read(made, socket_read) && BIO_meth_set_write(made, socket_write) &&
      BIO_meth_set_ctrl(made, socket_control))
    socket_method = made;
}

bool nj_use_socket(struct ssl_st *ssl, int descriptor) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, make_socket_method);
  BIO *bio = socket_method ? BIO_new(socket_method) : NULL;
  if (!bio) return false;
  BIO_set_data(bio, (void *)(intptr_t)descriptor);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  return true;
}
