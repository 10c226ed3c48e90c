package polyphony.activities.report;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import polyphony.activities.report.ExperimentReport.Change;
import polyphony.activities.report.ExperimentReport.Estimate;
import polyphony.activities.report.ExperimentReport.Flow;
import polyphony.activities.report.ExperimentReport.Iteration;
import polyphony.activities.report.ExperimentReport.Training;
import polyphony.activities.report.ExperimentReport.Work;
import polyphony.activities.report.Html.Cell;
import polyphony.activities.resolve.BuiltInModel;
import polyphony.storage.ArtifactRef;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentDescription;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.IterationReport;
import polyphony.workflows.Method;
import polyphony.workflows.Role;
import polyphony.workflows.SpecDefaults;

/** The report of an experiment as a page. */
final class ExperimentPage {
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .defaultPropertyInclusion(
              JsonInclude.Value.construct(
                  JsonInclude.Include.NON_NULL, JsonInclude.Include.NON_NULL))
          .build();

  private static final String BANDS =
      "Bands are 95 % intervals over the evaluation questions: what other questions of the same"
          + " kind would give. They say nothing about other seeds or other models.";

  private final ExperimentReport report;
  private final Page page;
  private final Html body;

  private ExperimentPage(ExperimentReport report) {
    this.report = report;
    this.page = new Page("experiment", report.name());
    this.body = page.body();
  }

  static byte[] of(ExperimentReport report) {
    ExperimentPage experiment = new ExperimentPage(report);
    experiment.headline();
    if (!report.iterations().isEmpty()) {
      experiment.results();
      experiment.plane();
      experiment.flows();
    }
    if (report.debates() != null) {
      new DebatePart(experiment.page, report).write();
    }
    experiment.trainings();
    experiment.cost();
    experiment.lineage();
    experiment.versions();
    experiment.spec();
    return experiment.page.bytes();
  }

  private Optional<ExperimentSpec> specification() {
    return Optional.ofNullable(report.experiment()).map(Experiment::spec);
  }

  private IterationReport last() {
    return report.iterations().get(report.iterations().size() - 1).report();
  }

  static String iteration(int number) {
    return number == 0 ? "untuned" : Integer.toString(number);
  }

  // ---- what it came to

  private void headline() {
    page.section("summary", "What it came to");
    specification()
        .ifPresent(
            spec ->
                body.element(
                    "p",
                    ExperimentDescription.summary(spec) + " · seed\u00a0" + spec.seed(),
                    "class",
                    "lead"));
    page.notes(report.notes());
    if (report.iterations().isEmpty()) {
      page.paragraph("No iteration is finished yet, so there is nothing to report on so far.");
      progress();
      page.end();
      return;
    }
    body.open("dl", "class", "figures");
    report.iterations().stream()
        .map(Iteration::report)
        .filter(each -> each.iteration() == 0 || each.iteration() == last().iteration())
        .forEach(
            each ->
                fact(
                    each.iteration() == 0
                        ? "accuracy of the untuned society"
                        : "accuracy after iteration " + each.iteration(),
                    Numerals.withError(each.accuracy(), each.standardError())));
    report.changes().stream()
        .filter(each -> each.measure() == Measure.ACCURACY)
        .forEach(
            each ->
                fact(
                    "difference, paired by question",
                    Numerals.signed(each.difference())
                        + " ± "
                        + Numerals.decimals(each.standardError())));
    fact("evaluation questions", Numerals.count(last().questions()));
    body.close("dl");
    progress();
    if (!report.changes().isEmpty()) {
      body.element("h3", "What the intervals support").open("ul");
      report.changes().forEach(each -> body.element("li", claim(each)));
      body.close("ul");
      page.table(
          "From the untuned society to iteration "
              + last().iteration()
              + ", on the same questions. ± is one standard error.",
          List.of("measure", "untuned", "last", "difference", "95 % interval", "verdict"),
          report.changes().stream().map(ExperimentPage::row).toList());
    }
    page.paragraph(caution());
    page.end();
  }

  private void fact(String name, String value) {
    body.open("div").element("dt", name).element("dd", value).close("div");
  }

  private void progress() {
    int asked = specification().map(ExperimentSpec::iterations).orElse(0);
    int reached = report.iterations().isEmpty() ? -1 : last().iteration();
    if (reached < asked || report.unfinished() > 0) {
      page.paragraph(
          (reached < asked
                  ? "A report so far: "
                      + Math.max(0, reached)
                      + " of "
                      + Numerals.counted(asked, "iteration is", "iterations are")
                      + " finished"
                  : "All iterations that were asked for at first are finished")
              + (report.unfinished() > 0
                  ? "; of "
                      + Numerals.counted(report.unfinished(), "further step", "further steps")
                      + " the store has no result (not finished, or pruned)."
                  : "."));
    }
  }

  private static String claim(Change change) {
    String interval =
        " (difference "
            + Numerals.signed(change.difference())
            + ", 95 % interval "
            + interval(change)
            + ")";
    if (change.undecided()) {
      return "Whether " + change.measure().shown() + " has changed is left open" + interval + ".";
    }
    String name = change.measure().shown();
    return Character.toUpperCase(name.charAt(0))
        + name.substring(1)
        + (change.difference() > 0 ? " has risen" : " has fallen")
        + interval
        + (change.measure() == Measure.CONSENSUS
            ? change.difference() > 0
                ? ": the agents' answers have become less diverse."
                : ": the agents' answers have become more diverse."
            : ".");
  }

  private static String interval(Change change) {
    return Numerals.signed(change.low()) + " to " + Numerals.signed(change.high());
  }

  private static List<Cell> row(Change change) {
    return List.of(
        Cell.text(change.measure().shown()),
        Cell.number(Numerals.decimals(change.before())),
        Cell.number(Numerals.decimals(change.after())),
        Cell.number(
            Numerals.signed(change.difference())
                + " ± "
                + Numerals.decimals(change.standardError())),
        Cell.number(interval(change)),
        Cell.text(change.undecided() ? "left open" : change.difference() > 0 ? "rose" : "fell"));
  }

  private String caution() {
    String builtIn =
        specification()
            .filter(spec -> spec.baseModel().equals(SpecDefaults.BASE_MODEL))
            .map(spec -> " " + BuiltInModel.DEMONSTRATION)
            .orElse("");
    return "Not to be concluded: that another seed would show the same. This is one run with one"
        + " seed; its intervals are over questions alone. Each is for one measure by itself: of"
        + " twenty such intervals one misses on average."
        + builtIn;
  }

  // ---- accuracy and diversity

  private void results() {
    page.section("results", "Accuracy and diversity");
    List<Chart> charts = new ArrayList<>();
    charts.add(
        lines(
            "Accuracy",
            "share right",
            series("vote of the society", 1, false, Measure.ACCURACY),
            series("one first answer", 2, true, Measure.FIRST_ROUND_ACCURACY)));
    charts.add(
        lines(
            "Diversity of answers",
            "1 − consensus",
            complement(series("", 1, false, ExperimentPage::consensus))));
    charts.add(
        lines(
            "Negative log-likelihood", "nats per token", series("", 1, false, Measure.LIKELIHOOD)));
    charts.add(
        lines(
            "Embedding dissimilarity",
            "1 − cosine",
            series("", 1, false, Measure.EMBEDDING_DISSIMILARITY)));
    charts.add(
        lines(
            "KL between agents",
            "nats per token",
            series("last answers", 1, false, Measure.KL_BETWEEN_AGENTS),
            series("first answers", 2, true, Measure.GENERATOR_KL_BETWEEN_AGENTS)));
    charts.add(
        lines(
            "KL to the base model",
            "nats per token",
            series("last answers", 1, false, Measure.KL_TO_BASE),
            series("first answers", 2, true, Measure.GENERATOR_KL_TO_BASE)));
    charts.add(lines("Labels that are right", "share right", labelPrecision()));
    page.figure(
        "Accuracy and the measures of diversity after each iteration; 0 is the untuned society. "
            + BANDS
            + " Vertical axes do not start at 0.",
        charts.stream().filter(each -> !each.series().isEmpty()).toList());
    List<String> heads = new ArrayList<>(List.of("measure"));
    report
        .iterations()
        .forEach(
            each ->
                heads.add(
                    each.report().iteration() == 0
                        ? "untuned"
                        : "iteration " + each.report().iteration()));
    List<List<Cell>> rows = new ArrayList<>();
    for (Measure measure : Measure.values()) {
      rows.add(row(measure.shown(), report.iterations(), each -> each.estimate(measure)));
    }
    rows.add(row("right labels", report.iterations(), Iteration::labelPrecision));
    page.table(
        "All measures, ± one standard error: of accuracy and labels sqrt(p (1 − p) / n), of the"
            + " others by the jackknife over questions. A dash: it does not apply."
            + " 0 without an error: so by construction.",
        heads,
        rows);
    ExperimentSpec spec = specification().orElse(null);
    body.open("dl", "class", "meanings");
    for (Measure measure : Measure.values()) {
      body.element("dt", measure.shown()).element("dd", measure.meaning(spec));
    }
    body.element("dt", "right labels");
    body.element(
        "dd",
        "share of the finetuning questions' labels that are the true answer; never trained on");
    body.close("dl");
    long undecided = report.iterations().stream().mapToInt(each -> each.report().undecided()).sum();
    if (undecided > 0) {
      page.paragraph(
          Numerals.counted(undecided, "comparison", "comparisons")
              + " of answers could not be decided and counted as different.");
    }
    page.end();
  }

  private interface Estimated {
    Estimate of(Iteration iteration);
  }

  private static List<Cell> row(String name, List<Iteration> iterations, Estimated estimated) {
    List<Cell> row = new ArrayList<>(List.of(Cell.text(name)));
    for (Iteration each : iterations) {
      Estimate estimate = estimated.of(each);
      row.add(
          Cell.number(
              estimate == null
                  ? Numerals.ABSENT
                  : Numerals.withError(estimate.value(), estimate.standardError())));
    }
    return row;
  }

  private static Chart lines(String title, String y, Chart.Series... series) {
    return new Chart(
        "lines",
        title,
        "iteration",
        y,
        true,
        Stream.of(series).filter(each -> !each.points().isEmpty()).toList());
  }

  private Chart.Series series(String name, int colour, boolean dashed, Measure measure) {
    return series(name, colour, dashed, each -> each.estimate(measure));
  }

  /** One agent alone always agrees with itself. */
  private static Estimate consensus(Iteration iteration) {
    return iteration.estimate(Measure.LIKELIHOOD).value() == null
        ? null
        : iteration.estimate(Measure.CONSENSUS);
  }

  private Chart.Series labelPrecision() {
    return series("", 1, false, Iteration::labelPrecision);
  }

  private Chart.Series series(String name, int colour, boolean dashed, Estimated estimated) {
    List<Chart.Point> points = new ArrayList<>();
    for (Iteration each : report.iterations()) {
      Estimate estimate = estimated.of(each);
      if (estimate != null && estimate.value() != null) {
        points.add(
            Chart.Point.of(
                null, each.report().iteration(), null, estimate.value(), estimate.standardError()));
      }
    }
    return new Chart.Series(name, colour, dashed, points);
  }

  /** 1 minus every value. */
  private static Chart.Series complement(Chart.Series series) {
    return new Chart.Series(
        series.name(),
        series.colour(),
        series.dashed(),
        series.points().stream().map(Chart.Point::complement).toList());
  }

  /** Accuracy against diversity, as in figure 4 of the paper. */
  private void plane() {
    if (report.iterations().size() < 2) {
      return;
    }
    List<Chart> charts = new ArrayList<>();
    plane(charts, "Diversity of answers", "1 − consensus", ExperimentPage::consensus, true);
    plane(
        charts,
        "Negative log-likelihood",
        "nats per token",
        each -> each.estimate(Measure.LIKELIHOOD),
        false);
    plane(
        charts,
        "Embedding dissimilarity",
        "1 − cosine",
        each -> each.estimate(Measure.EMBEDDING_DISSIMILARITY),
        false);
    plane(
        charts,
        "KL between agents",
        "nats per token",
        each -> each.estimate(Measure.KL_BETWEEN_AGENTS),
        false);
    if (charts.isEmpty()) {
      return;
    }
    page.section("plane", "Accuracy against diversity");
    page.figure(
        "Each point is an iteration, joined in their order from 0, the untuned society; bars are"
            + " 95 % intervals over the questions. Moving up and to the left is better answers at"
            + " the price of diversity, up and to the right better answers and more of it. A path"
            + " of few points shows no law between the two.",
        charts);
    page.end();
  }

  private void plane(
      List<Chart> charts, String title, String x, Estimated diversity, boolean complement) {
    List<Chart.Point> points = new ArrayList<>();
    for (Iteration each : report.iterations()) {
      Estimate across = diversity.of(each);
      if (across != null && across.value() != null) {
        points.add(
            Chart.Point.of(
                Integer.toString(each.report().iteration()),
                complement ? 1 - across.value() : across.value(),
                across.standardError(),
                each.report().accuracy(),
                each.report().standardError()));
      }
    }
    if (points.size() > 1) {
      charts.add(
          new Chart(
              "path",
              title,
              x,
              "accuracy",
              false,
              List.of(new Chart.Series("", 1, false, points))));
    }
  }

  // ---- training data

  private void flows() {
    List<Iteration> trained =
        report.iterations().stream().filter(each -> !each.flows().isEmpty()).toList();
    if (trained.isEmpty()) {
      return;
    }
    page.section("data", "Where the training data came from");
    boolean truth =
        specification()
            .map(spec -> Method.named(spec.method()))
            .filter(method -> method.labels() == Method.Labels.TRUTH)
            .isPresent();
    page.paragraph(
        "Each agent's answers to the finetuning questions are held against the label, which is "
            + (truth
                ? "the true answer here; agent 2 stands for the answers that were given again with"
                    + " the true one as a hint"
                : "the society's vote and not the truth")
            + ". A right first answer is an example for its generator (G). For its critic count a"
            + " wrong first answer that it put right (C−) and a right one that it kept (C+). No"
            + " agent learns from another one's words.");
    page.figure(
        "What became of every agent's answers in each iteration (i1 · a2: iteration 1, agent 2)."
            + " Right and wrong are what the label says: see the share of right labels above.",
        List.of(flowChart(trained)));
    List<List<Cell>> rows = new ArrayList<>();
    for (Iteration each : trained) {
      for (Flow flow : each.flows()) {
        rows.add(
            List.of(
                Cell.text(each.report().iteration() + " · agent " + flow.agent()),
                Cell.number(Numerals.count(flow.answered())),
                Cell.number(Numerals.count(flow.unlabelled())),
                Cell.number(Numerals.count(flow.generator())),
                Cell.number(Numerals.count(flow.corrected())),
                Cell.number(Numerals.count(flow.confirmed())),
                Cell.number(Numerals.count(flow.lost())),
                Cell.number(Numerals.count(flow.wrong())),
                Cell.number(Numerals.count(flow.cut())),
                Cell.number(Numerals.count(flow.generatorExamples())),
                Cell.number(
                    Numerals.count(flow.criticExamples())
                        + (flow.criticCorrected() + flow.criticConfirmed() == 0
                            ? ""
                            : " ("
                                + flow.criticCorrected()
                                + " + "
                                + flow.criticConfirmed()
                                + ")"))));
      }
    }
    page.table(
        "Answers to finetuning questions by iteration and agent, and what was trained on. A"
            + " critic's examples: from C− and from C+, in brackets.",
        List.of(
            "iteration",
            "answered",
            "no label",
            "G",
            "C−",
            "C+",
            "lost",
            "stayed wrong",
            "cut",
            "generator's examples",
            "critic's examples"),
        rows);
    for (Iteration each : trained) {
      each.flows().stream()
          .filter(flow -> !flow.notes().isEmpty())
          .forEach(
              flow ->
                  page.paragraph(
                      "Iteration "
                          + each.report().iteration()
                          + ", agent "
                          + flow.agent()
                          + ": "
                          + flow.notes()
                          + "."));
    }
    for (Iteration each : report.iterations()) {
      each.skipped()
          .forEach(
              skipped ->
                  page.paragraph(
                      "Iteration " + each.report().iteration() + " did without: " + skipped));
    }
    page.end();
  }

  private static Chart flowChart(List<Iteration> trained) {
    return new Chart(
        "bars",
        "Answers by what became of them",
        "answers",
        null,
        true,
        List.of(
            parts("stayed right", 3, trained, Flow::confirmed),
            parts("put right", 1, trained, Flow::corrected),
            parts("lost", 5, trained, Flow::lost),
            parts("stayed wrong", 2, trained, Flow::wrong),
            parts("no label", 6, trained, Flow::unlabelled)));
  }

  private static Chart.Series parts(
      String name, int colour, List<Iteration> trained, ToIntFunction<Flow> count) {
    return new Chart.Series(
        name,
        colour,
        false,
        trained.stream()
            .flatMap(
                each ->
                    each.flows().stream()
                        .map(
                            flow ->
                                Chart.Point.part(
                                    "i" + each.report().iteration() + " · a" + flow.agent(),
                                    count.applyAsInt(flow))))
            .toList());
  }

  // ---- training

  private void trainings() {
    List<Iteration> trained =
        report.iterations().stream().filter(each -> !each.trainings().isEmpty()).toList();
    if (trained.isEmpty()) {
      return;
    }
    page.section("training", "Training");
    specification().flatMap(ExperimentPage::adapters).ifPresent(page::paragraph);
    page.figure(
        "Loss of every model by optimizer step, in nats per trained token (means of neighbouring"
            + " steps where there are many). Losses of different models are on different data: a"
            + " lower one is not a better model.",
        trained.stream()
            .flatMap(
                each -> Stream.of(lossChart(each, Role.GENERATOR), lossChart(each, Role.CRITIC)))
            .filter(each -> !each.series().isEmpty())
            .toList());
    List<List<Cell>> rows = new ArrayList<>();
    for (Iteration each : trained) {
      for (Training training : each.trainings()) {
        rows.add(
            List.of(
                Cell.text(each.report().iteration() + " · " + training.model()),
                Cell.number(Numerals.count(training.steps())),
                Cell.number(Numerals.count(training.tokens())),
                Cell.number(Numerals.decimals(training.firstLoss())),
                Cell.number(Numerals.decimals(training.lastLoss())),
                Cell.hash(training.weights()),
                Cell.hash(training.curve() == null ? null : training.curve().sha256())));
      }
    }
    page.table(
        "Trainings. The first loss is that of the first step, the last the mean of the last tenth.",
        List.of("iteration", "steps", "tokens", "first loss", "last loss", "weights", "curve"),
        rows);
    page.end();
  }

  /** What is trained, where that is not every weight. */
  private static Optional<String> adapters(ExperimentSpec spec) {
    return ExperimentDescription.tuning(spec)
        .map(
            tuning ->
                "Tuning: "
                    + tuning
                    + ". With LoRA, an adapter of each agent's own is trained, and the weights below"
                    + " it stay as they are.");
  }

  private static Chart lossChart(Iteration iteration, Role role) {
    List<Chart.Series> series = new ArrayList<>();
    for (Training training : iteration.trainings()) {
      if (training.role() == role && !training.losses().isEmpty()) {
        series.add(
            new Chart.Series(
                "agent " + training.agent(),
                training.agent(),
                Chart.repeats(training.agent()),
                training.losses().stream()
                    .map(each -> Chart.Point.of(null, each.step(), null, each.loss(), null))
                    .toList()));
      }
    }
    return new Chart(
        "lines",
        "Iteration "
            + iteration.report().iteration()
            + (role == Role.GENERATOR ? ", generators" : ", critics"),
        "optimizer step",
        "loss",
        true,
        series);
  }

  // ---- cost

  /** What the steps of one name cost, in one workflow. */
  private record Spent(long steps, double seconds, double sampled, double trained) {
    Spent plus(ExperimentReport.DoneStep step) {
      return new Spent(
          steps + 1,
          seconds + step.seconds(),
          sampled + step.usage().getOrDefault("sampledTokens", 0.0),
          trained + step.usage().getOrDefault("trainedTokens", 0.0));
    }

    Spent plus(Spent other) {
      return new Spent(
          steps + other.steps,
          seconds + other.seconds,
          sampled + other.sampled,
          trained + other.trained);
    }
  }

  private static final Spent NOTHING = new Spent(0, 0, 0, 0);

  private void cost() {
    if (report.works().isEmpty()) {
      return;
    }
    page.section("cost", "Cost");
    Map<String, Map<String, Spent>> byPhase = new TreeMap<>();
    Spent device = NOTHING;
    String from = null;
    String to = null;
    for (Work work : report.works()) {
      for (ExperimentReport.DoneStep step : work.steps()) {
        byPhase
            .computeIfAbsent(step.name(), each -> new TreeMap<>())
            .merge(part(work.workflow()), NOTHING.plus(step), Spent::plus);
        device = step.device() ? device.plus(step) : device;
        from = from == null || step.started().compareTo(from) < 0 ? step.started() : from;
        to = to == null || step.finished().compareTo(to) > 0 ? step.finished() : to;
      }
    }
    page.paragraph(
        "Sampling, scoring and training took "
            + Numerals.seconds(device.seconds())
            + " of device time, for "
            + Numerals.count(device.sampled())
            + " sampled and "
            + Numerals.count(device.trained())
            + " trained tokens. The first step began on "
            + Numerals.time(from)
            + ", the last ended on "
            + Numerals.time(to)
            + ", pauses included. Steps that were shared with other experiments count in full,"
            + " with the times of whoever computed them.");
    List<String> works =
        report.works().stream().map(each -> part(each.workflow())).distinct().toList();
    double all =
        byPhase.values().stream()
            .flatMap(each -> each.values().stream())
            .mapToDouble(Spent::seconds)
            .sum();
    List<Chart.Series> series = new ArrayList<>();
    byPhase.forEach(
        (phase, spent) -> {
          if (spent.values().stream().mapToDouble(Spent::seconds).sum() >= 0.01 * all) {
            series.add(
                new Chart.Series(
                    phase,
                    series.size() + 1,
                    false,
                    works.stream()
                        .map(
                            each ->
                                Chart.Point.part(each, spent.getOrDefault(each, NOTHING).seconds()))
                        .toList()));
          }
        });
    if (!series.isEmpty()) {
      page.figure(
          "Seconds of work by iteration and kind of step, as their manifests tell; kinds below"
              + " 1 % of all are left out. Steps may have run at the same time, so this is not how"
              + " long one waited.",
          List.of(new Chart("bars", "Seconds of work", "seconds", null, false, series)));
    }
    List<List<Cell>> rows = new ArrayList<>();
    Spent total = NOTHING;
    for (Map.Entry<String, Map<String, Spent>> phase : byPhase.entrySet()) {
      Spent sum = phase.getValue().values().stream().reduce(NOTHING, Spent::plus);
      total = total.plus(sum);
      rows.add(row(phase.getKey(), sum));
    }
    rows.add(row("all", total));
    page.table(
        "What each kind of step cost, over all iterations.",
        List.of("step", "count", "time", "tokens sampled", "tokens trained on"),
        rows);
    page.table(
        "What was put into the store: objects that no step above had put there.",
        List.of("part", "objects", "bytes", "of these, by trainings"),
        stored());
    page.end();
  }

  private List<List<Cell>> stored() {
    List<List<Cell>> rows = new ArrayList<>();
    Set<String> seen = new HashSet<>();
    for (Work work : report.works()) {
      long objects = 0;
      long bytes = 0;
      long trained = 0;
      for (ExperimentReport.DoneStep step : work.steps()) {
        for (ArtifactRef artifact : step.stored()) {
          if (seen.add(artifact.sha256())) {
            objects++;
            bytes += artifact.bytes();
            trained += step.name().startsWith("train-") ? artifact.bytes() : 0;
          }
        }
      }
      rows.add(
          List.of(
              Cell.text(part(work.workflow())),
              Cell.number(Numerals.count(objects)),
              Cell.number(Numerals.count(bytes)),
              Cell.number(Numerals.count(trained))));
    }
    return rows;
  }

  private static List<Cell> row(String name, Spent spent) {
    return List.of(
        Cell.text(name),
        Cell.number(Numerals.count(spent.steps())),
        Cell.number(Numerals.seconds(spent.seconds())),
        Cell.number(Numerals.count(spent.sampled())),
        Cell.number(Numerals.count(spent.trained())));
  }

  /** Such as {@code iteration 3}. */
  private static String part(String workflow) {
    return workflow
        .substring(workflow.indexOf('/') + 1)
        .replaceFirst("^iteration-0*(?=[0-9])", "iteration ");
  }

  // ---- lineage

  private void lineage() {
    page.section("lineage", "Lineage");
    page.paragraph(
        "From an iteration to its steps, and from each step to what it made. A step's key is the"
            + " SHA-256 of everything that decides its result; an artifact is named by the SHA-256"
            + " of its content. To check all of them, and to go on from any:");
    body.element(
        "pre",
        "polyphony audit "
            + report.name()
            + "\npolyphony lineage "
            + report.name()
            + (report.iterations().isEmpty()
                ? ""
                : String.format(Locale.ROOT, "/iteration-%03d", last().iteration())),
        "class",
        "commands");
    List<List<Cell>> rows = new ArrayList<>();
    for (Iteration each : report.iterations()) {
      rows.add(
          List.of(
              Cell.text(iteration(each.report().iteration())),
              Cell.text("record"),
              Cell.hash(each.report().record().sha256())));
      new TreeMap<>(each.report().weights())
          .forEach(
              (model, sha256) ->
                  rows.add(
                      List.of(
                          Cell.text(iteration(each.report().iteration())),
                          Cell.text(model),
                          Cell.hash(sha256))));
    }
    if (!rows.isEmpty()) {
      details("Records and weights of every iteration");
      page.table(
          "The record that an iteration's numbers stand in, and the weights that were evaluated.",
          List.of("iteration", "what", "SHA-256"),
          rows);
      body.close("details");
    }
    for (Work work : report.works()) {
      details(
          part(work.workflow())
              + ": "
              + Numerals.counted(work.steps().size(), "step", "steps")
              + ", "
              + Numerals.counted(
                  work.steps().stream().mapToInt(each -> each.made().size()).sum(),
                  "artifact",
                  "artifacts"));
      page.table("Steps of " + work.workflow() + ".", STEP_HEADS, steps(work));
      body.close("details");
    }
    page.end();
  }

  private static final List<String> STEP_HEADS =
      List.of("step", "key", "made", "SHA-256", "bytes", "finished", "seconds", "where");

  /** A line for every artifact, the first with the step itself. */
  private static List<List<Cell>> steps(Work work) {
    List<List<Cell>> rows = new ArrayList<>();
    for (ExperimentReport.DoneStep step : work.steps()) {
      List<ArtifactRef> made = step.made();
      for (int i = 0; i < Math.max(1, made.size()); i++) {
        ArtifactRef artifact = i < made.size() ? made.get(i) : null;
        rows.add(
            List.of(
                Cell.text(i == 0 ? step.title() : ""),
                i == 0 ? Cell.hash(step.key()) : Cell.text(""),
                Cell.text(artifact == null ? "" : artifact.name()),
                artifact == null ? Cell.text("") : Cell.hash(artifact.sha256()),
                Cell.number(artifact == null ? "" : Numerals.count(artifact.bytes())),
                Cell.text(i == 0 ? Numerals.time(step.finished()) : ""),
                Cell.number(i == 0 ? String.format(Locale.ROOT, "%.1f", step.seconds()) : ""),
                Cell.text(i == 0 ? step.worker() : "")));
      }
    }
    return rows;
  }

  private void details(String summary) {
    body.open("details").element("summary", summary);
  }

  // ---- versions and spec

  private void versions() {
    page.section("versions", "Versions and inputs");
    Experiment experiment = report.experiment();
    if (experiment != null) {
      List<List<Cell>> given = new ArrayList<>();
      given(given, "base model (checkpoint)", experiment.base());
      given(given, "questions to finetune on", experiment.trainQuestions());
      given(given, "questions to evaluate on", experiment.evaluateQuestions());
      given(given, "prompts", experiment.prompts());
      given(given, "prompts of the evaluation", experiment.evaluatePrompts());
      given(given, "model of the likelihood (checkpoint)", experiment.likelihoodCheckpoint());
      given(given, "encoder of the embeddings (checkpoint)", experiment.embeddingCheckpoint());
      page.table("What the experiment started from.", List.of("what", "bytes", "SHA-256"), given);
      page.table(
          "Versions that every step's key holds.",
          List.of("software", "version"),
          new TreeMap<>(experiment.versions())
              .entrySet().stream()
                  .map(each -> List.of(Cell.text(each.getKey()), Cell.text(each.getValue())))
                  .toList());
    }
    if (!report.machines().isEmpty()) {
      page.table(
          "Where the steps were computed.",
          List.of("machine", "device", "steps", "versions"),
          report.machines().stream()
              .map(
                  each ->
                      List.of(
                          Cell.text(each.host()),
                          Cell.text(each.device()),
                          Cell.number(Numerals.count(each.steps())),
                          Cell.text(
                              each.versions().entrySet().stream()
                                  .map(version -> version.getKey() + " " + version.getValue())
                                  .collect(Collectors.joining(", ")))))
              .toList());
    }
    page.end();
  }

  private static void given(List<List<Cell>> rows, String what, ArtifactRef artifact) {
    if (artifact != null) {
      rows.add(
          List.of(
              Cell.text(what),
              Cell.number(Numerals.count(artifact.bytes())),
              Cell.hash(artifact.sha256())));
    }
  }

  private void spec() {
    if (report.experiment() != null) {
      page.section("spec", "Spec");
      page.paragraph("Complete, as it was resolved before anything ran; run with it again:");
      body.element("pre", json(report.experiment().spec()));
      for (Experiment.Origin origin = report.experiment().origin();
          origin != null;
          origin = origin.origin()) {
        page.paragraph(
            "Before iteration "
                + origin.iteration()
                + ", which it shares with "
                + origin.experiment()
                + ", this was in force:");
        body.element("pre", json(origin.spec()));
      }
      page.end();
    }
  }

  static String json(ExperimentSpec spec) {
    try {
      return JSON.writeValueAsString(spec);
    } catch (JsonProcessingException e) {
      throw new PolyphonyException(ErrorClass.BUG, "cannot write a spec as JSON", e);
    }
  }
}
