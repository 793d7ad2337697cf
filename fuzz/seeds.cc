#include "fuzz/seeds.h"

#include <algorithm>

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

// One mutation in 32 begins with a seed; the others go on from what was interesting.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned random) {
  const std::vector<std::string>& seeds = dolibarr_backup::fuzz::seeds();
  if (random % 32 == 0 && !seeds.empty()) {
    const std::string& seed = seeds[random / 32 % seeds.size()];
    size = std::min(seed.size(), max_size);
    std::copy_n(seed.begin(), size, data);
  }
  return LLVMFuzzerMutate(data, size, max_size);
}
