// C++ gRPC at its barest: a server that answers every call with so many bytes, and a closed loop of calls on it. Neither knows
// messages: what is measured is HTTP/2, TLS and gRPC's own machinery.
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

namespace {

std::string contents(const std::string &path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::shared_ptr<grpc::experimental::StaticDataCertificateProvider> identity(
    const std::string &folder, const std::string &name) {
  using grpc::experimental::IdentityKeyCertPair;
  std::vector<IdentityKeyCertPair> own{{contents(folder + "/" + name + "-key.pem"), contents(folder + "/" + name + ".pem")}};
  return std::make_shared<grpc::experimental::StaticDataCertificateProvider>(contents(folder + "/ca.pem"), own);
}

grpc::ByteBuffer bytes(size_t count) {
  grpc::Slice slice(std::string(count, 'x'));
  return grpc::ByteBuffer(&slice, 1);
}

class Answer final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Answer(size_t count) : answer(bytes(count)) { StartRead(&request); }
  void OnReadDone(bool isRead) override {
    if (isRead) StartWriteAndFinish(&answer, {}, grpc::Status::OK);
    else Finish({grpc::StatusCode::INVALID_ARGUMENT, "no request"});
  }
  void OnDone() override { delete this; }

 private:
  grpc::ByteBuffer request, answer;
};

class Service final : public grpc::CallbackGenericService {
 public:
  explicit Service(size_t count) : count(count) {}
  grpc::ServerGenericBidiReactor *CreateReactor(grpc::GenericCallbackServerContext *) override { return new Answer(count); }

 private:
  size_t count;
};

int serve(const std::string &address, const std::string &certificates, size_t count) {
  grpc::experimental::TlsServerCredentialsOptions tls(identity(certificates, "ranker-a"));
  tls.watch_root_certs();
  tls.watch_identity_key_cert_pairs();
  tls.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  Service service(count);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::experimental::TlsServerCredentials(tls));
  builder.RegisterCallbackGenericService(&service);
  auto server = builder.BuildAndStart();
  if (!server) return 1;
  server->Wait();
  return 0;
}

std::atomic<bool> isStopping{false}, hasFailed{false};
std::atomic<long> answers{0}, inFlight{0};

struct Caller {
  grpc::GenericStub stub;
  grpc::ByteBuffer request = bytes(30);

  void call() {
    struct State {
      grpc::ClientContext context;
      grpc::ByteBuffer response;
    };
    auto *state = new State;
    inFlight++;
    stub.UnaryCall(
        &state->context, "/nightjar.v1.Ranker/GetRecommendations", {}, &request, &state->response,
        [this, state](grpc::Status status) {
          delete state;
          if (status.ok()) answers++;
          else hasFailed = true;
          if (!isStopping && !hasFailed) call();
          inFlight--;
        });
  }
};

// Prints the answers a second that came after the first tenth of the time.
int load(const std::string &address, const std::string &certificates, int connections, int each, double seconds) {
  grpc::experimental::TlsChannelCredentialsOptions tls;
  tls.set_certificate_provider(identity(certificates, "platform-cli"));
  tls.watch_root_certs();
  tls.watch_identity_key_cert_pairs();
  tls.set_verify_server_certs(true);
  tls.set_certificate_verifier(std::make_shared<grpc::experimental::NoOpCertificateVerifier>());
  tls.set_check_call_host(false);
  std::vector<std::unique_ptr<Caller>> callers;
  for (int index = 0; index < connections; index++) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    auto channel = grpc::CreateCustomChannel(address, grpc::experimental::TlsCredentials(tls), arguments);
    if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(20))) return 1;
    callers.push_back(std::make_unique<Caller>(Caller{grpc::GenericStub(channel)}));
  }
  for (auto &caller : callers) {
    for (int index = 0; index < each; index++) caller->call();
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds / 10));
  long before = answers;
  auto start = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  double rate = (answers - before) / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  isStopping = true;
  while (inFlight > 0) std::this_thread::yield();
  if (hasFailed) return 1;
  std::printf("%.0f\n", rate);
  std::fflush(stdout);
  // Past the destructors: the last callbacks may still be on their way out of the channels.
  std::_Exit(0);
}

}  // namespace

int main(int count, char **words) {
  std::string verb = count > 1 ? words[1] : "";
  if (verb == "serve" && count == 5) return serve(words[2], words[3], std::strtoul(words[4], nullptr, 10));
  if (verb == "load" && count == 7) {
    return load(words[2], words[3], std::atoi(words[4]), std::atoi(words[5]), std::atof(words[6]));
  }
  std::fprintf(stderr, "grpc-peer serve ADDRESS CERTIFICATES BYTES | load ADDRESS CERTIFICATES CONNECTIONS EACH SECONDS\n");
  return 2;
}
