package android.content.res;

import java.io.IOException;
import java.io.InputStream;

public abstract class AssetManager implements AutoCloseable {
  public abstract InputStream open(String fileName) throws IOException;

  public abstract AssetFileDescriptor openFd(String fileName) throws IOException;
}
