// The "grpc" check: grpc.health.v1.Health/Check, one call over an HTTP/2 connection of its own
// (RFC 9113; gRPC over HTTP2; GRPC Health Checking Protocol). nghttp2 speaks HTTP/2, the two
// messages are made and read here:
//
//   call                = flag (0: plain) length (4 bytes, big endian) message
//   HealthCheckRequest  = [ %x0A length service ]
//   HealthCheckResponse = [ %x08 status ] *( other fields )
#include "common/check.h"
#include "lb/health/dialogue.h"

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

namespace tandem::lb::health {
namespace {

constexpr std::size_t kPrefixBytes = 5;
/// Longest answer that is read; a status takes two bytes.
constexpr std::size_t kMessageBytesMax = 1024;
/// As much of a header's value as is looked at.
constexpr std::size_t kValueBytesMax = 256;

template <auto Delete>
struct By {
  template <typename T>
  void operator()(T* pointer) const noexcept {
    Delete(pointer);
  }
};
using Session = std::unique_ptr<nghttp2_session, By<nghttp2_session_del>>;
using Callbacks = std::unique_ptr<nghttp2_session_callbacks, By<nghttp2_session_callbacks_del>>;

// ---- the messages ------------------------------------------------------------------------------

void append_varint(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7U) out += static_cast<char>((number & 0x7fU) | 0x80U);
  out += static_cast<char>(number);
}

std::string request_for(const std::string& service) {
  std::string message;
  if (!service.empty()) {
    message = '\x0a';
    append_varint(message, service.size());
    message += service;
  }
  std::string call(1, '\0');
  for (unsigned shift = 32; shift > 0;)
    call += static_cast<char>((message.size() >> (shift -= 8)) & 0xffU);
  return call + message;
}

/// Takes a varint off `bytes`; nullopt: there is none.
std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t number = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (shift == 63 && byte > 1) return std::nullopt;
    number |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return number;
  }
  return std::nullopt;
}

/// Takes a field's value off `bytes`; false: it is cut short, or of a type that is none.
bool skip_value(std::string_view& bytes, std::uint64_t type) {
  std::size_t size = 0;
  switch (type) {
    case 0:
      return take_varint(bytes).has_value();
    case 1:
      size = 8;
      break;
    case 2: {
      const auto length = take_varint(bytes);
      if (!length || *length > bytes.size()) return false;
      size = *length;
      break;
    }
    case 5:
      size = 4;
      break;
    default:
      return false;
  }
  if (size > bytes.size()) return false;
  bytes.remove_prefix(size);
  return true;
}

/// The status in a HealthCheckResponse; 0 (UNKNOWN) where it is left out, as protobuf has it.
/// Fields that a later version may add are passed over. nullopt: it is no such message.
std::optional<std::uint64_t> read_status(std::string_view message) {
  std::uint64_t status = 0;
  while (!message.empty()) {
    const auto key = take_varint(message);
    if (!key || *key >> 3U == 0) return std::nullopt;
    if (*key == 8U) {
      const auto value = take_varint(message);
      if (!value) return std::nullopt;
      status = *value;
    } else if (*key >> 3U == 1 || !skip_value(message, *key & 7U)) {
      return std::nullopt;
    }
  }
  return status;
}

constexpr std::uint64_t kServing = 1;
constexpr std::array<std::string_view, 4> kStatusWords = {"UNKNOWN", "SERVING", "NOT_SERVING",
                                                          "SERVICE_UNKNOWN"};

constexpr std::array<std::string_view, 17> kCodeWords = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

/// Up to three digits; nullopt: something else.
std::optional<int> read_number(std::string_view text) {
  if (text.empty() || text.size() > 3) return std::nullopt;
  int number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return number;
}

// ---- the call ----------------------------------------------------------------------------------

nghttp2_nv field(std::string_view name, std::string_view value) {
  // nghttp2 copies both and writes to neither.
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

class GrpcDialogue final : public Dialogue {
 public:
  GrpcDialogue(const config::Check& check, const GrpcPeer& peer)
      : peer_(peer), request_(request_for(check.service)) {
    make_session();
  }

 private:
  // ---- HTTP/2
  void make_session() {
    nghttp2_session_callbacks* callbacks = nullptr;
    TANDEM_CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
    const Callbacks kept_callbacks(callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session* session = nullptr;
    TANDEM_CHECK(nghttp2_session_client_new(&session, callbacks, this) == 0);
    session_.reset(session);
  }

  void open() override {
    // No table that one byte of a head could stand for a large field of.
    constexpr std::array<nghttp2_settings_entry, 3> kSettings = {
        {{NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 0},
         {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
         {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0}}};
    TANDEM_CHECK(nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, kSettings.data(),
                                         kSettings.size()) == 0);
    const std::string timeout =
        fmt::format("{}m", std::min<std::int64_t>(peer_.timeout.count(), 99'999'999));
    const std::array fields = {field(":method", "POST"),
                               field(":scheme", peer_.is_encrypted ? "https" : "http"),
                               field(":path", "/grpc.health.v1.Health/Check"),
                               field(":authority", peer_.authority),
                               field("te", "trailers"),
                               field("content-type", "application/grpc"),
                               field("user-agent", "tandem-check"),
                               field("grpc-timeout", timeout)};
    nghttp2_data_provider body{};
    body.source.ptr = this;
    body.read_callback = give_body;
    stream_ = nghttp2_submit_request(session_.get(), nullptr, fields.data(), fields.size(), &body,
                                     nullptr);
    TANDEM_CHECK(stream_ > 0);
    speak();
  }

  /// Byte by byte: what nghttp2 makes of a broken stream depends on what it has said before it
  /// reads on, and so would what is found, on how the stream was cut.
  bool read_message() override {
    if (input().empty()) return false;
    const auto byte = static_cast<std::uint8_t>(input().front());
    consume(1);
    const auto taken = nghttp2_session_mem_recv(session_.get(), &byte, 1);
    if (taken < 0 && !finding()) refuse("the answer is not HTTP/2");
    if (finding()) return leave();
    speak();
    if (!finding() && nghttp2_session_want_read(session_.get()) == 0)
      refuse("the answer is not HTTP/2");
    return true;
  }

  void speak() {
    const std::uint8_t* bytes = nullptr;
    for (;;) {
      const auto size = nghttp2_session_mem_send(session_.get(), &bytes);
      if (size <= 0) return;
      say({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)});
    }
  }

  bool leave() {
    (void)nghttp2_session_terminate_session(session_.get(), NGHTTP2_NO_ERROR);
    speak();
    return true;
  }

  static GrpcDialogue& of(void* self) { return *static_cast<GrpcDialogue*>(self); }

  static ssize_t give_body(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t size,
                           std::uint32_t* flags, nghttp2_data_source* source, void*) {
    GrpcDialogue& self = of(source->ptr);
    const std::size_t given = std::min(size, self.request_.size() - self.sent_);
    std::memcpy(into, self.request_.data() + self.sent_, given);
    self.sent_ += given;
    if (self.sent_ == self.request_.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(given);
  }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t, void* self) {
    const auto text = [](const std::uint8_t* bytes, std::size_t size) {
      return std::string_view(reinterpret_cast<const char*>(bytes), size);
    };
    if (frame->hd.stream_id == of(self).stream_)
      of(self).take_header(text(name, name_size),
                           text(value, std::min(value_size, kValueBytesMax)));
    return 0;
  }

  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* bytes,
                     std::size_t size, void* self) {
    if (stream == of(self).stream_)
      of(self).take_data({reinterpret_cast<const char*>(bytes), size});
    return 0;
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    const bool is_last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
                         (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA);
    if (is_last && frame->hd.stream_id == of(self).stream_) of(self).judge();
    return 0;
  }

  static int on_close(nghttp2_session*, std::int32_t stream, std::uint32_t code, void* self) {
    if (stream == of(self).stream_ && !of(self).finding())
      of(self).refuse(fmt::format("the call was broken off: {}", nghttp2_http2_strerror(code)));
    return 0;
  }

  // ---- gRPC
  void take_header(std::string_view name, std::string_view value) {
    if (name == ":status") http_status_ = read_number(value).value_or(0);
    if (name == "content-type") is_grpc_ = value.starts_with("application/grpc");
    if (name == "grpc-status") code_ = read_number(value).value_or(-1);
    if (name == "grpc-message") words_ = value;
  }

  void take_data(std::string_view bytes) {
    if (finding()) return;
    if (answer_.size() + bytes.size() > kPrefixBytes + kMessageBytesMax) {
      refuse("the answer is longer than one of this service");
      return;
    }
    answer_ += bytes;
  }

  void judge() {
    if (finding()) return;
    if (http_status_ != 200) {
      conclude(Status::kL7Sts, http_status_, fmt::format("HTTP status {}", http_status_));
    } else if (!is_grpc_) {
      refuse("the answer is not gRPC");
    } else if (!code_ || *code_ < 0) {
      refuse("the answer has no gRPC status");
    } else if (*code_ != 0) {
      judge_failure(static_cast<std::size_t>(*code_));
    } else {
      judge_answer();
    }
  }

  void judge_failure(std::size_t code) {
    const std::string word(code < kCodeWords.size() ? kCodeWords[code] : "");
    conclude(Status::kL7Sts, static_cast<int>(code),
             fmt::format("gRPC status {}{}{}{}{}", code, word.empty() ? "" : " ", word,
                         words_.empty() ? "" : ": ", words_));
  }

  void judge_answer() {
    const std::string_view answer = answer_;
    std::size_t size = 0;
    for (const char c :
         answer.substr(0, kPrefixBytes).substr(std::min<std::size_t>(1, answer.size())))
      size = size << 8U | static_cast<unsigned char>(c);
    // One message, not compressed: nothing else was offered.
    if (answer.size() < kPrefixBytes || answer[0] != '\0' || answer.size() - kPrefixBytes != size) {
      refuse("the answer is not one message");
      return;
    }
    const auto status = read_status(answer.substr(kPrefixBytes));
    if (!status) {
      refuse("the message tells no health");
    } else if (*status == kServing) {
      conclude(Status::kL7Okd, 0, "gRPC server is SERVING");
    } else {
      conclude(Status::kL7Sts, 0,
               *status < kStatusWords.size()
                   ? fmt::format("gRPC server is {}", kStatusWords[*status])
                   : fmt::format("gRPC server has health {}", *status));
    }
  }

  [[nodiscard]] std::string awaited() const override {
    return http_status_ == 0 ? "the answer to the call" : "the end of the call";
  }

  GrpcPeer peer_;
  std::string request_;
  std::size_t sent_ = 0;
  Session session_;
  std::int32_t stream_ = 0;
  int http_status_ = 0;  // 0: none yet
  bool is_grpc_ = false;
  std::optional<int> code_;  // grpc-status; negative: not a number
  std::string words_;        // grpc-message
  std::string answer_;
};

}  // namespace

std::unique_ptr<Dialogue> make_grpc_dialogue(const config::Check& check, const GrpcPeer& peer) {
  return std::make_unique<GrpcDialogue>(check, peer);
}

}  // namespace tandem::lb::health
