package polyphony.workers;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.Tokenizer;
import polyphony.activities.lm.onnx.OnnxLogits;
import polyphony.activities.lm.torch.TorchLogits;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/** {@code polyphony model logits}: a model's numbers, to be compared with other programs'. */
@Command(
    name = "logits",
    header = "Computes the logits after some tokens.",
    description = {
      "Those of the token that follows the last of them, in 32-bit floats.",
      "",
      "With --json they are all printed, by token id; otherwise the ten greatest. A folder needs no"
          + " tokenizer for that, and there may be more tokens than max_position_embeddings.",
      "",
      "They are those of transformers; for Gemma 2, of transformers with"
          + " attn_implementation=\"eager\", since its default leaves attn_logit_softcapping out."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony model logits ./SmolLM2-135M --tokens ids.json --json > logits.json",
      "  polyphony model logits built-in --tokens ids.json --backend torch"
    })
final class ModelLogitsCommand implements Callable<Integer> {
  private static final int MOST_BYTES = 64 << 20;
  private static final int SHOWN = 10;
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
          .build();

  /** What computes. */
  enum Backend {
    onnx,
    torch
  }

  /** What {@code --json} prints. */
  private record Result(float[] logits) {}

  private final Console console;

  @Mixin private ModelArgument model;

  @Option(
      names = "--tokens",
      paramLabel = "FILE",
      required = true,
      description = "A JSON array of token ids.")
  private Path tokens;

  @Option(
      names = "--backend",
      paramLabel = "NAME",
      defaultValue = "onnx",
      description = "What computes: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  private Backend backend;

  @Mixin private DeviceOption device;

  @Option(names = "--json", description = "Print {\"logits\": [...]}.")
  private boolean json;

  ModelLogitsCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    int[] given = given();
    Settings settings = device.over(Settings.of(console));
    ChosenDevice chosen = Assembly.device(settings, console.err()::println);
    model.with(
        settings,
        LanguageModel::openToCompute,
        opened -> {
          float[] logits =
              switch (backend) {
                case onnx -> OnnxLogits.last(opened, given, new NativeRuntime(chosen).options());
                case torch -> TorchLogits.last(opened, given, chosen.device());
              };
          for (float logit : logits) {
            if (!Float.isFinite(logit)) {
              throw PolyphonyException.data(
                  "the model's logits are not finite; its weights are damaged");
            }
          }
          console
              .out()
              .print(json ? PrettyJson.of(new Result(logits)) + "\n" : greatest(opened, logits));
          return null;
        });
    return 0;
  }

  private int[] given() {
    try {
      if (Files.size(tokens) > MOST_BYTES) {
        throw PolyphonyException.config(tokens + " is larger than 64 MiB, not a list of token ids");
      }
      int[] given = JSON.readValue(Files.readAllBytes(tokens), int[].class);
      if (given == null) {
        throw notTokens(null);
      }
      return given;
    } catch (JacksonException e) {
      throw notTokens(e);
    } catch (IOException e) {
      throw new PolyphonyException(
          ErrorClass.CONFIG, tokens + " cannot be read; check the path", e);
    }
  }

  private PolyphonyException notTokens(JacksonException cause) {
    return new PolyphonyException(
        ErrorClass.CONFIG, tokens + " is not a JSON array of token ids, such as [1, 15, 7]", cause);
  }

  private static String greatest(LanguageModel opened, float[] logits) {
    StringBuilder text = new StringBuilder();
    try (Tokenizer tokenizer = opened.hasTokenizer() ? opened.tokenizer() : null) {
      List<Integer> order =
          IntStream.range(0, logits.length)
              .boxed()
              .sorted((a, b) -> Float.compare(logits[b], logits[a]))
              .limit(SHOWN)
              .toList();
      for (int token : order) {
        String shown = tokenizer == null ? "" : tokenizer.decode(new int[] {token});
        text.append(
            String.format(
                Locale.ROOT,
                "%9.4f  %6d  %s%n",
                logits[token],
                token,
                shown.replace("\n", "\\n").replace("\r", "\\r")));
      }
    }
    return text.toString();
  }
}
