// Work in a separate thread whose result resolves a promise. Touches no JavaScript value off the main thread.
#pragma once

#include <napi.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

#include <csignal>
#include <memory>
#include <new>
#include <optional>
#include <system_error>
#include <thread>
#include <type_traits>
#include <variant>

#include "guestns.h"
#include "results.h"

namespace guestns {

/** Blocks signals, which would interrupt slow calls with EINTR. `name`: at most 15 characters. */
inline void prepare_thread(const char* name) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  pthread_setname_np(pthread_self(), name);
}

/** Runs the thread only when no other process wants processor and disk, if the kernel allows it. */
inline void yield_to_all() {
  const sched_param none = {};
  sched_setscheduler(0, SCHED_IDLE, &none);
  // ioprio_set(2) of this thread: Debian 12's header is not for C++.
  constexpr int kWhoProcess = 1;
  constexpr int kIdleClass = 3 << 13;
  syscall(SYS_ioprio_set, kWhoProcess, 0, kIdleClass);
}

template <typename Work>
struct Job;
template <typename Work>
void resolve_job(Napi::Env env, Napi::Function, Job<Work>* job, void*);

/** Created, resolved and deleted on the main thread; `run` is the thread. */
template <typename Work>
struct Job {
  using Result = std::invoke_result_t<Work&, const Cancelled&>;
  using Done = Napi::TypedThreadSafeFunction<Job, void, resolve_job<Work>>;

  Job(Napi::Env env, const char* thread_name, Work to_do)
      : deferred(Napi::Promise::Deferred::New(env)), name(thread_name), work(std::move(to_do)) {}

  void run() {
    prepare_thread(name);
    try {
      result = (*work)(cancelled);
    } catch (const Failure& failure) {
      result = failure;
    } catch (const std::bad_alloc&) {
      result = Failure{name, "", ENOMEM, ""};
    }
    done.BlockingCall();
  }

  Napi::Promise::Deferred deferred;
  const char* name;
  std::optional<Work> work;
  Cancelled cancelled{false};
  std::variant<Failure, Result> result;
  Done done;
  std::thread thread;
};

template <typename Work>
void resolve_job(Napi::Env env, Napi::Function, Job<Work>* job, void*) {
  // At Node's shutdown there is no env, and the finalizer has deleted the job.
  if (env == nullptr) return;
  job->thread.join();
  // Closes its descriptors before reporting.
  job->work.reset();
  try {
    if (auto* result = std::get_if<typename Job<Work>::Result>(&job->result)) {
      job->deferred.Resolve(to_value(env, *result));
      hand_over(*result);  // last: an exception before must not leak what it holds
    } else {
      job->deferred.Reject(to_error(env, std::get<Failure>(job->result)).Value());
    }
  } catch (const Napi::Error&) {
    // A terminating worker runs no JavaScript: the result is dropped.
  }
  job->done.Release();
}

/** Also called at the end of the environment: the thread must not outlive its code. */
template <typename Work>
void finish_job(Napi::Env, void*, Job<Work>* job) {
  job->cancelled = true;
  if (job->thread.joinable()) job->thread.join();
  delete job;
}

/**
 * Runs `work(cancelled)` in a thread. It may throw a Failure, and ends early when `cancelled` is set.
 * @param name of the thread: at most 15 characters
 * @return its result by to_value()
 */
template <typename Work>
Napi::Promise start_job(Napi::Env env, const char* name, Work work) {
  auto job = std::make_unique<Job<Work>>(env, name, std::move(work));
  const Napi::Promise promise = job->deferred.Promise();
  job->done = Job<Work>::Done::New(env, name, 0, 1, job.get(), finish_job<Work>);
  Job<Work>* started = job.release();
  try {
    started->thread = std::thread(&Job<Work>::run, started);
  } catch (const std::system_error& error) {
    started->deferred.Reject(to_error(env, {"thread", "", error.code().value(), ""}).Value());
    started->done.Release();
  }
  return promise;
}

}  // namespace guestns
