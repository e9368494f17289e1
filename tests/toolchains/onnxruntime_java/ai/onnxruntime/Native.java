package ai.onnxruntime;

import java.nio.Buffer;
import java.nio.ByteBuffer;

/** The C API, as far as a kit needs it. Handles are pointers; element types are the C API's numbers. */
final class Native {
  private Native() {}

  static {
    System.load(System.getProperty("edgekit.ort.shim"));
    open(System.getProperty("edgekit.ort.library"));
  }

  private static native void open(String library);

  static native long createSession(
      ByteBuffer model, int offset, int size, int intraOp, int interOp, String[] keys, String[] values)
      throws OrtException;

  static native void releaseSession(long session);

  static native String[] names(long session, boolean outputs) throws OrtException;

  static native int inputType(long session, int index) throws OrtException;

  static native long createTensor(Buffer data, long bytes, long[] shape, int type) throws OrtException;

  static native int tensorType(long value) throws OrtException;

  static native long[] tensorShape(long value) throws OrtException;

  static native ByteBuffer tensorData(long value, long bytes) throws OrtException;

  static native void releaseValue(long value);

  /** `results`: values that outputs are written to; 0 for one that the runtime makes. */
  static native long[] run(
      long session, String[] inputs, long[] values, String[] outputs, long[] results) throws OrtException;
}
