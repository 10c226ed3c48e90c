package polyphony.workers;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.failure.TerminatedFailure;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.FailureTypes;
import polyphony.workflows.InvalidInputException;
import polyphony.workflows.InvalidSpecException;

/**
 * How a run's failure is told: one line and an exit code.
 *
 * @param line what is wrong and what to do
 * @param exitCode {@link #INPUT} where the person who asked can mend it, else {@link #OTHER}
 */
record Failure(String line, int exitCode) {
  static final int INPUT = 2;
  static final int OTHER = 1;

  /** The step that reads everything that a spec names; bad data there was handed in. */
  private static final String RESOLVE = "resolve";

  private static final Set<Status.Code> NO_ANSWER =
      Set.of(
          Status.Code.UNAVAILABLE, Status.Code.DEADLINE_EXCEEDED, Status.Code.RESOURCE_EXHAUSTED);

  /** What a workflow fails with that was started with an input it cannot take. */
  private static final Set<String> INVALID =
      Set.of(InvalidInputException.class.getName(), InvalidSpecException.class.getName());

  static Failure of(Throwable failure) {
    boolean resolving = false;
    Throwable last = failure;
    for (Throwable each = failure; each != null; each = each.getCause()) {
      last = each;
      if (each instanceof ActivityFailure activity) {
        resolving = activity.getActivityType().equals(RESOLVE);
      }
      if (each instanceof InvalidInputException || each instanceof InvalidSpecException) {
        return of(ErrorClass.CONFIG, each.getMessage(), true);
      }
      if (each instanceof StatusRuntimeException status
          && NO_ANSWER.contains(status.getStatus().getCode())) {
        return new Failure(
            "Temporal does not answer ("
                + TemporalAccess.reason(status.getStatus())
                + "); check that it runs, and give the command again",
            OTHER);
      }
      if (each instanceof PolyphonyException known) {
        return of(known.errorClass(), known.getMessage(), true);
      }
      if (each instanceof ApplicationFailure application) {
        ErrorClass errorClass = errorClass(application.getType());
        if (errorClass != null) {
          return of(errorClass, application.getOriginalMessage(), resolving);
        }
        if (FailureTypes.ABORTED.equals(application.getType())) {
          return new Failure(oneLine(application.getOriginalMessage()), OTHER);
        }
      }
    }
    Optional<String> known = known(last);
    if (known.isPresent()) {
      return new Failure(known.get(), OTHER);
    }
    String message =
        last instanceof ApplicationFailure application
            ? application.getType() + ": " + application.getOriginalMessage()
            : last.getClass().getSimpleName() + ": " + last.getMessage();
    return new Failure(
        oneLine(message) + "; this is a defect, run with --verbose for its trace", OTHER);
  }

  /** What is no defect, though no step said what to do. */
  private static Optional<String> known(Throwable last) {
    if (last instanceof CanceledFailure) {
      return Optional.of("the experiment was cancelled; start it again under its name to go on");
    } else if (last instanceof TerminatedFailure) {
      return Optional.of("the experiment was terminated; start it again under its name to go on");
    }
    return Optional.empty();
  }

  private static Failure of(ErrorClass errorClass, String message, boolean handedIn) {
    boolean input = errorClass == ErrorClass.CONFIG || (errorClass == ErrorClass.DATA && handedIn);
    return new Failure(oneLine(message), input ? INPUT : OTHER);
  }

  private static ErrorClass errorClass(String type) {
    if (INVALID.contains(type)) {
      return ErrorClass.CONFIG;
    }
    for (ErrorClass each : ErrorClass.values()) {
      if (each.name().equals(type)) {
        return each;
      }
    }
    return null;
  }

  private static String oneLine(String message) {
    return message == null
        ? "no message"
        : message.lines().map(String::strip).collect(Collectors.joining(" "));
  }
}
