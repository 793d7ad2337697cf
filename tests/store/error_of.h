#pragma once

#include <gtest/gtest.h>

#include "base/error.h"

namespace dolibarr_backup {

/// The Error that `body` throws; fails the case if it throws none.
template <typename Body>
Error error_of(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Error(Errc::bug, "nothing was thrown");
}

}  // namespace dolibarr_backup
