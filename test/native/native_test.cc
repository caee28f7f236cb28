// Tests of native/ without Node, for the sanitizers: each runs on a device thread over the fake ACL.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <future>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "device_thread.h"
#include "probe.h"

namespace {

using namespace std::chrono_literals;

#define EXPECT(condition)                                                                                     \
  if (!(condition)) {                                                                                         \
    throw std::logic_error(std::string(__FILE__) + ":" + std::to_string(__LINE__) + ": not so: " #condition); \
  }

const LibraryChoice kFake{.libraries = {FAKE_ACL}, .search_directories = {}};

/** Runs work on the thread and waits for its result. */
template <typename Work>
auto on(const std::shared_ptr<DeviceThread>& thread, Work work) {
  std::packaged_task<std::invoke_result_t<Work>()> task(std::move(work));
  auto result = task.get_future();
  const auto shared = std::make_shared<decltype(task)>(std::move(task));
  if (!thread->post({.run = [shared] { (*shared)(); }, .give_up = {}})) throw closed_failure("the thread");
  return result.get();
}

std::shared_ptr<DeviceThread> open_fake(int32_t timeout_ms = 1000) {
  auto thread = DeviceThread::start();
  on(thread, [&] { return thread->open(kFake, {.device_id = 0, .sync_timeout_ms = timeout_ms}); });
  return thread;
}

void close(const std::shared_ptr<DeviceThread>& thread) {
  thread->request_close();
  EXPECT(thread->wait_closed(5s));
}

std::string code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Failure& failure) {
    return failure.code();
  }
  return "none";
}

class Fault {
 public:
  explicit Fault(const std::string& fault) { setenv("FAKE_ACL_FAIL", fault.c_str(), 1); }
  ~Fault() { unsetenv("FAKE_ACL_FAIL"); }
};

/** A function that does not return until the end of the scope. */
class Hang {
 public:
  explicit Hang(const char* function) { setenv("FAKE_ACL_HANG", function, 1); }
  ~Hang() { end(); }
  void end() const { unsetenv("FAKE_ACL_HANG"); }
};

std::string model_file() {
  const std::string path = std::string(std::getenv("TMPDIR") == nullptr ? "/tmp" : std::getenv("TMPDIR")) +
                           "/whisper-npu-native-test-" + std::to_string(getpid()) + ".om";
  std::ofstream(path) << "1 1 64";
  return path;
}

std::vector<std::byte> bytes(size_t count, int value) { return std::vector<std::byte>(count, std::byte(value)); }

/** A model with two bindings that hand 64 bytes on: slot 0 -> 1 -> 2. */
struct Chain {
  ObjectId buffer;
  ObjectId model;
  ObjectId first;
  ObjectId second;
};

Chain build_chain(Device& device, RunMode mode) {
  Chain chain{};
  chain.buffer = device.allocate(1024);
  chain.model =
      device.load_model(model_file(), {.mode = mode, .work_buffer = {}, .weight_buffer = {}, .external_weights = {}})
          .id;
  const auto slot = [&](size_t index) { return SliceRef{chain.buffer, index * 64, 64}; };
  chain.first = device.create_binding(chain.model, {slot(0)}, {slot(1)});
  chain.second = device.create_binding(chain.model, {slot(1)}, {slot(2)});
  return chain;
}

Downloads run_chain(Device& device, const Chain& chain, int value) {
  return device.submit({UploadCommand{{chain.buffer, 0, 64}, bytes(64, value)}, ExecuteCommand{chain.first, {}},
                        ExecuteCommand{chain.second, {}}, DownloadCommand{{chain.buffer, 128, 64}}});
}

void queued_steps_see_each_others_results() {
  for (const RunMode mode : {RunMode::async, RunMode::sync}) {
    const auto thread = open_fake();
    const Downloads downloads = on(thread, [&] {
      return thread->use([&](Device& device) { return run_chain(device, build_chain(device, mode), 5); });
    });
    EXPECT(downloads.size() == 1 && downloads[0] == bytes(64, 7));
    close(thread);
  }
}

void transfers_larger_than_pinned_memory_go_in_parts() {
  const auto thread = open_fake();
  const size_t size = (size_t{20} << 20) + 100;
  std::vector<std::byte> data(size);
  for (size_t i = 0; i < size; ++i) data[i] = std::byte(i * 31 >> 3);
  const Downloads downloads = on(thread, [&] {
    return thread->use([&](Device& device) {
      const SliceRef whole{device.allocate(size), 0, size};
      return device.submit({UploadCommand{whole, data}, DownloadCommand{whole}, DownloadCommand{whole}});
    });
  });
  EXPECT(downloads.size() == 2 && downloads[0] == data && downloads[1] == data);
  close(thread);
}

void a_queued_binding_cannot_be_rebound() {
  const auto thread = open_fake();
  const std::string code = code_of([&] {
    on(thread, [&] {
      return thread->use([](Device& device) {
        const Chain chain = build_chain(device, RunMode::async);
        const Rebind rebind{Side::input, 0, {chain.buffer, 192, 64}};
        device.submit({ExecuteCommand{chain.first, {rebind}}});
        return device.submit({ExecuteCommand{chain.first, {}}, ExecuteCommand{chain.first, {rebind}}});
      });
    });
  });
  EXPECT(code == "NPU_BINDING_BUSY");
  close(thread);
}

void wrong_slices_are_refused() {
  const auto thread = open_fake();
  const auto code = [&](size_t offset, size_t size) {
    return code_of([&] {
      on(thread, [&] {
        return thread->use([&](Device& device) {
          return device.submit({DownloadCommand{{device.allocate(256), offset, size}}});
        });
      });
    });
  };
  EXPECT(code(0, 256) == "none");
  EXPECT(code(8, 8) == "NPU_ARGUMENT");
  EXPECT(code(192, 65) == "NPU_ARGUMENT");
  EXPECT(code(SIZE_MAX - 63, 64) == "NPU_ARGUMENT");
  EXPECT(code(0, 0) == "NPU_ARGUMENT");
  close(thread);
}

void a_hanging_device_fails_and_still_closes() {
  const auto thread = open_fake(20);
  Chain chain{};
  on(thread,
     [&] { return thread->use([&](Device& device) { return chain = build_chain(device, RunMode::async), true; }); });
  setenv("FAKE_ACL_HANG", "1", 1);
  const auto run = [&] {
    on(thread, [&] { return thread->use([&](Device& device) { return run_chain(device, chain, 1); }); });
  };
  EXPECT(code_of(run) == "NPU_TIMEOUT");
  unsetenv("FAKE_ACL_HANG");
  EXPECT(code_of(run) == "NPU_TIMEOUT");
  close(thread);
  EXPECT(code_of(run) == "NPU_CLOSED");
}

void a_call_that_never_returns_is_given_up() {
  for (const char* function : {"aclrtMalloc", "aclmdlLoadWithConfig", "aclrtMemcpyAsync", "aclrtFree"}) {
    const auto thread = open_fake(20);
    const Hang hang(function);
    std::atomic<int> given_up = 0;
    const auto note = [&](const std::exception_ptr& error) {
      if (code_of([&] { std::rethrow_exception(error); }) == "NPU_TIMEOUT") ++given_up;
    };
    const auto run = [thread] {
      code_of([&] {
        thread->use([](Device& device) {
          const Chain chain = build_chain(device, RunMode::async);
          run_chain(device, chain, 1);
          device.close_model(chain.model);
          device.close_buffer(chain.buffer);
          return true;
        });
      });
    };
    EXPECT(thread->post({.run = run, .give_up = note}));
    EXPECT(thread->post({.run = [] {}, .give_up = note}));
    EXPECT(!thread->wait_closed(5s));
    for (int tries = 0; tries < 60'000 && given_up < 2; ++tries) std::this_thread::sleep_for(10ms);
    EXPECT(given_up == 2);
    EXPECT(!thread->post({.run = [] {}, .give_up = {}}));
    EXPECT(code_of([&] { std::rethrow_exception(thread->refusal()); }) == "NPU_TIMEOUT");
    hang.end();
    for (int tries = 0; tries < 60'000 && !thread->is_closed(); ++tries) std::this_thread::sleep_for(10ms);
    EXPECT(thread->is_closed());
  }
  close(open_fake());
}

void an_aborted_batch_whose_wait_fails_fails_the_device() {
  const auto thread = open_fake();
  const auto submit = [&](size_t offset) {
    return code_of([&] {
      on(thread, [&] {
        return thread->use([&](Device& device) {
          const ObjectId buffer = device.allocate(256);
          return device.submit({FillCommand{{buffer, 0, 64}, 1}, DownloadCommand{{buffer, offset, 64}}});
        });
      });
    });
  };
  {
    const Fault injected("aclrtSynchronizeStreamWithTimeout:1:507046");
    EXPECT(submit(8) == "NPU_ARGUMENT");
  }
  EXPECT(submit(0) == "NPU_TIMEOUT");
  close(thread);
}

/** Lines of the fake ACL's trace. */
std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

/** Every single call, failed: the typed error that names it, no leak at finalize, and all is well after. */
void every_failing_call_is_survived() {
  const auto use_everything = [](Device& device) {
    device.memory_info();
    const Chain chain = build_chain(device, RunMode::async);
    run_chain(device, chain, 1);
    run_chain(device, build_chain(device, RunMode::sync), 1);
    device.submit({ExecuteCommand{chain.first, {{Side::input, 0, {chain.buffer, 192, 64}}}},
                   FillCommand{{chain.buffer, 0, 64}, 0}});
    device.close_model(chain.model);
    return true;
  };
  // The error of the work; where there is none, that of the closing.
  const auto scenario = [&]() -> std::optional<Failure> {
    const auto thread = DeviceThread::start();
    std::optional<Failure> error;
    const auto attempt = [&](const std::function<void()>& action) {
      try {
        action();
      } catch (const Failure& failure) {
        if (!error) error = failure;
      }
    };
    attempt([&] {
      on(thread, [&] { return thread->open(kFake, {.device_id = 0, .sync_timeout_ms = 1000}); });
      on(thread, [&] { return thread->use(use_everything); });
    });
    thread->request_close();
    attempt([&] { EXPECT(thread->wait_closed(5s)); });
    return error;
  };
  const std::string trace = model_file() + ".trace";
  setenv("FAKE_ACL_TRACE", trace.c_str(), 1);
  EXPECT(!scenario());
  unsetenv("FAKE_ACL_TRACE");
  std::map<std::string, int> counts;
  for (const std::string& function : lines_of(trace)) ++counts[function];
  std::remove(trace.c_str());
  EXPECT(counts.size() > 30);
  for (const auto& [function, count] : counts) {
    for (int nth = 1; nth <= count; ++nth) {
      for (const char* code : {"500002", "507010", "507015", "507046"}) {
        const std::string fault = function + ":" + std::to_string(nth) + ":" + code;
        std::optional<Failure> error;
        {
          const Fault injected(fault);
          error = scenario();
        }
        const bool names_it = error && error->call() && error->call()->function == function;
        if (!names_it) throw std::logic_error(fault + " gave " + (error ? error->what() : "no error"));
        if (const auto after = scenario()) throw std::logic_error("after " + fault + ": " + after->what());
      }
    }
  }
}

void users_on_many_threads_share_a_device() {
  const auto thread = open_fake();
  Chain chain{};
  on(thread,
     [&] { return thread->use([&](Device& device) { return chain = build_chain(device, RunMode::async), true; }); });
  std::vector<std::thread> users;
  std::atomic<int> right = 0;
  for (int user = 0; user < 4; ++user) {
    users.emplace_back([&, user] {
      for (int round = 0; round < 50; ++round) {
        const Downloads downloads =
            on(thread, [&] { return thread->use([&](Device& device) { return run_chain(device, chain, user); }); });
        if (downloads[0] == bytes(64, user + 2)) ++right;
      }
    });
  }
  for (std::thread& user : users) user.join();
  EXPECT(right == 200);
  close(thread);
}

void closing_races_with_work() {
  for (int round = 0; round < 50; ++round) {
    auto thread = open_fake();
    std::thread user([thread] {
      while (code_of([&] { on(thread, [&] { return thread->use([](Device& d) { return d.allocate(64); }); }); }) ==
             "none") {
      }
    });
    std::this_thread::sleep_for(std::chrono::microseconds(round * 20));
    close(thread);
    user.join();
  }
}

void the_last_user_closes_the_device() {
  std::weak_ptr<DeviceThread> alive;
  {
    const auto thread = open_fake();
    alive = thread->weak_from_this();
  }
  for (int tries = 0; tries < 60'000 && !alive.expired(); ++tries) std::this_thread::sleep_for(10ms);
  EXPECT(alive.expired());
}

void a_probe_says_what_it_found() {
  const Probe probe = probe_acl(kFake);
  EXPECT(probe.device_count == 1u && probe.soc_name == "Fake910" && !probe.failure);
  EXPECT(code_of([] { load_acl({.libraries = {"/nowhere/libascendcl.so"}, .search_directories = {}}); }) ==
         "NPU_LIBRARY_CONFLICT");
}

}  // namespace

int main() {
  const std::pair<const char*, void (*)()> tests[] = {
#define TEST(function) {#function, function}
      TEST(queued_steps_see_each_others_results),    TEST(transfers_larger_than_pinned_memory_go_in_parts),
      TEST(a_queued_binding_cannot_be_rebound),      TEST(wrong_slices_are_refused),
      TEST(a_hanging_device_fails_and_still_closes), TEST(every_failing_call_is_survived),
      TEST(a_call_that_never_returns_is_given_up),   TEST(an_aborted_batch_whose_wait_fails_fails_the_device),
      TEST(users_on_many_threads_share_a_device),    TEST(closing_races_with_work),
      TEST(the_last_user_closes_the_device),         TEST(a_probe_says_what_it_found),
  };
  int failed = 0;
  for (const auto& [name, test] : tests) {
    try {
      test();
      std::cout << "ok   " << name << std::endl;
    } catch (const std::exception& error) {
      ++failed;
      std::cout << "FAIL " << name << ": " << error.what() << std::endl;
    }
  }
  std::remove(model_file().c_str());
  return failed == 0 ? 0 : 1;
}
