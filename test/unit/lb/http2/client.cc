#include "test/unit/lb/http2/client.h"

#include "common/check.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>

namespace tandem::lb::http2::test {
namespace {

std::vector<nghttp2_nv> nvs_of(const Fields& fields) {
  std::vector<nghttp2_nv> all;
  for (const auto& [name, value] : fields) {
    all.push_back({.name = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                   .value = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())),
                   .namelen = name.size(),
                   .valuelen = value.size(),
                   .flags = NGHTTP2_NV_FLAG_NONE});
  }
  return all;
}

}  // namespace

std::string value_of(const Fields& fields, std::string_view name) {
  const auto found = std::ranges::find(fields, name, &Fields::value_type::first);
  return found == fields.end() ? "<none>" : found->second;
}

std::string frame(std::uint8_t type, std::uint8_t flags, std::int32_t stream,
                  std::string_view payload) {
  std::string bytes;
  for (const unsigned shift : {16U, 8U, 0U})
    bytes.push_back(static_cast<char>(payload.size() >> shift & 0xFFU));
  bytes.push_back(static_cast<char>(type));
  bytes.push_back(static_cast<char>(flags));
  for (const unsigned shift : {24U, 16U, 8U, 0U})
    bytes.push_back(static_cast<char>(static_cast<std::uint32_t>(stream) >> shift & 0xFFU));
  return bytes.append(payload);
}

std::string literal(std::string_view name, std::string_view value) {
  REQUIRE(std::max(name.size(), value.size()) < 127);
  std::string bytes(1, '\x10');
  bytes.push_back(static_cast<char>(name.size()));
  bytes.append(name);
  bytes.push_back(static_cast<char>(value.size()));
  return bytes.append(value);
}

std::string request_block(std::string_view method) {
  return literal(":method", method) + literal(":scheme", "https") + literal(":authority", "a") +
         literal(":path", "/");
}

struct Client::Callbacks {
  static Client& self(void* user_data) { return *static_cast<Client*>(user_data); }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* user_data) {
    Answer& answer = self(user_data).answers_[frame->hd.stream_id];
    const std::string field(reinterpret_cast<const char*>(name), name_size);
    const std::string text(reinterpret_cast<const char*>(value), value_size);
    if (field == ":status" && text.starts_with('1')) {
      answer.interim.push_back(text);
    } else if (answer.is_past_head) {
      answer.trailers.emplace_back(field, text);
    } else if (field == ":status" || !answer.head.empty()) {  // not of an interim answer
      answer.head.emplace_back(field, text);
    }
    return 0;
  }

  static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    Client& me = self(user_data);
    switch (frame->hd.type) {
      case NGHTTP2_SETTINGS:
        for (std::size_t i = 0; i < frame->settings.niv; ++i)
          me.settings[frame->settings.iv[i].settings_id] = frame->settings.iv[i].value;
        break;
      case NGHTTP2_GOAWAY:
        me.goaways.emplace_back(frame->goaway.last_stream_id, frame->goaway.error_code);
        break;
      case NGHTTP2_HEADERS:
      case NGHTTP2_DATA: {
        Answer& answer = me.answers_[frame->hd.stream_id];
        if (!answer.head.empty()) answer.is_past_head = true;
        if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) answer.has_ended = true;
        break;
      }
      default:
        break;
    }
    return 0;
  }

  static int data(nghttp2_session* session, std::uint8_t, std::int32_t id,
                  const std::uint8_t* bytes, std::size_t size, void* user_data) {
    Client& me = self(user_data);
    me.answers_[id].body.append(reinterpret_cast<const char*>(bytes), size);
    nghttp2_session_consume_connection(session, size);
    if (me.options_.opens_windows) nghttp2_session_consume_stream(session, id, size);
    return 0;
  }

  static int closed(nghttp2_session*, std::int32_t id, std::uint32_t error, void* user_data) {
    self(user_data).answers_[id].closed = error;
    return 0;
  }

  static ssize_t read(nghttp2_session* session, std::int32_t id, std::uint8_t* to, std::size_t most,
                      std::uint32_t* flags, nghttp2_data_source*, void* user_data) {
    Upload& upload = self(user_data).uploads_[id];
    const std::size_t bytes = std::min(most, upload.bytes.size() - upload.sent);
    if (bytes == 0 && !upload.ends) return NGHTTP2_ERR_DEFERRED;
    std::memcpy(to, upload.bytes.data() + upload.sent, bytes);
    upload.sent += bytes;
    if (upload.ends && upload.sent == upload.bytes.size()) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (!upload.trailers.empty()) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        const auto all = nvs_of(upload.trailers);
        nghttp2_submit_trailer(session, id, all.data(), all.size());
      }
    }
    return static_cast<ssize_t>(bytes);
  }
};

Client::Client(const Options& options) : options_(options) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* made = nullptr;
  TANDEM_CHECK(nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&made) == 0);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame_received);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::closed);
  nghttp2_option_set_no_auto_window_update(made, 1);
  TANDEM_CHECK(nghttp2_session_client_new2(&session_, callbacks, this, made) == 0);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_option_del(made);
  const nghttp2_settings_entry window{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options_.window};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &window, 1);
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, options_.connection_window);
}

Client::~Client() { nghttp2_session_del(session_); }

std::int32_t Client::ask(const Fields& fields, bool ends) {
  const auto all = nvs_of(fields);
  const nghttp2_data_provider body{.source = {.ptr = nullptr}, .read_callback = Callbacks::read};
  const std::int32_t id = nghttp2_submit_request(session_, nullptr, all.data(), all.size(),
                                                 ends ? nullptr : &body, nullptr);
  REQUIRE(id > 0);
  return id;
}

void Client::upload(std::int32_t id, std::string_view bytes, bool ends, const Fields& trailers) {
  Upload& upload = uploads_[id];
  upload.bytes.append(bytes);
  upload.ends = ends;
  upload.trailers = trailers;
  nghttp2_session_resume_data(session_, id);
}

void Client::reset(std::int32_t id, std::uint32_t error) {
  REQUIRE(nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, error) == 0);
}

void Client::open(std::int32_t id, std::size_t bytes) {
  REQUIRE(nghttp2_session_consume_stream(session_, id, bytes) == 0);
}

void Client::ping() { nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr); }

void Client::forget() {
  answers_.clear();
  uploads_.clear();
}

void Client::raw(std::string_view bytes) { raw_.append(bytes); }

std::string Client::take() {
  std::string out;
  while (true) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    REQUIRE(size >= 0);
    if (size == 0) break;
    out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  }
  return out + std::exchange(raw_, {});
}

void Client::receive(std::string_view bytes) {
  const ssize_t used = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  REQUIRE(used == static_cast<ssize_t>(bytes.size()));
}

std::int32_t Client::window_left(std::int32_t id) const {
  return nghttp2_session_get_stream_remote_window_size(session_, id);
}

std::int32_t Client::connection_window_left() const {
  return nghttp2_session_get_remote_window_size(session_);
}

void Pair::upload() {
  const std::string bytes = client.take();
  if (!bytes.empty() && goes_on) goes_on = session.receive(bytes, now);
}

void Pair::run() {
  while (true) {
    const std::string bytes = client.take();
    if (!bytes.empty() && goes_on) goes_on = session.receive(bytes, now);
    const std::string_view out = session.output();
    // As any other session of the thread would leave it.
    workspace.frame.fill('x');
    if (out.empty() && (bytes.empty() || !goes_on)) return;
    client.receive(out);
    session.output_sent(out.size());
  }
}

std::vector<Stream*> Pair::news() {
  std::vector<Stream*> all;
  while (Stream* stream = session.next_news()) all.push_back(stream);
  return all;
}

Stream& Pair::one() {
  const std::vector<Stream*> all = news();
  REQUIRE(all.size() == 1);
  return *all.front();
}

Stream& Pair::ask(const Fields& fields, bool ends) {
  const std::int32_t id = client.ask(fields, ends);
  run();
  Stream& stream = one();
  REQUIRE(stream.id() == id);
  REQUIRE(stream.has_head());
  return stream;
}

void Pair::send_head(Stream& stream, const Fields& fields, bool last) {
  FieldBlock block;
  for (const auto& [name, value] : fields) block.add(name, value);
  session.send_head(stream, block, last);
}

void Pair::send(Stream& stream, std::string_view bytes, bool last, std::string_view trailers) {
  const iovec piece{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
  session.send(stream, {&piece, 1}, last, trailers);
}

Fields get(std::string_view path) {
  return {
      {":method", "GET"}, {":scheme", "https"}, {":authority", "a"}, {":path", std::string(path)}};
}

Fields post(std::string_view path) {
  Fields fields = get(path);
  fields.front().second = "POST";
  return fields;
}

}  // namespace tandem::lb::http2::test
