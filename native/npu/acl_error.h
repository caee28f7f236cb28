#pragma once

#include <optional>
#include <type_traits>

#include "acl_api.h"

/** An ACL call that failed: its function, its code with the meaning, and ACL's own message where it has one. */
class AclError : public Failure {
 public:
  AclError(const char* function, aclError status);

  /** The device hangs, is lost, or cannot be waited for: nothing more can be asked of this context. */
  bool is_fatal() const;
};

/** Throws the call's failure, or a release's before it that has broken the context, of which this is then a consequence. */
[[noreturn]] void throw_acl_error(const char* function, aclError status);

/** Calls a function that returns a code, and throws AclError unless it is ACL_SUCCESS. */
template <typename... Parameters>
void acl_check(const AclFunction<aclError(Parameters...)>& function, std::type_identity_t<Parameters>... parameters) {
  if (const aclError status = function(parameters...); status != ACL_SUCCESS) throw_acl_error(function.name, status);
}

/** What is known of a function that failed without a code to return. */
inline constexpr aclError kUnknownFailure = 500001;

/** Calls a function that makes an object; a null pointer says that it failed, and not why. */
template <typename Object, typename... Parameters>
Object* acl_create(const AclFunction<Object*(Parameters...)>& function,
                   std::type_identity_t<Parameters>... parameters) {
  Object* object = function(parameters...);
  if (object == nullptr) throw_acl_error(function.name, kUnknownFailure);
  return object;
}

/** Destructors cannot throw: the first failed release of a thread is kept until it is taken. */
void note_release(const char* function, aclError status) noexcept;
std::optional<AclError> take_release_failure() noexcept;

/** Deleter for std::unique_ptr: releases an ACL object with one function of the table. */
template <auto Function>
struct AclRelease {
  template <typename Object>
  void operator()(Object* object) const noexcept {
    const auto& function = acl().*Function;
    note_release(function.name, function(object));
  }
};
