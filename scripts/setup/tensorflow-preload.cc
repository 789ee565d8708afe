// What TensorFlow offers to C++ but not through the addon of tfjs-node.
//
// preload() loads TensorFlow's shared libraries with stderr held back: while they load, TensorFlow writes lines there
// that no setting of its own can stop. What was held back is returned, so that nothing is lost; if the
// process dies on the way (a processor without AVX, say), it is written out first.
#include <dlfcn.h>
#include <node_api.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

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

}  // namespace

NAPI_MODULE_INIT() {
  napi_value preload;
  napi_create_function(env, "preload", NAPI_AUTO_LENGTH, Preload, nullptr, &preload);
  napi_set_named_property(env, exports, "preload", preload);
  napi_value allow;
  napi_create_function(env, "allowTensorFloat32", NAPI_AUTO_LENGTH, AllowTensorFloat32, nullptr, &allow);
  napi_set_named_property(env, exports, "allowTensorFloat32", allow);
  return exports;
}
