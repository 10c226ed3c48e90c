package polyphony.activities.lm.torch;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import polyphony.activities.lm.Device;
import polyphony.activities.lm.LanguageModel;

/**
 * Weights that adapters are trained over, in native memory. Trainings over one base share its
 * arrays, at the same time and one after another: what nobody uses any more is kept until another
 * base is wanted or its memory is. For any number of threads.
 */
public final class TorchBases {
  /** Somebody's use of a base. */
  interface Lease extends AutoCloseable {
    /** In the order of {@link polyphony.activities.lm.DecoderConfig#weightShapes}; to be read. */
    List<PtNDArray> weights();

    @Override
    void close();
  }

  /** Guarded by the {@link TorchBases} that it belongs to. */
  private static final class Base {
    final PtNDManager manager;
    final List<PtNDArray> weights = new ArrayList<>();
    long bytes;
    int users;

    Base(PtNDManager manager) {
      this.manager = manager;
    }
  }

  private final boolean keeps;
  private final Device device;
  private final Precision precision;

  /** Guarded by this, as is all else. */
  private final Map<Path, Base> bases = new HashMap<>();

  private int loads;

  private TorchBases(boolean keeps, Device device, Precision precision) {
    this.keeps = keeps;
    this.device = device;
    this.precision = precision;
  }

  /** Keeps the last base for trainings to come. */
  public static TorchBases shared() {
    return shared(Device.CPU, Precision.FLOAT32);
  }

  /** The same on a device, in which trainings compute with that precision. */
  public static TorchBases shared(Device device, Precision precision) {
    return new TorchBases(true, device, precision);
  }

  /** Frees a base as soon as nobody uses it. */
  static TorchBases unshared() {
    return unshared(Precision.FLOAT32);
  }

  /** The same for trainings that compute with that precision. */
  static TorchBases unshared(Precision precision) {
    return new TorchBases(false, Device.CPU, precision);
  }

  /**
   * Loads the model's base unless it is here. Others wait meanwhile: two that want one base load it
   * once.
   *
   * @throws polyphony.storage.PolyphonyException DATA where a weight cannot be used
   */
  synchronized Lease lease(LanguageModel model) {
    Base base = bases.get(model.folder());
    if (base == null) {
      giveUpIdle();
      base = load(model);
      bases.put(model.folder(), base);
    }
    base.users++;
    return new Use(base);
  }

  private final class Use implements Lease {
    private final Base base;
    private boolean closed;

    Use(Base base) {
      this.base = base;
    }

    @Override
    public List<PtNDArray> weights() {
      return base.weights;
    }

    @Override
    public void close() {
      synchronized (TorchBases.this) {
        if (!closed) {
          closed = true;
          base.users--;
          if (!keeps || bases.size() > 1) {
            giveUpIdle();
          }
        }
      }
    }
  }

  private Base load(LanguageModel model) {
    loads++;
    Base base = new Base(TorchEngine.newManager(device));
    try (TorchDecoder decoder =
        new TorchDecoder(base.manager, model.config(), Optional.empty(), precision)) {
      model
          .config()
          .weightShapes()
          .forEach(
              (name, shape) -> {
                PtNDArray array =
                    TorchDecoder.array(
                        base.manager, shape, into -> model.weights().floats(name, into));
                boolean halved = precision == Precision.BFLOAT16 && shape.length > 1;
                base.bytes += (halved ? Short.BYTES : Float.BYTES) * array.size();
                base.weights.add(TorchDecoder.frozen(halved ? halved(decoder, array) : array));
              });
      return base;
    } catch (RuntimeException | Error e) {
      base.manager.close();
      throw e;
    }
  }

  private static PtNDArray halved(TorchDecoder decoder, PtNDArray array) {
    try (array) {
      return decoder.working(array);
    }
  }

  /** Where they lie, and trainings over them compute. */
  Device device() {
    return device;
  }

  /** Of trainings over them. */
  Precision precision() {
    return precision;
  }

  /** Bytes of what is kept and not used. */
  public synchronized long idleBytes() {
    return bases.values().stream()
        .filter(base -> base.users == 0)
        .mapToLong(base -> base.bytes)
        .sum();
  }

  /** Frees what is kept and not used. */
  public synchronized void giveUpIdle() {
    boolean freed =
        bases
            .values()
            .removeIf(
                base -> {
                  if (base.users == 0) {
                    base.manager.close();
                  }
                  return base.users == 0;
                });
    if (freed) {
      TorchEngine.giveBackMemory(device);
    }
  }

  /**
   * Frees what is kept and not used, where other work does not fit beside it.
   *
   * @param needed bytes of that work
   * @param available bytes that there are for both
   */
  public synchronized void makeRoom(long needed, long available) {
    if (needed + idleBytes() > available) {
      giveUpIdle();
    }
  }

  /** How often a base was read from its files. */
  synchronized int loads() {
    return loads;
  }
}
