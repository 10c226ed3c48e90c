package polyphony.activities.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.StoreInFolder;
import polyphony.activities.WatchedObjectStore;
import polyphony.activities.evaluate.RecordStep;
import polyphony.storage.ArtifactRef;
import polyphony.storage.CanonicalJson;
import polyphony.storage.ObjectStore;
import polyphony.storage.Sealed;
import polyphony.storage.Step;
import polyphony.storage.StepManifest;
import polyphony.storage.Worker;
import polyphony.workflows.Debate;
import polyphony.workflows.Evaluate;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.Forecast;
import polyphony.workflows.IterationReport;
import polyphony.workflows.ModelDefaults;
import polyphony.workflows.PolyphonyDataConverter;
import polyphony.workflows.Purpose;
import polyphony.workflows.Role;
import polyphony.workflows.Society;
import polyphony.workflows.SpecDefaults;
import polyphony.workflows.Train;

/** What work costs by manifests, and what many steps cost together. */
class PlanTest {
  @TempDir private Path folder;
  private StoreInFolder store;
  private ArtifactRef some;
  private int attempts;

  @BeforeEach
  void open() {
    store = new StoreInFolder(folder);
    some = store.lines(List.of("some"));
  }

  private Experiment experiment(String name, ExperimentSpec asked) {
    return new Experiment(
        name,
        SpecDefaults.complete(asked, ModelDefaults.NONE),
        some,
        some,
        some,
        some,
        new Experiment.BatchPlan(250, 50),
        Map.of());
  }

  private Experiment recorded(String name, ExperimentSpec asked) {
    Experiment experiment = experiment(name, asked);
    store.store.write(
        "experiments/" + name + "/experiment.json", Sealed.seal(CanonicalJson.bytes(experiment)));
    return experiment;
  }

  /** Notes that an experiment used a step that took so long, of which a model worked a part. */
  private void measured(
      String experiment,
      String name,
      Object request,
      Object result,
      double wallSeconds,
      Double modelSeconds,
      String device) {
    Step step = new Step(name, 1, request);
    store.store.write(
        "steps/" + step.key() + ".json",
        Sealed.seal(
            CanonicalJson.bytes(
                new StepManifest(
                    name,
                    1,
                    step.key(),
                    json(request),
                    json(result),
                    List.of(new ArtifactRef("a".repeat(64), 1000, "x/x", "x")),
                    0,
                    "2026-11-01T00:00:00Z",
                    "2026-11-01T00:00:00Z",
                    wallSeconds,
                    modelSeconds == null
                        ? Map.of()
                        : Map.of(StepManifest.MODEL_SECONDS, modelSeconds),
                    new Worker("host", 1, device, Map.of())))));
    store.steps.use(experiment, experiment + "/iteration-001", step);
  }

  private static com.fasterxml.jackson.databind.JsonNode json(Object value) {
    return new com.fasterxml.jackson.databind.ObjectMapper()
        .valueToTree(
            new com.fasterxml.jackson.databind.ObjectMapper().convertValue(value, Object.class));
  }

  private Debate.Request debate(int round, int questions) {
    return new Debate.Request(
        attempts++,
        Purpose.FINETUNE,
        1,
        0,
        round,
        "arithmetic",
        some,
        0,
        questions,
        some,
        some,
        null,
        List.of(),
        SpecDefaults.complete(ExperimentSpec.empty(), ModelDefaults.NONE).sampling(),
        50,
        Map.of(),
        null,
        null,
        null);
  }

  private static final Map<String, Object> NO_RESULT = Map.of();

  private Train.Request train() {
    return new Train.Request(
        attempts++,
        Role.CRITIC,
        0,
        1,
        some,
        some,
        SpecDefaults.complete(ExperimentSpec.empty(), ModelDefaults.NONE)
            .training()
            .forRole(Role.CRITIC),
        Map.of());
  }

  private static ExperimentSpec withAgents(int agents) {
    return PolyphonyDataConverter.parse("{\"agents\": " + agents + "}");
  }

  private Rates rates() {
    return Rates.read(store.store, experiment("planned", ExperimentSpec.empty()), "cpu");
  }

  @Test
  void workCostsWhatItsUnitsTakeAndWhatLoadingTakes() {
    recorded("before", ExperimentSpec.empty());
    measured("before", "debate", debate(1, 100), NO_RESULT, 12, 10.0, "cpu");
    measured("before", "debate", debate(1, 50), NO_RESULT, 7, 5.0, "cpu");
    // The first step of a process.
    measured("before", "debate", debate(1, 50), NO_RESULT, 30, 5.5, "cpu");
    measured("before", "debate", debate(1, 50), NO_RESULT, 0.1, 0.1, "NVIDIA H200");

    Rates.Cost cost = rates().cost(Work.of(debate(1, 250))).orElseThrow();
    assertThat(cost.seconds()).isCloseTo(2 + 250 * 0.1, within(1e-9));
    assertThat(cost.bytes()).isCloseTo(250 * 20.0, within(1e-9));
    assertThat(rates().cost(Work.of(debate(2, 250)))).isEmpty();
  }

  @Test
  void aTrainingStoresAsMuchWhateverItsSize() {
    recorded("before", ExperimentSpec.empty());
    measured(
        "before",
        "train-critic",
        train(),
        new Train.Result(true, some, "w", some, 10, 0, 0, 0, null),
        11,
        10.0,
        "cpu");

    // 100 examples in batches of 8 are 13 steps, in 2 epochs 26.
    int steps = Work.steps(train(), 100);
    assertThat(steps).isEqualTo(26);
    Rates.Cost cost = rates().cost(Work.of(train(), steps)).orElseThrow();
    assertThat(cost.seconds()).isCloseTo(1 + 26, within(1e-9));
    assertThat(cost.bytes()).isEqualTo(1000);
  }

  @Test
  void theExperimentThatIsMostAlikeCounts() {
    recorded("another", withAgents(5));
    recorded("same", ExperimentSpec.empty());
    measured("another", "debate", debate(1, 10), NO_RESULT, 100, 100.0, "cpu");
    measured("same", "debate", debate(1, 10), NO_RESULT, 1, 1.0, "cpu");

    assertThat(rates().cost(Work.of(debate(1, 10))).orElseThrow().seconds()).isEqualTo(1);
  }

  @Test
  void examplesPerQuestionAreThoseOfTheSameIterationOrTheLastBeforeIt() {
    Experiment before = recorded("before", ExperimentSpec.empty());
    RecordStep record = new RecordStep(store.checkpoints, store.store);
    record.publish("before", report(0, List.of(), List.of()));
    record.publish("before", report(1, List.of(200, 300), List.of(100, 100)));
    record.publish("before", report(2, List.of(400, 400), List.of(150, 150)));

    assertThat(before.spec().task().train()).isEqualTo(500);
    assertThat(rates().share(Role.GENERATOR, 1)).hasValue(0.5);
    assertThat(rates().share(Role.CRITIC, 2)).hasValue(0.3);
    assertThat(rates().share(Role.GENERATOR, 7)).hasValue(0.8);
  }

  @Test
  void damagedRecordsCountForNothing() {
    recorded("another", withAgents(5));
    recorded("before", ExperimentSpec.empty());
    RecordStep record = new RecordStep(store.checkpoints, store.store);
    for (String experiment : List.of("another", "before")) {
      record.publish(experiment, report(0, List.of(), List.of()));
      record.publish(experiment, report(1, List.of(100), List.of(50)));
    }
    store.store.write("experiments/before/iteration-001.json", new byte[] {1});
    store.store.write("experiments/wrong/experiment.json", new byte[] {1});
    measured("before", "debate", debate(1, 10), NO_RESULT, 3, 3.0, "cpu");

    assertThat(rates().share(Role.CRITIC, 1)).hasValue(0.1);
    assertThat(rates().cost(Work.of(debate(1, 10))).orElseThrow().seconds()).isEqualTo(3);
  }

  @Test
  void noMoreIsReadThanAMedianNeedsInWhateverOrderItIsAskedFor() {
    recorded("another", withAgents(5));
    recorded("before", ExperimentSpec.empty());
    for (int i = 0; i < 90; i++) {
      measured("before", "debate", debate(1, 10), NO_RESULT, i, (double) i, "cpu");
      measured("another", "debate", debate(1, 10), NO_RESULT, 1000, 1000.0, "cpu");
    }
    for (int i = 0; i < 500; i++) {
      measured("another", "debate", debate(2, 10), NO_RESULT, i, (double) i, "cpu");
    }
    List<String> reads = new ArrayList<>();
    ObjectStore watched =
        new WatchedObjectStore(
            store.store,
            key -> {
              if (key.startsWith("steps/")) {
                reads.add(key);
              }
            });
    Experiment planned = experiment("planned", ExperimentSpec.empty());
    Rates one = Rates.read(watched, planned, "cpu");
    assertThat(reads).isEmpty();
    Rates.Cost first = one.cost(Work.of(debate(1, 10))).orElseThrow();
    assertThat(first.seconds()).isLessThan(90);
    assertThat(reads).hasSize(60);
    Rates.Cost later = one.cost(Work.of(debate(2, 10))).orElseThrow();
    assertThat(one.cost(Work.of(debate(1, 10)))).contains(first);
    // What was never measured takes as much to be looked for as there may be at most.
    assertThat(one.cost(new Work("scorings", 1))).isEmpty();
    assertThat(reads).hasSize(400).doesNotHaveDuplicates();

    Rates other = Rates.read(store.store, planned, "cpu");
    assertThat(other.cost(new Work("scorings", 1))).isEmpty();
    assertThat(other.cost(Work.of(debate(2, 10)))).contains(later);
    assertThat(other.cost(Work.of(debate(1, 10)))).contains(first);
  }

  @Test
  void whatWasNeverMeasuredIsNamedOnce() {
    recorded("before", ExperimentSpec.empty());
    measured("before", "debate", debate(1, 10), NO_RESULT, 10, 10.0, "cpu");
    assertThat(
            plan(
                    computed("debate", 0, "first", Work.of(debate(1, 10))),
                    computed("train-critic", 1, "train", Work.of(train(), 10)),
                    computed("train-critic", 1, "train", Work.of(train(), 20)),
                    computed("vote", 1, "vote", null),
                    new PlannedStep(
                        "evaluate",
                        new PlannedStep.Wave(1, "evaluate"),
                        true,
                        new Work("scorings", 1)))
                .unmeasured(rates()))
        .containsExactly("examples of a critic");
  }

  @Test
  void whatATrainingTakesMustBeKnownWhereThereAreAny() {
    ExperimentSpec trains = experiment("planned", ExperimentSpec.empty()).spec();
    ExperimentSpec untuned =
        experiment("planned", PolyphonyDataConverter.parse("{\"method\": \"debate\"}")).spec();
    assertThat(rates().mayForecast(untuned)).isFalse();

    recorded("before", ExperimentSpec.empty());
    measured("before", "debate", debate(1, 10), NO_RESULT, 1, 1.0, "cpu");
    assertThat(rates().mayForecast(untuned)).isTrue();
    assertThat(rates().mayForecast(trains)).isFalse();
  }

  @Test
  void withoutAnythingMeasuredNothingIsKnown() {
    assertThat(rates().share(Role.GENERATOR, 1)).isEqualTo(OptionalDouble.empty());
    assertThat(plan(computed("debate", 0, "a", Work.of(debate(1, 10)))).forecast(rates(), 2, 0, 0))
        .isEmpty();
  }

  private IterationReport report(int iteration, List<Integer> generators, List<Integer> critics) {
    return new IterationReport(
        iteration,
        10,
        0.5,
        0.1,
        0.5,
        null,
        null,
        null,
        null,
        null,
        null,
        0.5,
        null,
        null,
        generators,
        critics,
        Map.of(),
        some);
  }

  private static PlannedStep computed(String step, int iteration, String wave, Work work) {
    return new PlannedStep(step, new PlannedStep.Wave(iteration, wave), false, work);
  }

  private Plan plan(PlannedStep... steps) {
    return new Plan(experiment("planned", ExperimentSpec.empty()), List.of(steps));
  }

  @Test
  void aWaveTakesUntilItsLastStepIsThroughAndWavesFollowOneAnother() {
    recorded("before", ExperimentSpec.empty());
    measured("before", "debate", debate(1, 10), NO_RESULT, 10, 10.0, "cpu");
    List<PlannedStep> steps = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      steps.add(computed("debate", 0, "first", Work.of(debate(1, 10))));
    }
    steps.add(computed("vote", 0, "vote", null));
    steps.add(computed("debate", 1, "second", Work.of(debate(1, 40))));
    steps.add(
        new PlannedStep("debate", new PlannedStep.Wave(1, "second"), true, Work.of(debate(1, 10))));
    Plan plan = plan(steps.toArray(PlannedStep[]::new));

    Optional<Forecast> forecast = plan.forecast(rates(), 2, 0.5, 7);
    // Three steps of 10 on two slots are 20; then 40; and half a second for each step.
    assertThat(forecast).contains(new Forecast(5, 1, 20 + 40 + 6 * 0.5, 70, 7000, 7, 2));
    assertThat(plan.rows(rates()))
        .containsExactly(
            new Plan.Row(0, "debate", 3, 0, 30.0),
            new Plan.Row(0, "vote", 1, 0, 0.0),
            new Plan.Row(1, "debate", 1, 1, 40.0));
    assertThat(forecast.orElseThrow().text())
        .startsWith(
            "about " + Forecast.clock(Duration.ofSeconds(63)) + " on 2 slots · 0.02 device");
  }

  @Test
  void scoringsAreCountedAsTheEvaluationMakesThem() {
    ArtifactRef other = store.lines(List.of("other"));
    List<List<ArtifactRef>> rounds = List.of(List.of(some, some), List.of(some, some));
    // One model plays everybody: its last answers are scored by it, the first ones by nobody.
    assertThat(Work.of(evaluate(new Society(List.of(some, some), List.of(some, some)), rounds)))
        .isEqualTo(new Work("scorings", 10 * 2));
    // Two critics and the base score last answers, two generators and the base first ones.
    assertThat(
            Work.of(
                evaluate(
                    new Society(
                        List.of(other, store.lines(List.of("g"))),
                        List.of(store.lines(List.of("c")), store.lines(List.of("d")))),
                    rounds)))
        .isEqualTo(new Work("scorings", 10 * (2 * 3 + 2 * 3)));
  }

  private Evaluate.Request evaluate(Society society, List<List<ArtifactRef>> answers) {
    return new Evaluate.Request(
        1, "arithmetic", some, 0, 10, answers, some, society, some, "self", "base", 50, Map.of());
  }
}
