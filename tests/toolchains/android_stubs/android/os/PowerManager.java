package android.os;

public abstract class PowerManager {
  public abstract int getCurrentThermalStatus();

  public abstract boolean isPowerSaveMode();
}
