package polyphony.activities.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.apache.commons.compress.compressors.gzip.GzipCompressorOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.JsonLines;
import polyphony.activities.StoreInFolder;
import polyphony.activities.TestData;
import polyphony.activities.grading.Graders;
import polyphony.activities.grading.Verdict;
import polyphony.activities.prompts.PromptSet;
import polyphony.activities.tasks.Question;
import polyphony.activities.tasks.Task;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.TaskSpec;

class DataImportTest {
  @TempDir private Path folder;
  private StoreInFolder store;
  private DataRegistry registry;

  @BeforeEach
  void open() {
    store = new StoreInFolder(folder.resolve("work"));
    registry = new DataRegistry(store.store, store.artifacts);
  }

  private Path file(String name, String... lines) throws IOException {
    Path file = folder.resolve("given").resolve(name);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, String.join("\n", lines) + "\n");
  }

  private List<DataQuestion> questions(ImportedData data) {
    return JsonLines.read(store.artifacts.bytes(data.questions()), DataQuestion.class);
  }

  private static TaskSpec task(String name, List<Integer> levels) {
    return new TaskSpec(name, 5, 5, "evaluate", levels, null, null, null, null, null);
  }

  private ImportedData own(String name, int count) throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      lines.add(
          "{\"question\": \"How much is "
              + i
              + " plus "
              + (i * 7 % 13)
              + "?\", \"answer\": \""
              + (i + i * 7 % 13)
              + "\", \"level\": "
              + (1 + i % 5)
              + "}");
    }
    Path file = file(name + ".jsonl", lines.toArray(String[]::new));
    return registry.importFiles(name, file, null, "number", null);
  }

  @Test
  void gsm8kIsTakenAsItIs() throws IOException {
    file("gsm/train.jsonl", "{\"question\": \"Two and three?\", \"answer\": \"2+3=5\\n#### 5\"}");
    file("gsm/test.jsonl", "{\"question\": \"Big?\", \"answer\": \"So\\n#### 1,000\"}");
    ImportedData data =
        registry.importFiles("gsm8k", folder.resolve("given/gsm"), null, null, null);
    assertThat(data.answers()).isEqualTo("number");
    assertThat(questions(data)).extracting(DataQuestion::answer).containsExactly("1,000", "5");
    assertThat(data.parts()).isEqualTo(Map.of("test", 1, "train", 1));
    assertThat(registry.find("gsm8k")).contains(data);
  }

  @Test
  void mathIsReadFromFoldersAndFromJsonLines() throws IOException {
    String first =
        "{\"problem\": \"One half?\", \"level\": \"Level 3\", \"type\": \"Algebra\","
            + " \"solution\": \"It is $\\\\boxed{\\\\frac{1}{2}}$.\"}";
    file("MATH/train/algebra/1.json", first);
    file("MATH/test/algebra/2.json", first.replace("One half?", "What is half?"));
    ImportedData data = registry.importFiles("m", folder.resolve("given/MATH"), "math", null, null);
    assertThat(questions(data))
        .extracting(DataQuestion::id, DataQuestion::part, DataQuestion::answer, DataQuestion::level)
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple("test/algebra/2.json", "test", "\\frac{1}{2}", 3),
            org.assertj.core.groups.Tuple.tuple(
                "train/algebra/1.json", "train", "\\frac{1}{2}", 3));
    file("lost/1.json", first.replace("\\\\frac{1}{2}", ""));
    ImportedData lost =
        registry.importFiles("lost", folder.resolve("given/lost"), "math", null, null);
    assertThat(lost.splits()).isEqualTo(Map.of("left-out", 1));
    assertThat(new String(store.artifacts.bytes(lost.report()), StandardCharsets.UTF_8))
        .contains("\"emptyFields\":[\"1.json\"]");
    Path lines =
        file(
            "math_test.jsonl",
            "{\"problem\": \"P?\", \"solution\": \"s\", \"answer\": \"7\", \"level\": 2,"
                + " \"unique_id\": \"test/algebra/9.json\"}");
    assertThat(questions(registry.importFiles("lines", lines, "math", null, null)))
        .containsExactly(
            new DataQuestion("test/algebra/9.json", "test", "evaluate", "P?", "7", 2, null));
  }

  @Test
  void mmluIsReadAsCsv() throws IOException {
    file("mmlu/test/art_test.csv", "\"Which, of \"\"these\"\"\nis it?\",a,\"b, c\",,d,C\r");
    file("mmlu/val/art_val.csv", "Who?,1,2,3,4,A");
    ImportedData data =
        registry.importFiles("mmlu", folder.resolve("given/mmlu"), null, null, null);
    List<DataQuestion> questions = questions(data);
    assertThat(questions.get(0).text())
        .isEqualTo("Which, of \"these\"\nis it?\n(A) a\n(B) b, c\n(C) \n(D) d");
    assertThat(questions.get(0).subject()).isEqualTo("art");
    assertThat(questions).extracting(DataQuestion::answer).containsExactly("C", "A");
    assertThat(new String(store.artifacts.bytes(data.report()), StandardCharsets.UTF_8))
        .contains("\"emptyFields\":[\"test/art_test.csv:1\"]");
  }

  @Test
  void splitsAreDisjointAndDrawnBySeed() throws IOException {
    own("mine", 400);
    Task mine = registry.task(registry.complete(task("mine", null)));
    Set<String> seen = new HashSet<>();
    for (Task.Split split :
        List.of(Task.Split.FINETUNE, Task.Split.VALIDATE, Task.Split.EVALUATE)) {
      List<Question> larger = mine.questions(split, 30, 1);
      assertThat(mine.questions(split, 10, 1)).isEqualTo(larger.subList(0, 10));
      assertThat(mine.questions(split, 30, 2)).isNotEqualTo(larger);
      for (Question question : mine.questions(split, 30, 2)) {
        assertThat(seen.add(question.text())).isTrue();
      }
    }
    assertThat(mine.questions(Task.Split.VALIDATE, mine.largestSet(Task.Split.VALIDATE), 1))
        .hasSizeGreaterThan(30);
    assertThatThrownBy(() -> mine.questions(Task.Split.VALIDATE, 400, 1))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageMatching("task mine has \\d+ questions to validate on, not 400; ask for fewer");
  }

  @Test
  void levelsNarrowWhatIsDrawn() throws IOException {
    ImportedData data = own("mine", 400);
    Task easy = registry.task(registry.complete(task("mine", List.of(1, 2))));
    Set<String> ids =
        easy.questions(Task.Split.FINETUNE, 40, 3).stream()
            .map(Question::id)
            .collect(Collectors.toSet());
    assertThat(questions(data))
        .filteredOn(each -> ids.contains(each.id()))
        .hasSize(40)
        .allMatch(each -> each.level() <= 2);
  }

  @Test
  void theSameQuestionIsNeverInBothHalvesAndNearlyTheSameOnesAreReported() throws IOException {
    String long1 = "A train leaves the old station at noon and travels for three hours at 60 mph";
    Path given = folder.resolve("given/twice");
    file(
        "twice/train.jsonl",
        "{\"question\": \"How far is it?\", \"answer\": \"5\"}",
        "{\"question\": \"" + long1 + "\", \"answer\": \"180\"}",
        "{\"question\": \"Something else entirely\", \"answer\": \"1\"}");
    file(
        "twice/test.jsonl",
        "{\"question\": \"How far is it ?\", \"answer\": \"5\"}",
        "{\"question\": \"" + long1 + " then\", \"answer\": \"180\"}");
    ImportedData data = registry.importFiles("twice", given, null, "number", null);
    assertThat(data.duplicates()).isEqualTo(1);
    assertThat(data.nearDuplicates()).isEqualTo(1);
    assertThat(questions(data))
        .filteredOn(each -> each.split().equals("left-out"))
        .extracting(DataQuestion::id)
        .containsExactly("train.jsonl:1");
    assertThat(new String(store.artifacts.bytes(data.report()), StandardCharsets.UTF_8))
        .contains("\"one\":\"train.jsonl:2\"", "\"other\":\"test.jsonl:2\"");
  }

  @Test
  void aNameBelongsToOneSetOfFilesForEver() throws IOException {
    ImportedData first = own("mine", 20);
    assertThat(own("mine", 20)).isEqualTo(first);
    assertThatThrownBy(() -> own("mine", 21)).hasMessageContaining("belongs to other data");
    for (String name : List.of("arithmetic", "../x", "")) {
      assertThatThrownBy(() -> registry.importFiles(name, folder, null, null, null))
          .isInstanceOf(PolyphonyException.class)
          .hasMessageContaining("cannot be called");
    }
    assertThatThrownBy(() -> registry.importFiles("gsm8k", folder, "math", null, null))
        .hasMessageContaining("for data of that form");
  }

  @Test
  void ownPromptsComeWithTheQuestions() throws IOException {
    for (Map.Entry<String, String> each : PromptSet.named("math").templates().entrySet()) {
      file("prompts/" + each.getKey() + ".txt", each.getValue() + " Please.");
    }
    Path questions = file("q.jsonl", "{\"question\": \"Q?\", \"answer\": \"5\"}");
    registry.importFiles("mine", questions, null, null, folder.resolve("given/prompts"));
    assertThat(registry.prompts(task("mine", null)).orElseThrow().generate("Q?"))
        .endsWith(" Please.");
    assertThat(registry.prompts(task("arithmetic", null))).isEmpty();
  }

  @Test
  void whatIsWrongIsNamedByFileAndLine() throws IOException {
    assertRefused(
        file("a.jsonl", "{\"question\": \"Q?\", \"answer\": \"5\"}", "{\"question\": \"\"}"),
        "custom",
        "a.jsonl:2 has no \"question\"");
    assertRefused(file("b.jsonl", "", "{oops"), "custom", "b.jsonl:2 is not JSON");
    assertRefused(file("c.jsonl", "[1]"), "custom", "c.jsonl:1 is not a JSON object");
    assertRefused(
        file("d.jsonl", "{\"question\": \"Q?\", \"answer\": \"5\"}"),
        "gsm8k",
        "d.jsonl:1 has an answer without a last line \"#### N\"");
    assertRefused(
        file("e.jsonl", "{\"problem\": \"P?\", \"solution\": \"none\"}"),
        "math",
        "e.jsonl:1 has a solution without \\boxed");
    assertRefused(file("f_test.csv", "Q?,1,2,3,4"), "mmlu", "f_test.csv:1 has 5 columns, not 6");
    assertRefused(
        file("g_test.csv", "Q?,1,2,3,4,E"), "mmlu", "g_test.csv:1 has no question, or an");
    assertRefused(file("h.txt", "nothing"), "custom", "there are no questions");
    assertRefused(
        file(
            "i.jsonl",
            "{\"id\": \"x\", \"question\": \"Q?\", \"answer\": \"5\"}",
            "{\"id\": \"x\", \"question\": \"R?\", \"answer\": \"5\"}"),
        "custom",
        "two questions have the id \"x\"");
    Path binary = Files.write(folder.resolve("j.jsonl"), new byte[] {(byte) 0xff, 1});
    assertRefused(binary, "custom", "not UTF-8");
  }

  private void assertRefused(Path path, String form, String message) {
    assertThatThrownBy(() -> registry.importFiles("bad", path, form, null, null))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
        .hasMessageContaining(message);
    assertThat(registry.names()).isEmpty();
  }

  @Test
  void whatDoesNotExistIsNamed() {
    assertThatThrownBy(() -> registry.complete(task("gsm8k", null)))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG))
        .hasMessageContaining("polyphony data import gsm8k PATH");
    assertThatThrownBy(() -> registry.complete(task("chess", null)))
        .hasMessageContaining("there is no task \"chess\"; task is one of arithmetic, gsm8k");
    assertThatThrownBy(() -> registry.complete(task("arithmetic", List.of(1))))
        .hasMessageContaining("arithmetic has no levels");
    assertThatThrownBy(() -> registry.importFiles("x", folder.resolve("absent"), null, null, null))
        .hasMessageContaining("check the path");
    assertThatThrownBy(() -> registry.importFiles("x", folder, "poems", null, null))
        .hasMessageContaining("gsm8k, math, mmlu, custom");
    assertThatThrownBy(() -> registry.importFiles("x", folder, null, "essay", null))
        .hasMessageContaining("choice, math, number, text");
  }

  private interface Entries {
    void write(TarArchiveOutputStream tar) throws IOException;
  }

  private Path archive(String name, Entries entries) throws IOException {
    Path path = folder.resolve(name);
    try (TarArchiveOutputStream tar =
        new TarArchiveOutputStream(
            new GzipCompressorOutputStream(
                new BufferedOutputStream(Files.newOutputStream(path))))) {
      entries.write(tar);
    }
    return path;
  }

  private static void put(TarArchiveOutputStream tar, TarArchiveEntry entry, byte[] content)
      throws IOException {
    entry.setSize(content.length);
    tar.putArchiveEntry(entry);
    tar.write(content);
    tar.closeArchiveEntry();
  }

  @Test
  void archivesAreReadButNotTrusted() throws IOException {
    byte[] line = "{\"question\": \"Q?\", \"answer\": \"5\"}".getBytes(StandardCharsets.UTF_8);
    Path good = archive("good.tar.gz", tar -> put(tar, new TarArchiveEntry("d/q.jsonl"), line));
    assertThat(questions(registry.importFiles("good", good, null, null, null))).hasSize(1);

    for (String name : List.of("../q.jsonl", "d/../../q.jsonl", "d\\q.jsonl")) {
      Path bad = archive("bad.tar.gz", tar -> put(tar, new TarArchiveEntry(name, true), line));
      assertThatThrownBy(() -> registry.importFiles("bad", bad, null, null, null))
          .hasMessageContaining("leads out of it");
    }
    Path link =
        archive(
            "link.tar.gz",
            tar -> {
              TarArchiveEntry entry = new TarArchiveEntry("q.jsonl", TarConstants.LF_SYMLINK);
              entry.setLinkName("/etc/passwd");
              tar.putArchiveEntry(entry);
              tar.closeArchiveEntry();
            });
    assertThatThrownBy(() -> registry.importFiles("bad", link, null, null, null))
        .hasMessageContaining("no plain file");
    Path bomb =
        archive("bomb.tar.gz", tar -> put(tar, new TarArchiveEntry("q.jsonl"), new byte[1 << 22]));
    assertThatThrownBy(() -> SourceFiles.read(bomb, 1 << 20, 10))
        .hasMessageContaining("more than 1048576 bytes");
    Path many =
        archive(
            "many.tar.gz",
            tar -> {
              for (int i = 0; i < 20; i++) {
                put(tar, new TarArchiveEntry("q" + i + ".jsonl"), line);
              }
            });
    assertThatThrownBy(() -> SourceFiles.read(many, 1 << 20, 10))
        .hasMessageContaining("more than 10 files");
    Path broken = Files.write(folder.resolve("broken.tar.gz"), new byte[] {1, 2, 3});
    assertThatThrownBy(() -> registry.importFiles("bad", broken, null, null, null))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("broken.tar.gz");
  }

  @Test
  void publishedDataHaveTheirPublishedCounts() {
    ImportedData gsm8k = registry.importFiles("gsm8k", TestData.path("gsm8k"), null, null, null);
    ImportedData math =
        registry.importFiles("math", TestData.path("math/MATH.tar.gz"), null, null, null);
    ImportedData mmlu = registry.importFiles("mmlu", TestData.path("mmlu"), null, null, null);
    ImportedData math500 =
        registry.importFiles(
            "math500", TestData.path("math/math500_test.jsonl"), "math", null, null);
    for (ImportedData data : List.of(gsm8k, math, mmlu, math500)) {
      System.out.println(
          "counts of "
              + data.task()
              + ": parts "
              + data.parts()
              + ", splits "
              + data.splits()
              + ", duplicates "
              + data.duplicates()
              + ", near-duplicates "
              + data.nearDuplicates());
    }
    assertThat(gsm8k.parts()).isEqualTo(Map.of("train", 7_473, "test", 1_319));
    assertThat(math.parts()).isEqualTo(Map.of("train", 7_500, "test", 5_000));
    assertThat(mmlu.parts()).isEqualTo(Map.of("dev", 285, "val", 1_531, "test", 14_042));
    assertThat(math500.parts()).isEqualTo(Map.of("test", 500));
    for (DataQuestion each : questions(math)) {
      // Every published answer is understood well enough to be compared at all.
      assertThat(
              Graders.of("math", "default", "default").compare(each.answer(), each.answer() + " "))
          .as(each.id())
          .isEqualTo(Verdict.EQUAL);
    }
    for (String name : List.of("gsm8k", "math", "mmlu")) {
      Task task = registry.task(registry.complete(task(name, null)));
      assertThat(task.questions(Task.Split.FINETUNE, 500, 0)).hasSize(500);
      assertThat(task.questions(Task.Split.EVALUATE, 500, 0))
          .hasSize(500)
          .allMatch(each -> task.equivalent(each.answer(), each.answer()));
    }
    Task easy = registry.task(registry.complete(task("math", List.of(1, 2, 3))));
    assertThat(easy.questions(Task.Split.EVALUATE, 500, 0)).hasSize(500);
  }
}
