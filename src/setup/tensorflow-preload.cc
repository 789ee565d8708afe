// An addon with the parts of TensorFlow's C++ interface that the addon of tfjs-node leaves out.
//
// startLoading() loads TensorFlow's shared libraries on a thread of its own. preload() waits for that thread; if there is
// none, it loads them itself.
#include <dlfcn.h>
#include <execinfo.h>
#include <node_api.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <future>
#include <string>
#include <string_view>
#include <system_error>

namespace {

// TensorFlow's library, once it is loaded.
void* library = nullptr;

// Parts of lines that TensorFlow prints while it loads, whatever TF_CPP_MIN_LOG_LEVEL says.
const char* const kIgnoredLines[] = {
    "WARNING: All log messages before absl::InitializeLog",
    "oneDNN custom operations are on",
};

// Writes a line to stderr unless it is one of those, and returns its size, or 0 on failure. TensorFlow writes each line
// with one call.
ssize_t WriteLine(void*, const char* text, size_t size) {
  const std::string_view line(text, size);
  for (const char* ignored : kIgnoredLines) {
    if (line.find(ignored) != std::string_view::npos) return size;
  }
  return write(STDERR_FILENO, text, size) < 0 ? 0 : size;
}

// Loads TensorFlow's libraries. Returns the loader's message if they cannot be loaded, else an empty string.
std::string LoadLibraries() {
  // glibc's `stderr` is a variable. What JavaScript prints does not use it.
  FILE* const real_stderr = stderr;
  // Not closed, because another thread may have read the variable and be about to print.
  FILE* const filtered = fopencookie(nullptr, "w", {nullptr, WriteLine, nullptr, nullptr});
  if (filtered) {
    setvbuf(filtered, nullptr, _IONBF, 0);
    stderr = filtered;
  }
  // TensorFlow opens cuSOLVER by name from a library whose search path lacks cuSOLVER's folder. A library that is
  // loaded already is found.
  if (access(CUSOLVER_LIBRARY, R_OK) == 0) dlopen(CUSOLVER_LIBRARY, RTLD_LAZY | RTLD_LOCAL);
  library = dlopen(TENSORFLOW_LIBRARY, RTLD_LAZY | RTLD_LOCAL);
  stderr = real_stderr;
  return library ? "" : dlerror();
}

// What LoadLibraries() returns on the thread that startLoading() started. Never destroyed, because its destructor waits
// for the thread.
std::shared_future<std::string>& loading = *new std::shared_future<std::string>;

// startLoading(). Loads TensorFlow's libraries on a thread of its own, unless they are loaded.
napi_value StartLoading(napi_env, napi_callback_info) {
  if (loading.valid() || library) return nullptr;
  try {
    loading = std::async(std::launch::async, LoadLibraries).share();
  } catch (const std::system_error&) {
    // No thread could be started: preload() loads them.
  }
  return nullptr;
}

// finishLoading(). Waits for the thread that startLoading() started, if any.
napi_value FinishLoading(napi_env, napi_callback_info) {
  if (loading.valid()) loading.wait();
  return nullptr;
}

// preload(). Throws the loader's message if TensorFlow's libraries cannot be loaded.
napi_value Preload(napi_env env, napi_callback_info) {
  const std::string error = loading.valid() ? loading.get() : LoadLibraries();
  if (!error.empty()) napi_throw_error(env, nullptr, error.c_str());
  return nullptr;
}

// allowTensorFloat32(allowed: boolean): boolean. Sets whether float32 products may be computed in TF32, which keeps 10
// bits of the mantissa; TensorFlow's default is yes. Returns false if this TensorFlow lacks the function.
napi_value AllowTensorFloat32(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  bool allowed = false;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  napi_get_value_bool(env, argument, &allowed);
  // tsl::enable_tensor_float_32_execution(bool)
  void* symbol = library ? dlsym(library, "_ZN3tsl32enable_tensor_float_32_executionEb") : nullptr;
  if (symbol) reinterpret_cast<void (*)(bool)>(symbol)(allowed);
  napi_value applied;
  napi_get_boolean(env, symbol != nullptr, &applied);
  return applied;
}

// What to write if TensorFlow aborts the process, and the exit code then.
std::string abort_report;
int abort_exit_code = 1;

// Whether the calling thread is inside TensorFlow's libraries.
bool InsideTensorFlow() {
  void* frames[64];
  const int count = backtrace(frames, 64);
  for (int index = 0; index < count; index++) {
    Dl_info symbol;
    if (dladdr(frames[index], &symbol) && symbol.dli_fname && strstr(symbol.dli_fname, "libtensorflow")) return true;
  }
  return false;
}

// A signal handler.
void ReportAbort(int signal_number) {
  if (InsideTensorFlow()) {
    const ssize_t written = write(STDERR_FILENO, abort_report.data(), abort_report.size());
    _exit(written < 0 ? 1 : abort_exit_code);
  }
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

// reportAborts(text: string, exitCode: number). If TensorFlow aborts the process, as it does when a GPU fails, the text
// is written after TensorFlow's own message, and the process ends with the exit code.
napi_value ReportAborts(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  char text[1024];
  size_t length = 0;
  napi_get_value_string_utf8(env, arguments[0], text, sizeof text, &length);
  abort_report.assign(text, length);
  napi_get_value_int32(env, arguments[1], &abort_exit_code);
  void* frame;
  backtrace(&frame, 1);  // loads a library on its first call, which a signal handler must not do
  signal(SIGABRT, ReportAbort);
  return nullptr;
}

const int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

// Node's signal handler, which wakes the event loop.
void (*wake_event_loop)(int) = nullptr;
std::atomic<bool> was_signalled{false};

// A signal handler: the next signal ends the process, also while the event loop is blocked. Another thread may be
// interrupted by it at the same time.
void HandleOnce(int signal_number) {
  for (int each : kSignals) signal(each, SIG_DFL);
  if (was_signalled.exchange(true)) raise(signal_number);
  else wake_event_loop(signal_number);
}

// endAtSecondSignal(). Of the signals above, those that the program handles are handled once. Node resets them to their
// default when the program removes its handlers.
napi_value EndAtSecondSignal(napi_env, napi_callback_info) {
  was_signalled = false;
  for (int each : kSignals) {
    struct sigaction action;
    if (sigaction(each, nullptr, &action) != 0 || (action.sa_flags & SA_SIGINFO)) continue;
    if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN || action.sa_handler == HandleOnce) continue;
    wake_event_loop = action.sa_handler;
    action.sa_handler = HandleOnce;
    sigaction(each, &action, nullptr);
  }
  return nullptr;
}

}  // namespace

NAPI_MODULE_INIT() {
  const auto define = [&](const char* name, napi_callback function) {
    napi_value value;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value);
    napi_set_named_property(env, exports, name, value);
  };
  define("startLoading", StartLoading);
  define("finishLoading", FinishLoading);
  define("preload", Preload);
  define("allowTensorFloat32", AllowTensorFloat32);
  define("reportAborts", ReportAborts);
  define("endAtSecondSignal", EndAtSecondSignal);
  return exports;
}
