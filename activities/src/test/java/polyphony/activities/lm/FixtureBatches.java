package polyphony.activities.lm;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/**
 * The batches of a training that a fixture holds.
 *
 * @param training with {@code batches}: by step, examples of {@code tokens} and which are {@code
 *     trained}
 */
public record FixtureBatches(JsonNode training) implements TrainingBatches {
  @Override
  public int steps() {
    return training.path("batches").size();
  }

  @Override
  public List<TrainingExample> batch(int step) {
    List<TrainingExample> examples = new ArrayList<>();
    for (JsonNode example : training.path("batches").path(step)) {
      int[] tokens = new int[example.path("tokens").size()];
      boolean[] trained = new boolean[tokens.length];
      for (int i = 0; i < tokens.length; i++) {
        tokens[i] = example.path("tokens").path(i).asInt();
        trained[i] = example.path("trained").path(i).asBoolean();
      }
      examples.add(new TrainingExample(tokens, trained));
    }
    return examples;
  }
}
