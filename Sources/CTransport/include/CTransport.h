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

// Names the calling thread, 15 bytes at most. The corresponding C function is pthread_setname_np.
void nj_name_thread(const char *name);

// Has the calling thread give way to every other at once, which the nicest of ordinary threads does not; `to_pause`: by
// sleeping for a moment wherever it makes way, for work without any hurry. The corresponding C function is
// sched_setscheduler, with SCHED_IDLE.
void nj_lower_priority(bool to_pause);

// Lets others run, where the calling thread gives way; to be called at every some ten microseconds of work. Linux since 6.6
// grants even such a thread its 0.3% of the time for which it waits, all at once, in the course of which whoever is woken
// has to wait. One that pauses sleeps instead of waiting for the processor, and next to nothing is owed to it. The
// corresponding C functions are sched_yield and nanosleep.
void nj_make_way(void);

// Has the calling thread run soon after it is woken, where others would have the processor by right for some milliseconds; its
// share and policy stay what they are. Kernels before 6.12 know no such thing, and then nothing changes. The corresponding C
// function is sched_setattr.
void nj_shorten_slice(void);

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
