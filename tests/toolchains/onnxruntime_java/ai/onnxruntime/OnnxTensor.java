package ai.onnxruntime;

import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;

public class OnnxTensor extends OnnxTensorLike {
  private final Buffer backing; // keeps the memory of a tensor made here from being collected
  private boolean closed;

  OnnxTensor(long handle, Buffer backing) {
    super(handle);
    this.backing = backing;
  }

  public static OnnxTensor createTensor(OrtEnvironment environment, LongBuffer data, long[] shape)
      throws OrtException {
    ByteBuffer bytes = allocate(8L * data.remaining());
    bytes.asLongBuffer().put(data.duplicate());
    return new OnnxTensor(
        Native.createTensor(bytes, bytes.capacity(), shape, OnnxJavaType.INT64.value), bytes);
  }

  public static OnnxTensor createTensor(OrtEnvironment environment, IntBuffer data, long[] shape)
      throws OrtException {
    ByteBuffer bytes = allocate(4L * data.remaining());
    bytes.asIntBuffer().put(data.duplicate());
    return new OnnxTensor(
        Native.createTensor(bytes, bytes.capacity(), shape, OnnxJavaType.INT32.value), bytes);
  }

  /** As in the real API: the memory of a direct buffer is the tensor's own. */
  public static OnnxTensor createTensor(OrtEnvironment environment, FloatBuffer data, long[] shape)
      throws OrtException {
    if (!data.isDirect() || data.position() != 0) {
      throw new OrtException("This stand-in takes whole direct buffers.");
    }
    return new OnnxTensor(
        Native.createTensor(data, 4L * data.remaining(), shape, OnnxJavaType.FLOAT.value), data);
  }

  private static ByteBuffer allocate(long bytes) {
    return ByteBuffer.allocateDirect(Math.toIntExact(bytes)).order(ByteOrder.nativeOrder());
  }

  @Override
  public TensorInfo getInfo() throws OrtException {
    return new TensorInfo(
        OnnxJavaType.of(Native.tensorType(nativeHandle)), Native.tensorShape(nativeHandle));
  }

  /** As in the real API: a copy on the Java heap; null for another type. */
  public FloatBuffer getFloatBuffer() {
    try {
      TensorInfo info = getInfo();
      if (info.type != OnnxJavaType.FLOAT) {
        return null;
      }
      long count = 1;
      for (long extent : info.getShape()) {
        count *= extent;
      }
      FloatBuffer copy = FloatBuffer.allocate(Math.toIntExact(count));
      copy.put(Native.tensorData(nativeHandle, 4 * count).order(ByteOrder.nativeOrder()).asFloatBuffer());
      copy.flip();
      return copy;
    } catch (OrtException error) {
      throw new IllegalStateException(error);
    }
  }

  @Override
  public Object getValue() {
    throw new UnsupportedOperationException("Not part of this stand-in.");
  }

  @Override
  public void close() {
    if (closed) {
      throw new IllegalStateException("Trying to close an already closed OnnxTensor.");
    }
    closed = true;
    Native.releaseValue(nativeHandle);
  }
}
