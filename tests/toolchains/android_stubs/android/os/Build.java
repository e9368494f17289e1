package android.os;

public class Build {
  public static final String MANUFACTURER = unknown();
  public static final String MODEL = unknown();
  public static final String HARDWARE = unknown();
  public static final String SOC_MODEL = unknown();

  public static class VERSION {
    public static final int SDK_INT = Integer.getInteger("sdk", 0);
    public static final String RELEASE = unknown();
  }

  private static String unknown() {
    return System.getProperty("unknown", "unknown");
  }
}
