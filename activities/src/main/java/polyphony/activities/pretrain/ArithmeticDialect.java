package polyphony.activities.pretrain;

import java.util.SplittableRandom;
import java.util.function.IntUnaryOperator;
import polyphony.activities.tasks.ArithmeticTask;

/**
 * The built-in model's language: questions {@code 12+7*23+5-14*9}, answers as chains of five steps
 * {@code 7*23=161;14*9=126;12+161=173;173+5=178;178-126=52#52}, and summaries that keep the
 * products and the answer, {@code 161;126#52}. A critic works anew, in such a chain, or repeats an
 * answer that it read, {@code #52}.
 */
final class ArithmeticDialect {
  private static final int[] SLIPS = {-100, -10, -2, -1, 1, 2, 10, 100};
  private static final int GARBLED_RESULTS = 1000;

  /** {@code a+b*c+d-e*f}. */
  record Problem(int a, int b, int c, int d, int e, int f) {
    static Problem draw(SplittableRandom random) {
      return new Problem(
          random.nextInt(ArithmeticTask.OPERANDS),
          random.nextInt(ArithmeticTask.OPERANDS),
          random.nextInt(ArithmeticTask.OPERANDS),
          random.nextInt(ArithmeticTask.OPERANDS),
          random.nextInt(ArithmeticTask.OPERANDS),
          random.nextInt(ArithmeticTask.OPERANDS));
    }

    String question() {
      return ArithmeticTask.question(a, b, c, d, e, f).text();
    }

    int answer() {
      return a + b * c + d - e * f;
    }
  }

  /**
   * One worked answer.
   *
   * @param text as the model writes it
   * @param summary its products and its answer
   * @param correct whether the final answer is the true one
   * @param slipped whether any step slipped
   */
  record Chain(String text, String summary, boolean correct, boolean slipped) {
    /** The answer alone, as a critic repeats it. */
    Chain repeated() {
      String answer = text.substring(text.lastIndexOf('#'));
      return new Chain(answer, answer, correct, slipped);
    }
  }

  /**
   * Works a problem. In every step, with probability {@code slip}, the result is off by a
   * digit-like amount and the error is carried on; this is what makes errors random rather than
   * systematic, so that a majority can be right where one is wrong.
   */
  static Chain work(Problem problem, double slip, SplittableRandom random) {
    return work(problem, result -> random.nextDouble() < slip ? result + slip(random) : result);
  }

  /**
   * A chain in which each result is, with probability {@code share}, any number at all: what it
   * says can be known by reading it, and in no other way.
   */
  static Chain garbled(Problem problem, double share, SplittableRandom random) {
    return work(
        problem, result -> random.nextDouble() < share ? random.nextInt(GARBLED_RESULTS) : result);
  }

  private static int slip(SplittableRandom random) {
    return SLIPS[random.nextInt(SLIPS.length)];
  }

  private static Chain work(Problem problem, IntUnaryOperator written) {
    StringBuilder text = new StringBuilder();
    int first = step(text, problem.b(), '*', problem.c(), written);
    int second = step(text, problem.e(), '*', problem.f(), written);
    int afterProduct = step(text, problem.a(), '+', first, written);
    int sum = step(text, afterProduct, '+', problem.d(), written);
    int answer = step(text, sum, '-', second, written);
    text.setCharAt(text.length() - 1, '#');
    text.append(answer);
    int product = problem.b() * problem.c();
    boolean slipped =
        first != product
            || second != problem.e() * problem.f()
            || afterProduct != problem.a() + product
            || sum != problem.a() + product + problem.d()
            || answer != problem.answer();
    return new Chain(
        text.toString(), first + ";" + second + "#" + answer, answer == problem.answer(), slipped);
  }

  private static int step(
      StringBuilder text, int left, char operator, int right, IntUnaryOperator written) {
    int result =
        switch (operator) {
          case '*' -> left * right;
          case '+' -> left + right;
          case '-' -> left - right;
          default -> throw new IllegalArgumentException("operator " + operator);
        };
    result = written.applyAsInt(result);
    // Only a difference can be negative; a product or sum below zero would not look like a slip.
    result = operator == '-' ? result : Math.max(0, result);
    text.append(left).append(operator).append(right).append('=').append(result).append(';');
    return result;
  }

  private ArithmeticDialect() {}
}
