// Independent pieces of work on a few threads.

#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace trueup {

// Calls work(0) ... work(pieces - 1), each once, on this thread and threads - 1 others. The first
// exception stops the rest and is thrown again here.
template <class Work>
void parallel(int threads, std::ptrdiff_t pieces, const Work &work) {
    std::atomic<std::ptrdiff_t> next{0};
    std::exception_ptr error;
    std::mutex guard;
    const auto run = [&] {
        for (std::ptrdiff_t piece = next++; piece < pieces; piece = next++) {
            try {
                work(piece);
            } catch (...) {
                const std::lock_guard<std::mutex> lock(guard);
                error = error ? error : std::current_exception();
                next = pieces;
            }
        }
    };
    std::vector<std::thread> others;
    for (int t = 1; t < threads && t < pieces; ++t) {
        others.emplace_back(run);
    }
    run();
    for (std::thread &thread : others) {
        thread.join();
    }
    if (error) {
        std::rethrow_exception(error);
    }
}

}  // namespace trueup
