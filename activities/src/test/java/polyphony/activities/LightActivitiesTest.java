package polyphony.activities;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.temporal.failure.ApplicationFailure;
import io.temporal.testing.TestActivityEnvironment;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.audit.Healing;
import polyphony.activities.notify.Notifier;
import polyphony.activities.notify.Webhook;
import polyphony.activities.split.SplitStep;
import polyphony.activities.vote.VoteStep;
import polyphony.storage.FolderObjectStore;
import polyphony.storage.Step;
import polyphony.storage.Steps;
import polyphony.workflows.Activities;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.Forecast;
import polyphony.workflows.Notice;

class LightActivitiesTest {
  private static final Step STEP = new Step("vote", 1, "inputs");

  @TempDir Path temporary;

  private TestActivityEnvironment environment;

  @BeforeEach
  void anEnvironment() {
    environment = TestActivityEnvironment.newInstance();
  }

  @AfterEach
  void close() {
    environment.close();
  }

  /** Only what sets steps aside. */
  private Activities.Light activities(Steps steps, StepRunner runner) {
    return activities(steps, runner, null);
  }

  private Activities.Light activities(Steps steps, StepRunner runner, Notifier notifier) {
    Healing healing = new Healing(new FolderObjectStore(temporary.resolve("store")), steps);
    return activities(
        new LightActivities(
            runner,
            healing,
            null,
            null,
            null,
            new VoteStep(),
            new SplitStep(),
            null,
            null,
            null,
            null,
            notifier));
  }

  private Activities.Light activities(LightActivities activities) {
    environment.registerActivitiesImplementations(activities);
    return environment.newActivityStub(Activities.Light.class);
  }

  @Test
  void aFinishedStepIsSetAsideAndNamed() throws Exception {
    Steps steps = new StoreInFolder(temporary).steps;
    steps.run(STEP, Integer.class, attempt -> Optional.of(1));
    try (StepRunner runner = new StepRunner(steps, null)) {
      Activities.Light activities = activities(steps, runner);
      assertThat(activities.setAside(STEP.key())).isEqualTo("vote");
      assertThat(steps.manifest(STEP.key())).isEmpty();
      // As an attempt that was done but not heard is repeated.
      assertThat(activities.setAside(STEP.key())).contains(STEP.key());
    }
  }

  @Test
  void aKeyThatNobodyKnowsIsRefused() {
    Steps steps = new StoreInFolder(temporary).steps;
    try (StepRunner runner = new StepRunner(steps, null)) {
      Throwable refused = catchThrowable(() -> activities(steps, runner).setAside("0".repeat(64)));
      assertThat(refused).hasCauseInstanceOf(ApplicationFailure.class);
      ApplicationFailure failure = (ApplicationFailure) refused.getCause();
      assertThat(failure.getType()).isEqualTo("CONFIG");
      assertThat(failure.isNonRetryable()).isTrue();
      assertThat(failure.getOriginalMessage())
          .startsWith("there is no finished step and no object 0000");
    }
  }

  @Test
  void oneForecastIsMadeAtATime() {
    Forecast made = new Forecast(1, 0, 1, 1, 1, 1, 1);
    AtomicReference<LightActivities> own = new AtomicReference<>();
    List<Forecast> meanwhile = new ArrayList<>();
    try (StepRunner runner = new StepRunner(null, null)) {
      own.set(
          new LightActivities(
              runner,
              null,
              null,
              null,
              null,
              null,
              null,
              null,
              null,
              null,
              (name, spec, stop) -> {
                if (name.equals("first")) {
                  meanwhile.add(own.get().forecast("second", spec));
                }
                return made;
              },
              null));
      Activities.Light activities = activities(own.get());
      assertThat(activities.forecast("first", ExperimentSpec.empty())).isEqualTo(made);
      assertThat(meanwhile).containsExactly((Forecast) null);
      assertThat(activities.forecast("second", ExperimentSpec.empty())).isEqualTo(made);
    }
  }

  @Test
  void nobodyIsToldOfAPilot() {
    Steps steps = new StoreInFolder(temporary).steps;
    Notice notice =
        new Notice("1/done", "done", "pilot-0123abcd", "done", 1, 1, 0.5, 0.1, "iteration 1");
    Webhook nowhere = Webhook.of("http://127.0.0.1:1/", "POLYPHONY_WEBHOOK");
    try (StepRunner runner = new StepRunner(steps, null)) {
      // It would fail.
      activities(steps, runner, new Notifier(Optional.of(nowhere), experiment -> Optional.empty()))
          .announce(notice);
    }
  }

  @Test
  void aNoticeThatCannotBeSentFailsWithoutTheAddress() {
    Steps steps = new StoreInFolder(temporary).steps;
    Notice notice =
        new Notice("1/done", "done", "mine", "done", 1, 1, 0.5, 0.1, "iteration 1: accuracy 0.5");
    Webhook nowhere = Webhook.of("http://127.0.0.1:1/hush-hush", "POLYPHONY_WEBHOOK");
    try (StepRunner runner = new StepRunner(steps, null)) {
      Throwable failed =
          catchThrowable(
              () ->
                  activities(
                          steps,
                          runner,
                          new Notifier(Optional.of(nowhere), experiment -> Optional.empty()))
                      .announce(notice));
      assertThat(failed).hasStackTraceContaining("INFRASTRUCTURE");
      StringWriter trace = new StringWriter();
      failed.printStackTrace(new PrintWriter(trace));
      assertThat(trace.toString())
          .contains("the webhook at 127.0.0.1 does not answer")
          .doesNotContain("hush-hush");
    }
  }
}
