package polyphony.activities.curves;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class MlflowExportTest {
  private static final Instant FIRST = Instant.parse("2026-11-20T13:05:00.250Z");

  private final FakeMlflow mlflow = new FakeMlflow();

  @AfterEach
  void close() {
    mlflow.close();
  }

  private static Curves curves(String learningRate, double... accuracies) {
    List<Curves.Point> points = new ArrayList<>();
    for (int i = 0; i < accuracies.length; i++) {
      points.add(new Curves.Point(i, FIRST.plusSeconds(60L * i), accuracies[i]));
    }
    return new Curves(
        "mine",
        accuracies.length == 3,
        new TreeMap<>(Map.of("method", "multiagent-ft", "training.learningRate", learningRate)),
        new TreeMap<>(
            Map.of(
                "polyphony.experiment",
                "mine",
                "polyphony.iterations",
                Integer.toString(accuracies.length - 1))),
        List.of(
            new Curves.Series("", "accuracy", points),
            new Curves.Series(
                "iteration-001", "generator-1/loss", List.of(new Curves.Point(0, FIRST, 2.5)))));
  }

  private MlflowExport.Exported export(Curves curves) {
    return new MlflowExport(new MlflowServer(mlflow.address(), Map.of()), "polyphony")
        .write(curves);
  }

  @Test
  void anExperimentIsARunWithItsParametersTagsAndPoints() {
    MlflowExport.Exported exported = export(curves("0.0003", 0.7, 0.8, 0.1 + 0.2));
    assertThat(exported).isEqualTo(new MlflowExport.Exported("run-1", 4, false));
    FakeMlflow.Run run = mlflow.only();
    assertThat(run.experiment).isEqualTo("polyphony");
    assertThat(run.name).isEqualTo("mine");
    assertThat(run.params)
        .isEqualTo(Map.of("method", "multiagent-ft", "training.learningRate", "0.0003"));
    assertThat(run.tags)
        .isEqualTo(Map.of("polyphony.experiment", "mine", "polyphony.iterations", "2"));
    assertThat(run.metrics)
        .containsExactlyInAnyOrder(
            new FakeMlflow.Metric("accuracy", 0, 0.7, 1795179900250L),
            new FakeMlflow.Metric("accuracy", 1, 0.8, 1795179960250L),
            new FakeMlflow.Metric("accuracy", 2, 0.1 + 0.2, 1795180020250L),
            new FakeMlflow.Metric("iteration-001/generator-1/loss", 0, 2.5, 1795179900250L));
    assertThat(run.start).isEqualTo(1795179900250L);
    assertThat(run.status).isEqualTo("FINISHED");
    assertThat(run.end).isEqualTo(1795180020250L);
  }

  @Test
  void exportingAgainSendsNothingTwice() {
    export(curves("0.0003", 0.7, 0.8));
    mlflow.calls.clear();
    assertThat(export(curves("0.0003", 0.7, 0.8)))
        .isEqualTo(new MlflowExport.Exported("run-1", 0, false));
    assertThat(mlflow.only().metrics).hasSize(3);
    assertThat(mlflow.calls).doesNotContain("runs/create", "experiments/create", "runs/delete");
  }

  @Test
  void anExperimentThatHasGoneOnGetsItsNewPoints() {
    export(curves("0.0003", 0.7, 0.8));
    assertThat(mlflow.only().status).isEqualTo("RUNNING");
    assertThat(export(curves("0.0003", 0.7, 0.8, 0.9)).points()).isEqualTo(1);
    assertThat(mlflow.only().metrics).hasSize(4);
    assertThat(mlflow.only().tags).containsEntry("polyphony.iterations", "2");
    assertThat(mlflow.only().status).isEqualTo("FINISHED");
  }

  @Test
  void aRunOfOtherValuesIsReplaced() {
    export(curves("0.0003", 0.7, 0.8));
    assertThat(export(curves("0.0003", 0.7, 0.85)))
        .isEqualTo(new MlflowExport.Exported("run-2", 3, true));
    assertThat(mlflow.only().metrics)
        .extracting(FakeMlflow.Metric::value)
        .containsExactlyInAnyOrder(0.7, 0.85, 2.5);
    assertThat(export(curves("0.001", 0.7, 0.85)).replaced()).as("other parameters").isTrue();
    assertThat(export(curves("0.001", 0.7, 0.85)).replaced()).isFalse();
  }

  @Test
  void runsOfOtherExperimentsAreLeftAlone() {
    export(curves("0.0003", 0.7));
    mlflow.only().tags.put("polyphony.experiment", "another");
    assertThat(export(curves("0.0003", 0.7)).run()).isEqualTo("run-2");
    assertThat(mlflow.runs).hasSize(2);
  }

  @Test
  void longCurvesGoInBatchesAndComeInPages() {
    List<Curves.Point> many =
        IntStream.range(0, 2500).mapToObj(i -> new Curves.Point(i, FIRST, i)).toList();
    Curves curves =
        new Curves(
            "mine",
            true,
            new TreeMap<>(),
            new TreeMap<>(),
            List.of(new Curves.Series("", "loss", many)));
    assertThat(export(curves).points()).isEqualTo(2500);
    assertThat(mlflow.calls.stream().filter("runs/log-batch"::equals)).hasSize(3);
    assertThat(export(curves).points()).isZero();
    assertThat(mlflow.only().metrics).hasSize(2500);
  }

  @Test
  void aDeletedExperimentIsNamed() {
    export(curves("0.0003", 0.7));
    mlflow.experimentDeleted = true;
    assertThatThrownBy(() -> export(curves("0.0003", 0.7)))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("the experiment polyphony was deleted in MLflow");
  }

  @Test
  void credentialsAreSentAndNeverShown() {
    MlflowServer server =
        new MlflowServer(
            mlflow.address(),
            Map.of("MLFLOW_TRACKING_USERNAME", "ann", "MLFLOW_TRACKING_PASSWORD", "hush-hush"));
    mlflow.authorization = "Basic YW5uOmh1c2gtaHVzaA==";
    new MlflowExport(server, "polyphony").write(curves("0.0003", 0.7));
    assertThat(mlflow.only().metrics).hasSize(2);

    PolyphonyException refused =
        catchThrowableOfType(PolyphonyException.class, () -> export(curves("0.0003", 0.7)));
    assertThat(refused.errorClass()).isEqualTo(ErrorClass.CONFIG);
    assertThat(refused).hasMessageContaining("with 401").hasMessageContaining("_TOKEN");

    assertThatThrownBy(() -> new MlflowServer("http://ann:hush-hush@host", Map.of()))
        .hasMessageContaining("MLFLOW_TRACKING_PASSWORD")
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("hush-hush"));
  }

  @Test
  void aServerThatFailsOrIsNoneIsSaidToBeSo() {
    mlflow.failing = true;
    assertThatThrownBy(() -> export(curves("0.0003", 0.7)))
        .hasMessageContaining("answered experiments/get-by-name with 500 (INTERNAL_ERROR: broken)")
        .extracting(e -> ((PolyphonyException) e).errorClass())
        .isEqualTo(ErrorClass.INFRASTRUCTURE);
    mlflow.close();
    assertThatThrownBy(() -> export(curves("0.0003", 0.7)))
        .hasMessageContaining("the MLflow server at 127.0.0.1 does not answer");
    assertThatThrownBy(() -> new MlflowServer("./mlruns", Map.of()))
        .hasMessageContaining("must be like http://localhost:5000");
  }
}
