package polyphony.activities.lm.torch;

import ai.djl.pytorch.jni.LibUtils;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.nio.file.Path;
import polyphony.storage.PolyphonyException;

/**
 * What {@code torch.use_deterministic_algorithms} switches. Neither DJL nor TorchScript reaches it,
 * so that the C++ methods behind it are called by their names in the library.
 */
final class DeterministicTorch {
  private static final String CONTEXT = "_ZN2at13globalContextEv";
  private static final String SET = "_ZN2at7Context26setDeterministicAlgorithmsEbb";
  private static final String GET = "_ZNK2at7Context23deterministicAlgorithmsEv";

  private DeterministicTorch() {}

  /**
   * Where an operation has a deterministic form it is taken, where it has none it fails.
   *
   * @throws PolyphonyException INFRASTRUCTURE where this libtorch has no such switch
   */
  static void require() {
    NativeLibrary library = library();
    try {
      library
          .getFunction(SET)
          .invokeVoid(new Object[] {library.getFunction(CONTEXT).invokePointer(null), true, false});
    } catch (UnsatisfiedLinkError e) {
      throw PolyphonyException.infrastructure(
          "libtorch in "
              + LibUtils.getLibtorchPath()
              + " cannot be made deterministic; use the version that this program was built for, or"
              + " leave the setting deterministic",
          e);
    }
  }

  static boolean isRequired() {
    NativeLibrary library = library();
    Pointer context = library.getFunction(CONTEXT).invokePointer(null);
    return (library.getFunction(GET).invokeInt(new Object[] {context}) & 0xff) != 0;
  }

  private static NativeLibrary library() {
    return NativeLibrary.getInstance(
        Path.of(LibUtils.getLibtorchPath(), System.mapLibraryName("torch_cpu")).toString());
  }
}
