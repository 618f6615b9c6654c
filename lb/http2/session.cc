#include "lb/http2/session.h"

#include "common/check.h"
#include "http/field_rules.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace tandem::lb::http2 {
namespace {

constexpr std::size_t kFrameHeadBytes = 9;
/// What a field takes beside its bytes, as RFC 9113 section 6.5.2 counts it.
constexpr std::size_t kFieldOverheadBytes = 32;
/// Sum of all trailers of a request.
constexpr std::size_t kTrailerBytesMax = 8'192;
/// A head that is sent in more frames than this wastes time (RFC 9113 section 10.5.1).
constexpr std::size_t kContinuationsMax = 8;
/// Answers to PING and SETTINGS that a peer lets pile up.
constexpr std::size_t kAcknowledgementsMax = 500;
constexpr std::size_t kSettingsMax = 32;
/// A head that is too large still has to be decoded: as dear as so many frames.
constexpr double kLargeHeadCost = 20;
/// RFC 9113 section 6.5.2: we allow no larger ones.
constexpr std::size_t kFrameBytesMax = 16'384;
/// Gaps between the streams of a peer that are remembered; clients leave none.
constexpr std::size_t kGapsMax = 8;
/// The first type that RFC 9113 has no meaning for.
constexpr int kFirstUnknownType = NGHTTP2_CONTINUATION + 1;
constexpr int kFrameTypes = 256;
/// A head that is so many times as large as allowed is not decoded to its end: references of a byte
/// each make megabytes of a frame (RFC 7541 section 7.3).
constexpr std::size_t kHeadExcessMax = 16;
/// Frames of the peer that each of our DATA frames may cause.
constexpr std::uint64_t kUpdatesForEachFrame = 2;

std::string_view text_of(const std::uint8_t* bytes, std::size_t size) noexcept {
  return {reinterpret_cast<const char*>(bytes), size};
}

/// Of a frame that nghttp2 has made: no CONTINUATION follows. A client's preface counts as one.
bool ends_head(const std::uint8_t* frame) noexcept {
  constexpr std::size_t kType = 3;
  constexpr std::size_t kFlags = 4;
  return (frame[kType] != NGHTTP2_HEADERS && frame[kType] != NGHTTP2_CONTINUATION) ||
         (frame[kFlags] & NGHTTP2_FLAG_END_HEADERS) != 0;
}

/// `room` is let go of, to `spare` if it is the larger one: the next one that wakes up begins with
/// it.
void give_away(std::vector<char>& room, std::vector<char>& spare) noexcept {
  if (room.capacity() > spare.capacity()) room.swap(spare);
  room = std::vector<char>();  // {} would keep it
}

}  // namespace

bool Allowance::spend(double cost, Instant now) noexcept {
  const std::chrono::duration<double> since = now - refilled_at_;
  left_ = std::min(most_, left_ + since.count() * each_second_);
  refilled_at_ = now;
  left_ -= cost;
  return left_ >= 0;
}

/// What nghttp2 calls. Each notes, and calls nothing of the session that could call back.
struct Session::Callbacks {
  static Session& self(void* user_data) noexcept { return *static_cast<Session*>(user_data); }

  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user_data) {
    return self(user_data).may_begin(*head) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  /// Of a type that nobody knows: it has been counted, and is of no use.
  static int unknown_frame(nghttp2_session*, void**, const nghttp2_frame_hd*, void*) {
    return NGHTTP2_ERR_CANCEL;
  }

  static int begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user_data) {
    Session& me = self(user_data);
    me.in_head_ = true;
    me.head_bytes_ = 0;
    me.head_of_ = frame->hd.stream_id;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      auto* stream = new Stream(frame->hd.stream_id, me.limits_.head_bytes_max);
      nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
      me.streams_.push_back(*stream);
      ++me.stream_count_;
    } else if (Stream* stream = me.find(frame->hd.stream_id)) {
      stream->in_trailers_ = stream->has_head_;
      if (me.role_ == Role::kClient && !stream->has_head_) stream->response_.begin();
    }
    return 0;
  }

  static int header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* user_data) {
    Session& me = self(user_data);
    me.head_bytes_ += name_size + value_size + kFieldOverheadBytes;
    if (me.head_bytes_ > kHeadExcessMax * me.limits_.head_bytes_max) {
      me.was_flooded_ = true;
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    Stream* stream = me.find(frame->hd.stream_id);
    if (stream == nullptr) return 0;
    const std::string_view field = text_of(name, name_size);
    const std::string_view text = text_of(value, value_size);
    if (!stream->in_trailers_) {
      if (me.role_ == Role::kServer) {
        stream->request.add(field, text);
      } else {
        stream->response_.add(field, text);
      }
      return 0;
    }
    // As a trailer of a chunked body.
    std::string& lines = stream->trailers_in_;
    const bool is_bad = http::is_forbidden_trailer(field) ||
                        lines.size() + field.size() + text.size() > kTrailerBytesMax;
    if (is_bad) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                NGHTTP2_PROTOCOL_ERROR);
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    lines.append(field).append(": ").append(text).append("\r\n");
    return 0;
  }

  static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    Session& me = self(user_data);
    me.take_frame(*frame);
    if (me.count_frame(*frame)) return 0;
    me.was_flooded_ = true;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int data(nghttp2_session* session, std::uint8_t, std::int32_t id,
                  const std::uint8_t* bytes, std::size_t size, void* user_data) {
    Session& me = self(user_data);
    // Only the stream's window holds a sender back: one slow stream must not stop the others.
    nghttp2_session_consume_connection(session, size);
    Stream* stream = me.find(id);
    if (stream == nullptr) return 0;
    stream->incoming_.insert(stream->incoming_.end(), bytes, bytes + size);
    me.note_news(*stream);
    return 0;
  }

  static int stream_closed(nghttp2_session*, std::int32_t id, std::uint32_t error,
                           void* user_data) {
    Session& me = self(user_data);
    // What was malformed in the middle is not told of at its end.
    if (id == me.head_of_) me.in_head_ = false;
    if (Stream* stream = me.find(id)) me.close(*stream, error);
    return 0;
  }

  static int invalid_frame(nghttp2_session*, const nghttp2_frame*, int error, void* user_data) {
    Session& me = self(user_data);
    me.last_offence_ = nghttp2_strerror(error);
    // Each may reset a stream of which a server has heard already, as the peer's own resets do.
    if (me.resets_allowed_.spend(1, me.now_)) return 0;
    me.was_flooded_ = true;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    Session& me = self(user_data);
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) {
      me.was_flooded_ = frame->goaway.error_code == NGHTTP2_ENHANCE_YOUR_CALM;
      me.fail(me.last_offence_.empty() ? nghttp2_http2_strerror(frame->goaway.error_code)
                                       : me.last_offence_);
    }
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    if (Stream* stream = me.find(frame->hd.stream_id))
      stream->bytes_sent_ += kFrameHeadBytes + frame->hd.length;
    return 0;
  }

  static ssize_t read_body(nghttp2_session* session, std::int32_t id, std::uint8_t*,
                           std::size_t most, std::uint32_t* flags, nghttp2_data_source*,
                           void* user_data) {
    Session& me = self(user_data);
    Stream* stream = me.find(id);
    if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const std::size_t there = stream->outgoing_bytes();
    if (there == 0 && !stream->finishes_) return NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    const std::size_t bytes = std::min(there, most);
    if (bytes == there && stream->finishes_) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      stream->has_sent_end_ = true;
      if (!stream->trailers_out_.empty()) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        FieldBlock& trailers = me.workspace_.trailers;
        trailers.clear();
        put_trailers(trailers, stream->trailers_out_);
        const auto fields = trailers.fields();
        if (nghttp2_submit_trailer(session, id, fields.data(), fields.size()) != 0)
          return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
      }
      if (bytes == 0) me.note_news(*stream);
    }
    return static_cast<ssize_t>(bytes);
  }

  static int send_data(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* head,
                       std::size_t size, nghttp2_data_source*, void* user_data) {
    Session& me = self(user_data);
    Stream* stream = me.find(frame->hd.stream_id);
    if (stream == nullptr && size > 0) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    me.out_.insert(me.out_.end(), head, head + kFrameHeadBytes);
    me.updates_due_ += kUpdatesForEachFrame;
    if (stream == nullptr) return 0;
    stream->put_outgoing(size, me.out_);
    stream->bytes_sent_ += kFrameHeadBytes + size;
    if (stream->is_drained()) me.note_news(*stream);
    // Stopping before a frame would leave its head where the next session makes its own.
    return me.out_.size() - me.sent_ < kOutputBytesMax ? 0 : NGHTTP2_ERR_PAUSE;
  }
};

Session::Session(Role role, const Limits& limits, Workspace& workspace)
    : block(workspace.block), workspace_(workspace), limits_(limits), role_(role) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* options = nullptr;
  TANDEM_CHECK(nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&options) == 0);
  nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, Callbacks::begin_frame);
  nghttp2_session_callbacks_set_unpack_extension_callback(callbacks, Callbacks::unknown_frame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Callbacks::begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame_received);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::stream_closed);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, Callbacks::invalid_frame);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Callbacks::frame_sent);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, Callbacks::send_data);
  // Windows are opened again by whoever has used what came.
  nghttp2_option_set_no_auto_window_update(options, 1);
  nghttp2_option_set_max_continuations(options, kContinuationsMax);
  nghttp2_option_set_max_outbound_ack(options, kAcknowledgementsMax);
  nghttp2_option_set_max_settings(options, kSettingsMax);
  nghttp2_option_set_no_closed_streams(options, 1);
  // Only those that are asked for are told of.
  for (int type = kFirstUnknownType; type < kFrameTypes; ++type)
    nghttp2_option_set_user_recv_extension_type(options, static_cast<std::uint8_t>(type));
  const auto make =
      role == Role::kServer ? nghttp2_session_server_new3 : nghttp2_session_client_new3;
  int made = 0;
  stream_table_ = workspace_.make_session(
      [&](nghttp2_mem* memory) { made = make(&session_, callbacks, this, options, memory); });
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_option_del(options);
  TANDEM_CHECK(made == 0);
  // The first two are for servers and for clients alike.
  const std::array settings = {
      nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits_.window_bytes},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
                             static_cast<std::uint32_t>(limits_.head_bytes_max)},
      role == Role::kServer
          ? nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits_.streams_max}
          : nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
  };
  // The last one is a server's to say.
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(),
                          settings.size() - (role == Role::kServer ? 0 : 1));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<std::int32_t>(limits_.connection_window));
  // A client's preface is in the shared frame by now.
  produce();
}

Session::~Session() {
  nghttp2_session_del(session_);
  streams_.for_each([](Stream& stream) { delete &stream; });
}

Stream* Session::find(std::int32_t id) const noexcept {
  return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session_, id));
}

bool Session::receive(std::span<const char> bytes, Instant now) {
  now_ = now;
  const ssize_t used = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (used >= 0) return nghttp2_session_want_read(session_) != 0;
  if (was_flooded_ || used == NGHTTP2_ERR_FLOODED) {
    was_flooded_ = true;
    fail("more frames for nothing than a client may send");
    end(NGHTTP2_ENHANCE_YOUR_CALM);
  } else {
    fail(nghttp2_strerror(static_cast<int>(used)));
    end(error_);
  }
  return false;
}

void Session::fail(std::string_view trouble) noexcept {
  if (trouble_.empty()) trouble_ = trouble;
}

// What nghttp2 lets pass though it must not, and what it does not tell of later.
bool Session::may_begin(const nghttp2_frame_hd& head) {
  switch (head.type) {
    case NGHTTP2_CONTINUATION:
      if (head.length <= kFrameBytesMax) return true;
      error_ = NGHTTP2_FRAME_SIZE_ERROR;
      fail("CONTINUATION is too large");
      return false;
    case NGHTTP2_HEADERS: {
      if (role_ == Role::kClient) return true;
      const bool is_new = head.stream_id > newest_stream_;
      if (!note_stream(head.stream_id)) {
        fail("a stream below one that was opened before");
        return false;
      }
      // Those of a stream that is no more are decoded and not told of.
      if (is_new || find(head.stream_id) != nullptr) return true;
      break;
    }
    case NGHTTP2_PRIORITY:
      if (head.stream_id == 0) {
        fail("PRIORITY on stream 0");
        return false;
      }
      break;
    default:
      if (head.type < kFirstUnknownType) return true;
  }
  was_flooded_ = !frames_allowed_.spend(1, now_);
  return !was_flooded_;
}

// A stream that was left out is closed by the next one and must not be opened (RFC 9113 section
// 5.1.1); one that was opened and has ended may still get trailers that were under way.
bool Session::note_stream(std::int32_t id) {
  if (id > newest_stream_) {
    if (id > newest_stream_ + 2 && gaps_.size() < kGapsMax)
      gaps_.push_back({.first = newest_stream_ + 2, .last = id - 2});
    newest_stream_ = id;
    return true;
  }
  return std::ranges::none_of(gaps_,
                              [id](const Gap& gap) { return gap.first <= id && id <= gap.last; });
}

bool Session::count_frame(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_RST_STREAM:
      ++resets_;
      return resets_allowed_.spend(1, now_);
    case NGHTTP2_WINDOW_UPDATE:
      if (updates_due_ == 0) return frames_allowed_.spend(1, now_);
      --updates_due_;
      return true;
    case NGHTTP2_DATA:
      if (frame.hd.length > frame.data.padlen || (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        return true;
      return frames_allowed_.spend(1, now_);
    case NGHTTP2_HEADERS: {
      const Stream* stream = find(frame.hd.stream_id);
      const bool is_large = stream != nullptr && stream->request.is_too_large();
      return !is_large || frames_allowed_.spend(kLargeHeadCost, now_);
    }
    case NGHTTP2_PRIORITY:
      return true;  // counted when it began
    default:
      return frames_allowed_.spend(1, now_);
  }
}

void Session::take_frame(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) return;
  const bool is_last = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  Stream* stream = find(frame.hd.stream_id);
  if (frame.hd.type == NGHTTP2_HEADERS) {
    in_head_ = false;
    if (stream != nullptr) take_head(*stream, is_last);
  }
  if (stream == nullptr) return;
  stream->has_ended_ = stream->has_ended_ || is_last;
  note_news(*stream);
}

void Session::take_head(Stream& stream, bool is_last) {
  if (role_ == Role::kServer) {
    stream.has_head_ = true;
    return;
  }
  if (stream.in_trailers_) return;
  if (stream.responses_.size() - stream.responses_taken_ >= Stream::kResponsesMax) {
    reset(stream, NGHTTP2_ENHANCE_YOUR_CALM);
    return;
  }
  std::string text = stream.response_.finish(is_last, stream.is_head_request_);
  stream.has_head_ = !text.starts_with("HTTP/1.1 1");
  stream.responses_.push_back(std::move(text));
}

Stream& Session::open() {
  auto* stream = new Stream(-1, limits_.head_bytes_max);
  streams_.push_back(*stream);
  ++stream_count_;
  return *stream;
}

void Session::send_request(Stream& stream, const FieldBlock& fields, bool last, bool is_head) {
  const nghttp2_data_provider body{.source = {.ptr = nullptr},
                                   .read_callback = Callbacks::read_body};
  const auto all = fields.fields();
  stream.is_head_request_ = is_head;
  stream.finishes_ = stream.has_sent_end_ = last;
  const bool may = !is_ended_ && nghttp2_session_check_request_allowed(session_) != 0;
  const std::int32_t id = may ? nghttp2_submit_request(session_, nullptr, all.data(), all.size(),
                                                       last ? nullptr : &body, &stream)
                              : -1;
  if (id > 0) {
    stream.id_ = id;
    produce();
    return;
  }
  stream.is_closed_ = stream.is_broken_ = true;
  stream.error_code_ = NGHTTP2_REFUSED_STREAM;
  note_news(stream);
}

bool Session::has_room() const noexcept {
  if (is_ended_ || nghttp2_session_check_request_allowed(session_) == 0) return false;
  const std::uint32_t allowed =
      nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  return stream_count_ < std::min(allowed, limits_.streams_max);
}

bool Session::takes_tunnels() const noexcept {
  return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) ==
         1;
}

void Session::close(Stream& stream, std::uint32_t error) {
  stream.is_closed_ = true;
  stream.error_code_ = error;
  // A client is served when all has been sent, a server has served when all has come.
  stream.is_broken_ = role_ == Role::kServer ? !stream.finishes_ || !stream.is_drained()
                                             : !stream.has_ended_ || !stream.has_head_;
  note_news(stream);
}

void Session::break_off() {
  is_ended_ = true;
  streams_.for_each([this](Stream& stream) {
    stream.is_broken_ = stream.is_closed_ = true;
    note_news(stream);
  });
}

void Session::note_news(Stream& stream) {
  if (std::exchange(stream.is_news_, true)) return;
  news_.push_back(&stream);
}

Stream* Session::next_news() noexcept {
  while (news_at_ < news_.size()) {
    Stream* stream = news_[news_at_++];
    if (stream == nullptr) continue;
    stream->is_news_ = false;
    return stream;
  }
  news_.clear();
  news_at_ = 0;
  return nullptr;
}

bool Session::is_over() const noexcept {
  return is_ended_ ||
         (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0);
}

void Session::consume(Stream& stream, std::size_t bytes) {
  stream.take(bytes);
  // What is taken once more was credited before.
  if (stream.taken_bytes_ <= stream.credited_bytes_) return;
  const std::size_t credit =
      stream.taken_bytes_ - std::exchange(stream.credited_bytes_, stream.taken_bytes_);
  if (!stream.is_closed_ && !stream.has_ended_)
    nghttp2_session_consume_stream(session_, stream.id(), credit);
}

void Session::send_head(Stream& stream, const FieldBlock& fields, bool last) {
  if (stream.is_closed_) return;
  stream.finishes_ = stream.has_sent_end_ = last;
  const nghttp2_data_provider body{.source = {.ptr = nullptr},
                                   .read_callback = Callbacks::read_body};
  const auto all = fields.fields();
  nghttp2_submit_response(session_, stream.id(), all.data(), all.size(), last ? nullptr : &body);
  produce();
}

void Session::send_interim(Stream& stream, const FieldBlock& fields) {
  if (stream.is_closed_) return;
  const auto all = fields.fields();
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id(), nullptr, all.data(), all.size(),
                         nullptr);
  produce();
}

void Session::send(Stream& stream, std::span<const iovec> pieces, bool last,
                   std::string_view trailers) {
  if (stream.is_closed_ || stream.finishes_) return;
  stream.given_ = pieces;
  stream.given_sent_ = 0;
  stream.finishes_ = last;
  stream.trailers_out_ = trailers;
  nghttp2_session_resume_data(session_, stream.id());
  produce();
  stream.keep_outgoing();
}

void Session::reset(Stream& stream, std::uint32_t error) {
  if (stream.is_closed_ || stream.id() < 0) return;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id(), error);
}

void Session::release(Stream& stream) {
  if (stream.is_news_) std::ranges::replace(news_, &stream, static_cast<Stream*>(nullptr));
  if (!stream.is_closed_ && stream.id() > 0)
    nghttp2_session_set_stream_user_data(session_, stream.id(), nullptr);
  --stream_count_;
  delete &stream;
  if (!has_output()) let_go_of_output();
}

void Session::go_away(bool soon) {
  if (soon) {
    nghttp2_submit_shutdown_notice(session_);
    return;
  }
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
}

void Session::end(std::uint32_t error) { nghttp2_session_terminate_session(session_, error); }

void Session::produce() {
  if (out_.capacity() == 0) out_.swap(workspace_.spare);
  make_frames();
  if (out_.empty()) let_go_of_output();
}

void Session::make_frames() {
  // What nghttp2 has made of a head of several frames stays in the shared one until all are taken.
  bool is_whole = true;
  while (!is_ended_ && (!is_whole || out_.size() - sent_ < kOutputBytesMax)) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (size == 0) return;
    if (size < 0) {
      is_ended_ = true;
      return;
    }
    out_.insert(out_.end(), bytes, bytes + size);
    is_whole = ends_head(bytes);
  }
}

std::string_view Session::output() {
  produce();
  return {out_.data() + sent_, out_.size() - sent_};
}

void Session::output_sent(std::size_t bytes) noexcept {
  sent_ += bytes;
  if (sent_ < out_.size()) {
    // A socket that is always full never takes all of it.
    if (sent_ < kOutputBytesMax) return;
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(sent_));
    sent_ = 0;
    return;
  }
  let_go_of_output();
}

void Session::let_go_of_output() noexcept {
  sent_ = 0;
  out_.clear();
  // Between two requests it is kept, until rest().
  if (role_ == Role::kServer && newest_stream_ < 0) give_away(out_, workspace_.spare);
}

void Session::rest() noexcept {
  if (has_streams()) return;
  if (!has_output()) give_away(out_, workspace_.spare);
  if (stream_table_ != nullptr) ZeroPages::rest(stream_table_);
  if (news_.empty()) news_ = std::vector<Stream*>();
}

}  // namespace tandem::lb::http2
