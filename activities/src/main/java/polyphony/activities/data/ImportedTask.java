package polyphony.activities.data;

import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import polyphony.activities.grading.Grader;
import polyphony.activities.grading.Verdict;
import polyphony.activities.tasks.Question;
import polyphony.activities.tasks.Task;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Sha256;

/** A task over imported questions. */
final class ImportedTask implements Task {
  private final String name;
  private final int version;
  private final List<DataQuestion> questions;
  private final List<Integer> levels;
  private final Grader grader;

  /**
   * @param levels null: all
   */
  ImportedTask(
      String name, int version, List<DataQuestion> questions, List<Integer> levels, Grader grader) {
    this.name = name;
    this.version = version;
    this.questions = questions;
    this.levels = levels;
    this.grader = grader;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public int version() {
    return version;
  }

  /** Drawn without repeats; of the same seed, a smaller set is the beginning of a larger one. */
  @Override
  public List<Question> questions(Split split, int count, long seed) {
    List<DataQuestion> eligible = eligible(split);
    if (count < 0 || count > eligible.size()) {
      throw PolyphonyException.config(
          "task "
              + name
              + (levels == null ? "" : " of levels " + levels)
              + " has "
              + eligible.size()
              + " questions to "
              + split.name().toLowerCase(Locale.ROOT)
              + " on, not "
              + count
              + "; ask for fewer");
    }
    return eligible.stream()
        .sorted(Comparator.comparing(each -> rank(each, seed)))
        .limit(count)
        .map(each -> new Question(each.id(), each.text(), each.answer()))
        .toList();
  }

  @Override
  public int largestSet(Split split) {
    return eligible(split).size();
  }

  private List<DataQuestion> eligible(Split split) {
    String wanted = split.name().toLowerCase(Locale.ROOT);
    return questions.stream()
        .filter(each -> each.split().equals(wanted))
        .filter(each -> levels == null || (each.level() != null && levels.contains(each.level())))
        .toList();
  }

  private static String rank(DataQuestion question, long seed) {
    return Sha256.of((seed + "\n" + question.id()).getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public Optional<String> extract(String text) {
    return grader.extract(text);
  }

  @Override
  public Optional<String> read(String answer) {
    return grader.read(answer);
  }

  @Override
  public Verdict compare(String one, String other) {
    return grader.compare(one, other);
  }
}
