package polyphony.activities.debate;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import polyphony.activities.Checkpoints;
import polyphony.activities.lm.Adapter;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.ChatFormat;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.MemoryPlan;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.Tokenizer;
import polyphony.storage.ArtifactRef;

/**
 * Language models over one base that take part in a debate. Their weights are loaded together when
 * one of them first speaks: an attempt that finds everything sampled needs the tokenizer alone.
 */
final class Speakers implements AutoCloseable {
  /** By the hash of their checkpoints, in the order in which the sampler has them. */
  private final Map<String, LanguageModel> models = new LinkedHashMap<>();

  private final LanguageModelRuntime runtime;
  private Tokenizer tokenizer;
  private ChatFormat format;
  private Sampler sampler;
  private long room;

  private Speakers(LanguageModelRuntime runtime) {
    this.runtime = runtime;
  }

  /**
   * Opens models, each once.
   *
   * @return those of one base together, in the order in which they are first named
   */
  static List<Speakers> open(
      List<ArtifactRef> models, Checkpoints checkpoints, LanguageModelRuntime runtime) {
    Map<String, LanguageModel> opened = new LinkedHashMap<>();
    models.forEach(each -> opened.computeIfAbsent(each.sha256(), key -> checkpoints.open(each)));
    Map<Path, Speakers> byBase = new LinkedHashMap<>();
    opened.forEach(
        (key, model) ->
            byBase
                .computeIfAbsent(model.folder(), base -> new Speakers(runtime))
                .models
                .put(key, model));
    return List.copyOf(byBase.values());
  }

  boolean include(ArtifactRef model) {
    return models.containsKey(model.sha256());
  }

  /** A model's place among them. */
  int place(ArtifactRef model) {
    return List.copyOf(models.keySet()).indexOf(model.sha256());
  }

  private LanguageModel first() {
    return models.values().iterator().next();
  }

  Tokenizer tokenizer() {
    if (tokenizer == null) {
      tokenizer = first().tokenizer();
    }
    return tokenizer;
  }

  ChatFormat format() {
    if (format == null) {
      format = first().chatFormat(tokenizer());
    }
    return format;
  }

  /** Tokens of the longest conversation, answer included. */
  int context() {
    return first().config().maxPositions();
  }

  /**
   * @param rows prompts of the largest batch that there will be
   * @param promptTokens of the longest of them
   */
  private MemoryPlan plan(int rows, int promptTokens, int maxNewTokens) {
    int newTokens = Math.max(1, Math.min(maxNewTokens, context() - promptTokens));
    List<AdapterConfig> adapters =
        models.values().stream()
            .flatMap(each -> each.adapter().stream())
            .map(Adapter::config)
            .toList();
    return MemoryPlan.sampling(
        runtime.arithmetic(), first(), adapters, rows, promptTokens, newTokens);
  }

  /** Whether there is room for so much, as it is planned, or was before. */
  boolean fits(int rows, int promptTokens, int maxNewTokens) {
    MemoryPlan plan = plan(rows, promptTokens, maxNewTokens);
    return plan.bytes() <= room || plan.fits(runtime.memory());
  }

  /**
   * @param rows prompts of the largest batch that there will be
   * @param promptTokens of the longest of them
   * @throws polyphony.storage.PolyphonyException OUT_OF_MEMORY where it could not be sampled
   */
  Sampler sampler(int rows, int promptTokens, int maxNewTokens) {
    MemoryPlan plan = plan(rows, promptTokens, maxNewTokens);
    if (plan.bytes() > room) {
      runtime.requireRoom(plan);
      room = plan.bytes();
    }
    if (sampler == null) {
      sampler = runtime.sampler(List.copyOf(models.values()));
    }
    return sampler;
  }

  /** Gives the weights' memory back, until one of them speaks again. */
  void release() {
    if (sampler != null) {
      sampler.close();
      sampler = null;
      room = 0;
    }
  }

  @Override
  public void close() {
    try {
      release();
    } finally {
      if (tokenizer != null) {
        tokenizer.close();
      }
    }
  }
}
