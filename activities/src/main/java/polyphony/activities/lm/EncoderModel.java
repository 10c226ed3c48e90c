package polyphony.activities.lm;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import polyphony.storage.PolyphonyException;

/**
 * A T5 encoder on disk, alone or with its decoder, of which nothing is read: a Hugging Face folder
 * whose files were checked against one another. The folder must not change while this is in use.
 *
 * @param folder holds config.json, tokenizer.json and *.safetensors
 * @param config the encoder's shape
 */
public record EncoderModel(Path folder, EncoderConfig config, Weights weights) {
  /** Where a file holds the embedding once for each half of the model. */
  private static final String OWN_EMBEDDING = "encoder.embed_tokens.weight";

  /**
   * Opens and checks a folder.
   *
   * @throws PolyphonyException DATA with what is missing or wrong
   */
  public static EncoderModel open(Path folder) {
    for (String file : List.of("config.json", "tokenizer.json")) {
      if (!Files.isRegularFile(folder.resolve(file))) {
        throw PolyphonyException.data(
            "model folder " + folder + " has no " + file + "; copy the whole folder again");
      }
    }
    EncoderConfig config = EncoderConfig.read(folder.resolve("config.json"));
    EncoderModel model = new EncoderModel(folder, config, Weights.openFolder(folder));
    for (Map.Entry<String, long[]> weight : config.weightShapes().entrySet()) {
      LanguageModel.requireShape(
          folder, model.weights, model.stored(weight.getKey()), weight.getValue(), "config.json");
    }
    int tokens = FastTokenizer.vocabularySize(folder.resolve("tokenizer.json"));
    if (tokens > config.vocabularySize()) {
      throw PolyphonyException.data(
          folder
              + ": tokenizer.json has "
              + tokens
              + " tokens, but the embedding only "
              + config.vocabularySize()
              + "; the two come from different models");
    }
    return model;
  }

  private String stored(String name) {
    return name.equals(EncoderConfig.EMBEDDING) && !weights.tensors().containsKey(name)
        ? OWN_EMBEDDING
        : name;
  }

  /** The tensor that is one of {@link EncoderConfig#weightShapes}. */
  public Weights.Tensor tensor(String name) {
    return weights.tensor(stored(name));
  }

  /** Opens the tokenizer; the caller closes it. */
  public Tokenizer tokenizer() {
    return FastTokenizer.open(folder.resolve("tokenizer.json"));
  }
}
