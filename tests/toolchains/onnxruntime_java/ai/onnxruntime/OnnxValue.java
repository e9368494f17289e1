package ai.onnxruntime;

public interface OnnxValue extends AutoCloseable {
  ValueInfo getInfo() throws OrtException;

  Object getValue() throws OrtException;

  @Override
  void close();
}
