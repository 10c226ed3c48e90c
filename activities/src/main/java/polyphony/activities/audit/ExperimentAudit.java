package polyphony.activities.audit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import polyphony.activities.evaluate.RecordStep;
import polyphony.activities.lineage.StepText;
import polyphony.activities.report.ReportStep;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.MissingObjectException;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.References;
import polyphony.storage.Sealed;
import polyphony.storage.StepManifest;
import polyphony.storage.StepUse;
import polyphony.storage.Steps;
import polyphony.storage.audit.ObjectState;
import polyphony.storage.audit.Pruning;
import polyphony.storage.audit.StoreGraph;
import polyphony.workflows.ExperimentNames;
import polyphony.workflows.ExportedHistory;

/**
 * Checks that an experiment is what its records say: every byte that it rests on, what its steps
 * were made of, and that Temporal's histories tell the same.
 *
 * <p>What is looked at: the records below {@code experiments/<name>/}, the manifest of every step
 * that the experiment used, the commits of those that are not finished, and every object that one
 * of these names, with what those are made of.
 */
public final class ExperimentAudit {
  private static final int LARGEST = 64 << 20;
  private static final JsonMapper JSON = new JsonMapper();

  private final ObjectStore store;
  private final HistoryArchive archive;
  private final Histories live;
  private final String name;
  private final StoreGraph graph;
  private final NavigableMap<String, StepUse> uses;

  private final Tally records = new Tally("records");
  private final Tally manifests = new Tally("step manifests");
  private final Tally commits = new Tally("commits of unfinished steps");
  private final Tally objects = new Tally("objects");
  private final Tally histories = new Tally("histories");
  private final List<String> notes = new ArrayList<>();
  private final List<AuditReport.Problem> problems = new ArrayList<>();

  private final Map<String, JsonNode> recorded = new TreeMap<>();
  private final List<ExportedHistory> exported = new ArrayList<>();
  private final NavigableMap<String, StepManifest> steps = new TreeMap<>();
  private final Set<String> toldMissing = new HashSet<>();
  private final Map<String, ArtifactRef> named = new LinkedHashMap<>();
  private final Set<String> given = new HashSet<>();

  private static final class Tally {
    private final String what;
    private long count;
    private long bytes;
    private long problems;

    Tally(String what) {
      this.what = what;
    }

    void add(long more) {
      count++;
      bytes += more;
    }

    AuditReport.Checked checked() {
      return new AuditReport.Checked(what, count, bytes, problems);
    }
  }

  private ExperimentAudit(ObjectStore store, HistoryArchive archive, Histories live, String name) {
    this.store = store;
    this.archive = archive;
    this.live = live;
    this.name = name;
    this.graph = StoreGraph.read(store);
    this.uses = graph.uses().getOrDefault(name, new TreeMap<>());
  }

  /**
   * Audits an experiment. Objects are read one after the other, in pieces.
   *
   * @param live histories beside those that are kept in the store
   * @throws PolyphonyException CONFIG where the store has nothing of such an experiment,
   *     INFRASTRUCTURE where it cannot be read
   */
  public static AuditReport of(
      ObjectStore store, HistoryArchive archive, Pruning pruning, Histories live, String name) {
    if (!ExperimentNames.isValid(name)) {
      throw PolyphonyException.config(
          "an experiment cannot be called \"" + name + "\", allowed: " + ExperimentNames.ALLOWED);
    }
    ExperimentAudit audit = new ExperimentAudit(store, archive, live, name);
    if (store.list(prefix(name)).isEmpty() && audit.uses.isEmpty()) {
      throw PolyphonyException.config(
          "the store has no experiment " + name + "; check its name, and --store");
    }
    audit.checkRecords();
    audit.checkManifests();
    audit.checkProvenance();
    audit.checkReports();
    audit.checkCommits();
    audit.checkObjects();
    audit.checkHistories();
    audit.countUnreferenced(pruning);
    return new AuditReport(
        name,
        live.source(),
        List.of(
            audit.records.checked(),
            audit.manifests.checked(),
            audit.commits.checked(),
            audit.objects.checked(),
            audit.histories.checked()),
        List.copyOf(audit.notes),
        List.copyOf(audit.problems));
  }

  private static String prefix(String name) {
    return "experiments/" + name + "/";
  }

  private void problem(Tally tally, String subject, String wrong, String remedy) {
    tally.problems++;
    problems.add(new AuditReport.Problem(subject, wrong, remedy));
  }

  private String recompute(String what) {
    return "polyphony recompute " + name + " " + what + ", then start " + name + " again";
  }

  private String reportAgain() {
    return "polyphony report " + name + ": it is written anew";
  }

  private String remedyOfRecord(String relative) {
    return relative.equals(ReportStep.RECORD) ? reportAgain() : recompute(relative);
  }

  private String startAgain() {
    return "start " + name + " again: it is made anew";
  }

  // ---- records

  private void checkRecords() {
    for (ObjectStore.Listed object : store.listing(prefix(name))) {
      records.add(object.bytes());
      String relative = object.key().substring(prefix(name).length());
      try {
        byte[] bytes = store.bytes(object.key(), LARGEST);
        JsonNode record = JSON.readTree(Sealed.content(bytes));
        if (!Sealed.isSealed(bytes)) {
          problem(
              records,
              object.key(),
              "it has no seal: its end is damaged",
              remedyOfRecord(relative));
        }
        recorded.put(relative, record);
        References.in(record).forEach(this::name);
        if (relative.startsWith("histories/")) {
          exported.add(archive.record(object.key()));
        }
      } catch (IOException e) {
        problem(records, object.key(), "damaged: " + firstLine(e), remedyOfRecord(relative));
      } catch (MissingObjectException e) {
        // Deleted since it was listed.
      }
    }
    if (!recorded.containsKey("experiment.json")
        && store.size(prefix(name) + "experiment.json").isEmpty()) {
      problem(
          records,
          prefix(name) + "experiment.json",
          "missing",
          "start it again with the spec that it was started with first");
    }
    JsonNode experiment = recorded.get("experiment.json");
    if (experiment != null) {
      graph.whole(References.in(experiment)).forEach(each -> given.add(each.sha256()));
    }
    for (String object : store.list(StepUse.prefix(name))) {
      records.add(store.size(object).orElse(0L));
      try {
        StepUse.read(store, object);
      } catch (IOException e) {
        problem(
            records,
            object,
            "damaged: " + firstLine(e),
            "start " + name + " again: it is noted anew");
      }
    }
  }

  private void name(ArtifactRef artifact) {
    ArtifactRef before = named.putIfAbsent(artifact.sha256(), artifact);
    if (before != null && before.bytes() != artifact.bytes()) {
      problem(
          objects,
          Artifacts.key(artifact),
          "recorded with " + before.bytes() + " and with " + artifact.bytes() + " bytes",
          "restore the records that name it from a backup");
    }
  }

  // ---- manifests

  private void checkManifests() {
    Set<String> wanted = new TreeSet<>(uses.keySet());
    recorded.values().forEach(record -> wanted.addAll(stepKeys(record)));
    List<String> unfinished = new ArrayList<>();
    for (String key : wanted) {
      if (!graph.sizes().containsKey(key)) {
        unfinished.add(key);
        continue;
      }
      manifests.add(graph.sizes().get(key));
      if (graph.damaged().containsKey(key)) {
        problem(
            manifests,
            Steps.object(key) + " (" + stepName(key) + ")",
            "damaged: " + graph.damaged().get(key),
            startAgain());
      }
      graph.manifest(key).ifPresent(manifest -> steps.put(key, manifest));
    }
    for (StepManifest manifest : steps.values()) {
      References.in(manifest.inputs()).forEach(this::name);
      References.in(manifest.result()).forEach(this::name);
      manifest.outputs().forEach(this::name);
    }
    long begun = unfinished.stream().filter(key -> !isNeeded(key)).count();
    unfinished.stream().filter(this::isNeeded).forEach(this::missing);
    if (begun > 0) {
      notes.add(counted(begun, "step was", "steps were") + " begun and never finished or needed");
    }
  }

  /** Keys of steps that a record says led to it. */
  private static Set<String> stepKeys(JsonNode node) {
    Set<String> keys = new TreeSet<>();
    node.findParents("reused").stream()
        .filter(report -> report.path("key").asText().matches("[0-9a-f]{64}"))
        .forEach(report -> keys.add(report.path("key").asText()));
    return keys;
  }

  private boolean isNeeded(String key) {
    return steps.values().stream().anyMatch(manifest -> stepKeys(manifest.inputs()).contains(key));
  }

  private void missing(String key) {
    if (toldMissing.add(key)) {
      problem(
          manifests,
          Steps.object(key) + " (" + stepName(key) + ")",
          "missing, though other steps build on it",
          startAgain());
    }
  }

  private String stepName(String key) {
    if (steps.containsKey(key)) {
      return StepText.title(steps.get(key));
    }
    StepUse use = uses.get(key);
    return use == null ? "step" : use.step() + " of " + use.work();
  }

  /** Everything that a step was given is an input of the experiment, or another step made it. */
  private void checkProvenance() {
    if (uses.keySet().stream()
        .anyMatch(key -> graph.damaged().containsKey(key) && !steps.containsKey(key))) {
      // What nobody can read any more may have made whatever has no maker.
      return;
    }
    for (StepManifest manifest : steps.values()) {
      for (ArtifactRef input : References.in(manifest.inputs())) {
        if (given.contains(input.sha256())
            || !graph.makers(input.sha256()).isEmpty()
            || !graph.writers(input.sha256()).isEmpty()
            || !recorded.containsKey("experiment.json")) {
          continue;
        }
        String work = uses.containsKey(manifest.key()) ? uses.get(manifest.key()).work() : "";
        List<String> absent =
            uses.entrySet().stream()
                .filter(use -> !graph.sizes().containsKey(use.getKey()))
                .filter(use -> use.getValue().work().equals(work))
                .map(Map.Entry::getKey)
                .toList();
        if (absent.isEmpty()) {
          problem(
              manifests,
              Steps.object(manifest.key()) + " (" + StepText.title(manifest) + ")",
              "its input "
                  + input.name()
                  + " ("
                  + input.sha256()
                  + ") was made by no recorded step",
              startAgain());
        } else {
          absent.forEach(this::missing);
        }
      }
    }
  }

  /** What is published under the experiment's name is what a recorded step came to. */
  private void checkReports() {
    int last = -1;
    for (Map.Entry<String, JsonNode> record : recorded.entrySet()) {
      if (!record.getKey().startsWith("iteration-")) {
        continue;
      }
      int iteration = record.getValue().path("iteration").asInt();
      if (iteration != last + 1) {
        problem(
            records,
            prefix(name) + String.format(Locale.ROOT, "iteration-%03d.json", last + 1),
            "missing, though a later iteration is recorded",
            startAgain());
      }
      last = iteration;
      if (!hidesRecord(iteration)
          && recordSteps(iteration).stream()
              .noneMatch(step -> agree(step.result(), record.getValue()))) {
        problem(
            records,
            prefix(name) + record.getKey(),
            "it is not what any finished record step came to",
            startAgain());
      }
    }
    JsonNode experiment = recorded.get("experiment.json");
    for (StepManifest manifest : steps.values()) {
      JsonNode used = manifest.inputs().path("experiment");
      if (manifest.name().equals(RecordStep.NAME)
          && experiment != null
          && used.path("name").asText().equals(name)
          && !agree(withoutIterations(used), withoutIterations(experiment))) {
        problem(
            records,
            prefix(name) + "experiment.json",
            "it is not the experiment that step " + manifest.key() + " was a part of",
            recompute("experiment.json"));
        return;
      }
    }
  }

  /** Whether the step that came to an iteration's record is damaged, which is said already. */
  private boolean hidesRecord(int iteration) {
    return uses.entrySet().stream()
        .filter(use -> use.getValue().step().equals(RecordStep.NAME))
        .filter(use -> use.getValue().work().equals(ExperimentNames.iteration(name, iteration)))
        .anyMatch(
            use -> graph.damaged().containsKey(use.getKey()) && !steps.containsKey(use.getKey()));
  }

  private List<StepManifest> recordSteps(int iteration) {
    return steps.values().stream()
        .filter(
            step ->
                step.name().equals(RecordStep.NAME)
                    && step.inputs().path("iteration").asInt() == iteration)
        .toList();
  }

  private static JsonNode withoutIterations(JsonNode experiment) {
    JsonNode copy = experiment.deepCopy();
    if (copy.path("spec") instanceof ObjectNode spec) {
      spec.remove("iterations");
    }
    return copy;
  }

  /** Whether two JSON values say the same, beside what differs from run to run. */
  static boolean agree(JsonNode one, JsonNode other) {
    return plain(one).equals(plain(other));
  }

  /** Without nulls and step reports, and with every number written in one way. */
  private static JsonNode plain(JsonNode node) {
    if (node.isObject()) {
      ObjectNode plain = JSON.createObjectNode();
      node.properties()
          .forEach(
              field -> {
                if (!field.getValue().isNull() && !field.getKey().equals("step")) {
                  plain.set(field.getKey(), plain(field.getValue()));
                }
              });
      return plain;
    } else if (node.isArray()) {
      var plain = JSON.createArrayNode();
      node.forEach(each -> plain.add(plain(each)));
      return plain;
    } else if (node.isNumber()) {
      return JSON.getNodeFactory()
          .textNode(node.decimalValue().stripTrailingZeros().toPlainString());
    }
    return node;
  }

  // ---- commits and objects

  private void checkCommits() {
    for (String key : uses.keySet()) {
      if (graph.manifest(key).isPresent()) {
        continue;
      }
      for (ObjectStore.Listed commit : store.listing("progress/" + key + "/")) {
        commits.add(commit.bytes());
        try {
          byte[] bytes = store.bytes(commit.key(), LARGEST);
          References.in(Sealed.content(bytes)).forEach(this::name);
          if (!Sealed.isSealed(bytes)) {
            throw new IOException("it has no seal: its end is damaged");
          }
        } catch (IOException e) {
          problem(
              commits,
              commit.key() + " (" + stepName(key) + ")",
              "damaged: " + firstLine(e),
              "nothing: when " + name + " goes on, it is set aside and its work is done again");
        } catch (MissingObjectException e) {
          // The step has been finished since.
        }
      }
    }
  }

  private void checkObjects() {
    for (ArtifactRef artifact : graph.whole(List.copyOf(named.values()))) {
      named.putIfAbsent(artifact.sha256(), artifact);
    }
    for (ArtifactRef artifact : named.values()) {
      objects.add(artifact.bytes());
      ObjectState state = ObjectState.of(store, artifact);
      if (state != ObjectState.INTACT) {
        problem(
            objects,
            Artifacts.key(artifact) + " (" + artifact.name() + ", " + origin(artifact) + ")",
            state.shown() + needs(artifact),
            remedy(artifact, state));
      }
    }
  }

  private String remedy(ArtifactRef artifact, ObjectState state) {
    for (Map.Entry<String, JsonNode> record : recorded.entrySet()) {
      if (record.getKey().equals(ReportStep.RECORD)
          && References.in(record.getValue()).contains(artifact)) {
        return reportAgain();
      }
      if (record.getKey().startsWith("histories/")
          && References.in(record.getValue()).contains(artifact)) {
        return "restore it, or give it up with polyphony recompute "
            + name
            + " "
            + record.getKey()
            + ", then start "
            + name
            + " again";
      }
    }
    return state == ObjectState.MISSING
        ? startAgain()
        : recompute(artifact.sha256().substring(0, 16));
  }

  private String origin(ArtifactRef artifact) {
    if (given.contains(artifact.sha256())) {
      return "what the experiment started from";
    }
    List<StepManifest> from = graph.makers(artifact.sha256());
    if (from.isEmpty()) {
      from = graph.writers(artifact.sha256());
    }
    return from.stream()
        .filter(step -> steps.containsKey(step.key()))
        .findFirst()
        .map(step -> "made by " + StepText.title(step) + ", step " + step.key().substring(0, 16))
        .orElse("made by an unfinished step or kept by the experiment itself");
  }

  private String needs(ArtifactRef artifact) {
    long takers =
        graph.takers(artifact.sha256()).stream()
            .filter(step -> steps.containsKey(step.key()))
            .count();
    return takers == 0 ? "" : "; " + counted(takers, "step was", "steps were") + " given it";
  }

  // ---- histories

  private void checkHistories() {
    Set<String> works = new TreeSet<>();
    works.add(name);
    uses.values().forEach(use -> works.add(use.work()));
    recorded.keySet().stream()
        .filter(record -> record.startsWith("iteration-"))
        .forEach(record -> works.add(name + "/" + record.replaceFirst("\\.json$", "")));
    Set<String> computed = new HashSet<>();
    Set<String> reused = new HashSet<>();
    List<WorkflowRun> complete = new ArrayList<>();
    List<String> lost = new ArrayList<>();
    Set<String> known = new HashSet<>();
    for (String work : works) {
      List<WorkflowRun> runs = runs(work);
      if (runs.isEmpty()) {
        lost.add(work);
      }
      for (WorkflowRun run : runs) {
        known.add(work);
        histories.add(0);
        check(run, computed, reused);
        if (run.completed()) {
          complete.add(run);
        }
      }
    }
    for (String work : lost) {
      long steps = uses.values().stream().filter(use -> use.work().equals(work)).count();
      notes.add(
          "history lost: no history of "
              + work
              + " is left"
              + (steps == 0
                  ? ""
                  : ", so that "
                      + counted(steps, "step rests", "steps rest")
                      + " on the store alone"));
    }
    Set<String> unnamed = new TreeSet<>();
    for (String key : steps.keySet()) {
      StepUse use = uses.get(key);
      if (use != null
          && known.contains(use.work())
          && !computed.contains(key)
          && !reused.contains(key)) {
        unnamed.add(key);
      }
    }
    checkUnnamed(unnamed, complete);
    Set<String> elsewhere = new TreeSet<>(reused);
    elsewhere.removeAll(computed);
    elsewhere.retainAll(steps.keySet());
    if (!elsewhere.isEmpty()) {
      notes.add(
          counted(elsewhere.size(), "step was", "steps were")
              + " reused from another experiment, or from an earlier run whose history is lost");
    }
  }

  private List<WorkflowRun> runs(String workflowId) {
    Map<String, WorkflowRun> runs = new LinkedHashMap<>();
    for (ExportedHistory kept : exported) {
      if (kept.workflowId().equals(workflowId)) {
        try {
          WorkflowRun run =
              WorkflowRun.of(workflowId, kept.runId(), archive.read(kept).getEvents());
          if (run.events() != kept.events()) {
            problem(
                histories,
                Artifacts.key(kept.history()),
                "it has " + run.events() + " events, and " + kept.events() + " are recorded",
                "restore it; Temporal's own history is used where it is still there");
          }
          runs.put(kept.runId(), run);
        } catch (PolyphonyException e) {
          if (e.errorClass().retryable()) {
            throw e;
          }
          // Its object is among the problems already.
        }
      }
    }
    for (WorkflowRun run : live.runs(workflowId)) {
      runs.merge(run.runId(), run, (kept, now) -> now.events() >= kept.events() ? now : kept);
    }
    return List.copyOf(runs.values());
  }

  private void check(WorkflowRun run, Set<String> computed, Set<String> reused) {
    for (WorkflowRun.CompletedStep step : run.steps()) {
      JsonNode report = step.result().path("step");
      if (report.has("key")) {
        String key = report.path("key").asText();
        if (step.result().has("finished") && !step.result().path("finished").asBoolean()) {
          // A part of a training.
          continue;
        }
        (report.path("reused").asBoolean() ? reused : computed).add(key);
        checkResult(run, step, key);
      } else if (step.name().equals(RecordStep.NAME)) {
        checkRecorded(run, step, computed);
      } else if (step.name().equals("resolve")
          && recorded.containsKey("experiment.json")
          && !agree(
              withoutIterations(step.result()),
              withoutIterations(recorded.get("experiment.json")))) {
        problem(
            histories,
            prefix(name) + "experiment.json",
            "it is not what " + run.workflowId() + " (" + run.runId() + ") resolved",
            recompute("experiment.json"));
      }
    }
  }

  private void checkResult(WorkflowRun run, WorkflowRun.CompletedStep step, String key) {
    StepManifest manifest = graph.manifest(key).orElse(null);
    if (manifest != null && agree(manifest.result(), step.result())) {
      return;
    }
    // What was set aside later may have been what that run saw.
    for (String object : store.list("steps/set-aside/" + key)) {
      try {
        if (agree(StepManifest.parse(store.bytes(object, LARGEST)).result(), step.result())) {
          return;
        }
      } catch (IOException | MissingObjectException e) {
        // What is damaged tells nothing.
      }
    }
    String subject = Steps.object(key) + " (" + step.name() + " of " + run.workflowId() + ")";
    if (manifest != null) {
      problem(
          histories,
          subject,
          "its result is not the one in Temporal's history of run " + run.runId(),
          recompute(key.substring(0, 16)));
    } else if (!graph.sizes().containsKey(key) && toldMissing.add(key)) {
      problem(
          histories,
          subject,
          "missing, though it completed in Temporal's history of run " + run.runId(),
          startAgain());
    }
  }

  private void checkRecorded(
      WorkflowRun run, WorkflowRun.CompletedStep step, Set<String> computed) {
    int iteration = step.result().path("iteration").asInt();
    boolean found = hidesRecord(iteration);
    for (StepManifest manifest : recordSteps(iteration)) {
      if (agree(manifest.result(), step.result())) {
        computed.add(manifest.key());
        found = true;
      }
    }
    if (!found) {
      problem(
          histories,
          "record of " + run.workflowId(),
          "no manifest has the result that is in Temporal's history of run " + run.runId(),
          startAgain());
    }
  }

  /** Finished steps that no history knows, of workflows whose histories are there. */
  private void checkUnnamed(Set<String> unnamed, List<WorkflowRun> complete) {
    Set<String> needed = new HashSet<>();
    for (WorkflowRun run : complete) {
      for (Map.Entry<String, JsonNode> record : recorded.entrySet()) {
        if (run.workflowId().equals(name + "/" + record.getKey().replaceFirst("\\.json$", ""))
            && run.steps().stream()
                .anyMatch(
                    step ->
                        step.name().equals(RecordStep.NAME)
                            && agree(step.result(), record.getValue()))) {
          recordSteps(record.getValue().path("iteration").asInt())
              .forEach(step -> addNeeded(step, run.workflowId(), needed));
        }
      }
    }
    for (String key : unnamed) {
      if (needed.contains(key)) {
        problem(
            histories,
            Steps.object(key) + " (" + stepName(key) + ")",
            "no history knows of it, though the iteration's result rests on it",
            recompute(key.substring(0, 16)));
      }
    }
    long others = unnamed.stream().filter(key -> !needed.contains(key)).count();
    if (others > 0) {
      notes.add(
          counted(others, "finished step is", "finished steps are")
              + " in no history: of runs that were killed and whose history is lost");
    }
  }

  /** A step of an iteration, and the steps of it that this one builds on. */
  private void addNeeded(StepManifest step, String work, Set<String> needed) {
    StepUse use = uses.get(step.key());
    if (use == null || !use.work().equals(work) || !needed.add(step.key())) {
      return;
    }
    Set<String> before = new LinkedHashSet<>(stepKeys(step.inputs()));
    for (ArtifactRef input : References.in(step.inputs())) {
      graph.makers(input.sha256()).forEach(maker -> before.add(maker.key()));
    }
    before.stream()
        .map(steps::get)
        .filter(Objects::nonNull)
        .forEach(each -> addNeeded(each, work, needed));
  }

  private void countUnreferenced(Pruning pruning) {
    List<ObjectStore.Listed> strays = pruning.unreferenced(graph);
    if (!strays.isEmpty()) {
      notes.add(
          counted(strays.size(), "object", "objects")
              + " of the store ("
              + strays.stream().collect(Collectors.summingLong(ObjectStore.Listed::bytes))
              + " bytes) are named by nothing: polyphony prune deletes them once they are old"
              + " enough");
    }
  }

  private static String counted(long count, String one, String many) {
    return count + " " + (count == 1 ? one : many);
  }

  private static String firstLine(Exception e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
  }
}
