package polyphony.activities.lm.torch;

import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.JniUtils;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.SortedSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;
import polyphony.activities.lm.Adapter;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.Device;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.NativeWork;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingExample;
import polyphony.activities.lm.TrainingSettings;
import polyphony.activities.lm.TrainingSettings.Lora;
import polyphony.activities.lm.Weights;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Sha256;

/**
 * Finetuning of a decoder or of an adapter over it. One step: cut the examples into micro-batches,
 * compute each on its lane, add the lanes' gradients in lane order, clip, AdamW. What is trained
 * and saved has 32 bits in any {@link Precision}.
 *
 * <p>A lane is a thread with its own leaves: arrays that share the weights' memory but collect
 * their own gradients. So lanes never write to the same memory, and the sum does not depend on
 * timing. The weights below an adapter are {@link TorchBases a base's}: no leaves, and the same
 * arrays for all lanes. All native calls of a training happen on its lanes' threads; the methods
 * may be called from any thread, one at a time.
 */
public final class TorchTrainer implements Trainer {
  private static final String STATE_FORMAT = "polyphony-training-state-1";
  private static final long[] NO_DROPOUT = {};

  /** The arrays that a training changes, each list in the order of the shapes. */
  private record State(
      List<PtNDArray> weights, List<PtNDArray> firstMoments, List<PtNDArray> secondMoments) {}

  /**
   * A thread, what it computes with, and the gradients that it collects.
   *
   * @param weights the decoder's, the leaves last among them
   */
  private record Lane(
      ExecutorService thread,
      TorchDecoder decoder,
      List<PtNDArray> leaves,
      List<PtNDArray> weights) {}

  private final DecoderConfig config;
  private final TrainingBatches batches;
  private final TrainingSettings settings;
  private final Optional<Lora> lora;
  private final int dropouts;

  /** What is trained, by the names that it is saved under. */
  private final Map<String, long[]> shapes;

  private final Device device;
  private final PtNDManager manager;
  private final List<Lane> lanes = new ArrayList<>();
  private Optional<TorchBases.Lease> base = Optional.empty();
  private final State state;
  private int step;

  /** A training that shares its base with no other. */
  public TorchTrainer(
      LanguageModel model,
      TrainingBatches batches,
      TrainingSettings settings,
      Optional<Path> state) {
    this(model, batches, settings, state, TorchBases.unshared());
  }

  /**
   * @param model has an adapter or not. Where every weight is trained, it starts with its adapter
   *     merged into its weights
   * @param state a file that {@link #saveState} wrote in a training of a model of the same shape,
   *     to go on from; or empty to start at the model's weights
   * @param bases where the weights below an adapter come from; they say on which device and with
   *     which precision it is computed
   * @throws PolyphonyException DATA where the state is not one of this model, or the model is one
   *     that cannot be trained; CONFIG where lanes or micro-batches are not positive, or the
   *     settings' adapter is not one for the model or not the shape of the one that it has
   */
  public TorchTrainer(
      LanguageModel model,
      TrainingBatches batches,
      TrainingSettings settings,
      Optional<Path> state,
      TorchBases bases) {
    if (settings.lanes() < 1 || settings.microBatchTokens() < 1) {
      throw PolyphonyException.config("lanes and microBatchTokens must be at least 1");
    }
    this.config = model.config();
    config
        .untrainable()
        .ifPresent(
            reason -> {
              throw PolyphonyException.data(model.folder() + ": " + reason);
            });
    this.batches = batches;
    this.settings = settings;
    this.lora = settings.lora();
    lora.ifPresent(each -> requireUsable(each.adapter(), model));
    this.shapes =
        lora.map(each -> each.adapter().weightShapes(config)).orElseGet(config::weightShapes);
    this.dropouts =
        lora.filter(each -> each.adapter().dropout() > 0).isPresent() ? shapes.size() / 2 : 0;
    this.device = bases.device();
    this.manager = TorchEngine.newManager(device);
    try {
      for (int lane = 0; lane < settings.lanes(); lane++) {
        ExecutorService thread = laneThread(lane);
        try {
          lanes.add(open(thread, bases.precision()));
        } catch (RuntimeException | Error e) {
          thread.shutdown();
          throw e;
        }
      }
      this.base =
          lora.map(each -> onLane(0, "the base cannot be loaded", () -> bases.lease(model)));
      Weights saved = state.map(Weights::open).orElse(null);
      this.step = saved == null ? 0 : restoredStep(saved, state.get());
      this.state =
          onLane(
              0,
              "training cannot start",
              () -> saved == null ? initial(model) : restored(saved, state.get()));
      for (int number = 0; number < settings.lanes(); number++) {
        Lane lane = lanes.get(number);
        onLane(
            number,
            "training cannot start",
            () -> lane.leaves().addAll(TorchDecoder.leaves(this.state.weights())));
        base.ifPresent(below -> lane.weights().addAll(below.weights()));
        lane.weights().addAll(lane.leaves());
      }
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  private static void requireUsable(AdapterConfig wanted, LanguageModel model) {
    if (wanted.rank() < 1
        || !(wanted.alpha() > 0 && Double.isFinite(wanted.alpha()))
        || !(wanted.dropout() >= 0 && wanted.dropout() < 1)) {
      throw PolyphonyException.config(
          "an adapter needs a rank of at least 1, a positive alpha, and a dropout of at least 0 and"
              + " less than 1; these settings say "
              + wanted);
    }
    SortedSet<String> layers = model.config().linearLayers();
    if (wanted.targets().isEmpty() || !layers.containsAll(wanted.targets())) {
      throw PolyphonyException.config(
          "an adapter's targets must be linear layers of the model, which are "
              + String.join(", ", layers)
              + "; these settings say "
              + wanted.targets());
    }
    model
        .adapter()
        .map(Adapter::config)
        .filter(own -> !own.sameShape(wanted))
        .ifPresent(
            own -> {
              throw PolyphonyException.config(
                  model.adapter().orElseThrow().folder()
                      + ": the adapter to go on with has rank "
                      + own.rank()
                      + ", alpha "
                      + own.alpha()
                      + " and targets "
                      + own.targets()
                      + ", but the settings say rank "
                      + wanted.rank()
                      + ", alpha "
                      + wanted.alpha()
                      + " and targets "
                      + wanted.targets()
                      + "; set the same, or start from the base");
            });
  }

  private static ExecutorService laneThread(int lane) {
    return Executors.newSingleThreadExecutor(
        work -> {
          Thread thread = new Thread(work, "training-lane-" + lane);
          thread.setDaemon(true);
          return thread;
        });
  }

  private Lane open(ExecutorService thread, Precision precision) {
    TorchDecoder decoder =
        on(
            thread,
            "the decoder cannot be compiled",
            () -> {
              TorchEngine.prepareThread(true);
              return new TorchDecoder(manager, config, lora.map(Lora::adapter), precision);
            });
    return new Lane(thread, decoder, new ArrayList<>(), new ArrayList<>());
  }

  private State initial(LanguageModel model) {
    List<PtNDArray> arrays = new ArrayList<>();
    shapes.forEach(
        (name, shape) ->
            arrays.add(
                TorchDecoder.array(manager, shape, into -> initial(model, name, shape, into))));
    return new State(arrays, zeros(), zeros());
  }

  private void initial(LanguageModel model, String name, long[] shape, FloatBuffer into) {
    if (lora.isEmpty()) {
      model.floats(name, into);
    } else if (model.adapter().isPresent()) {
      model.adapter().get().weights().floats(name, into);
    } else {
      newAdapter(name, shape, into);
    }
  }

  /** As in PEFT: A is uniform within one over the root of its width, B is 0. */
  private void newAdapter(String name, long[] shape, FloatBuffer into) {
    boolean zero = name.endsWith(".lora_B.weight");
    double bound = 1 / Math.sqrt((double) shape[1]);
    Random random = random("adapter", name);
    while (into.hasRemaining()) {
      into.put(zero ? 0 : (float) (bound * (2 * random.nextDouble() - 1)));
    }
  }

  /** java.util.Random, since its algorithm is part of its specification. */
  private Random random(Object... parts) {
    String all = lora.orElseThrow().seed() + " " + Arrays.toString(parts);
    String hash = Sha256.of(all.getBytes(StandardCharsets.UTF_8));
    return new Random(Long.parseUnsignedLong(hash.substring(0, 16), 16));
  }

  /** One for each layer with an adapter; none where nothing is left out. */
  private long[] seeds(MicroBatch batch) {
    return dropouts == 0
        ? NO_DROPOUT
        : random("dropout", step, batch.number()).longs(dropouts, 0, Long.MAX_VALUE).toArray();
  }

  private List<PtNDArray> zeros() {
    List<PtNDArray> arrays = new ArrayList<>();
    for (long[] shape : shapes.values()) {
      arrays.add(
          JniUtils.createZerosNdArray(
              manager,
              new Shape(shape),
              DataType.FLOAT32,
              manager.getDevice(),
              SparseFormat.DENSE));
    }
    return arrays;
  }

  private State restored(Weights saved, Path file) {
    return new State(
        restored(saved, file, "weight/"),
        restored(saved, file, "first-moment/"),
        restored(saved, file, "second-moment/"));
  }

  private List<PtNDArray> restored(Weights saved, Path file, String prefix) {
    List<PtNDArray> arrays = new ArrayList<>();
    shapes.forEach(
        (name, shape) -> {
          long[] found = saved.tensor(prefix + name).shape();
          if (!Arrays.equals(found, shape)) {
            throw PolyphonyException.data(
                file
                    + ": "
                    + prefix
                    + name
                    + " has shape "
                    + Arrays.toString(found)
                    + ", the model's is "
                    + Arrays.toString(shape)
                    + "; it is the state of another model's training");
          }
          arrays.add(TorchDecoder.array(manager, shape, into -> saved.floats(prefix + name, into)));
        });
    return arrays;
  }

  private int restoredStep(Weights saved, Path file) {
    String number = saved.metadata().getOrDefault("step", "");
    if (!STATE_FORMAT.equals(saved.metadata().get("format")) || !number.matches("\\d{1,9}")) {
      throw PolyphonyException.data(file + ": not the state of a training");
    }
    int done = Integer.parseInt(number);
    if (done > batches.steps()) {
      throw PolyphonyException.data(
          file + ": has done " + done + " steps, but the training has " + batches.steps());
    }
    return done;
  }

  @Override
  public int step() {
    return step;
  }

  @Override
  public StepReport next() {
    if (step >= batches.steps()) {
      throw new IllegalStateException("all " + step + " steps are done");
    }
    List<MicroBatch> microBatches = microBatches();
    long trained = microBatches.stream().mapToLong(batch -> batch.targets().length).sum();
    if (trained == 0) {
      throw PolyphonyException.data("step " + step + " has no token to train on");
    }
    double loss = computeGradients(microBatches, trained);
    requireFinite(loss, "loss");
    double rate = settings.learningRate(step, batches.steps());
    double norm = onLane(0, "step " + step, () -> update(rate));
    StepReport report =
        new StepReport(
            step,
            loss,
            norm,
            rate,
            microBatches.stream().mapToLong(MicroBatch::realTokens).sum(),
            trained);
    step++;
    return report;
  }

  private List<MicroBatch> microBatches() {
    List<TrainingExample> examples = batches.batch(step);
    for (TrainingExample example : examples) {
      int length = example.tokens().length;
      if (length > config.maxPositions()) {
        throw PolyphonyException.data(
            "step "
                + step
                + ": a text has "
                + length
                + " tokens, the model's context "
                + config.maxPositions()
                + "; leave it out or cut it");
      }
      for (int token : example.tokens()) {
        // Checked here because libtorch on a GPU would not survive it.
        if (token < 0 || token >= config.vocabularySize()) {
          throw PolyphonyException.data(
              "step "
                  + step
                  + ": token id "
                  + token
                  + " is outside the model's vocabulary of "
                  + config.vocabularySize()
                  + "; the text was tokenised for another model");
        }
      }
    }
    return MicroBatch.cut(examples, settings.microBatchTokens(), settings.lanes());
  }

  /** Leaves the step's gradient in lane 0's leaves; returns the loss. */
  private double computeGradients(List<MicroBatch> microBatches, long trained) {
    List<List<MicroBatch>> hands = MicroBatch.deal(microBatches, lanes.size());
    List<CompletableFuture<Double>> sums = new ArrayList<>();
    for (int lane = 0; lane < lanes.size(); lane++) {
      Lane own = lanes.get(lane);
      List<MicroBatch> hand = hands.get(lane);
      sums.add(CompletableFuture.supplyAsync(() -> accumulate(own, hand, trained), own.thread()));
    }
    // Every lane is waited for, also after a failure: none may still run when the caller closes.
    CompletableFuture.allOf(sums.toArray(new CompletableFuture<?>[0]))
        .exceptionally(failure -> null)
        .join();
    double loss = 0;
    for (CompletableFuture<Double> sum : sums) {
      loss += join(sum, "step " + step);
    }
    for (int lane = 1; lane < lanes.size(); lane++) {
      if (!hands.get(lane).isEmpty()) {
        Lane other = lanes.get(lane);
        onLane(
            0,
            "step " + step,
            () -> {
              try (NDScope scope = new NDScope()) {
                scope.suppressNotUsedWarning();
                lanes.get(0).decoder().add(gradients(lanes.get(0)), gradients(other));
              }
              return null;
            });
      }
    }
    return loss / trained;
  }

  /** Sets the lane's gradients to those of its micro-batches' share of the mean loss. */
  private double accumulate(Lane lane, List<MicroBatch> microBatches, long trained) {
    double sum = 0;
    NativeWork.guarded(
        () -> {
          lane.leaves().forEach(JniUtils::zeroGrad);
          return null;
        });
    for (MicroBatch batch : microBatches) {
      sum += NativeWork.guarded(() -> forwardAndBackward(lane, batch, trained));
    }
    return sum;
  }

  private double forwardAndBackward(Lane lane, MicroBatch batch, long trained) {
    try (NDScope scope = new NDScope()) {
      scope.suppressNotUsedWarning();
      if (settings.recompute()) {
        return lane.decoder()
            .backward(lane.weights(), batch, seeds(batch), 1f / trained, lora.isEmpty());
      }
      PtNDArray loss = lane.decoder().loss(lane.weights(), batch, seeds(batch));
      PtNDArray share = (PtNDArray) loss.getManager().create(1f / trained);
      JniUtils.backward(loss, share, false, false);
      return loss.getFloat();
    }
  }

  private static List<PtNDArray> gradients(Lane lane) {
    List<PtNDArray> gradients = new ArrayList<>();
    for (PtNDArray leaf : lane.leaves()) {
      gradients.add(JniUtils.getGradient(leaf));
    }
    return gradients;
  }

  /** Clips and applies lane 0's gradients; returns their norm before clipping. */
  private double update(double rate) {
    try (NDScope scope = new NDScope()) {
      scope.suppressNotUsedWarning();
      List<PtNDArray> gradients = gradients(lanes.get(0));
      TorchDecoder decoder = lanes.get(0).decoder();
      double norm = decoder.norm(gradients);
      requireFinite(norm, "gradient");
      // As torch.nn.utils.clip_grad_norm_ does it.
      double scale = settings.clipNorm() > 0 ? Math.min(1, settings.clipNorm() / (norm + 1e-6)) : 1;
      for (boolean decayed : new boolean[] {true, false}) {
        if (selected(state.weights(), decayed).isEmpty()) {
          // An adapter has matrices alone.
          continue;
        }
        decoder.update(
            selected(state.weights(), decayed),
            selected(gradients, decayed),
            selected(state.firstMoments(), decayed),
            selected(state.secondMoments(), decayed),
            step + 1,
            scale,
            rate,
            settings.beta1(),
            settings.beta2(),
            settings.epsilon(),
            decayed ? settings.weightDecay() : 0);
      }
      return norm;
    }
  }

  /** Those of {@code arrays} that belong to weights with decay (matrices), or to the others. */
  private List<PtNDArray> selected(List<PtNDArray> arrays, boolean decayed) {
    List<PtNDArray> selected = new ArrayList<>();
    int index = 0;
    for (long[] shape : shapes.values()) {
      if (shape.length > 1 == decayed) {
        selected.add(arrays.get(index));
      }
      index++;
    }
    return selected;
  }

  private void requireFinite(double value, String what) {
    if (!Double.isFinite(value)) {
      throw PolyphonyException.data(
          "step "
              + step
              + ": the "
              + what
              + " is "
              + value
              + "; lower the learning rate or look at the step's examples");
    }
  }

  /**
   * The gradients of the mean loss over {@code examples} at the present weights, by weight name;
   * nothing is updated.
   */
  Map<String, float[]> gradients(List<TrainingExample> examples) {
    List<MicroBatch> cut = MicroBatch.cut(examples, settings.microBatchTokens(), settings.lanes());
    computeGradients(cut, cut.stream().mapToLong(batch -> batch.targets().length).sum());
    return onLane(
        0,
        "gradients",
        () -> {
          try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            Map<String, float[]> byName = new LinkedHashMap<>();
            List<PtNDArray> gradients = gradients(lanes.get(0));
            for (String name : shapes.keySet()) {
              byName.put(name, gradients.get(byName.size()).toFloatArray());
            }
            return byName;
          }
        });
  }

  @Override
  public double loss(List<TrainingExample> examples) {
    List<MicroBatch> cut = MicroBatch.cut(examples, settings.microBatchTokens(), 1);
    long trained = cut.stream().mapToLong(batch -> batch.targets().length).sum();
    return onLane(
        0,
        "loss",
        () -> {
          JniUtils.setGradMode(false);
          try {
            double sum = 0;
            for (MicroBatch batch : cut) {
              try (NDScope scope = new NDScope()) {
                scope.suppressNotUsedWarning();
                sum +=
                    lanes
                        .get(0)
                        .decoder()
                        .loss(lanes.get(0).weights(), batch, NO_DROPOUT)
                        .getFloat();
              }
            }
            return sum / trained;
          } finally {
            JniUtils.setGradMode(true);
          }
        });
  }

  /** {@code [length][vocabulary]}: what follows each position, at the present weights. */
  public float[][] logits(int[] tokens) {
    return onLane(
        0,
        "logits",
        () -> {
          try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            Lane lane = lanes.get(0);
            float[] flat = lane.decoder().logits(lane.weights(), tokens, 0).toFloatArray();
            float[][] logits = new float[tokens.length][];
            int width = config.vocabularySize();
            for (int i = 0; i < logits.length; i++) {
              logits[i] = Arrays.copyOfRange(flat, i * width, (i + 1) * width);
            }
            return logits;
          }
        });
  }

  /** Arrays that the training holds in native memory; constant from one step to the next. */
  int nativeArrays() {
    return manager.getManagedArrays().size();
  }

  @Override
  public void saveState(Path file) {
    Map<String, long[]> all = new LinkedHashMap<>();
    Map<String, PtNDArray> arrays = new LinkedHashMap<>();
    collect("weight/", state.weights(), all, arrays);
    collect("first-moment/", state.firstMoments(), all, arrays);
    collect("second-moment/", state.secondMoments(), all, arrays);
    save(file, all, arrays, Map.of("format", STATE_FORMAT, "step", Integer.toString(step)));
  }

  @Override
  public void saveWeights(Path file) {
    Map<String, long[]> all = new LinkedHashMap<>();
    Map<String, PtNDArray> arrays = new LinkedHashMap<>();
    collect("", state.weights(), all, arrays);
    save(file, all, arrays, Map.of("format", "pt"));
  }

  private void collect(
      String prefix,
      List<PtNDArray> from,
      Map<String, long[]> intoShapes,
      Map<String, PtNDArray> intoArrays) {
    int index = 0;
    for (Map.Entry<String, long[]> entry : shapes.entrySet()) {
      intoShapes.put(prefix + entry.getKey(), entry.getValue());
      intoArrays.put(prefix + entry.getKey(), from.get(index++));
    }
  }

  private void save(
      Path file,
      Map<String, long[]> all,
      Map<String, PtNDArray> arrays,
      Map<String, String> metadata) {
    onLane(
        0,
        file + " cannot be written",
        () -> {
          try (HostCopy copy = new HostCopy()) {
            Weights.write(file, all, name -> copy.of(arrays.get(name)), metadata);
          }
          return null;
        });
  }

  private <T> T onLane(int lane, String doing, Supplier<T> work) {
    return on(lanes.get(lane).thread(), doing, work);
  }

  private static <T> T on(ExecutorService thread, String doing, Supplier<T> work) {
    return join(CompletableFuture.supplyAsync(() -> NativeWork.guarded(work::get), thread), doing);
  }

  private static <T> T join(CompletableFuture<T> work, String doing) {
    try {
      return work.join();
    } catch (CompletionException e) {
      throw TorchEngine.failure(doing, e.getCause());
    }
  }

  @Override
  public void close() {
    for (Lane lane : lanes) {
      lane.thread().shutdown();
    }
    for (Lane lane : lanes) {
      lane.decoder().close();
    }
    manager.close();
    base.ifPresent(TorchBases.Lease::close);
    TorchEngine.giveBackMemory(device);
  }
}
