package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import io.temporal.api.enums.v1.RetryState;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.failure.TerminatedFailure;
import java.net.ConnectException;
import java.util.List;
import org.junit.jupiter.api.Test;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.InvalidSpecException;

class FailureTest {
  @Test
  void whatThePersonCanMendEndsWithTwo() {
    assertThat(Failure.of(PolyphonyException.config("agents is 0")))
        .isEqualTo(new Failure("agents is 0", 2));
    assertThat(Failure.of(PolyphonyException.data("no config.json")))
        .isEqualTo(new Failure("no config.json", 2));
    assertThat(Failure.of(new InvalidSpecException(List.of("agents is 0", "rounds is 0"))))
        .isEqualTo(new Failure("agents is 0; rounds is 0", 2));
  }

  @Test
  void anythingElseEndsWithOne() {
    assertThat(Failure.of(PolyphonyException.infrastructure("disk full", null)).exitCode())
        .isEqualTo(1);
    assertThat(Failure.of(new IllegalStateException("oops")))
        .satisfies(
            failure -> {
              assertThat(failure.exitCode()).isEqualTo(1);
              assertThat(failure.line()).contains("IllegalStateException", "oops", "defect");
            });
  }

  @Test
  void dataIsTheInputsFaultOnlyWhereTheInputIsRead() {
    assertThat(Failure.of(step("resolve", ErrorClass.DATA)).exitCode()).isEqualTo(2);
    assertThat(Failure.of(step("train-critic", ErrorClass.DATA)).exitCode()).isEqualTo(1);
    assertThat(Failure.of(step("train-critic", ErrorClass.CONFIG)).exitCode()).isEqualTo(2);
    assertThat(Failure.of(step("debate", ErrorClass.BUG)).exitCode()).isEqualTo(1);
  }

  @Test
  void aStepsMessageIsShownAsItWasWritten() {
    assertThat(Failure.of(step("resolve", ErrorClass.DATA)).line()).isEqualTo("what is wrong");
  }

  @Test
  void whatAnOperatorEndedIsNoDefect() {
    for (Exception ended :
        List.of(
            ApplicationFailure.newNonRetryableFailure("aborted by an operator: enough", "ABORTED"),
            new CanceledFailure("cancelled"),
            new TerminatedFailure("terminated", null))) {
      Failure failure = Failure.of(new IllegalStateException("the workflow failed", ended));
      assertThat(failure.exitCode()).isEqualTo(1);
      assertThat(failure.line()).doesNotContain("defect").containsAnyOf("enough", "start it again");
    }
  }

  @Test
  void aServiceThatWentAwayIsNoDefect() {
    Failure failure =
        Failure.of(
            Status.UNAVAILABLE
                .withDescription("io exception")
                .withCause(new ConnectException("Connection refused"))
                .asRuntimeException());
    assertThat(failure.exitCode()).isEqualTo(1);
    assertThat(failure.line())
        .isEqualTo(
            "Temporal does not answer (Connection refused); check that it runs, and give the"
                + " command again");
  }

  @Test
  void aFailureIsOneLine() {
    assertThat(Failure.of(PolyphonyException.config("one\n  two\n")).line()).isEqualTo("one two");
  }

  private static Throwable step(String type, ErrorClass errorClass) {
    return new IllegalStateException(
        "the workflow failed",
        new ActivityFailure(
            "activity failed",
            1,
            2,
            type,
            "activity-1",
            RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE,
            "worker",
            ApplicationFailure.newNonRetryableFailure("what is wrong", errorClass.name())));
  }
}
