// The least that a TLS server can do for a request: epoll, libssl, one read and one write a wake-up, and an answer of
// fixed bytes to every frame of proto/PROTOCOL.md, unread. Not a server: it checks nothing.
//
//   floor PORT CERTIFICATES ANSWER_BYTES
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { header_bytes = 32, input_bytes = 1 << 17, output_bytes = 1 << 20 };

struct connection {
  int socket;
  SSL *ssl;
  int is_ready;
  int filled;
  unsigned char input[input_bytes];
};

static unsigned char output[output_bytes];
static int answer_bytes;

static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *length, const unsigned char *in,
                           unsigned int in_length, void *context) {
  (void)ssl, (void)in_length, (void)context;
  *out = in + 1;
  *length = in[0];
  return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *make_context(const char *folder) {
  char path[4096];
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());
  snprintf(path, sizeof path, "%s/ranker-a.pem", folder);
  if (SSL_CTX_use_certificate_chain_file(context, path) != 1) exit(2);
  snprintf(path, sizeof path, "%s/ranker-a-key.pem", folder);
  if (SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM) != 1) exit(2);
  snprintf(path, sizeof path, "%s/ca.pem", folder);
  if (SSL_CTX_load_verify_file(context, path) != 1) exit(2);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, 64 << 10);
  SSL_CTX_set_alpn_select_cb(context, select_protocol, NULL);
  return context;
}

static unsigned word(const unsigned char *at) { return (unsigned)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3]; }

// Answers every whole frame with a MESSAGE that ends its stream; HELLO with HELLO.
static int answer(struct connection *connection) {
  int at = 0, out = 0;
  while (connection->filled - at >= header_bytes) {
    const unsigned char *frame = connection->input + at;
    int size = header_bytes + (int)(word(frame + 16) + word(frame + 20) + word(frame + 24));
    if (connection->filled - at < size) break;
    int bytes = frame[1] == 1 ? 2 : frame[1] == 2 ? answer_bytes : -1;
    if (bytes >= 0) {
      memset(output + out, 0, header_bytes);
      output[out] = 1;
      output[out + 1] = frame[1] == 1 ? 1 : 3;
      output[out + 3] = frame[1] == 1 ? 0 : 1;
      memcpy(output + out + 4, frame + 4, 4);
      output[out + 22] = (unsigned char)(bytes >> 8);
      output[out + 23] = (unsigned char)bytes;
      memset(output + out + header_bytes, 8, bytes);
      if (frame[1] == 1) output[out + header_bytes + 1] = 1;
      out += header_bytes + bytes;
    }
    at += size;
  }
  memmove(connection->input, connection->input + at, connection->filled - at);
  connection->filled -= at;
  return out;
}

static int serve(struct connection *connection) {
  if (!connection->is_ready) {
    if (SSL_accept(connection->ssl) != 1) return SSL_get_error(connection->ssl, -1) == SSL_ERROR_WANT_READ;
    connection->is_ready = 1;
  }
  do {
    int room = input_bytes - connection->filled;
    int count = SSL_read(connection->ssl, connection->input + connection->filled, room);
    if (count <= 0) return SSL_get_error(connection->ssl, count) == SSL_ERROR_WANT_READ;
    connection->filled += count;
  } while (SSL_has_pending(connection->ssl));
  int out = answer(connection);
  return out == 0 || SSL_write(connection->ssl, output, out) == out;
}

int main(int count, char **arguments) {
  if (count != 4) return 2;
  SSL_CTX *context = make_context(arguments[2]);
  answer_bytes = atoi(arguments[3]);
  int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(arguments[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 512)) return 1;
  int epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN}, events[256];
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    int ready = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < ready; i++) {
      struct connection *connection = events[i].data.ptr;
      if (!connection) {
        connection = calloc(1, sizeof *connection);
        connection->socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        connection->ssl = SSL_new(context);
        SSL_set_fd(connection->ssl, connection->socket);
        event.data.ptr = connection;
        epoll_ctl(epoll, EPOLL_CTL_ADD, connection->socket, &event);
      } else if (!serve(connection)) {
        close(connection->socket);
        SSL_free(connection->ssl);
        free(connection);
      }
    }
  }
}
