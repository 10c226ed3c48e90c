package polyphony.workers.chaos;

import java.util.List;

/**
 * What became of one experiment that was disturbed once.
 *
 * @param fault its name
 * @param moment when it struck, in words
 * @param repeat from 0
 * @param problems what should not have been, a line or more each; empty where nothing was lost or
 *     done twice
 * @param answersRepeated answers and summaries whose sampling was begun again
 * @param trainingStepsRepeated optimizer steps begun again
 * @param textsRepeated texts scored beyond those of an undisturbed run
 * @param secondsToProgress from the fault to the first new commit or result of a step that it
 *     interrupted; null where there was none
 * @param secondsAfterMending the same from when what was gone was there again; 0 where it was not
 *     waited for
 * @param seconds of the experiment from its start to its end
 */
record Outcome(
    String fault,
    String moment,
    int repeat,
    List<String> problems,
    int answersRepeated,
    int trainingStepsRepeated,
    int textsRepeated,
    Double secondsToProgress,
    Double secondsAfterMending,
    double seconds) {
  Outcome {
    problems = List.copyOf(problems);
  }

  /** Of a trial that did not come to its end. */
  static Outcome brokenOff(Fault fault, int repeat, String why) {
    return new Outcome(
        fault.name(), fault.moment().shown(), repeat, List.of(why), 0, 0, 0, null, null, 0);
  }

  boolean passed() {
    return problems.isEmpty();
  }
}
