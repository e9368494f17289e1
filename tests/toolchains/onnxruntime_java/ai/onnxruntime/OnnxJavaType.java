package ai.onnxruntime;

public enum OnnxJavaType {
  FLOAT(1, 4),
  DOUBLE(11, 8),
  INT32(6, 4),
  INT64(7, 8),
  UNKNOWN(0, 0);

  public final int value;
  public final int size;

  OnnxJavaType(int value, int size) {
    this.value = value;
    this.size = size;
  }

  static OnnxJavaType of(int value) {
    for (OnnxJavaType type : values()) {
      if (type.value == value) {
        return type;
      }
    }
    return UNKNOWN;
  }
}
