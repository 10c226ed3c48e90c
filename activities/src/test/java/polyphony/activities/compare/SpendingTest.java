package polyphony.activities.compare;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.storage.Artifacts;
import polyphony.storage.FolderObjectStore;
import polyphony.storage.LocalCache;
import polyphony.storage.ObjectStore;
import polyphony.storage.Step;
import polyphony.storage.Steps;
import polyphony.storage.Worker;
import polyphony.workflows.ComparisonResult;

class SpendingTest {
  @TempDir private Path folder;
  private ObjectStore store;
  private Steps steps;

  @BeforeEach
  void open() {
    store = new FolderObjectStore(folder.resolve("store"));
    Artifacts artifacts = new Artifacts(store, new LocalCache(folder.resolve("cache"), 1 << 20));
    steps = new Steps(store, artifacts, Worker.here("cpu", Map.of()), java.time.Clock.systemUTC());
  }

  private Step step(String name, Map<String, Object> inputs, Map<String, Double> usage)
      throws Exception {
    Step step = new Step(name, 1, inputs);
    steps.run(
        step,
        String.class,
        attempt -> {
          usage.forEach(attempt::usage);
          return java.util.Optional.of("done");
        });
    return step;
  }

  private void used(String iteration, Step step) {
    steps.use("mine", "mine/" + iteration, step);
  }

  @Test
  void whatOneIterationAndThoseBeforeItCostIsSummedUp() throws Exception {
    Step labels =
        step("debate", Map.of("purpose", "finetune", "n", 1), Map.of("sampledTokens", 100.0));
    Step more =
        step("debate-round", Map.of("purpose", "finetune", "n", 2), Map.of("sampledTokens", 50.0));
    Step untuned = step("debate", Map.of("purpose", "evaluate"), Map.of("sampledTokens", 40.0));
    Step tuned =
        step("debate", Map.of("purpose", "evaluate", "n", 1), Map.of("sampledTokens", 60.0));
    Step training = step("train-critic", Map.of(), Map.of("tokens", 900.0, "trainedTokens", 300.0));
    Step measured = step("evaluate", Map.of(), Map.of("sampledTokens", 5000.0));
    used("iteration-000", untuned);
    used("iteration-001", labels);
    used("iteration-001", training);
    used("iteration-001", tuned);
    used("iteration-001", measured);
    used("iteration-002", more);
    Spending spending = Spending.read(store, "mine");
    assertThat(spending.until(0, 4))
        .usingRecursiveComparison()
        .ignoringFields("deviceSeconds")
        .isEqualTo(new ComparisonResult.Budget(0, 0, 10, 0));
    assertThat(spending.until(1, 4))
        .usingRecursiveComparison()
        .ignoringFields("deviceSeconds")
        .isEqualTo(new ComparisonResult.Budget(100, 300, 15, 0));
    assertThat(spending.until(2, 4).sampledTokens()).isEqualTo(150);
    assertThat(spending.until(2, 4).deviceSeconds()).isNotNegative();
  }

  @Test
  void whereAStepsManifestIsGoneTheSumIsNotKnown() throws Exception {
    Step step = step("debate", Map.of("purpose", "finetune"), Map.of("sampledTokens", 1.0));
    used("iteration-000", step);
    assertThat(Spending.read(store, "mine").until(0, 1)).isNotNull();
    store.delete("steps/" + step.key() + ".json");
    assertThat(Spending.read(store, "mine").until(0, 1)).isNull();
  }

  @Test
  void aDamagedNoteMakesTheSumUnknownToo() {
    store.write(
        "uses/mine/" + "a".repeat(64) + ".json", "damaged".getBytes(StandardCharsets.UTF_8));
    assertThat(Spending.read(store, "mine").until(0, 1)).isNull();
  }

  @Test
  void ofAnExperimentThatNotedNothingNothingIsKnown() {
    assertThat(Spending.read(store, "older").until(0, 1)).isNull();
    assertThat(List.of(store.list("uses/older/"))).containsExactly(List.of());
  }
}
