package polyphony.activities.vote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.JsonLines;
import polyphony.activities.TestSteps;
import polyphony.activities.debate.TestAnswers;
import polyphony.activities.tasks.Question;
import polyphony.storage.ArtifactRef;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.Purpose;
import polyphony.workflows.Vote;

class VoteStepTest {
  @TempDir Path folder;
  private TestSteps steps;

  @BeforeEach
  void aStore() {
    steps = new TestSteps(folder);
  }

  @AfterEach
  void closeTheStore() {
    steps.close();
  }

  private ArtifactRef range(int agent, int round, int from, String... answers) {
    return steps.put(
        JsonLines.write(
            IntStream.range(0, answers.length)
                .mapToObj(i -> TestAnswers.answer(from + i, agent, round, answers[i], true))
                .toList()));
  }

  private Vote.Result vote(String tieRule, int minimumVotes, List<List<ArtifactRef>> answers) {
    return vote("arithmetic", tieRule, minimumVotes, answers);
  }

  private Vote.Result vote(
      String task, String tieRule, int minimumVotes, List<List<ArtifactRef>> answers) {
    Vote.Request request =
        new Vote.Request(5, Purpose.FINETUNE, 1, task, answers, tieRule, minimumVotes, null);
    return steps.run(
        VoteStep.NAME, request, Vote.Result.class, attempt -> new VoteStep().run(request, attempt));
  }

  @Test
  void trueAnswersAreTheLabelsWhereTheMethodSaysSo() {
    List<Question> questions =
        List.of(
            new Question("question-0", "1+1", "2"),
            new Question("question-1", "2+2", "4"),
            new Question("question-2", "3+3", "6"));
    Vote.Request request =
        new Vote.Request(
            5,
            Purpose.FINETUNE,
            1,
            "arithmetic",
            List.of(List.of(range(0, 1, 0, "2", "5", null))),
            "random",
            1,
            steps.put(JsonLines.write(questions)));
    Vote.Result result =
        steps.run(
            VoteStep.NAME,
            request,
            Vote.Result.class,
            attempt -> new VoteStep().run(request, attempt));
    assertThat(result.labelled()).isEqualTo(3);
    assertThat(JsonLines.read(steps.artifacts().bytes(result.votes()), Label.class))
        .extracting(Label::label, Label::agreeing)
        .containsExactly(tuple("2", 1), tuple("4", 0), tuple("6", 0));
  }

  @Test
  void everyQuestionOfEveryRangeIsVotedOn() {
    Vote.Result result =
        vote(
            "first",
            1,
            List.of(
                List.of(range(0, 2, 0, "5", "1"), range(0, 2, 2, null, "1,000")),
                List.of(range(1, 2, 0, "5", "2"), range(1, 2, 2, null, "7")),
                List.of(range(2, 2, 0, "4", "3"), range(2, 2, 2, null, "1000"))));
    assertThat(result.questions()).isEqualTo(4);
    assertThat(result.labelled()).isEqualTo(3);
    assertThat(result.ties()).isEqualTo(1);
    List<Label> labels = JsonLines.read(steps.artifacts().bytes(result.votes()), Label.class);
    assertThat(labels)
        .extracting(Label::index, Label::question, Label::label, Label::agreeing, Label::tied)
        .containsExactly(
            tuple(0, "question-0", "5", 2, false),
            tuple(1, "question-1", "1", 1, true),
            tuple(2, "question-2", null, 0, false),
            tuple(3, "question-3", "1,000", 2, false));
    assertThat(labels.get(2).votes()).containsExactly(null, null, null);
  }

  @Test
  void answersStandTogetherByTheTasksEquivalenceAndWhatIsUndecidedStandsApartAndIsCounted() {
    List<List<ArtifactRef>> answers =
        List.of(
            List.of(range(0, 1, 0, "\\frac{1}{2}", "10^{10^{10}}", "2/4")),
            List.of(range(1, 1, 0, "2", "5", "1/2")),
            List.of(range(2, 1, 0, "0.5", "5", "3")));
    Vote.Result result = vote("math-1", "first", 1, answers);
    assertThat(JsonLines.read(steps.artifacts().bytes(result.votes()), Label.class))
        .extracting(Label::label, Label::agreeing)
        .containsExactly(tuple("\\frac{1}{2}", 2), tuple("5", 2), tuple("2/4", 2));
    assertThat(result.undecided()).isEqualTo(2);
    Vote.Result released = vote("math-1/default/released-code", "released-code", 1, answers);
    assertThat(JsonLines.read(steps.artifacts().bytes(released.votes()), Label.class).get(2))
        .extracting(Label::label, Label::agreeing)
        .containsExactly("3", 1);
    assertThat(released.undecided()).isZero();
  }

  @Test
  void aQuestionsVoteDoesNotDependOnTheOthers() {
    List<String> one = List.of("1", "2", "3", "4", "5", "6", "7", "8");
    String[] first = one.toArray(String[]::new);
    String[] second = one.stream().map(each -> "1" + each).toArray(String[]::new);
    Vote.Result whole =
        vote("random", 1, List.of(List.of(range(0, 1, 0, first)), List.of(range(1, 1, 0, second))));
    Vote.Result part =
        vote(
            "random",
            1,
            List.of(
                List.of(range(0, 1, 4, "5", "6", "7", "8")),
                List.of(range(1, 1, 4, "15", "16", "17", "18"))));
    List<Label> labels = JsonLines.read(steps.artifacts().bytes(whole.votes()), Label.class);
    assertThat(JsonLines.read(steps.artifacts().bytes(part.votes()), Label.class))
        .isEqualTo(labels.subList(4, 8));
  }

  @Test
  void answersThatDoNotBelongTogetherAreRefused() {
    assertThatThrownBy(
            () ->
                vote(
                    "first",
                    1,
                    List.of(List.of(range(0, 1, 0, "1")), List.of(range(1, 1, 1, "1")))))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("different questions");
    assertThatThrownBy(
            () ->
                vote(
                    "first",
                    1,
                    List.of(List.of(range(0, 1, 0, "1")), List.of(range(1, 2, 0, "1")))))
        .hasMessageContaining("different rounds");
    assertThatThrownBy(() -> vote("first", 1, List.of(List.of(range(1, 1, 0, "1")))))
        .hasMessageContaining("agent 1");
    assertThatThrownBy(
            () -> vote("first", 1, List.of(List.of(range(0, 1, 1, "1"), range(0, 1, 0, "1")))))
        .hasMessageContaining("in order");
    assertThatThrownBy(() -> vote("first", 1, List.of())).hasMessageContaining("no answers");
  }
}
