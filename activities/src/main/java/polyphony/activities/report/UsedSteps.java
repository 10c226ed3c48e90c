package polyphony.activities.report;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import polyphony.activities.ModelStep;
import polyphony.activities.lineage.StepText;
import polyphony.storage.ArtifactRef;
import polyphony.storage.MissingObjectException;
import polyphony.storage.ObjectStore;
import polyphony.storage.References;
import polyphony.storage.StepManifest;
import polyphony.storage.StepUse;
import polyphony.storage.Steps;
import polyphony.storage.Worker;

/**
 * The finished steps that an experiment needed, whoever computed them.
 *
 * @param byWorkflow in the order in which they were started
 * @param unfinished how many more have no manifest
 */
record UsedSteps(Map<String, List<StepManifest>> byWorkflow, int unfinished) {
  private static final int LARGEST_MANIFEST = 64 << 20;
  private static final Set<String> ON_THE_DEVICE =
      ModelStep.ALL.stream().map(ModelStep::name).collect(Collectors.toUnmodifiableSet());

  static UsedSteps read(ObjectStore store, String experiment, Notes notes) {
    Map<String, List<StepManifest>> byWorkflow = new TreeMap<>();
    int unfinished = 0;
    for (String object : store.list(StepUse.prefix(experiment))) {
      String manifest = Steps.object(StepUse.key(object));
      String damaged = object;
      try {
        StepUse use = StepUse.read(store, object);
        damaged = manifest;
        StepManifest step = StepManifest.parse(store.bytes(manifest, LARGEST_MANIFEST));
        byWorkflow.computeIfAbsent(use.work(), each -> new ArrayList<>()).add(step);
      } catch (MissingObjectException e) {
        unfinished++;
      } catch (IOException e) {
        notes.add(
            "a step of which "
                + damaged
                + " tells could not be read: it is damaged, polyphony audit says what to do");
      }
    }
    byWorkflow
        .values()
        .forEach(
            steps ->
                steps.sort(
                    Comparator.comparing(StepManifest::started)
                        .thenComparing(StepManifest::finished)
                        .thenComparing(StepManifest::key)));
    return new UsedSteps(byWorkflow, unfinished);
  }

  private Stream<StepManifest> all() {
    return byWorkflow.values().stream().flatMap(List::stream);
  }

  /**
   * Which step made an artifact. Others may have come to the same content.
   *
   * @param inputs values of its inputs that tell it from those, by name
   */
  Optional<StepManifest> maker(String step, ArtifactRef artifact, Map<String, Integer> inputs) {
    return all()
        .filter(each -> each.name().equals(step))
        .filter(
            each ->
                inputs.entrySet().stream()
                    .allMatch(
                        input -> each.inputs().path(input.getKey()).asInt(-1) == input.getValue()))
        .filter(each -> References.in(each.result()).contains(artifact))
        .findFirst();
  }

  /** With what a person wants to know of them. */
  List<ExperimentReport.Work> works() {
    return byWorkflow.entrySet().stream()
        .map(
            each ->
                new ExperimentReport.Work(
                    each.getKey(), each.getValue().stream().map(UsedSteps::done).toList()))
        .toList();
  }

  private static ExperimentReport.DoneStep done(StepManifest step) {
    return new ExperimentReport.DoneStep(
        step.name(),
        StepText.title(step) + StepText.halved(step).map(each -> " (" + each + ")").orElse(""),
        step.key(),
        step.started(),
        step.finished(),
        step.wallSeconds(),
        ON_THE_DEVICE.contains(step.name()),
        step.usage(),
        step.worker().device() + "@" + step.worker().host(),
        List.copyOf(References.in(step.result())),
        step.outputs());
  }

  /** Where they were computed. */
  List<ExperimentReport.Machine> machines() {
    Map<ExperimentReport.Machine, Integer> machines = new LinkedHashMap<>();
    all()
        .map(StepManifest::worker)
        .sorted(
            Comparator.comparing(Worker::host)
                .thenComparing(Worker::device)
                .thenComparing(worker -> worker.software().toString()))
        .forEach(
            worker ->
                machines.merge(
                    new ExperimentReport.Machine(
                        worker.host(), worker.device(), worker.software(), 0),
                    1,
                    Integer::sum));
    return machines.entrySet().stream()
        .map(
            each ->
                new ExperimentReport.Machine(
                    each.getKey().host(),
                    each.getKey().device(),
                    each.getKey().versions(),
                    each.getValue()))
        .toList();
  }
}
