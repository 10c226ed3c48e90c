package polyphony.activities.lm;

import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/**
 * What a piece of work with a decoder takes of a process's memory at its peak, reckoned before
 * anything is loaded. On the CPU: weights are 32-bit floats, whatever the file holds.
 *
 * <p>The terms are those of the graphs and of the training script; the shares that are not exact
 * (allocators' rounding, the program itself) were measured. {@code deploy/experiments.md} has the
 * plan beside what was measured.
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

  /** ONNX Runtime's arena grows in powers of two; libtorch's memory is glibc's, and fragments. */
  private static final double ARENA = 1.25;

  private static final double FRAGMENTS = 1.1;

  public MemoryPlan {
    parts = Collections.unmodifiableMap(new LinkedHashMap<>(parts));
  }

  /**
   * Drawing continuations.
   *
   * @param rows prompts of a batch
   * @param promptTokens of the longest prompt
   * @param newTokens of the longest continuation
   */
  public static MemoryPlan sampling(
      LanguageModel model, int rows, int promptTokens, int newTokens) {
    DecoderConfig config = model.config();
    long tokens = promptTokens + (long) newTokens;
    // A later run begins with all that the earlier ones have drawn.
    long columns = promptTokens + (long) (newTokens - 1) / STEPS_PER_RUN * STEPS_PER_RUN;
    long cache =
        2 * FLOAT * config.layers() * config.keyValueHeads() * config.headSize() * rows * tokens;
    Map<String, Long> parts = new LinkedHashMap<>();
    // Each step reads one copy and writes the next.
    parts.put("key-value cache", share(ARENA, 2 * cache));
    parts.put("activations", share(ARENA, activations(config, rows, columns)));
    // Logits, their 32-bit and 64-bit transforms, and the search of the nucleus.
    parts.put("logits", share(ARENA, 12 * FLOAT * rows * config.vocabularySize()));
    return new MemoryPlan(
        "sampling " + rows + " answers of up to " + newTokens + " tokens after " + promptTokens,
        session(model, 1, parts),
        "lower sampling.maxNewTokens, run fewer steps at a time (POLYPHONY_SLOTS), or use a worker"
            + " with more memory");
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
      LanguageModel model, int sessions, int rows, int tokens, long scored) {
    DecoderConfig config = model.config();
    long together = Math.max(1, Math.min(rows, TOKENS_PER_SCORING / tokens));
    long inRun = (scored * together + rows - 1) / rows;
    Map<String, Long> parts = new LinkedHashMap<>();
    parts.put("activations", share(ARENA, activations(config, together, tokens)));
    // In a run the logits and their logarithms. In Java a run's, and those of the batch: of the
    // model that wrote a text and of the one that judges it.
    long each = FLOAT * config.vocabularySize();
    parts.put("distributions", share(ARENA, each * 2 * inRun) + each * (inRun + 2 * scored));
    return new MemoryPlan(
        "scoring " + rows + " texts of up to " + tokens + " tokens",
        session(model, sessions, parts),
        "lower sampling.maxNewTokens, run fewer steps at a time (POLYPHONY_SLOTS), or use a worker"
            + " with more memory");
  }

  /**
   * Encoding texts, those of like length together.
   *
   * @param tokens of the longest text
   */
  public static MemoryPlan encoding(EncoderModel model, int tokens) {
    EncoderConfig config = model.config();
    long weights =
        FLOAT
            * config.weightShapes().values().stream()
                .mapToLong(shape -> Arrays.stream(shape).reduce(1, Math::multiplyExact))
                .sum();
    long inner = (long) config.heads() * config.headSize();
    long columns = Math.max(1, tokens);
    long rows = Math.max(1, TOKENS_PER_SCORING / columns);
    long perToken = 3L * config.hiddenSize() + 7 * inner + 3L * config.intermediateSize();
    long run = share(ARENA, FLOAT * rows * columns * (perToken + 2L * config.heads() * columns));
    Map<String, Long> parts = new LinkedHashMap<>();
    parts.put("weights", weights);
    parts.put("activations", run);
    // Laid out anew for the processor while the first copy is still there, as in a decoder.
    parts.put("loading", Math.max(0, weights - run));
    parts.put("program", PROGRAM);
    return new MemoryPlan(
        "encoding texts of up to " + tokens + " tokens",
        parts,
        "name a smaller embeddingModel, or use a worker with more memory");
  }

  /**
   * Finetuning every weight, activations kept.
   *
   * @see #training(LanguageModel, Optional, boolean, int, long, long)
   */
  public static MemoryPlan training(LanguageModel model, int lanes, long tokens, long trained) {
    return training(model, Optional.empty(), false, lanes, tokens, trained);
  }

  /**
   * Finetuning.
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
    DecoderConfig config = model.config();
    long weights = FLOAT * config.parameters();
    long own = adapter.map(each -> FLOAT * each.parameters(config)).orElse(weights);
    Map<String, Long> parts = new LinkedHashMap<>();
    parts.put("weights", adapter.isPresent() ? weights + own : weights);
    parts.put("gradients", lanes * own);
    parts.put("optimizer", 2 * own);
    // Of the blocks that are not being computed, their inputs remain.
    long perToken = kept(config) + adapter.map(each -> kept(config, each)).orElse(0L);
    long perLayers =
        recompute
            ? perToken + (long) config.layers() * config.hiddenSize()
            : config.layers() * perToken;
    parts.put("activations", share(FRAGMENTS, lanes * FLOAT * tokens * perLayers));
    parts.put("logits", share(FRAGMENTS, 3L * lanes * FLOAT * trained * config.vocabularySize()));
    // A weight's gradient in a micro-batch, before it is added to those before.
    parts.put("working memory", lanes * FLOAT * largestWeight(config));
    parts.put("program", PROGRAM + TORCH);
    return new MemoryPlan(
        "training with micro-batches of " + tokens + " tokens",
        parts,
        "lower training.batchSize or sampling.maxNewTokens, run fewer steps at a time"
            + " (POLYPHONY_SLOTS), or use a worker with more memory");
  }

  /**
   * The parts of work with loaded graphs.
   *
   * @param running what a run takes
   */
  private static Map<String, Long> session(
      LanguageModel model, int sessions, Map<String, Long> running) {
    DecoderConfig config = model.config();
    long weights = FLOAT * config.parameters();
    boolean converted =
        model.weights().tensors().values().stream().anyMatch(each -> !each.type().equals("F32"));
    Map<String, Long> parts = new LinkedHashMap<>();
    parts.put("weights", sessions * weights);
    parts.putAll(running);
    // Matrices are laid out anew for the processor while the file, or what it was converted to, is
    // still there; only then is that given back. No run needs memory at that time.
    long loading = weights - FLOAT * embedding(config) + (converted ? stored(model) : 0);
    long run = running.values().stream().mapToLong(Long::longValue).sum();
    parts.put("loading", Math.max(0, loading - run));
    parts.put("program", PROGRAM);
    return parts;
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
        .mapToLong(shape -> Arrays.stream(shape).reduce(1, Math::multiplyExact))
        .max()
        .orElseThrow();
  }

  /** Bytes of a forward pass that keeps nothing: one layer's, with its attention scores. */
  private static long activations(DecoderConfig config, long rows, long columns) {
    long queries = (long) config.heads() * config.headSize();
    long keys = (long) config.keyValueHeads() * config.headSize();
    long perToken =
        3L * config.hiddenSize() + 3 * queries + 4 * keys + 3L * config.intermediateSize();
    return FLOAT * rows * columns * (perToken + config.heads() * columns);
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
    return PROGRAM
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
