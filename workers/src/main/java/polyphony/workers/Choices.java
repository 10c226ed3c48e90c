package polyphony.workers;

import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;
import polyphony.activities.grading.Graders;
import polyphony.activities.tasks.Tasks;
import polyphony.workflows.Method;
import polyphony.workflows.TrainingSpec;

/** What help names, and a shell completes, where an option takes one of a few values. */
abstract class Choices implements Iterable<String> {
  private final List<String> names;

  private Choices(List<String> names) {
    this.names = names;
  }

  @Override
  public Iterator<String> iterator() {
    return names.iterator();
  }

  /** Methods of the paper. */
  static final class Methods extends Choices {
    Methods() {
      super(Method.names());
    }
  }

  /** Tasks that have a name of their own; others are imported. */
  static final class TaskNames extends Choices {
    TaskNames() {
      super(Tasks.names());
    }
  }

  /** Forms of questions that can be imported. */
  static final class Forms extends Choices {
    Forms() {
      super(Stream.concat(Tasks.published().stream(), Stream.of("custom")).toList());
    }
  }

  /** What answers are graded as. */
  static final class AnswerKinds extends Choices {
    AnswerKinds() {
      super(Graders.kinds());
    }
  }

  /** How answers are read and compared. */
  static final class GradingModes extends Choices {
    GradingModes() {
      super(Graders.modes());
    }
  }

  /** What models are computed on; there may be more GPUs. */
  static final class Devices extends Choices {
    Devices() {
      super(List.of("auto", "cpu", "cuda:0"));
    }
  }

  /** Where steps are computed. */
  static final class Isolations extends Choices {
    Isolations() {
      super(List.of("none", "process"));
    }
  }

  /** Which questions each iteration has. */
  static final class QuestionChoices extends Choices {
    QuestionChoices() {
      super(List.of("fixed", "fresh"));
    }
  }

  /** How agents are finetuned. */
  static final class Tunings extends Choices {
    Tunings() {
      super(List.of(TrainingSpec.FULL, TrainingSpec.LORA));
    }
  }

  /** Queues of work. */
  static final class Queues extends Choices {
    Queues() {
      super(Stack.QUEUES);
    }
  }

  /** Tables and figures of the paper. */
  static final class Reproductions extends Choices {
    Reproductions() {
      super(Reproduction.NAMES);
    }
  }
}
