#ifndef NIGHTJAR_CTRANSPORT_H
#define NIGHTJAR_CTRANSPORT_H
// What Swift's Glibc module does not show: epoll, eventfd, timerfd, accept4.
#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

// The corresponding C function is accept4, with SOCK_NONBLOCK and SOCK_CLOEXEC.
int nj_accept(int listener, struct sockaddr_storage *address, socklen_t *length);

// The corresponding C function is socket, with SOCK_STREAM, SOCK_NONBLOCK and SOCK_CLOEXEC.
int nj_stream_socket(int family);

// The corresponding C function is epoll_ctl; `data` comes back with the events.
int nj_epoll_control(int epoll, int operation, int descriptor, uint32_t events, void *data);

// Whether the calling thread keeps a few small blocks of memory that libssl gives back, for libssl's next use of them:
// without, each record costs four of the heap's. To be ended before the thread is.
void nj_keep_blocks(bool keeps);

struct ssl_st;

// Has a TLS session, which becomes the owner of what stands between, read from and write to a connected socket, which it does
// not. As SSL_set_fd, but by recv and send, which spare the kernel what read and write do for files. False where memory is
// short.
bool nj_use_socket(struct ssl_st *ssl, int descriptor);

// The pointer that an event carries.
static inline void *nj_event_data(const struct epoll_event *event) { return event->data.ptr; }
#endif
