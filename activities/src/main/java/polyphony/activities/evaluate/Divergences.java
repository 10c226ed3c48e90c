package polyphony.activities.evaluate;

import java.util.List;

/**
 * How far the models' distributions lie apart on one question's answers, as sums over tokens, so
 * that ranges and questions simply add up. Everything in nats.
 *
 * @param tokens by agent i: scored tokens of its answer; 0 where the answer is empty
 * @param between by agent i, then by agent j: the sum over agent i's tokens of KL(p_i ‖ p_j), given
 *     agent i's conversation; 0 for i = j. Empty where there is one agent alone.
 * @param toBase by agent i: the same sum of KL(p_i ‖ p_base)
 */
public record Divergences(List<Integer> tokens, List<List<Double>> between, List<Double> toBase) {
  public Divergences {
    tokens = List.copyOf(tokens);
    between = List.copyOf(between);
    toBase = List.copyOf(toBase);
  }
}
