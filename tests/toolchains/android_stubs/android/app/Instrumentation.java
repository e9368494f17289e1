package android.app;

import android.content.Context;

public abstract class Instrumentation {
  public abstract Context getContext();

  public abstract Context getTargetContext();
}
