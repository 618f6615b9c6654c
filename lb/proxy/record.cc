#include "lb/proxy/record.h"

namespace tandem::lb::proxy {
namespace {

void count_response(figures::ResponseCounters& responses, int status) {
  if (status == 0) return;
  const int first_digit = status / 100;
  responses[first_digit >= 1 && first_digit <= 5 ? static_cast<std::size_t>(first_digit) : 0].add();
}

void count(figures::ServerCells& cells, const Outcome& outcome) {
  cells.bytes_in.add(outcome.bytes_in);
  cells.bytes_out.add(outcome.bytes_out);
  count_response(cells.responses, outcome.status);
  if (outcome.queue_time) cells.queue_duration.observe(*outcome.queue_time);
  if (outcome.connect_time && !outcome.connection_reused)
    cells.connect_duration.observe(*outcome.connect_time);
  if (outcome.response_time) cells.first_byte_duration.observe(*outcome.response_time);
  cells.total_duration.observe(outcome.total_time);
}

template <class Cells>
void count_compression(Cells& cells, const Outcome& outcome) {
  cells.compression_bytes_bypassed.add(outcome.bytes_bypassed);
  if (outcome.coding.empty()) return;
  cells.compression_responses.add();
  cells.compression_bytes_in.add(outcome.bytes_before_coding);
  cells.compression_bytes_out.add(outcome.bytes_after_coding);
}

}  // namespace

void record(Context& context, const Outcome& outcome) {
  figures::WorkerFigures& figures = context.figures;
  figures::FrontendCells& frontend = figures.frontend(outcome.frontend);
  frontend.bytes_in.add(outcome.bytes_in);
  frontend.bytes_out.add(outcome.bytes_out);
  count_response(frontend.responses, outcome.status);
  frontend
      .terminations[figures::termination_index(static_cast<char>(outcome.cause),
                                               static_cast<char>(outcome.phase))]
      .add();
  frontend.request_duration.observe(outcome.total_time);
  figures.worker().bytes_out.add(outcome.bytes_out);
  figures.worker().bytes_out_spliced.add(outcome.bytes_spliced);
  count_compression(frontend, outcome);
  if (outcome.backend) {
    count_compression(figures.backend(*outcome.backend), outcome);
    count(outcome.server ? figures.server(*outcome.backend, *outcome.server)
                         : figures.backend(*outcome.backend),
          outcome);
  }
  context.access_log.record(outcome);
}

}  // namespace tandem::lb::proxy
