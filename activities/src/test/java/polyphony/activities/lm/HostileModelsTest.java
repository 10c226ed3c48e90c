package polyphony.activities.lm;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/**
 * Spoilt models are refused as DATA or CONFIG, in a line, or taken and consistent: in a process of
 * its own with little memory, which neither crashes nor hangs nor runs out of it. Every case has a
 * number. More of them: {@code ./mvnw -pl activities -am test -Dtest=HostileModelsTest
 * -Dsurefire.failIfNoSpecifiedTests=false -Dpolyphony.hostileModels=10000}
 */
class HostileModelsTest {
  private static final int CASES = Integer.getInteger("polyphony.hostileModels", 1500);

  @TempDir private Path folder;

  @Test
  void aSpoiltModelIsRefusedOrConsistent() throws Exception {
    Path output = folder.resolve("output");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-XX:-CreateCoredumpOnCrash",
                "-XX:ErrorFile=" + folder.resolve("crash"),
                "-cp",
                System.getProperty("java.class.path"),
                Cases.class.getName(),
                folder.toString(),
                "0",
                Integer.toString(CASES))
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    boolean ended = process.waitFor(60 + CASES / 5, TimeUnit.SECONDS);
    process.destroyForcibly();
    List<String> lines =
        Files.readAllLines(output, StandardCharsets.UTF_8).stream()
            .filter(line -> !line.contains(" DEBUG ") && !line.contains(" INFO "))
            .toList();
    String end = String.join("\n", lines.subList(Math.max(0, lines.size() - 40), lines.size()));
    assertThat(ended).as(end).isTrue();
    assertThat(process.exitValue()).as(end).isZero();
    System.out.println(lines.get(lines.size() - 1));
  }

  /** Runs cases, from one number up to another; the last line says what became of them. */
  static final class Cases {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration LONGEST = Duration.ofSeconds(20);
    private static final int LONGEST_MESSAGE = 2000;
    private static final long MOST_RESIDENT_KIB = 1 << 20;
    private static final List<Message> CONVERSATION =
        List.of(Message.user("{{ 1 }} Hello"), Message.assistant("Hi"), Message.user("Bye"));

    /** What a case does with a spoilt model. */
    private interface Use {
      void run(HostileFiles hostile, SplittableRandom random) throws IOException;
    }

    private final Path folder;
    private final Path model;
    private final DecoderConfig decoder;
    private final Path adapter;
    private final List<JsonNode> tokenizers = new ArrayList<>();
    private final List<JsonNode> configurations = new ArrayList<>();
    private final List<String> templates = new ArrayList<>();
    private final Map<String, Use> uses = new TreeMap<>();
    private final Map<String, int[]> counts = new TreeMap<>();

    private Cases(Path folder) throws IOException {
      this.folder = folder;
      model = folder.resolve("model");
      decoder = TinyModels.untied(model).config();
      adapter = folder.resolve("adapter");
      AdapterConfig config = new AdapterConfig(2, 4, 0.1, decoder.linearLayers());
      TinyModels.adapter(adapter, decoder, config, 1);
      shard();
      collect();
      uses.put("adapter_config", this::adapterConfig);
      uses.put("adapter weights", this::adapterWeights);
      uses.put("chat template", this::template);
      uses.put("config.json", (hostile, random) -> inModel(hostile, "config.json"));
      uses.put("generation", (hostile, random) -> inModel(hostile, "generation_config.json"));
      uses.put("index", this::index);
      uses.put("safetensors", this::safetensors);
      uses.put("tokenizer", this::tokenizer);
      uses.put("tokenizer_config", this::configuration);
    }

    public static void main(String[] arguments) throws Exception {
      Cases cases = new Cases(Path.of(arguments[0]));
      ExecutorService thread =
          Executors.newSingleThreadExecutor(
              work -> {
                Thread worker = new Thread(work, "case");
                worker.setDaemon(true);
                return worker;
              });
      int failed = 0;
      for (int i = Integer.parseInt(arguments[1]); i < Integer.parseInt(arguments[2]); i++) {
        int number = i;
        Future<Optional<String>> result = thread.submit(() -> cases.run(number));
        try {
          Optional<String> failure = result.get(LONGEST.toMillis(), TimeUnit.MILLISECONDS);
          if (failure.isPresent()) {
            failed++;
            System.out.println("case " + i + ": " + failure.get());
          }
        } catch (TimeoutException e) {
          System.out.println("case " + i + " hangs");
          System.exit(3);
        }
      }
      long resident = resident();
      if (resident > MOST_RESIDENT_KIB) {
        failed++;
        System.out.println("the process took " + resident + " KiB");
      }
      StringBuilder summary = new StringBuilder("refused / taken:");
      cases.counts.forEach(
          (name, count) ->
              summary
                  .append(" ")
                  .append(name)
                  .append(" ")
                  .append(count[0])
                  .append(" / ")
                  .append(count[1])
                  .append(","));
      System.out.println(summary + " failed " + failed + ", peak " + (resident >> 10) + " MiB");
      System.exit(failed == 0 ? 0 : 1);
    }

    private static long resident() throws IOException {
      Path status = Path.of("/proc/self/status");
      return !Files.exists(status)
          ? 0
          : Files.readAllLines(status).stream()
              .filter(line -> line.startsWith("VmHWM:"))
              .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
              .findFirst()
              .orElse(0);
    }

    private Optional<String> run(int number) {
      String name = new ArrayList<>(uses.keySet()).get(number % uses.size());
      SplittableRandom random = new SplittableRandom(number);
      int[] count = counts.computeIfAbsent(name, each -> new int[2]);
      try {
        uses.get(name).run(new HostileFiles(random), random);
        count[1]++;
        return Optional.empty();
      } catch (PolyphonyException e) {
        count[0]++;
        boolean clear =
            (e.errorClass() == ErrorClass.DATA || e.errorClass() == ErrorClass.CONFIG)
                && !e.getMessage().isBlank()
                && e.getMessage().length() < LONGEST_MESSAGE
                && !e.getMessage().contains("\n");
        return clear ? Optional.empty() : Optional.of(name + ": " + e.errorClass() + " " + e);
      } catch (Throwable e) {
        return Optional.of(
            name
                + ": "
                + e
                + Stream.of(e.getStackTrace()).limit(12).map(each -> "\n    " + each).toList());
      }
    }

    private void shard() throws IOException {
      Path sharded = Files.createDirectories(folder.resolve("sharded"));
      for (String file : List.of("config.json", "tokenizer.json", "tokenizer_config.json")) {
        Files.copy(model.resolve(file), sharded.resolve(file));
      }
      Files.copy(model.resolve(Weights.FILE), sharded.resolve("model-1-of-1.safetensors"));
      StringBuilder index = new StringBuilder();
      for (String tensor : Weights.open(model.resolve(Weights.FILE)).tensors().keySet()) {
        index.append(index.isEmpty() ? "" : ",").append("\"" + tensor + "\":");
        index.append("\"model-1-of-1.safetensors\"");
      }
      Files.writeString(sharded.resolve(Weights.INDEX), "{\"weight_map\":{" + index + "}}");
    }

    private void collect() throws IOException {
      tokenizers.add(JSON.readTree(model.resolve("tokenizer.json").toFile()));
      for (String components : List.of(BYTE_LEVEL, SENTENCE_PIECE, UNIGRAM)) {
        tokenizers.add(JSON.readTree(components));
        Files.writeString(folder.resolve("tokenizer.json"), components);
        FastTokenizer.open(folder.resolve("tokenizer.json")).close();
      }
      configurations.add(JSON.readTree(model.resolve("tokenizer_config.json").toFile()));
      try (InputStream in = HostileModelsTest.class.getResourceAsStream("chat_templates.json")) {
        JSON.readTree(in).forEach(each -> templates.add(each.path("source").asText()));
      }
      String data = System.getenv("POLYPHONY_TEST_DATA");
      if (data == null) {
        return;
      }
      try (Stream<Path> files = Files.walk(Path.of(data, "tokenizers"))) {
        for (Path file : files.sorted().toList()) {
          String name = file.getFileName().toString();
          if (name.equals("tokenizer_config.json")) {
            configurations.add(JSON.readTree(file.toFile()));
          } else if (name.endsWith(".jinja")) {
            templates.add(Files.readString(file));
          } else if (name.equals("tokenizer.json") && file.toString().contains("phi-3")) {
            tokenizers.add(JSON.readTree(file.toFile()));
          }
        }
      }
    }

    private void template(HostileFiles hostile, SplittableRandom random) {
      ChatTemplate template =
          new ChatTemplate(hostile.template(templates), Map.of("bos_token", "<s>"));
      String text = template.render(CONVERSATION, random.nextBoolean());
      require(text.length() <= 1 << 23, "a text of " + text.length() + " characters");
    }

    private void inModel(HostileFiles hostile, String file) throws IOException {
      Path path = model.resolve(file);
      byte[] whole = Files.readAllBytes(path);
      try {
        Files.write(path, hostile.json(JSON.readTree(whole)));
        LanguageModel opened = LanguageModel.open(model);
        require(
            opened.endTokens().stream().allMatch(id -> id < opened.config().vocabularySize()),
            "an end token outside the vocabulary");
        opened.config().weightShapes();
      } finally {
        Files.write(path, whole);
      }
    }

    private void adapterConfig(HostileFiles hostile, SplittableRandom random) throws IOException {
      Path path = adapter.resolve(Adapter.CONFIG);
      byte[] whole = Files.readAllBytes(path);
      try {
        Files.write(path, hostile.json(JSON.readTree(whole)));
        AdapterConfig read = AdapterConfig.read(path, decoder);
        require(decoder.linearLayers().containsAll(read.targets()), "a target that is not there");
        require(read.scale() > 0 && Double.isFinite(read.scale()), "a scale of " + read.scale());
        require(!read.targets().isEmpty(), "no target");
        opened();
      } finally {
        Files.write(path, whole);
      }
    }

    private void adapterWeights(HostileFiles hostile, SplittableRandom random) throws IOException {
      Path path = adapter.resolve(Adapter.WEIGHTS);
      byte[] whole = Files.readAllBytes(path);
      try {
        Files.write(path, hostile.safetensors(whole));
        opened();
      } finally {
        Files.write(path, whole);
      }
    }

    /** What is taken can be merged. */
    private void opened() {
      Adapter opened = Adapter.open(adapter, decoder);
      for (String name : opened.config().weightShapes(decoder).keySet()) {
        opened.weights().floats(name);
      }
      LanguageModel whole = LanguageModel.open(model).with(opened);
      decoder.weightShapes().keySet().forEach(whole::floats);
    }

    private void index(HostileFiles hostile, SplittableRandom random) throws IOException {
      Path sharded = folder.resolve("sharded");
      Path path = sharded.resolve(Weights.INDEX);
      byte[] whole = Files.readAllBytes(path);
      try {
        Files.write(path, hostile.json(JSON.readTree(whole)));
        for (Weights.Tensor tensor : Weights.openFolder(sharded).tensors().values()) {
          require(tensor.file().normalize().getParent().equals(sharded), "" + tensor.file());
        }
      } finally {
        Files.write(path, whole);
      }
    }

    private void safetensors(HostileFiles hostile, SplittableRandom random) throws IOException {
      Path spoilt = folder.resolve("spoilt.safetensors");
      Files.write(spoilt, hostile.safetensors(Files.readAllBytes(model.resolve(Weights.FILE))));
      Weights weights = Weights.open(spoilt);
      long size = Files.size(spoilt);
      for (Weights.Tensor tensor : weights.tensors().values()) {
        require(tensor.offset() >= 8 && tensor.offset() + tensor.bytes() <= size, "" + tensor);
        if (Weights.FLOAT_TYPES.contains(tensor.type())) {
          long elements = Arrays.stream(tensor.shape()).reduce(1, Math::multiplyExact);
          require(weights.floats(tensor.name()).length == elements, tensor.name());
        }
      }
      Path aligned = folder.resolve("aligned.safetensors");
      Files.deleteIfExists(aligned);
      AlignedWeights.write(spoilt, aligned);
      require(AlignedWeights.aligned(Weights.open(aligned)), "not aligned");
    }

    private void tokenizer(HostileFiles hostile, SplittableRandom random) throws IOException {
      Path file = folder.resolve("tokenizer.json");
      // The large real one takes seconds with so little optimisation.
      int chosen = random.nextInt(40) == 0 ? tokenizers.size() : Math.min(4, tokenizers.size());
      Files.write(
          file,
          random.nextInt(60) == 0
              ? HostileFiles.emptyLists(4 << 20)
              : hostile.json(tokenizers.get(random.nextInt(chosen))));
      int size = FastTokenizer.vocabularySize(file);
      try (Tokenizer tokenizer = FastTokenizer.open(file)) {
        for (String text :
            List.of(
                "", "Hello  wörld\n\n123 ^$", "a".repeat(3000) + "!", " ".repeat(3000), "\ud800")) {
          for (int id : encoded(tokenizer, text)) {
            require(id < size, "token id " + id + " of " + size);
          }
        }
        int[] all = new int[Math.min(size, 3000)];
        Arrays.setAll(all, id -> id);
        tokenizer.decode(all);
      }
    }

    /** Not every text can be written with every tokenizer. */
    private static int[] encoded(Tokenizer tokenizer, String text) {
      try {
        return tokenizer.encodeText(text);
      } catch (PolyphonyException e) {
        require(e.errorClass() == ErrorClass.CONFIG, e.toString());
        return new int[0];
      }
    }

    private void configuration(HostileFiles hostile, SplittableRandom random) throws IOException {
      Path of = Files.createDirectories(folder.resolve("configuration"));
      Files.write(
          of.resolve("tokenizer_config.json"),
          hostile.json(configurations.get(random.nextInt(configurations.size()))));
      ChatTemplate.find(of).ifPresent(template -> template.render(CONVERSATION, true));
    }

    private static void require(boolean condition, String otherwise) {
      if (!condition) {
        throw new AssertionError(otherwise.substring(0, Math.min(200, otherwise.length())));
      }
    }

    private static final String BYTE_LEVEL =
        """
        {"version": "1.0", "truncation": {"max_length": 9, "strategy": "LongestFirst", "stride": 3,
         "direction": "Right"}, "padding": {"strategy": {"Fixed": 9}, "direction": "Left",
         "pad_to_multiple_of": 8, "pad_id": 0, "pad_type_id": 0, "pad_token": "!"},
         "added_tokens": [{"id": 7, "content": "<s>", "single_word": true, "lstrip": true,
         "rstrip": true, "normalized": false, "special": true}, {"id": 0, "content": "!",
         "single_word": false, "lstrip": false, "rstrip": false, "normalized": true,
         "special": false}],
         "normalizer": {"type": "NFC"},
         "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern":
         {"Regex": "\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}]+|\\\\s+(?!\\\\S)|\\\\s+"}, "behavior":
         "Isolated", "invert": false}, {"type": "ByteLevel", "add_prefix_space": false,
         "trim_offsets": false, "use_regex": false}]},
         "post_processor": {"type": "Sequence", "processors": [{"type": "ByteLevel",
         "add_prefix_space": true, "trim_offsets": false, "use_regex": true},
         {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
         {"Sequence": {"id": "A", "type_id": 0}}], "pair": [{"Sequence": {"id": "A", "type_id": 0}},
         {"Sequence": {"id": "B", "type_id": 1}}], "special_tokens": {"<s>": {"id": "<s>",
         "ids": [7], "tokens": ["<s>"]}}}]},
         "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true,
         "use_regex": true},
         "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix":
         "", "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false, "ignore_merges":
         true, "vocab": {"!": 0, "H": 1, "e": 2, "l": 3, "He": 4, "Ġ": 5, "ll": 6},
         "merges": [["H", "e"], ["l", "l"]]}}
        """;

    private static final String SENTENCE_PIECE =
        """
        {"version": "1.0", "added_tokens": [{"id": 0, "content": "<unk>", "single_word": false,
         "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
         "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
         {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
         "pre_tokenizer": null, "post_processor": null,
         "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String":
         "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip",
         "content": " ", "start": 1, "stop": 0}]},
         "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
         "vocab": {"<unk>": 0, "<0x61>": 1, "<0xC3>": 2, "▁": 3, "▁▁": 4, "l": 5},
         "merges": ["▁ ▁"]}}
        """;

    private static final String UNIGRAM =
        """
        {"version": "1.0", "added_tokens": [{"id": 0, "content": "<pad>", "single_word": false,
         "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
         "normalizer": {"type": "Sequence", "normalizers": [{"type": "Strip", "strip_left": true,
         "strip_right": true}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"},
         {"type": "Lowercase"}, {"type": "StripAccents"}, {"type": "NFKC"}]},
         "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"},
         {"type": "Punctuation", "behavior": "Isolated"}, {"type": "Digits", "individual_digits":
         true}, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split":
         true}]},
         "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split":
         true},
         "model": {"type": "Unigram", "unk_id": 1, "byte_fallback": false, "vocab": [["<pad>", 0.0],
         ["<unk>", 0.0], ["▁", -2.5], ["a", -3.0], ["aa", -4.5], ["▁hello", -1.0]]}}
        """;
  }
}
