package ai.onnxruntime;

public abstract class OnnxTensorLike implements OnnxValue {
  final long nativeHandle;

  OnnxTensorLike(long nativeHandle) {
    this.nativeHandle = nativeHandle;
  }
}
