// What TensorFlow offers to C++ but not through the addon of tfjs-node.
//
// preload() loads TensorFlow's shared libraries with stderr held back: while they load, TensorFlow writes lines there
// that no setting of its own can stop. What was held back is returned, so that nothing is lost; if the
// process dies on the way (a processor without AVX, say), it is written out first.
#include <dlfcn.h>
#include <execinfo.h>
#include <node_api.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>

namespace {

// TensorFlow's libraries, once they are loaded.
void* library = nullptr;
int held = -1;
int real_stderr = -1;

std::string ReadHeld() {
  std::string text;
  char buffer[4096];
  lseek(held, 0, SEEK_SET);
  for (ssize_t count; (count = read(held, buffer, sizeof buffer)) > 0;) text.append(buffer, count);
  return text;
}

void WriteHeldAndDie(int signal_number) {
  char buffer[4096];
  lseek(held, 0, SEEK_SET);
  for (ssize_t count; (count = read(held, buffer, sizeof buffer)) > 0;) {
    if (write(real_stderr, buffer, count) < 0) break;
  }
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

napi_value Preload(napi_env env, napi_callback_info) {
  real_stderr = dup(STDERR_FILENO);
  held = memfd_create("tensorflow-stderr", MFD_CLOEXEC);
  const bool holding = real_stderr >= 0 && held >= 0;
  struct sigaction on_abort, on_illegal;
  if (holding) {
    struct sigaction action = {};
    action.sa_handler = WriteHeldAndDie;
    sigaction(SIGABRT, &action, &on_abort);
    sigaction(SIGILL, &action, &on_illegal);
    dup2(held, STDERR_FILENO);
  }
  // TensorFlow opens cuSOLVER by name from a library whose search path lacks its folder; what is loaded it finds.
  if (access(CUSOLVER_LIBRARY, R_OK) == 0) dlopen(CUSOLVER_LIBRARY, RTLD_LAZY | RTLD_LOCAL);
  library = dlopen(TENSORFLOW_LIBRARY, RTLD_LAZY | RTLD_LOCAL);
  const bool loaded = library != nullptr;
  const char* error = loaded ? nullptr : dlerror();
  std::string text;
  if (holding) {
    dup2(real_stderr, STDERR_FILENO);
    sigaction(SIGABRT, &on_abort, nullptr);
    sigaction(SIGILL, &on_illegal, nullptr);
    text = ReadHeld();
  }
  if (real_stderr >= 0) close(real_stderr);
  if (held >= 0) close(held);
  napi_value result = nullptr;
  if (loaded) {
    napi_create_string_utf8(env, text.data(), text.size(), &result);
  } else {
    napi_throw_error(env, nullptr, error);
  }
  return result;
}

// Whether float32 products may be computed in TF32, which keeps 10 bits of the mantissa; TensorFlow's own default is
// yes. Returns false where this TensorFlow cannot be told.
napi_value AllowTensorFloat32(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  bool allowed = false;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  napi_get_value_bool(env, argument, &allowed);
  // tsl::enable_tensor_float_32_execution(bool)
  void* symbol = library ? dlsym(library, "_ZN3tsl32enable_tensor_float_32_executionEb") : nullptr;
  if (symbol) reinterpret_cast<void (*)(bool)>(symbol)(allowed);
  napi_value told;
  napi_get_boolean(env, symbol != nullptr, &told);
  return told;
}

// What to write when TensorFlow aborts the process, and the exit code then.
std::string last_words;
int last_code = 1;

// Whether the calling thread is inside TensorFlow's libraries.
bool InsideTensorFlow() {
  void* frames[64];
  const int count = backtrace(frames, 64);
  for (int index = 0; index < count; index++) {
    Dl_info found;
    if (dladdr(frames[index], &found) && found.dli_fname && strstr(found.dli_fname, "libtensorflow")) return true;
  }
  return false;
}

void SayLastWords(int signal_number) {
  if (InsideTensorFlow()) {
    const ssize_t written = write(STDERR_FILENO, last_words.data(), last_words.size());
    _exit(written < 0 ? 1 : last_code);
  }
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

// explainAborts(text, code): when TensorFlow aborts the process, as it does when a GPU is lost, the text follows what
// TensorFlow says, and the process ends with the code.
napi_value ExplainAborts(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  char text[1024];
  size_t length = 0;
  napi_get_value_string_utf8(env, arguments[0], text, sizeof text, &length);
  last_words.assign(text, length);
  napi_get_value_int32(env, arguments[1], &last_code);
  void* frame;
  backtrace(&frame, 1);  // loads what it needs, which a signal handler must not do
  signal(SIGABRT, SayLastWords);
  return nullptr;
}

}  // namespace

NAPI_MODULE_INIT() {
  const auto offer = [&](const char* name, napi_callback function) {
    napi_value value;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value);
    napi_set_named_property(env, exports, name, value);
  };
  offer("preload", Preload);
  offer("allowTensorFloat32", AllowTensorFloat32);
  offer("explainAborts", ExplainAborts);
  return exports;
}
