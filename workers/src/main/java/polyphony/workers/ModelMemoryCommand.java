package polyphony.workers;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.plan.MemoryTable;
import polyphony.storage.PolyphonyException;

/** {@code polyphony model memory}: which GPUs a model fits on. */
@Command(
    name = "memory",
    header = "Says which GPUs a model fits on.",
    description = {
      "What finetuning it and sampling from it take of a GPU's memory by part, in GB of 10^9 bytes,"
          + " and which cards have that much. Only its config.json is read.",
      "",
      "Weights, activations and caches are reckoned in 16 bits (bf16), what is trained in 32. A"
          + " worker refuses what does not fit by these very numbers, before it loads anything."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony model memory ./Llama-3.1-8B",
      "  polyphony model memory config.json --tokens 4096 --rank 64"
    })
final class ModelMemoryCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(
      index = "0",
      paramLabel = "MODEL",
      description = "A Hugging Face folder, or its config.json.")
  private Path model;

  @Option(
      names = "--tokens",
      paramLabel = "COUNT",
      defaultValue = "2048",
      description = "Of a micro-batch, and of a prompt (default: ${DEFAULT-VALUE}).")
  private int tokens;

  @Option(
      names = "--rank",
      paramLabel = "RANK",
      defaultValue = "16",
      description = "Of an adapter of all linear layers (default: ${DEFAULT-VALUE}).")
  private int rank;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  ModelMemoryCommand(Console console) {
    this.console = console;
  }

  /**
   * What {@code model memory --json} prints.
   *
   * @param bytes by part
   * @param cards those that are large enough, by their 10^9 bytes
   */
  private record Work(String work, Map<String, Long> bytes, long total, List<Integer> cards) {}

  private record Printed(long parameters, int tokens, int rank, List<Work> works) {}

  @Override
  public Integer call() {
    if (tokens < 1 || tokens > 1 << 20 || rank < 1 || rank > 1 << 12) {
      throw PolyphonyException.config(
          "--tokens must be from 1 to 1048576, --rank from 1 to 4096; they are "
              + tokens
              + " and "
              + rank);
    }
    DecoderConfig config =
        DecoderConfig.read(Files.isDirectory(model) ? model.resolve("config.json") : model);
    MemoryTable table = MemoryTable.of(config, tokens, rank);
    console.out().print(json ? PrettyJson.of(printed(table)) + "\n" : text(table));
    return 0;
  }

  private Printed printed(MemoryTable table) {
    return new Printed(
        table.parameters(),
        tokens,
        rank,
        table.rows().stream()
            .map(row -> new Work(row.work(), row.plan().parts(), row.plan().bytes(), row.cards()))
            .toList());
  }

  private String text(MemoryTable table) {
    Set<String> parts = new LinkedHashSet<>();
    table.rows().forEach(row -> parts.addAll(row.plan().parts().keySet()));
    // Empty on a GPU.
    parts.remove("loading");
    List<List<String>> rows = new ArrayList<>();
    List<String> head = new ArrayList<>(List.of("GB"));
    head.addAll(parts);
    head.add("total");
    MemoryTable.CARDS.forEach(card -> head.add(card + " GB"));
    rows.add(head);
    for (MemoryTable.Row row : table.rows()) {
      List<String> cells = new ArrayList<>(List.of(row.work()));
      for (String part : parts) {
        Long bytes = row.plan().parts().get(part);
        cells.add(bytes == null ? "" : gigabytes(bytes));
      }
      cells.add(gigabytes(row.plan().bytes()));
      MemoryTable.CARDS.forEach(card -> cells.add(row.cards().contains(card) ? "fits" : "–"));
      rows.add(cells);
    }
    return String.format(Locale.ROOT, "%,d parameters, %,d tokens%n%n", table.parameters(), tokens)
        + AlignedText.of(rows);
  }

  private static String gigabytes(long bytes) {
    return String.format(Locale.ROOT, "%.2f", bytes / 1e9);
  }
}
