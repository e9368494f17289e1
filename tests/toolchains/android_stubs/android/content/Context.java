package android.content;

import android.content.res.AssetManager;
import java.io.File;

public abstract class Context {
  public static final String POWER_SERVICE = "power";
  public static final String ACTIVITY_SERVICE = "activity";

  public abstract AssetManager getAssets();

  public abstract Object getSystemService(String name);

  public abstract File getExternalFilesDir(String type);
}
