package polyphony.activities.plan;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.StoreInFolder;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.Arithmetic;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.MemoryPlan;
import polyphony.activities.lm.NewLanguageModel;
import polyphony.activities.lm.TinyModels;
import polyphony.activities.pretrain.CompactDialect;
import polyphony.storage.ArtifactRef;
import polyphony.workflows.Experiment;
import polyphony.workflows.ModelDefaults;
import polyphony.workflows.PolyphonyDataConverter;
import polyphony.workflows.SpecDefaults;

/** Prompts of 128 tokens, answers of 64. */
class MemoryNeedTest {
  private static final int CONTEXT = 1024;
  private static final int ROWS = 50;
  private static final int SLOTS = 2;

  @TempDir private Path folder;

  private LanguageModel model(String name, int context) {
    int vocabulary = NewLanguageModel.vocabularySize(CompactDialect.ALPHABET);
    return TinyModels.random(
        folder.resolve(name),
        new DecoderConfig(vocabulary, 24, 2, 6, 2, 4, 40, 10000.0, 1e-5, context, false),
        1);
  }

  private Experiment experiment(String fields) {
    ArtifactRef some = new StoreInFolder(folder).lines(List.of("some"));
    return new Experiment(
        "mine",
        SpecDefaults.complete(
            PolyphonyDataConverter.parse("{\"sampling\": {\"maxNewTokens\": 64}, " + fields + "}"),
            ModelDefaults.NONE),
        some,
        some,
        some,
        some,
        new Experiment.BatchPlan(250, ROWS),
        Map.of());
  }

  /** With a base model whose answers are scored by itself alone. */
  private static long untuned(LanguageModel base, int prompt, int text) {
    return Math.max(
        MemoryPlan.sampling(base, ROWS, prompt, 64).bytes(SLOTS),
        MemoryPlan.scoring(base, 1, ROWS, text, ROWS * 64).bytes(SLOTS));
  }

  private long need(LanguageModel base, String fields) {
    return MemoryNeed.of(Arithmetic.CPU, base, Optional.empty(), experiment(fields), SLOTS);
  }

  @Test
  void withoutSummariesACriticReadsEverybodysAnswers() {
    LanguageModel base = model("base", CONTEXT);
    int prompt = 128 + 6 * 64 + 128;
    assertThat(
            need(
                base, "\"method\": \"debate\", \"agents\": 6, \"rounds\": 2, \"summaries\": false"))
        .isEqualTo(untuned(base, prompt, prompt + 64));
  }

  @Test
  void withSummariesWhoeverSummarisesReadsMost() {
    LanguageModel base = model("base", CONTEXT);
    assertThat(
            need(base, "\"method\": \"debate\", \"agents\": 9, \"rounds\": 2, \"summaries\": true"))
        .isEqualTo(untuned(base, 128 + 8 * 64, 128 + 2 * 64 + 128 + 64));
  }

  @Test
  void aConversationGrowsByRoundsAndEndsWithTheContext() {
    LanguageModel base = model("base", CONTEXT);
    assertThat(
            need(
                base, "\"method\": \"debate\", \"agents\": 2, \"rounds\": 3, \"summaries\": false"))
        .isEqualTo(untuned(base, 128 + 2 * 256, 128 + 2 * 256 + 64));
    assertThat(
            need(
                base,
                "\"method\": \"debate\", \"agents\": 16, \"rounds\": 2, \"summaries\": false"))
        .isEqualTo(untuned(base, CONTEXT - 64, CONTEXT));
    assertThat(need(base, "\"method\": \"majority\", \"agents\": 16"))
        .isEqualTo(untuned(base, 128, 128 + 64));
  }

  @Test
  void aJudgeIsOpenBesideTheModelsThatScore() {
    LanguageModel base = model("base", CONTEXT);
    // It reads no more than its own context.
    LanguageModel judge = model("judge", 160);
    long together =
        SLOTS * 4 * base.config().parameters()
            + MemoryPlan.scoring(judge, 1, ROWS, 160, ROWS * 64).bytes(SLOTS);
    String fields = "\"method\": \"base\"";
    assertThat(MemoryNeed.of(Arithmetic.CPU, base, Optional.of(judge), experiment(fields), SLOTS))
        .isEqualTo(Math.max(need(base, fields), together));
    LanguageModel large =
        TinyModels.random(
            folder.resolve("large"),
            new DecoderConfig(
                NewLanguageModel.vocabularySize(CompactDialect.ALPHABET),
                240,
                2,
                6,
                2,
                40,
                400,
                10000.0,
                1e-5,
                CONTEXT,
                false),
            1);
    assertThat(MemoryNeed.of(Arithmetic.CPU, base, Optional.of(large), experiment(fields), SLOTS))
        .isEqualTo(
            SLOTS * 4 * base.config().parameters()
                + MemoryPlan.scoring(large, 1, ROWS, 192, ROWS * 64).bytes(SLOTS))
        .isGreaterThan(need(base, fields));
  }

  @Test
  void whatTrainsNeedsAtLeastWhatItsScoringNeeds() {
    LanguageModel base = model("base", CONTEXT);
    assertThat(need(base, "\"method\": \"multiagent-ft\""))
        .isGreaterThanOrEqualTo(
            MemoryPlan.scoring(base, 4, ROWS, 128 + 2 * 64 + 128 + 64, ROWS * 64).bytes(SLOTS));
  }

  @Test
  void agentsWithAdaptersScoreTogetherOverOneBase() {
    LanguageModel base = model("base", CONTEXT);
    AdapterConfig adapter = new AdapterConfig(8, 16, 0, base.config().linearLayers());
    // Generators and critics over the base; seven of them score an answer in one call.
    MemoryPlan scoring =
        MemoryPlan.scoring(
            base,
            1,
            Collections.nCopies(12, adapter),
            7 * ROWS,
            128 + 2 * 64 + 128 + 64,
            7 * ROWS * 64);
    // In a round those of one role speak. A summariser reads what five others said.
    MemoryPlan sampling =
        MemoryPlan.sampling(base, Collections.nCopies(6, adapter), ROWS, 128 + 5 * 64, 64);
    // Eight texts, which fit into one micro-batch.
    MemoryPlan training =
        MemoryPlan.training(
            base, Optional.of(adapter), false, 1, 8 * (128 + 2 * 64 + 128 + 64), 8 * 64);
    assertThat(need(base, "\"agents\": 6, \"training\": {\"tuning\": \"lora\"}"))
        .isEqualTo(
            Stream.of(sampling, scoring, training)
                .mapToLong(each -> each.bytes(SLOTS))
                .max()
                .orElseThrow());
    assertThat(need(base, "\"agents\": 6, \"training\": {\"critic\": {\"tuning\": \"lora\"}}"))
        .as("generators are tuned in full")
        .isEqualTo(need(base, "\"agents\": 6"));
  }
}
