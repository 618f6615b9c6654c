#include "common/event/background.h"

#include "common/check.h"

#include <uv.h>

#include <memory>
#include <utility>

namespace tandem::event {
namespace {

struct Job {
  uv_work_t request;
  Loop* loop;
  std::move_only_function<void()> work;
  std::move_only_function<void()> then;
};

void run_work(uv_work_t* request) noexcept { static_cast<Job*>(request->data)->work(); }

void run_then(uv_work_t* request, int) noexcept {
  const std::unique_ptr<Job> job(static_cast<Job*>(request->data));
  job->loop->update_now();
  job->then();
}

}  // namespace

void background(Loop& loop, std::move_only_function<void()> work,
                std::move_only_function<void()> then) {
  auto job = std::make_unique<Job>(Job{{}, &loop, std::move(work), std::move(then)});
  job->request.data = job.get();
  // Fails only without a work callback: the pool queues without a bound of its own.
  TANDEM_CHECK(uv_queue_work(loop.native(), &job.release()->request, run_work, run_then) == 0);
}

}  // namespace tandem::event
