package polyphony.activities.lm;

import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/**
 * What a piece of work with a decoder takes of a process's memory at its peak, or on a GPU of the
 * GPU's, reckoned before anything is loaded. {@link Arithmetic} says what a number takes there,
 * whatever the file holds.
 *
 * <p>The terms are those of the graphs and of the training script; the shares that are not exact
 * (allocators' rounding, the program itself) were measured on the CPU, and are assumed on a GPU.
 * {@code deploy/experiments.md} has the plan beside what was measured.
 *
 * @param work what is done, for people
 * @param parts bytes by what they hold, in a fixed order
 * @param remedy what to change where it does not fit
 */
public record MemoryPlan(String work, Map<String, Long> parts, String remedy) {
  /** New tokens of one run of the sampling graph, at most. */
  public static final int STEPS_PER_RUN = 256;

  /** Tokens of one run of the scoring graph, at most; one text at least. */
  public static final int TOKENS_PER_SCORING = 2048;

  private static final long FLOAT = 4;
  private static final long MIB = 1 << 20;

  /**
   * The JVM with its libraries and a heap that holds no model. A Temporal service in the same
   * process, and what else an experiment needs, take some 200 MB more.
   */
  private static final long PROGRAM = 150 * MIB;

  /** libtorch, which sampling does not load. */
  private static final long TORCH = 120 * MIB;

  /** What CUDA itself takes of a GPU with ONNX Runtime's kernels and cuBLAS's workspace. */
  private static final long CUDA = 700 * MIB;

  /** The same of libtorch's kernels. */
  private static final long CUDA_TORCH = 300 * MIB;

  /** ONNX Runtime's arena grows in powers of two; libtorch's memory is glibc's, and fragments. */
  private static final double ARENA = 1.25;

  private static final double FRAGMENTS = 1.1;

  /**
   * Where blocks are computed again, one's activations and gradients, and in how many pieces those
   * before it left what they freed. Of the other blocks only the inputs remain.
   */
  private static final int BLOCKS_AT_ONCE = 4;

  public MemoryPlan {
    parts = Collections.unmodifiableMap(new LinkedHashMap<>(parts));
  }

  /** Drawing continuations on the CPU. */
  public static MemoryPlan sampling(
      LanguageModel model, int rows, int promptTokens, int newTokens) {
    return sampling(Arithmetic.CPU, model, rows, promptTokens, newTokens);
  }

  /**
   * Drawing continuations.
   *
   * @param rows prompts of a batch
   * @param promptTokens of the longest prompt
   * @param newTokens of the longest continuation
   */
  public static MemoryPlan sampling(
      Arithmetic arithmetic, LanguageModel model, int rows, int promptTokens, int newTokens) {
    return sampling(
        arithmetic, model.config(), loading(arithmetic, model), rows, promptTokens, newTokens);
  }

  /** The same on a GPU, where nothing but the model's description matters. */
  public static MemoryPlan sampling(
      Arithmetic gpu, DecoderConfig config, int rows, int promptTokens, int newTokens) {
    return sampling(gpu, config, 0, rows, promptTokens, newTokens);
  }

  private static MemoryPlan sampling(
      Arithmetic arithmetic,
      DecoderConfig config,
      long loading,
      int rows,
      int promptTokens,
      int newTokens) {
    long tokens = promptTokens + (long) newTokens;
    // A later run begins with all that the earlier ones have drawn.
    long columns = promptTokens + (long) (newTokens - 1) / STEPS_PER_RUN * STEPS_PER_RUN;
    long cache =
        2
            * arithmetic.bytesPerNumber()
            * config.layers()
            * config.keyValueHeads()
            * config.headSize()
            * rows
            * tokens;
    Map<String, Long> parts = new LinkedHashMap<>();
    // Each step reads one copy and writes the next.
    parts.put("key-value cache", share(ARENA, 2 * cache));
    parts.put("activations", share(ARENA, activations(arithmetic, config, rows, columns)));
    // Logits, their 32-bit and 64-bit transforms, and the search of the nucleus.
    parts.put("logits", share(ARENA, 12 * FLOAT * rows * config.vocabularySize()));
    return new MemoryPlan(
        "sampling " + rows + " answers of up to " + newTokens + " tokens after " + promptTokens,
        session(arithmetic, config, loading, 1, parts),
        "lower sampling.maxNewTokens, run fewer steps at a time (POLYPHONY_SLOTS), or use a worker"
            + " with more memory");
  }

  /** Scoring given texts on the CPU. */
  public static MemoryPlan scoring(
      LanguageModel model, int sessions, int rows, int tokens, long scored) {
    return scoring(Arithmetic.CPU, model, sessions, rows, tokens, scored);
  }

  /**
   * Scoring given texts.
   *
   * @param sessions models that are open at a time
   * @param rows texts of a batch
   * @param tokens of the longest text
   * @param scored tokens of the whole batch whose distributions are wanted
   */
  public static MemoryPlan scoring(
      Arithmetic arithmetic, LanguageModel model, int sessions, int rows, int tokens, long scored) {
    DecoderConfig config = model.config();
    long together = Math.max(1, Math.min(rows, TOKENS_PER_SCORING / tokens));
    long inRun = (scored * together + rows - 1) / rows;
    Map<String, Long> parts = new LinkedHashMap<>();
    parts.put("activations", share(ARENA, activations(arithmetic, config, together, tokens)));
    // In a run the logits and their logarithms. In Java a run's, and those of the batch: of the
    // model that wrote a text and of the one that judges it.
    long each = FLOAT * config.vocabularySize();
    // On a GPU Java's are in the machine's memory.
    long inJava = arithmetic.onGpu() ? 0 : each * (inRun + 2 * scored);
    parts.put("distributions", share(ARENA, each * 2 * inRun) + inJava);
    return new MemoryPlan(
        "scoring " + rows + " texts of up to " + tokens + " tokens",
        session(arithmetic, config, loading(arithmetic, model), sessions, parts),
        "lower sampling.maxNewTokens, run fewer steps at a time (POLYPHONY_SLOTS), or use a worker"
            + " with more memory");
  }

  /**
   * As {@link #sampling(LanguageModel, int, int, int)}, of models over one base together.
   *
   * @param adapters those of all models
   */
  public static MemoryPlan sampling(
      LanguageModel model,
      List<AdapterConfig> adapters,
      int rows,
      int promptTokens,
      int newTokens) {
    return sampling(Arithmetic.CPU, model, adapters, rows, promptTokens, newTokens);
  }

  /** The same with any arithmetic. */
  public static MemoryPlan sampling(
      Arithmetic arithmetic,
      LanguageModel model,
      List<AdapterConfig> adapters,
      int rows,
      int promptTokens,
      int newTokens) {
    long columns = promptTokens + (long) (newTokens - 1) / STEPS_PER_RUN * STEPS_PER_RUN;
    return sampling(arithmetic, model, rows, promptTokens, newTokens)
        .with(arithmetic, adapters, model.config(), rows * columns);
  }

  /**
   * As {@link #scoring(LanguageModel, int, int, int, long)}, by models over one base together.
   *
   * @param sessions bases that are open at a time
   * @param adapters those of all models
   */
  public static MemoryPlan scoring(
      LanguageModel model,
      int sessions,
      List<AdapterConfig> adapters,
      int rows,
      int tokens,
      long scored) {
    return scoring(Arithmetic.CPU, model, sessions, adapters, rows, tokens, scored);
  }

  /** The same with any arithmetic. */
  public static MemoryPlan scoring(
      Arithmetic arithmetic,
      LanguageModel model,
      int sessions,
      List<AdapterConfig> adapters,
      int rows,
      int tokens,
      long scored) {
    return scoring(arithmetic, model, sessions, rows, tokens, scored)
        .with(arithmetic, adapters, model.config(), Math.max(TOKENS_PER_SCORING, tokens));
  }

  /**
   * The same work with adapters beside each other.
   *
   * @param tokens of a run that are computed at a time
   */
  private MemoryPlan with(
      Arithmetic arithmetic, List<AdapterConfig> adapters, DecoderConfig base, long tokens) {
    if (adapters.isEmpty()) {
      return this;
    }
    TreeSet<String> targets = new TreeSet<>();
    adapters.forEach(adapter -> targets.addAll(adapter.targets()));
    long rank = adapters.stream().mapToLong(AdapterConfig::rank).sum();
    long sides = 0;
    long widest = 0;
    for (long[] shape : base.linearLayers(targets).values()) {
      sides += shape[0] + shape[1];
      widest = Math.max(widest, shape[0]);
    }
    long number = arithmetic.bytesPerNumber();
    // An adapter has zeros where another one has a target that it has not.
    long matrices = number * rank * sides;
    Map<String, Long> all = new LinkedHashMap<>();
    parts.forEach(
        (name, bytes) -> {
          all.put(name, bytes);
          if (name.equals("weights")) {
            all.put("adapters", matrices);
          }
        });
    // What the As make of a token, before and after its mask, and what the Bs make of that.
    all.merge("activations", share(ARENA, number * tokens * (3 * rank + widest)), Long::sum);
    return new MemoryPlan(work, all, remedy);
  }

  /** Encoding texts on the CPU. */
  public static MemoryPlan encoding(EncoderModel model, int tokens) {
    return encoding(Arithmetic.CPU, model, tokens);
  }

  /**
   * Encoding texts, those of like length together, in 32-bit floats.
   *
   * @param tokens of the longest text
   */
  public static MemoryPlan encoding(Arithmetic arithmetic, EncoderModel model, int tokens) {
    EncoderConfig config = model.config();
    long weights =
        FLOAT * config.weightShapes().values().stream().mapToLong(MemoryPlan::numbers).sum();
    long inner = (long) config.heads() * config.headSize();
    long columns = Math.max(1, tokens);
    long rows = Math.max(1, TOKENS_PER_SCORING / columns);
    long perToken = 3L * config.hiddenSize() + 7 * inner + 3L * config.intermediateSize();
    long run = share(ARENA, FLOAT * rows * columns * (perToken + 2L * config.heads() * columns));
    Map<String, Long> parts = new LinkedHashMap<>();
    parts.put("weights", weights);
    parts.put("activations", run);
    // Laid out anew for the processor while the first copy is still there, as in a decoder.
    parts.put("loading", arithmetic.onGpu() ? 0 : Math.max(0, weights - run));
    parts.put("program", program(arithmetic));
    return new MemoryPlan(
        "encoding texts of up to " + tokens + " tokens",
        parts,
        "name a smaller embeddingModel, or use a worker with more memory");
  }

  /**
   * Finetuning every weight on the CPU, activations kept.
   *
   * @see #training(LanguageModel, Optional, boolean, int, long, long)
   */
  public static MemoryPlan training(LanguageModel model, int lanes, long tokens, long trained) {
    return training(model, Optional.empty(), false, lanes, tokens, trained);
  }

  /**
   * Finetuning on the CPU.
   *
   * @param adapter what is trained; empty where every weight is
   * @param recompute whether the activations within a block are computed again for the gradient
   * @param lanes micro-batches that are computed at a time
   * @param tokens of the largest micro-batch, padding included
   * @param trained tokens of it that count in the loss
   */
  public static MemoryPlan training(
      LanguageModel model,
      Optional<AdapterConfig> adapter,
      boolean recompute,
      int lanes,
      long tokens,
      long trained) {
    return training(Arithmetic.CPU, model.config(), adapter, recompute, lanes, tokens, trained);
  }

  /** The same with any arithmetic. */
  public static MemoryPlan training(
      Arithmetic arithmetic,
      DecoderConfig config,
      Optional<AdapterConfig> adapter,
      boolean recompute,
      int lanes,
      long tokens,
      long trained) {
    long number = arithmetic.bytesPerNumber();
    long all = config.parameters();
    long own = adapter.map(each -> each.parameters(config)).orElse(all);
    Map<String, Long> parts = new LinkedHashMap<>();
    // What is trained is in 32 bits, and so are its gradients and moments.
    parts.put("weights", FLOAT * own + (adapter.isPresent() ? number * all : 0));
    parts.put("gradients", lanes * FLOAT * own);
    parts.put("optimizer", 2 * FLOAT * own);
    long perBlock = kept(config) + adapter.map(each -> kept(config, each)).orElse(0L);
    long perToken =
        recompute
            ? Math.min(config.layers(), BLOCKS_AT_ONCE) * perBlock
                + (long) config.layers() * config.hiddenSize()
            : config.layers() * perBlock;
    parts.put("activations", share(FRAGMENTS, lanes * number * tokens * perToken));
    if (number < FLOAT && adapter.isEmpty()) {
      // Copies of the masters in 16 bits, which the gradients of what they multiply need.
      long copied =
          recompute
              ? block(config) + (long) config.vocabularySize() * config.hiddenSize()
              : all - embedding(config);
      parts.put("16-bit copies", share(FRAGMENTS, number * copied));
    }
    parts.put("logits", share(FRAGMENTS, 3L * lanes * FLOAT * trained * config.vocabularySize()));
    // A weight's gradient in a micro-batch, before it is added to those before.
    parts.put(
        "working memory",
        lanes
            * FLOAT
            * adapter
                .map(each -> (long) each.rank() * widest(config))
                .orElseGet(() -> largestWeight(config)));
    parts.put("program", program(arithmetic) + (arithmetic.onGpu() ? CUDA_TORCH : TORCH));
    return new MemoryPlan(
        "training with micro-batches of " + tokens + " tokens",
        parts,
        "lower training.batchSize or sampling.maxNewTokens, run fewer steps at a time"
            + " (POLYPHONY_SLOTS), or use a worker with more memory");
  }

  private static long block(DecoderConfig config) {
    return config.blockShapes().values().stream().mapToLong(MemoryPlan::numbers).sum();
  }

  /** The longest side of a matrix within a block. */
  private static long widest(DecoderConfig config) {
    return config.blockShapes().values().stream().flatMapToLong(Arrays::stream).max().orElseThrow();
  }

  /**
   * The parts of work with loaded graphs.
   *
   * @param loading as {@link #loading}
   * @param running what a run takes
   */
  private static Map<String, Long> session(
      Arithmetic arithmetic,
      DecoderConfig config,
      long loading,
      int sessions,
      Map<String, Long> running) {
    Map<String, Long> parts = new LinkedHashMap<>();
    parts.put("weights", sessions * arithmetic.bytesPerNumber() * config.parameters());
    parts.putAll(running);
    long run = running.values().stream().mapToLong(Long::longValue).sum();
    parts.put("loading", Math.max(0, loading - run));
    parts.put("program", program(arithmetic));
    return parts;
  }

  /**
   * What a session takes while it is made, beside its weights. Matrices are laid out anew for the
   * processor while the file, or what it was converted to, is still there; only then is that given
   * back. No run needs memory at that time. A GPU gets them as they are.
   */
  private static long loading(Arithmetic arithmetic, LanguageModel model) {
    if (arithmetic.onGpu()) {
      return 0;
    }
    DecoderConfig config = model.config();
    boolean converted =
        model.weights().tensors().values().stream().anyMatch(each -> !each.type().equals("F32"));
    return FLOAT * (config.parameters() - embedding(config)) + (converted ? stored(model) : 0);
  }

  private static long program(Arithmetic arithmetic) {
    return arithmetic.onGpu() ? CUDA : PROGRAM;
  }

  /** Bytes of the weights' file. */
  private static long stored(LanguageModel model) {
    return model.weights().tensors().values().stream().mapToLong(Weights.Tensor::bytes).sum();
  }

  private static long embedding(DecoderConfig config) {
    return config.tiedEmbeddings() ? 0 : (long) config.vocabularySize() * config.hiddenSize();
  }

  private static long largestWeight(DecoderConfig config) {
    return config.weightShapes().values().stream()
        .mapToLong(MemoryPlan::numbers)
        .max()
        .orElseThrow();
  }

  private static long numbers(long[] shape) {
    return Arrays.stream(shape).reduce(1, Math::multiplyExact);
  }

  /**
   * Bytes of a forward pass that keeps nothing: one layer's, with its attention scores where these
   * are not computed piece by piece.
   */
  private static long activations(
      Arithmetic arithmetic, DecoderConfig config, long rows, long columns) {
    long queries = (long) config.heads() * config.headSize();
    long keys = (long) config.keyValueHeads() * config.headSize();
    long perToken =
        3L * config.hiddenSize() + 3 * queries + 4 * keys + 3L * config.intermediateSize();
    long scores = arithmetic == Arithmetic.CUDA_BFLOAT16 ? 0 : config.heads() * columns;
    return arithmetic.bytesPerNumber() * rows * columns * (perToken + scores);
  }

  /**
   * Numbers that a layer keeps of each token for the gradient: the inputs of its two norms and what
   * the norms make of them, queries, keys and values before and after their rotation, the output of
   * attention in two layouts, and four of the feed-forward layer's width.
   */
  private static long kept(DecoderConfig config) {
    long queries = (long) config.heads() * config.headSize();
    long keys = (long) config.keyValueHeads() * config.headSize();
    long repeated = config.heads() == config.keyValueHeads() ? 0 : 2 * queries;
    return 6L * config.hiddenSize()
        + 4 * queries
        + 3 * keys
        + repeated
        + 4L * config.intermediateSize();
  }

  /**
   * The same of what an adapter adds to that: with dropout its input, as far as it is left in, with
   * a byte that says so.
   */
  private static long kept(DecoderConfig config, AdapterConfig adapter) {
    long inputs = 0;
    for (Map.Entry<String, long[]> layer : config.linearLayers(0).entrySet()) {
      if (adapter.adapts(layer.getKey())) {
        inputs += layer.getValue()[1];
      }
    }
    return adapter.dropout() > 0 ? inputs + inputs / FLOAT : 0;
  }

  private static long share(double factor, long bytes) {
    return (long) (factor * bytes);
  }

  /**
   * Several pieces of this work at a time in one process.
   *
   * @return bytes
   */
  public long bytes(int atOnce) {
    long program = parts.get("program");
    return program + atOnce * (bytes() - program);
  }

  /** Bytes of different pieces of work whose models are open in one process together. */
  public static long together(List<MemoryPlan> plans) {
    return plans.stream().mapToLong(each -> each.parts.get("program")).max().orElse(PROGRAM)
        + plans.stream().mapToLong(each -> each.bytes() - each.parts.get("program")).sum();
  }

  /** All parts together. */
  public long bytes() {
    return parts.values().stream().mapToLong(Long::longValue).sum();
  }

  /** Whether {@code available} bytes are enough. */
  public boolean fits(long available) {
    return bytes() <= available;
  }

  /**
   * @param available what the work may use in all, in bytes; see {@link AvailableMemory}
   * @throws PolyphonyException OUT_OF_MEMORY with the table, where this does not fit
   */
  public void requireFits(long available) {
    if (!fits(available)) {
      throw new PolyphonyException(
          ErrorClass.OUT_OF_MEMORY,
          this + "; a step may use " + gigabytes(available) + " GB: " + remedy);
    }
  }

  /** Such as {@code sampling … needs 2.50 GB of memory: weights 2.00, …}. */
  @Override
  public String toString() {
    return work
        + " needs "
        + gigabytes(bytes())
        + " GB of memory: "
        + parts.entrySet().stream()
            .map(part -> part.getKey() + " " + gigabytes(part.getValue()))
            .collect(Collectors.joining(", "));
  }

  private static String gigabytes(long bytes) {
    return String.format(Locale.ROOT, "%.2f", bytes / 1e9);
  }
}
