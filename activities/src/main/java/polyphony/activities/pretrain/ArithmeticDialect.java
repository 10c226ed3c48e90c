package polyphony.activities.pretrain;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import polyphony.activities.tasks.ArithmeticTask;

/**
 * The built-in model's language: questions {@code 12+7*23+5-14*9}, answers as chains of five steps
 * {@code 7*23=161;14*9=126;12+161=173;173+5=178;178-126=52#52}, and summaries that keep the steps'
 * results alone, {@code 161;126;173;178;52}.
 */
final class ArithmeticDialect {
  private static final int[] SLIPS = {-100, -10, -2, -1, 1, 2, 10, 100};

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
   * @param summary its results alone
   * @param correct whether the final answer is the true one
   * @param slipped whether any step slipped
   */
  record Chain(String text, String summary, boolean correct, boolean slipped) {}

  /**
   * Works a problem. In every step, with probability {@code slip}, the result is off by a
   * digit-like amount and the error is carried on; this is what makes errors random rather than
   * systematic, so that a majority can be right where one is wrong.
   */
  static Chain work(Problem problem, double slip, SplittableRandom random) {
    StringBuilder text = new StringBuilder();
    List<String> results = new ArrayList<>();
    int first = step(text, results, problem.b(), '*', problem.c(), slip, random);
    int second = step(text, results, problem.e(), '*', problem.f(), slip, random);
    int afterProduct = step(text, results, problem.a(), '+', first, slip, random);
    int sum = step(text, results, afterProduct, '+', problem.d(), slip, random);
    int answer = step(text, results, sum, '-', second, slip, random);
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
        text.toString(), String.join(";", results), answer == problem.answer(), slipped);
  }

  private static int step(
      StringBuilder text,
      List<String> results,
      int left,
      char operator,
      int right,
      double slip,
      SplittableRandom random) {
    int result =
        switch (operator) {
          case '*' -> left * right;
          case '+' -> left + right;
          case '-' -> left - right;
          default -> throw new IllegalArgumentException("operator " + operator);
        };
    if (random.nextDouble() < slip) {
      int slipped = result + SLIPS[random.nextInt(SLIPS.length)];
      // Only a difference can be negative; a product or sum below zero would not look like a slip.
      result = operator == '-' ? slipped : Math.max(0, slipped);
    }
    text.append(left).append(operator).append(right).append('=').append(result).append(';');
    results.add(Integer.toString(result));
    return result;
  }

  private ArithmeticDialect() {}
}
