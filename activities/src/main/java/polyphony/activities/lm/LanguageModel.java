package polyphony.activities.lm;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import polyphony.storage.PolyphonyException;

/**
 * A checkpoint on disk: a Hugging Face folder whose files were checked against one another. The
 * folder must not change while this is in use.
 *
 * @param folder holds config.json and *.safetensors, and what {@link #tokenizer} needs: unless it
 *     was opened {@link #openToCompute to compute}, tokenizer.json and tokenizer_config.json too
 * @param config the decoder's shape
 * @param weights the base's: those that all models with this folder share
 * @param endTokens ids of the vocabulary that end a turn, from generation_config.json or else
 *     config.json; none where neither names one
 * @param adapter what this model adds to the base; empty where it is the base itself. Models share
 *     a base if and only if they have the same folder
 */
public record LanguageModel(
    Path folder,
    DecoderConfig config,
    Weights weights,
    List<Integer> endTokens,
    Optional<Adapter> adapter) {
  public LanguageModel {
    endTokens = List.copyOf(endTokens);
  }

  /** A model without adapter. */
  public LanguageModel(
      Path folder, DecoderConfig config, Weights weights, List<Integer> endTokens) {
    this(folder, config, weights, endTokens, Optional.empty());
  }

  /** The model without its adapter. */
  public LanguageModel base() {
    return adapter.isEmpty() ? this : new LanguageModel(folder, config, weights, endTokens);
  }

  /** This model's base with that adapter. */
  public LanguageModel with(Adapter other) {
    return new LanguageModel(folder, config, weights, endTokens, Optional.of(other));
  }

  /**
   * Opens and checks a folder.
   *
   * @throws PolyphonyException DATA with what is missing or wrong; CONFIG where an adapter lies
   *     beside it
   */
  public static LanguageModel open(Path folder) {
    LanguageModel model =
        open(folder, List.of("config.json", "tokenizer.json", "tokenizer_config.json"));
    int tokens = FastTokenizer.vocabularySize(folder.resolve("tokenizer.json"));
    if (tokens > model.config.vocabularySize()) {
      throw PolyphonyException.data(
          folder
              + ": tokenizer.json has "
              + tokens
              + " tokens, but the embedding only "
              + model.config.vocabularySize()
              + "; the two come from different models");
    }
    return model;
  }

  /**
   * Opens and checks what computing with token ids takes: a folder that need not have a tokenizer.
   *
   * @throws PolyphonyException DATA with what is missing or wrong; CONFIG where an adapter lies
   *     beside it
   */
  public static LanguageModel openToCompute(Path folder) {
    return open(folder, List.of("config.json"));
  }

  private static LanguageModel open(Path folder, List<String> needed) {
    if (!Files.isDirectory(folder)) {
      throw PolyphonyException.data(
          "there is no model folder " + folder + "; check the name or import the model");
    }
    Adapter.requireNone(folder);
    for (String file : needed) {
      requireFile(folder, file);
    }
    if (!Files.exists(folder.resolve(Weights.INDEX))) {
      requireFile(folder, Weights.FILE);
    }
    DecoderConfig config = DecoderConfig.read(folder.resolve("config.json"));
    Weights weights = Weights.openFolder(folder);
    Map<String, long[]> shapes = config.weightShapes();
    shapes.forEach((name, shape) -> requireShape(folder, weights, name, shape, "config.json"));
    weights.tensors().keySet().stream()
        .filter(name -> !shapes.containsKey(name) && !harmless(name, config))
        .findFirst()
        .ifPresent(
            name -> {
              throw PolyphonyException.data(
                  folder
                      + ": the weights have a tensor "
                      + name
                      + ", which config.json does not imply; it belongs to another architecture");
            });
    return new LanguageModel(folder, config, weights, endTokens(folder, config));
  }

  private static void requireFile(Path folder, String file) {
    if (!Files.isRegularFile(folder.resolve(file))) {
      throw PolyphonyException.data(
          "model folder " + folder + " has no " + file + "; copy the whole folder again");
    }
  }

  /** What old writers stored though it follows from the rest. */
  private static boolean harmless(String name, DecoderConfig config) {
    return name.endsWith(".rotary_emb.inv_freq")
        || (config.tiedEmbeddings() && name.equals("lm_head.weight"));
  }

  /**
   * @param source whose weights they are
   * @param config what says that there is such a tensor
   */
  static void requireShape(Path source, Weights weights, String name, long[] shape, String config) {
    Weights.Tensor tensor = weights.tensors().get(name);
    if (tensor == null) {
      throw PolyphonyException.data(
          source + ": the weights have no tensor " + name + ", which " + config + " implies");
    }
    if (!Arrays.equals(tensor.shape(), shape)) {
      throw PolyphonyException.data(
          source
              + ": tensor "
              + name
              + " has shape "
              + Arrays.toString(tensor.shape())
              + ", "
              + config
              + " implies "
              + Arrays.toString(shape));
    }
    if (!Weights.FLOAT_TYPES.contains(tensor.type())) {
      throw PolyphonyException.data(
          source
              + ": tensor "
              + name
              + " has type "
              + tensor.type()
              + "; supported: "
              + String.join(", ", Weights.FLOAT_TYPES)
              + " (a quantised model must be converted first)");
    }
  }

  /**
   * One of the weights that the model computes with, as 32-bit floats, row-major: the base's, with
   * what the adapter adds.
   *
   * @param name of the base's tensor
   */
  public float[] floats(String name) {
    float[] values = weights.floats(name);
    merge(name, FloatBuffer.wrap(values));
    return values;
  }

  /**
   * As above, into memory of the caller's.
   *
   * @param into as long as the tensor; its position does not move
   */
  public void floats(String name, FloatBuffer into) {
    weights.floats(name, into);
    merge(name, into);
  }

  private void merge(String name, FloatBuffer weight) {
    if (name.endsWith(DecoderConfig.WEIGHT)) {
      String layer = name.substring(0, name.length() - DecoderConfig.WEIGHT.length());
      adapter.ifPresent(each -> each.merge(layer, weight));
    }
  }

  /** Writes {@link #floats all of them} as one safetensors file, as transformers reads it. */
  public void writeWeights(Path file) {
    Weights.write(
        file,
        config.weightShapes(),
        name -> FloatBuffer.wrap(floats(name)),
        Map.of("format", "pt"));
  }

  /** Whether there is a tokenizer to open, as always after {@link #open}. */
  public boolean hasTokenizer() {
    return Files.isRegularFile(folder.resolve("tokenizer.json"));
  }

  /** Opens the tokenizer; the caller closes it. */
  public Tokenizer tokenizer() {
    return FastTokenizer.open(folder.resolve("tokenizer.json"));
  }

  /**
   * The folder's own chat template with {@code tokenizer}, which must stay open.
   *
   * @throws PolyphonyException DATA where the folder has no chat template or no end token
   */
  public ChatFormat chatFormat(Tokenizer tokenizer) {
    requireEndToken();
    return new ChatFormat(ChatTemplate.read(folder), tokenizer, endTokens);
  }

  /**
   * Checks that the model can end what it says.
   *
   * @throws PolyphonyException DATA where it has no end token
   */
  public void requireEndToken() {
    if (endTokens.isEmpty()) {
      throw PolyphonyException.data(
          folder
              + ": neither generation_config.json nor config.json has an eos_token_id below"
              + " vocab_size = "
              + config.vocabularySize()
              + "; add the id that ends a turn");
    }
  }

  /** Ids outside the vocabulary are left out: no text has them. */
  private static List<Integer> endTokens(Path folder, DecoderConfig config) {
    for (String name : List.of("generation_config.json", "config.json")) {
      Path file = folder.resolve(name);
      if (!Files.exists(file)) {
        continue;
      }
      JsonNode value = JsonFile.read(file).path("eos_token_id");
      if (value.isMissingNode() || value.isNull()) {
        continue;
      }
      List<Integer> ids = new ArrayList<>();
      for (JsonNode id : value.isArray() ? value : List.of(value)) {
        if (!id.isIntegralNumber()) {
          throw PolyphonyException.data(file + ": eos_token_id " + id + " is not a token id");
        }
        if (id.isInt() && id.asInt() >= 0 && id.asInt() < config.vocabularySize()) {
          ids.add(id.asInt());
        }
      }
      if (!ids.isEmpty()) {
        return ids.stream().distinct().toList();
      }
    }
    return List.of();
  }
}
