#pragma once
// What Swift cannot import of libssl (function-like macros) and epoll (a union, and not in the Glibc module).
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <sys/epoll.h>

/// Watches `descriptor` for input; `index` comes back from `load_wait`. 0, or -1 with errno.
int load_watch(int epoll, int descriptor, uint32_t index);

/// Waits for input, so many nanoseconds; writes the indices of what has some and returns how many.
int load_wait(int epoll, uint32_t *indices, int capacity, int64_t nanoseconds);

/// Allows TLS 1.3 with TLS_AES_128_GCM_SHA256 alone, reads ahead, no tickets. 1 = done.
int load_set_rules(SSL_CTX *context);

/// Has this thread alone run on one processor. 0, or -1 with errno.
int load_pin(int processor);

/// Has this thread run on any processor again. 0, or -1 with errno.
int load_unpin(void);

/// Has this thread give way to every other at once.
void load_lower_priority(void);

/// Shows every printed line at once, also where the output is a file.
void load_flush_lines(void);
