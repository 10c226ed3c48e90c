package polyphony.activities.pretrain;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.lm.ChatFormat;
import polyphony.activities.lm.Conversation;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.Message;
import polyphony.activities.lm.Role;
import polyphony.activities.lm.TinyModels;
import polyphony.activities.lm.Tokenizer;
import polyphony.activities.lm.TrainingExample;
import polyphony.activities.pretrain.ArithmeticDialect.Chain;
import polyphony.activities.pretrain.ArithmeticDialect.Problem;
import polyphony.activities.prompts.PromptSet;
import polyphony.activities.tasks.ArithmeticTask;

class PretrainingCorpusTest {
  private static final String MARKS = "_^$";

  @TempDir Path folder;

  @Test
  void stepsShareNoQuestions() {
    try (Tokenizer tokenizer = TinyModels.untied(folder.resolve("model")).tokenizer()) {
      for (PretrainingRecipe.Stage stage : PretrainingRecipe.builtIn(1).stages()) {
        PretrainingCorpus corpus = new PretrainingCorpus(stage, tokenizer, question -> true, 5);
        Set<String> seen = new HashSet<>();
        int questions = 0;
        for (int step = 0; step < 20; step++) {
          for (String text : texts(corpus.batch(step))) {
            if (text.startsWith("^Q")) {
              questions++;
              seen.add(text.substring(2, text.indexOf('\n')));
            }
          }
        }
        // Of 30^6 questions two draws in a thousand hardly ever coincide.
        assertThat(seen).hasSizeGreaterThan(questions - 3);
      }
    }
  }

  @Test
  void aBatchIsAFunctionOfItsStep() {
    try (Tokenizer tokenizer = TinyModels.untied(folder.resolve("model")).tokenizer()) {
      PretrainingRecipe.Stage stage = PretrainingRecipe.builtIn(1).stages().get(1);
      PretrainingCorpus corpus = new PretrainingCorpus(stage, tokenizer, question -> true, 5);
      List<String> third = texts(corpus.batch(3));
      corpus.batch(4);
      assertThat(texts(corpus.batch(3))).isEqualTo(third);
      assertThat(texts(new PretrainingCorpus(stage, tokenizer, question -> true, 6).batch(3)))
          .isNotEqualTo(third);
    }
  }

  @Test
  void questionsThatAreNotAllowedNeverAppear() {
    try (Tokenizer tokenizer = TinyModels.untied(folder.resolve("model")).tokenizer()) {
      PretrainingRecipe.Stage stage = PretrainingRecipe.builtIn(1).stages().get(0);
      PretrainingCorpus corpus =
          new PretrainingCorpus(stage, tokenizer, question -> question.startsWith("7+"), 5);
      assertThat(texts(corpus.batch(0)))
          .filteredOn(text -> text.startsWith("^Q"))
          .allMatch(text -> text.startsWith("^Q7+"));
    }
  }

  /** What the model is pretrained on is what it will be asked: prompts and chat template agree. */
  @Test
  void textsAreWhatTheCompactPromptsAndTheChatTemplateMake() {
    LanguageModel model = TinyModels.untied(folder.resolve("model"));
    PromptSet prompts = PromptSet.named("compact");
    SplittableRandom random = new SplittableRandom(1);
    Problem problem = Problem.draw(random);
    Chain own = ArithmeticDialect.work(problem, 0.5, random);
    List<Chain> others =
        List.of(
            ArithmeticDialect.work(problem, 0.5, random),
            ArithmeticDialect.work(problem, 0.5, random));
    List<String> otherTexts = others.stream().map(Chain::text).toList();
    try (Tokenizer tokenizer = model.tokenizer()) {
      ChatFormat format = model.chatFormat(tokenizer);
      Conversation answered =
          format
              .start(List.of(new Message(Role.USER, prompts.generate(problem.question()))))
              .withAnswer(tokenizer.encode(own.text() + "$"), own.text());
      Conversation critic =
          format.withUser(answered, prompts.criticWithAnswers(otherTexts, problem.question()));
      assertThat(text(critic.tokens()))
          .isEqualTo(
              "^Q%s\nA%s$\n%sQ%s\nA"
                  .formatted(
                      problem.question(),
                      own.text(),
                      PretrainingCorpus.quoted(others),
                      problem.question()));
      Conversation withSummary =
          format.withUser(
              answered,
              prompts.criticWithSummary(PretrainingCorpus.summary(others), problem.question()));
      assertThat(text(withSummary.tokens()))
          .endsWith(
              "$\nS%s\nQ%s\nA".formatted(PretrainingCorpus.summary(others), problem.question()));
      assertThat(
              text(
                  format
                      .start(List.of(new Message(Role.USER, prompts.summarise(otherTexts))))
                      .tokens()))
          .isEqualTo("^" + PretrainingCorpus.quoted(others) + "S\nA");
    }
  }

  @Test
  void chainsWithoutSlipsAreCorrectAndReadAsSuch() {
    ArithmeticTask task = new ArithmeticTask();
    SplittableRandom random = new SplittableRandom(2);
    for (int i = 0; i < 200; i++) {
      Problem problem = Problem.draw(random);
      Chain clean = ArithmeticDialect.work(problem, 0, random);
      assertThat(clean.correct()).isTrue();
      assertThat(clean.slipped()).isFalse();
      assertThat(task.extract(clean.text())).contains(Integer.toString(problem.answer()));
      Chain slipping = ArithmeticDialect.work(problem, 0.3, random);
      assertThat(task.extract(slipping.text()).orElseThrow().equals("" + problem.answer()))
          .isEqualTo(slipping.correct());
    }
  }

  @Test
  void slipsComeAtTheGivenRate() {
    SplittableRandom random = new SplittableRandom(3);
    int slipped = 0;
    int chains = 4000;
    for (int i = 0; i < chains; i++) {
      slipped += ArithmeticDialect.work(Problem.draw(random), 0.1, random).slipped() ? 1 : 0;
    }
    // 1 - 0.9^5, less the few slips below zero that leave a result as it was; 4 standard errors.
    assertThat(slipped / (double) chains).isBetween(0.36, 0.44);
  }

  @Test
  void aSummaryKeepsTheProductsAndTheAnswer() {
    Problem problem = new Problem(12, 7, 23, 5, 14, 9);
    Chain chain = ArithmeticDialect.work(problem, 0, new SplittableRandom(4));
    assertThat(chain.text()).isEqualTo("7*23=161;14*9=126;12+161=173;173+5=178;178-126=52#52");
    assertThat(chain.summary()).isEqualTo("161;126#52");
    assertThat(chain.repeated().text()).isEqualTo("#52");
    assertThat(chain.repeated().summary()).isEqualTo("#52");
    assertThat(chain.repeated().correct()).isTrue();
  }

  @Test
  void garbledChainsCannotBeComputed() {
    SplittableRandom random = new SplittableRandom(5);
    int right = 0;
    for (int i = 0; i < 500; i++) {
      right += ArithmeticDialect.garbled(Problem.draw(random), 0.5, random).correct() ? 1 : 0;
    }
    // All five results are left alone in one chain of 32.
    assertThat(right).isBetween(4, 35);
  }

  /** A critic that repeats an answer has read it: its own, or another's. */
  @Test
  void criticsRepeatWhatStandsBeforeThem() {
    try (Tokenizer tokenizer = TinyModels.untied(folder.resolve("model")).tokenizer()) {
      PretrainingRecipe.Stage stage = PretrainingRecipe.builtIn(1).stages().get(1);
      PretrainingCorpus corpus = new PretrainingCorpus(stage, tokenizer, question -> true, 7);
      int critics = 0;
      int repeating = 0;
      int continued = 0;
      for (int step = 0; step < 60; step++) {
        for (String text : texts(corpus.batch(step))) {
          String[] turns = text.split("\nA", -1);
          if (!text.startsWith("^Q") || turns.length < 3) {
            continue;
          }
          critics++;
          continued += turns.length == 4 ? 1 : 0;
          // The question's form has no #: every # before the turn ends a chain or a summary.
          String before = turns[0] + "\nA" + turns[1];
          String critic = turns[2].substring(0, turns[2].indexOf('$'));
          if (critic.startsWith("#")) {
            repeating++;
            assertThat(before).containsPattern(critic + "[$/\n]");
          }
        }
      }
      assertThat(critics).isGreaterThan(300);
      assertThat(repeating / (double) critics).isBetween(0.5, 0.7);
      assertThat(continued / (double) critics).isBetween(0.06, 0.2);
    }
  }

  private static List<String> texts(List<TrainingExample> examples) {
    return examples.stream().map(each -> text(each.tokens())).collect(Collectors.toList());
  }

  private static String text(int[] tokens) {
    List<String> characters = new ArrayList<>();
    Arrays.stream(tokens)
        .forEach(token -> characters.add("" + (MARKS + CompactDialect.ALPHABET).charAt(token)));
    return String.join("", characters);
  }
}
