#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace stand_in {

/**
 * Live objects by handle. Handles are numbers that never come again and lie where no memory can, so that a stale one is
 * recognised and one that is dereferenced crashes.
 */
template <class T>
class Registry {
 public:
  void* add(std::shared_ptr<T> object) {
    const std::lock_guard lock(mutex_);
    const std::uintptr_t handle = next_handle();
    objects_.emplace(handle, std::move(object));
    return reinterpret_cast<void*>(handle);
  }

  std::shared_ptr<T> find(const void* handle) const {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(reinterpret_cast<std::uintptr_t>(handle));
    return found == objects_.end() ? nullptr : found->second;
  }

  /** Removes the object and gives it back; nullptr where there is none. */
  std::shared_ptr<T> take(const void* handle) {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(reinterpret_cast<std::uintptr_t>(handle));
    if (found == objects_.end()) return nullptr;
    std::shared_ptr<T> object = std::move(found->second);
    objects_.erase(found);
    return object;
  }

  /** Removes all objects that satisfy the predicate and gives their number. */
  template <class Predicate>
  std::size_t remove_if(Predicate predicate) {
    const std::lock_guard lock(mutex_);
    return std::erase_if(objects_, [&](const auto& entry) { return predicate(*entry.second); });
  }

  std::vector<std::shared_ptr<T>> all() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<T>> objects;
    for (const auto& [handle, object] : objects_) objects.push_back(object);
    return objects;
  }

 private:
  static std::uintptr_t next_handle() {
    static std::mutex mutex;
    static std::uintptr_t last = 0x5A00'0000'0000'0000;
    const std::lock_guard lock(mutex);
    return last += 16;
  }

  mutable std::mutex mutex_;
  std::map<std::uintptr_t, std::shared_ptr<T>> objects_;
};

}  // namespace stand_in
