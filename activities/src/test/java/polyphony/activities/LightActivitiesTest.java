package polyphony.activities;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.temporal.failure.ApplicationFailure;
import io.temporal.testing.TestActivityEnvironment;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.audit.Healing;
import polyphony.activities.split.SplitStep;
import polyphony.activities.vote.VoteStep;
import polyphony.storage.FolderObjectStore;
import polyphony.storage.Step;
import polyphony.storage.Steps;
import polyphony.workflows.Activities;

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
    Healing healing = new Healing(new FolderObjectStore(temporary.resolve("store")), steps);
    environment.registerActivitiesImplementations(
        new LightActivities(
            runner, healing, null, null, null, new VoteStep(), new SplitStep(), null, null, null));
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
}
