package android.os;

public abstract class Bundle {
  public abstract String getString(String key);

  public abstract String getString(String key, String defaultValue);
}
