package polyphony.activities.lm;

import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/** The environment as native code sees it. Java reads its own copy, taken when it was started. */
public final class NativeEnvironment {
  private NativeEnvironment() {}

  /**
   * Sets a variable for libraries that are loaded later; what the user has set stays. Nothing
   * happens on other systems than Linux.
   */
  public static void set(String name, String value) {
    set(name, value, false);
  }

  /** The same, whatever the user has set. */
  public static void override(String name, String value) {
    set(name, value, true);
  }

  private static void set(String name, String value, boolean override) {
    if (!Platform.isLinux()) {
      return;
    }
    int failed =
        NativeLibrary.getInstance("c")
            .getFunction("setenv")
            .invokeInt(new Object[] {name, value, override ? 1 : 0});
    if (failed != 0) {
      throw new PolyphonyException(ErrorClass.BUG, "setenv of " + name + " failed");
    }
  }
}
