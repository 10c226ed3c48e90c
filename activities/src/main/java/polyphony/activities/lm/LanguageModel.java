package polyphony.activities.lm;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import polyphony.storage.PolyphonyException;

/**
 * A checkpoint on disk: a Hugging Face folder whose files were checked against one another. The
 * folder must not change while this is in use.
 *
 * @param folder holds config.json, tokenizer.json, tokenizer_config.json and *.safetensors
 * @param config the decoder's shape
 * @param endTokens ids that end a turn, from generation_config.json or else config.json
 */
public record LanguageModel(
    Path folder, DecoderConfig config, Weights weights, List<Integer> endTokens) {
  public LanguageModel {
    endTokens = List.copyOf(endTokens);
  }

  /**
   * Opens and checks a folder.
   *
   * @throws PolyphonyException DATA with what is missing or wrong
   */
  public static LanguageModel open(Path folder) {
    for (String file :
        List.of("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")) {
      if (!Files.isRegularFile(folder.resolve(file))) {
        throw PolyphonyException.data(
            "model folder " + folder + " has no " + file + "; copy the whole folder again");
      }
    }
    DecoderConfig config = DecoderConfig.read(folder.resolve("config.json"));
    Weights weights = Weights.open(folder.resolve("model.safetensors"));
    config
        .weightShapes()
        .forEach(
            (name, shape) -> {
              long[] found = weights.tensor(name).shape();
              if (!Arrays.equals(found, shape)) {
                throw PolyphonyException.data(
                    folder
                        + ": tensor "
                        + name
                        + " has shape "
                        + Arrays.toString(found)
                        + ", config.json implies "
                        + Arrays.toString(shape));
              }
            });
    return new LanguageModel(folder, config, weights, List.of());
  }
}
