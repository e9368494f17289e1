package ai.onnxruntime;

import java.nio.ByteBuffer;

public class OrtEnvironment implements AutoCloseable {
  private static final OrtEnvironment INSTANCE = new OrtEnvironment();

  private OrtEnvironment() {}

  public static OrtEnvironment getEnvironment() {
    return INSTANCE;
  }

  /** As in the real API: the buffer must be direct; its bytes are those from position to limit. */
  public OrtSession createSession(ByteBuffer model, OrtSession.SessionOptions options) throws OrtException {
    if (!model.isDirect()) {
      throw new OrtException("ByteBuffer must be direct");
    }
    return new OrtSession(model, options);
  }

  @Override
  public void close() {}
}
