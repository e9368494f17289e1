package android.app;

public abstract class ActivityManager {
  public static class MemoryInfo {
    public long totalMem;
  }

  public abstract void getMemoryInfo(MemoryInfo out);
}
