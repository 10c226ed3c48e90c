package polyphony.activities.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import polyphony.activities.StoreInFolder;
import polyphony.activities.WatchedObjectStore;
import polyphony.activities.audit.AuditReport;
import polyphony.activities.audit.ExperimentAudit;
import polyphony.activities.audit.Histories;
import polyphony.activities.audit.HistoryArchive;
import polyphony.activities.compare.CompareStep;
import polyphony.activities.evaluate.IterationRecord;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.ErrorClass;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.References;
import polyphony.storage.Sealed;
import polyphony.storage.StepManifest;
import polyphony.storage.audit.Pruning;
import polyphony.workflows.ComparisonResult;
import polyphony.workflows.Experiment;
import polyphony.workflows.IterationReport;
import polyphony.workflows.KeptReport;

class ReportStepTest {
  private static final String LACKS = "Not everything could be read. This report lacks:";

  @TempDir private Path folder;
  private StoreInFolder store;

  @BeforeEach
  void aStore() {
    store = new StoreInFolder(folder);
  }

  private ReportStep.Written report(String... names) {
    return new ReportStep(store.store, store.artifacts).run(List.of(names));
  }

  private String page(String... names) {
    return new String(store.artifacts.bytes(report(names).page()), StandardCharsets.UTF_8);
  }

  private SmallExperiment finished(String name) throws Exception {
    return new SmallExperiment(store, name, "multiagent-ft", 0).iterate().iterate();
  }

  private static String withError(double value, double error) {
    return String.format(Locale.ROOT, "%.3f ± %.3f", value, error);
  }

  private Pruning pruning() {
    return new Pruning(
        store.store,
        store.steps,
        List.of("comparisons/", "data/", "experiments/", "models/"),
        Clock.offset(Clock.systemUTC(), Duration.ofDays(30)));
  }

  @Test
  void theNumbersAreThoseOfTheReports() throws Exception {
    SmallExperiment experiment = finished("mine");
    String page = page("mine");
    assertThat(page).doesNotContain(LACKS);
    for (IterationReport each : experiment.reports()) {
      // 3 of 5 questions; sqrt(0.6 * 0.4 / 5)
      assertThat(each.accuracy()).isEqualTo(0.6);
      assertThat(page).contains(withError(each.accuracy(), each.standardError()));
      for (Double measure :
          List.of(
              each.consensus(),
              each.likelihood(),
              each.embeddingDissimilarity(),
              each.firstRoundAccuracy())) {
        assertThat(page).contains(">" + String.format(Locale.ROOT, "%.3f ± ", measure));
      }
    }
    assertThat(page)
        .contains("Whether accuracy has changed is left open")
        .contains("multiagent-ft on arithmetic · built-in · 3 agents, 2 rounds, 3 iterations")
        .contains("A report so far: 1 of 3 iterations are finished");
  }

  @Test
  void oneReportIsWrittenAtATime() throws Exception {
    finished("mine");
    AtomicReference<Reporter> reporter = new AtomicReference<>();
    List<Throwable> meanwhile = new ArrayList<>();
    ObjectStore watched =
        new WatchedObjectStore(
            store.store,
            key -> {
              if (meanwhile.isEmpty()) {
                meanwhile.add(catchThrowable(() -> reporter.get().keep("mine")));
              }
            });
    reporter.set(
        new Reporter(
            new ReportStep(watched, store.artifacts), Optional.empty(), Duration.ofMillis(10)));
    KeptReport kept = reporter.get().keep("mine");
    assertThat(meanwhile)
        .singleElement()
        .isInstanceOfSatisfying(
            PolyphonyException.class,
            e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.INFRASTRUCTURE));
    assertThat(reporter.get().keep("mine")).isEqualTo(kept);
  }

  @Test
  void noHashIsMissing() throws Exception {
    SmallExperiment experiment = finished("mine");
    String page = page("mine");
    for (IterationReport each : experiment.reports()) {
      assertThat(page).contains(each.record().sha256());
      assertThat(page).contains(each.weights().values());
      IterationRecord record = IterationRecord.read(store.artifacts, each.record());
      record
          .request()
          .trainings()
          .forEach(training -> assertThat(page).contains(training.result().curve().sha256()));
    }
    List<StepManifest> steps = store.steps.manifests();
    assertThat(steps).hasSizeGreaterThan(20);
    for (StepManifest step : steps) {
      assertThat(page).contains(step.key());
      References.in(step.result()).forEach(made -> assertThat(page).contains(made.sha256()));
    }
    for (ArtifactRef given :
        List.of(
            experiment.experiment().base(),
            experiment.experiment().trainQuestions(),
            experiment.experiment().evaluateQuestions(),
            experiment.experiment().prompts())) {
      assertThat(page).contains(given.sha256());
    }
  }

  @Test
  void whatElseEvaluatedIsNamedWithItsHash() throws Exception {
    SmallExperiment experiment = finished("mine");
    assertThat(page("mine"))
        .contains("nats per token, under another agent&#39;s model", "embedded by the base model");
    Experiment others = experiment.evaluatedByOthers().experiment();
    assertThat(page("mine"))
        .contains("nats per token, under the model gemma", "embedded by the encoder t5")
        .contains("model of the likelihood (checkpoint)", "encoder of the embeddings (checkpoint)")
        .contains(
            others.evaluatePrompts().sha256(),
            others.likelihoodCheckpoint().sha256(),
            others.embeddingCheckpoint().sha256());
  }

  @Test
  void nothingIsLoadedAndNoScriptRunsButItsOwn() throws Exception {
    finished("mine");
    String page = page("mine");
    Matcher policy =
        Pattern.compile("http-equiv=\"Content-Security-Policy\" content=\"([^\"]*)\"")
            .matcher(page);
    assertThat(policy.find()).isTrue();
    String allowed = policy.group(1).replace("&#39;", "'");
    assertThat(allowed).startsWith("default-src 'none'; script-src 'sha256-");
    assertThat(allowed).doesNotContain("unsafe", "http:", "https:", "data:", "*");
    List<String> scripts = contents(page, "script");
    assertThat(scripts).hasSize(2);
    for (String own : scripts) {
      assertThat(allowed).contains(hash(own));
    }
    assertThat(contents(page, "style"))
        .singleElement()
        .satisfies(
            own -> {
              assertThat(allowed).contains(hash(own));
              assertThat(own).doesNotContain("url(", "@import");
            });
    String markup = page.replaceAll("(?s)<(script|style)>.*?</\\1>", "");
    assertThat(markup)
        .doesNotContain("<link", "<iframe", "<base", "<form", "<img", "<object")
        .doesNotContainPattern("<[^>]* (src|style|on[a-z]+)=");
    Matcher links = Pattern.compile("href=\"([^\"]*)\"").matcher(markup);
    while (links.find()) {
      assertThat(markup).contains("id=\"" + links.group(1).substring(1) + "\"");
    }
    assertThat(page).contains("Copyright 2010-2023 Mike Bostock", "Permission to use, copy");
  }

  private static List<String> contents(String page, String tag) {
    List<String> found = new ArrayList<>();
    Matcher matcher = Pattern.compile("(?s)<" + tag + ">(.*?)</" + tag + ">").matcher(page);
    while (matcher.find()) {
      found.add(matcher.group(1));
    }
    return found;
  }

  private static String hash(String content) throws Exception {
    return Base64.getEncoder()
        .encodeToString(
            MessageDigest.getInstance("SHA-256").digest(content.getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void whatModelsSayIsTextAlone() throws Exception {
    finished("mine");
    String page = page("mine");
    assertThat(page)
        .doesNotContain("<script>alert", "<img")
        .contains("&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;")
        .contains("evaluate &lt;1&gt;");
  }

  @ParameterizedTest
  @ValueSource(strings = {"full", "lora"})
  void debatesShowWhoSaidWhatAfterReadingWhatWithWhichWeights(String tuning) throws Exception {
    SmallExperiment experiment =
        new SmallExperiment(store, "mine", "multiagent-ft", 0, tuning).iterate().iterate();
    ExperimentReport.Debates debates =
        new ExperimentReader(store.store, store.artifacts).read("mine").debates();
    assertThat(debates.iteration()).isEqualTo(1);
    assertThat(debates.counts())
        .containsEntry(DebateKind.RIGHT, 2)
        .containsEntry(DebateKind.CORRECTED, 1)
        .containsEntry(DebateKind.BROKEN, 1)
        .containsEntry(DebateKind.WRONG, 1);
    assertThat(debates.shown())
        .extracting(ExperimentReport.Debate::kind)
        .containsExactly(
            DebateKind.CORRECTED,
            DebateKind.BROKEN,
            DebateKind.RIGHT,
            DebateKind.RIGHT,
            DebateKind.WRONG);
    ExperimentReport.Debate corrected = debates.shown().get(0);
    assertThat(corrected.number()).isEqualTo(2);
    assertThat(corrected.text()).isEqualTo("evaluate <1>");
    assertThat(corrected.truth()).isEqualTo("7");
    assertThat(corrected.label()).isEqualTo("7");
    assertThat(corrected.agreeing()).isEqualTo(2);
    assertThat(corrected.turns()).hasSize(6);
    ExperimentReport.Turn turn = corrected.turns().get(4);
    assertThat(turn.round()).isEqualTo(2);
    assertThat(turn.agent()).isEqualTo(2);
    assertThat(turn.asked()).isEqualTo("asked in round 2");
    assertThat(turn.answer()).isEqualTo("7");
    assertThat(turn.right()).isTrue();
    assertThat(turn.line()).isEqualTo(2);
    assertThat(turn.weights()).isEqualTo(experiment.reports().get(1).weights().get("critic-2"));
    assertThat(corrected.turns().get(1).weights())
        .isEqualTo(experiment.reports().get(1).weights().get("generator-2"));
  }

  @Test
  void adaptersAreSaidToBeTrainedAndWhatWasStoredIsCountedOnce() throws Exception {
    finished("mine");
    assertThat(page("mine")).doesNotContain("LoRA");
    new SmallExperiment(store, "adapted", "multiagent-ft", 0, "lora").iterate().iterate();
    ExperimentReport report = new ExperimentReader(store.store, store.artifacts).read("adapted");
    String page = page("adapted");
    assertThat(page).contains("Tuning: LoRA, rank 8, all linear layers.");
    Set<String> seen = new HashSet<>();
    for (ExperimentReport.Work work : report.works()) {
      List<ArtifactRef> stored =
          work.steps().stream().flatMap(step -> step.stored().stream()).toList();
      long bytes =
          stored.stream()
              .filter(each -> seen.add(each.sha256()))
              .mapToLong(ArtifactRef::bytes)
              .sum();
      assertThat(bytes).isPositive();
      assertThat(section(page, "What was put into the store")).contains(Numerals.count(bytes));
    }
  }

  private static String section(String page, String caption) {
    int begin = page.indexOf(caption);
    assertThat(begin).isPositive();
    return page.substring(begin, page.indexOf("</table>", begin));
  }

  @Test
  void answersAreFollowedIntoTheSets() throws Exception {
    finished("mine");
    ExperimentReport report = new ExperimentReader(store.store, store.artifacts).read("mine");
    // Labels are 7, 7, 3, 7. Agent 1: 7 to 7, 7 to 7, 7 to 3, nothing to 7.
    ExperimentReport.Flow first = report.iterations().get(1).flows().get(0);
    assertThat(first.answered()).isEqualTo(4);
    assertThat(first.generator()).isEqualTo(2);
    assertThat(first.confirmed()).isEqualTo(2);
    assertThat(first.corrected()).isEqualTo(2);
    assertThat(first.lost()).isZero();
    assertThat(first.generatorExamples()).isEqualTo(2);
    assertThat(first.criticExamples()).isEqualTo(4);
    // Agent 3: 3 to 7, 3 to 3, 3 to 7, 7 to nothing.
    ExperimentReport.Flow third = report.iterations().get(1).flows().get(2);
    assertThat(third.generator()).isEqualTo(2);
    assertThat(third.confirmed()).isZero();
    assertThat(third.corrected()).isEqualTo(1);
    assertThat(third.lost()).isEqualTo(2);
    assertThat(third.wrong()).isEqualTo(1);
    assertThat(report.iterations().get(1).trainings().get(0).losses())
        .containsExactly(new ExperimentReport.Loss(1, 2.5), new ExperimentReport.Loss(2, 1.25));
  }

  @Test
  void equalStoresGiveEqualReports() throws Exception {
    finished("mine");
    ReportStep.Written once = report("mine");
    ReportStep.Written again = report("mine");
    assertThat(again).isEqualTo(once);
    assertThat(once.key()).isEqualTo("experiments/mine/report.json");
    byte[] record = store.store.bytes(once.key(), 1 << 16);
    assertThat(Sealed.isSealed(record)).isTrue();
    assertThat(References.in(Sealed.content(record))).containsExactly(once.page());
  }

  @Test
  void whatIsNotThereIsNamed() {
    for (String name : List.of("absent", "../x", "")) {
      assertThatThrownBy(() -> report(name))
          .isInstanceOfSatisfying(
              PolyphonyException.class,
              e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG));
    }
    assertThatThrownBy(() -> report("absent"))
        .hasMessage(
            "the store has no experiment and no comparison absent; check its name (polyphony list"
                + " shows the experiments), and --store");
    assertThat(store.store.list("")).isEmpty();
  }

  @Test
  void aReportTakesThePlaceOfTheOneBefore() throws Exception {
    SmallExperiment running = new SmallExperiment(store, "mine", "multiagent-ft", 0);
    ReportStep.Written before = report("mine");
    assertThat(report("mine").page()).as("nothing has changed").isEqualTo(before.page());
    assertThat(store.artifacts.present(before.page())).isTrue();

    running.begin(0);
    ReportStep.Written after = report("mine");
    assertThat(after.page()).isNotEqualTo(before.page());
    assertThat(store.artifacts.present(after.page())).isTrue();
    assertThat(store.artifacts.present(before.page())).isFalse();
  }

  @Test
  void aRunningExperimentHasAReportSoFar() throws Exception {
    SmallExperiment running = new SmallExperiment(store, "mine", "multiagent-ft", 0);
    assertThat(page("mine")).contains("No iteration is finished yet").doesNotContain(LACKS);
    running.begin(0);
    assertThat(page("mine")).contains("of 1 further step the store has no result");
    running.iterate();
    running.begin(1);
    assertThat(page("mine"))
        .contains("A report so far: 0 of 3 iterations are finished; of 2 further steps")
        .contains(withError(0.6, running.reports().get(0).standardError()))
        .doesNotContain(LACKS);
  }

  private void damage(String key) {
    byte[] bytes = store.store.bytes(key, 1 << 24);
    bytes[bytes.length / 2] ^= 1;
    store.store.write(key, bytes);
  }

  @Test
  void aDamagedObjectCostsOnlyWhatStoodInIt() throws Exception {
    SmallExperiment experiment = finished("mine");
    IterationRecord last =
        IterationRecord.read(store.artifacts, experiment.reports().get(1).record());
    ArtifactRef curve = last.request().trainings().get(0).result().curve();
    damage(Artifacts.key(curve));
    ArtifactRef answers =
        new ExperimentReader(store.store, store.artifacts)
            .read("mine").debates().shown().get(0).turns().stream()
                .map(turn -> new ArtifactRef(turn.answers(), 0, "x", "x"))
                .findFirst()
                .orElseThrow();
    damage(Artifacts.key(answers));
    String page = page("mine");
    assertThat(page)
        .contains(LACKS)
        .contains("the loss curve of generator 1 of iteration 1 could not be read: the object")
        .contains("answers in debates could not be read: the object")
        .contains(curve.sha256(), withError(0.6, experiment.reports().get(1).standardError()));
    // The others of that question are still there.
    assertThat(
            new ExperimentReader(store.store, store.artifacts)
                .read("mine")
                .debates()
                .shown()
                .get(0)
                .turns())
        .hasSizeBetween(1, 5);
  }

  @Test
  void aReportLacksWhatItsMeasurementsRecordsAndManifestsWouldTell() throws Exception {
    SmallExperiment experiment = finished("mine");
    IterationRecord last =
        IterationRecord.read(store.artifacts, experiment.reports().get(1).record());
    store.store.delete(Artifacts.key(last.request().measurements().get(0)));
    damage("experiments/mine/experiment.json");
    damage("steps/" + last.request().split().step().key() + ".json");
    String page = page("mine");
    assertThat(page)
        .contains("the experiment&#39;s own record could not be read: experiments/mine")
        .contains("the measurements of iteration 1, and with them its standard errors and debates")
        .contains("where answers of iteration 1 went, could not be read: the manifest steps/")
        .contains("multiagent-ft on arithmetic")
        .contains(withError(0.6, experiment.reports().get(1).standardError()));
    damage("experiments/mine/iteration-001.json");
    assertThat(page("mine"))
        .contains("iteration 1 could not be read: experiments/mine/iteration-001.json")
        .contains("accuracy of the untuned society");
    store.store.delete("experiments/mine/iteration-000.json");
    assertThat(page("mine")).contains("iteration 0 is missing, though a later one is recorded");
  }

  @Test
  void pruneKeepsReportsAndAuditChecksThem() throws Exception {
    finished("mine");
    ArtifactRef page = report("mine").page();
    assertThat(pruning().plan(Set.of(), Duration.ofDays(1)).items())
        .extracting(Pruning.Item::key)
        .doesNotContain(Artifacts.key(page), "experiments/mine/report.json");
    assertThat(pruning().plan(Set.of("mine"), Duration.ofDays(1)).items())
        .extracting(Pruning.Item::key)
        .contains(Artifacts.key(page), "experiments/mine/report.json");
    assertThat(audit().problems()).isEmpty();
    damage(Artifacts.key(page));
    assertThat(audit().problems())
        .singleElement()
        .satisfies(
            problem -> {
              assertThat(problem.subject()).contains(page.sha256());
              assertThat(problem.remedy()).isEqualTo("polyphony report mine: it is written anew");
            });
  }

  private AuditReport audit() {
    return ExperimentAudit.of(
        store.store,
        new HistoryArchive(store.store, store.artifacts),
        pruning(),
        Histories.none("none"),
        "mine");
  }

  private void compared(String name, String... experiments) {
    new CompareStep(store.store, store.artifacts)
        .run(
            name,
            List.of(experiments).stream()
                .map(each -> new ComparisonResult.Compared(each, 3))
                .toList());
  }

  @Test
  void aComparisonShowsRowsIntervalsAndTheExperimentsBehindThem() throws Exception {
    SmallExperiment one = finished("one");
    new SmallExperiment(store, "two", "multiagent-ft-no-summary", 0).iterate().iterate();
    compared("table", "one", "two");
    ReportStep.Written written = report("table");
    assertThat(written.key()).isEqualTo("comparisons/table/report.json");
    String page = page("table");
    assertThat(page)
        .doesNotContain(LACKS)
        .contains("The intervals leave open which is first: ")
        .contains("multiagent-ft-no-summary")
        .contains(
            withError(0.6, one.reports().get(1).standardError()),
            one.reports().get(1).record().sha256())
        .contains(one.reports().get(1).weights().values())
        .contains("+0.000 to +0.000");
    assertThat(pruning().plan(Set.of(), Duration.ofDays(1)).items())
        .extracting(Pruning.Item::key)
        .doesNotContain(Artifacts.key(written.page()));
    // Without one of its experiments the comparison still tells what it came to.
    store.store.list("experiments/two/").forEach(store.store::delete);
    assertThat(page("table"))
        .contains(LACKS)
        .contains("experiment two is not in the store any more")
        .contains("multiagent-ft-no-summary");
    damage("comparisons/table.json");
    assertThatThrownBy(() -> report("table"))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
        .hasMessageContaining("run the comparison again");
  }

  @Test
  void aComparisonOfAnEarlierVersionNamesNoExperiments() throws Exception {
    finished("one");
    compared("table", "one");
    String json =
        new String(
            Sealed.content(store.store.bytes("comparisons/table.json", 1 << 20)),
            StandardCharsets.UTF_8);
    String earlier = json.replaceFirst("\"experiments\":\\[[^]]*],", "");
    assertThat(earlier).isNotEqualTo(json);
    store.store.write(
        "comparisons/table.json", Sealed.seal(earlier.getBytes(StandardCharsets.UTF_8)));
    assertThat(page("table")).contains("an earlier version compared them");
  }

  @Test
  void severalExperimentsAreSetSideBySide() throws Exception {
    finished("one");
    new SmallExperiment(store, "two", "multiagent-ft", 1).iterate().iterate();
    ReportStep.Written written = report("one", "two");
    assertThat(written.name()).startsWith("comparison-");
    assertThat(page("one", "two")).contains("1 row, 2 experiments");
    assertThatThrownBy(() -> report("one", "absent"))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG));
  }
}
