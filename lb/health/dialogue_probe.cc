#include "lb/health/dialogue_probe.h"

#include "lb/health/probe_connection.h"

#include <array>
#include <string>
#include <utility>

namespace tandem::lb::health {
namespace {

constexpr std::size_t kReadBytes = 4096;

class DialogueProbe final : public ProbeConnection {
 public:
  DialogueProbe(event::Poller& poller, const ProbeTarget& target, ProbeDone done,
                std::unique_ptr<Dialogue> dialogue)
      : ProbeConnection(poller, target, std::move(done)), dialogue_(std::move(dialogue)) {}

 private:
  void on_connected() override {
    dialogue_->begin();
    on_progress();
  }

  void on_progress() override {
    send();
    if (dialogue_->finding()) return tell();  // of a dialogue that only speaks
    while (!is_finished() && readable()) read_some();
  }

  [[nodiscard]] Status late_status() const noexcept override { return dialogue_->late().status; }
  [[nodiscard]] std::string late_description() const override {
    return dialogue_->late().description;
  }

  /// A server that refuses us may say why and close before it has read what we say: a failed write
  /// ends writing alone, and reading tells the rest.
  void send() {
    output_ += dialogue_->take_output();
    while (!output_.empty() && writable() && !is_deaf_) {
      const iovec piece{.iov_base = output_.data(), .iov_len = output_.size()};
      const event::Transfer sent = write({&piece, 1});
      is_deaf_ = sent.status == event::Transfer::Status::kFailed;
      output_.erase(0, sent.bytes);
    }
  }

  void read_some() {
    std::array<char, kReadBytes> bytes;
    const event::Transfer got = read(bytes);
    switch (got.status) {
      case event::Transfer::Status::kDone:
        dialogue_->hear({bytes.data(), got.bytes});
        send();
        break;
      case event::Transfer::Status::kBlocked:
        return;
      case event::Transfer::Status::kEnd:
        dialogue_->hear_end();
        break;
      case event::Transfer::Status::kFailed:
        return finish_with_error(Status::kL7Rsp, got.error);
    }
    if (dialogue_->finding()) tell();
  }

  void tell() {
    const Finding finding = *dialogue_->finding();
    finish({.status = finding.status,
            .code = finding.code,
            .description = finding.description,
            .agent = finding.agent});
  }

  std::unique_ptr<Dialogue> dialogue_;
  std::string output_;    // said by the dialogue and not sent yet
  bool is_deaf_ = false;  // the server takes no more
};

}  // namespace

std::unique_ptr<Probe> start_dialogue_probe(event::Poller& poller, const ProbeTarget& target,
                                            ProbeDone done, std::unique_ptr<Dialogue> dialogue) {
  return std::make_unique<SocketProbe>(
      poller,
      std::make_unique<DialogueProbe>(poller, target, std::move(done), std::move(dialogue)));
}

}  // namespace tandem::lb::health
