// The C side of Native.java: ONNX Runtime is opened by path, so nothing is linked against it.
#include <dlfcn.h>
#include <jni.h>
#include <onnxruntime_c_api.h>
#include <stdlib.h>

static const OrtApi *ort;
static OrtEnv *environment;

#define EXPORT(type, name) JNIEXPORT type JNICALL Java_ai_onnxruntime_Native_##name

static void raise(JNIEnv *env, const char *message) {
  (*env)->ThrowNew(env, (*env)->FindClass(env, "ai/onnxruntime/OrtException"), message);
}

static int failed(JNIEnv *env, OrtStatus *status) {
  if (status == NULL) return 0;
  raise(env, ort->GetErrorMessage(status));
  ort->ReleaseStatus(status);
  return 1;
}

EXPORT(void, open)(JNIEnv *env, jclass self, jstring library) {
  const char *path = (*env)->GetStringUTFChars(env, library, NULL);
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  (*env)->ReleaseStringUTFChars(env, library, path);
  const OrtApiBase *(*base)(void) = handle ? (const OrtApiBase *(*)(void))dlsym(handle, "OrtGetApiBase") : NULL;
  ort = base ? base()->GetApi(ORT_API_VERSION) : NULL;
  if (ort == NULL) {
    const char *why = dlerror();
    (*env)->ThrowNew(env, (*env)->FindClass(env, "java/lang/UnsatisfiedLinkError"), why ? why : "no OrtApi");
    return;
  }
  failed(env, ort->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "edgekit", &environment));
}

EXPORT(jlong, createSession)(JNIEnv *env, jclass self, jobject model, jint offset, jint size, jint intra,
                             jint inter, jobjectArray keys, jobjectArray values) {
  OrtSessionOptions *options = NULL;
  OrtSession *session = NULL;
  if (failed(env, ort->CreateSessionOptions(&options))) return 0;
  int bad = failed(env, ort->SetIntraOpNumThreads(options, intra)) ||
            failed(env, ort->SetInterOpNumThreads(options, inter));
  for (jsize i = 0; !bad && i < (*env)->GetArrayLength(env, keys); i++) {
    jstring key = (*env)->GetObjectArrayElement(env, keys, i);
    jstring value = (*env)->GetObjectArrayElement(env, values, i);
    const char *k = (*env)->GetStringUTFChars(env, key, NULL), *v = (*env)->GetStringUTFChars(env, value, NULL);
    bad = failed(env, ort->AddSessionConfigEntry(options, k, v));
    (*env)->ReleaseStringUTFChars(env, key, k);
    (*env)->ReleaseStringUTFChars(env, value, v);
  }
  if (!bad) {
    const char *bytes = (*env)->GetDirectBufferAddress(env, model);
    failed(env, ort->CreateSessionFromArray(environment, bytes + offset, (size_t)size, options, &session));
  }
  ort->ReleaseSessionOptions(options);
  return (jlong)session;
}

EXPORT(void, releaseSession)(JNIEnv *env, jclass self, jlong session) { ort->ReleaseSession((OrtSession *)session); }

EXPORT(jobjectArray, names)(JNIEnv *env, jclass self, jlong handle, jboolean outputs) {
  const OrtSession *session = (const OrtSession *)handle;
  OrtAllocator *allocator;
  size_t count;
  if (failed(env, ort->GetAllocatorWithDefaultOptions(&allocator))) return NULL;
  if (failed(env, outputs ? ort->SessionGetOutputCount(session, &count) : ort->SessionGetInputCount(session, &count)))
    return NULL;
  jobjectArray found = (*env)->NewObjectArray(env, (jsize)count, (*env)->FindClass(env, "java/lang/String"), NULL);
  for (size_t i = 0; i < count; i++) {
    char *name;
    if (failed(env, outputs ? ort->SessionGetOutputName(session, i, allocator, &name)
                            : ort->SessionGetInputName(session, i, allocator, &name)))
      return NULL;
    (*env)->SetObjectArrayElement(env, found, (jsize)i, (*env)->NewStringUTF(env, name));
    failed(env, ort->AllocatorFree(allocator, name));
  }
  return found;
}

EXPORT(jint, inputType)(JNIEnv *env, jclass self, jlong session, jint index) {
  OrtTypeInfo *type;
  const OrtTensorTypeAndShapeInfo *info;
  enum ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  if (failed(env, ort->SessionGetInputTypeInfo((const OrtSession *)session, (size_t)index, &type))) return 0;
  if (!failed(env, ort->CastTypeInfoToTensorInfo(type, &info)) && info != NULL)
    failed(env, ort->GetTensorElementType(info, &element));
  ort->ReleaseTypeInfo(type);
  return (jint)element;
}

EXPORT(jlong, createTensor)(JNIEnv *env, jclass self, jobject data, jlong bytes, jlongArray shape, jint type) {
  OrtMemoryInfo *memory;
  OrtValue *value = NULL;
  if (failed(env, ort->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &memory))) return 0;
  jlong *extents = (*env)->GetLongArrayElements(env, shape, NULL);
  failed(env, ort->CreateTensorWithDataAsOrtValue(memory, (*env)->GetDirectBufferAddress(env, data), (size_t)bytes,
                                                  (const int64_t *)extents, (size_t)(*env)->GetArrayLength(env, shape),
                                                  (enum ONNXTensorElementDataType)type, &value));
  (*env)->ReleaseLongArrayElements(env, shape, extents, JNI_ABORT);
  ort->ReleaseMemoryInfo(memory);
  return (jlong)value;
}

EXPORT(jint, tensorType)(JNIEnv *env, jclass self, jlong value) {
  OrtTensorTypeAndShapeInfo *info;
  enum ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  if (failed(env, ort->GetTensorTypeAndShape((const OrtValue *)value, &info))) return 0;
  failed(env, ort->GetTensorElementType(info, &element));
  ort->ReleaseTensorTypeAndShapeInfo(info);
  return (jint)element;
}

EXPORT(jlongArray, tensorShape)(JNIEnv *env, jclass self, jlong value) {
  OrtTensorTypeAndShapeInfo *info;
  int64_t extents[16];
  size_t rank = 0;
  if (failed(env, ort->GetTensorTypeAndShape((const OrtValue *)value, &info))) return NULL;
  int bad = failed(env, ort->GetDimensionsCount(info, &rank)) || rank > 16 ||
            failed(env, ort->GetDimensions(info, extents, rank));
  ort->ReleaseTensorTypeAndShapeInfo(info);
  if (bad) return NULL;
  jlongArray shape = (*env)->NewLongArray(env, (jsize)rank);
  (*env)->SetLongArrayRegion(env, shape, 0, (jsize)rank, (const jlong *)extents);
  return shape;
}

EXPORT(jobject, tensorData)(JNIEnv *env, jclass self, jlong value, jlong bytes) {
  void *data;
  if (failed(env, ort->GetTensorMutableData((OrtValue *)value, &data))) return NULL;
  return (*env)->NewDirectByteBuffer(env, data, bytes);
}

EXPORT(void, releaseValue)(JNIEnv *env, jclass self, jlong value) { ort->ReleaseValue((OrtValue *)value); }

EXPORT(jlongArray, run)(JNIEnv *env, jclass self, jlong session, jobjectArray inputs, jlongArray values,
                        jobjectArray outputs, jlongArray made) {
  jsize taken = (*env)->GetArrayLength(env, inputs), given = (*env)->GetArrayLength(env, outputs);
  const char **in = calloc((size_t)taken, sizeof *in), **out = calloc((size_t)given, sizeof *out);
  OrtValue **results = calloc((size_t)given, sizeof *results);
  for (jsize i = 0; i < taken; i++)
    in[i] = (*env)->GetStringUTFChars(env, (*env)->GetObjectArrayElement(env, inputs, i), NULL);
  for (jsize i = 0; i < given; i++)
    out[i] = (*env)->GetStringUTFChars(env, (*env)->GetObjectArrayElement(env, outputs, i), NULL);
  (*env)->GetLongArrayRegion(env, made, 0, given, (jlong *)results);
  jlong *handles = (*env)->GetLongArrayElements(env, values, NULL);
  OrtStatus *status = ort->Run((OrtSession *)session, NULL, in, (const OrtValue *const *)handles, (size_t)taken, out,
                               (size_t)given, results);
  (*env)->ReleaseLongArrayElements(env, values, handles, JNI_ABORT);
  for (jsize i = 0; i < taken; i++)
    (*env)->ReleaseStringUTFChars(env, (*env)->GetObjectArrayElement(env, inputs, i), in[i]);
  for (jsize i = 0; i < given; i++)
    (*env)->ReleaseStringUTFChars(env, (*env)->GetObjectArrayElement(env, outputs, i), out[i]);
  jlongArray found = NULL;
  if (!failed(env, status)) {
    found = (*env)->NewLongArray(env, given);
    (*env)->SetLongArrayRegion(env, found, 0, given, (const jlong *)results);
  }
  free(in);
  free(out);
  free(results);
  return found;
}
