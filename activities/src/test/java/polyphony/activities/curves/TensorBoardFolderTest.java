package polyphony.activities.curves;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import polyphony.storage.PolyphonyException;

class TensorBoardFolderTest {
  @TempDir Path folder;

  private static final Instant FIRST = Instant.parse("2026-11-20T13:05:00.250Z");
  private static final Instant SECOND = Instant.parse("2026-11-20T14:05:00.500Z");

  /** Written by TensorBoard itself in {@code events-by-tensorboard.py}, beside its output. */
  private static final Curves CURVES =
      curves(
          List.of(
              new Curves.Series(
                  "",
                  "accuracy",
                  List.of(new Curves.Point(0, FIRST, 0.724), new Curves.Point(1, SECOND, 0.808))),
              new Curves.Series(
                  "", "generator-1/examples", List.of(new Curves.Point(1, SECOND, 777)))));

  private static Curves curves(List<Curves.Series> series) {
    return new Curves("mine", true, new TreeMap<>(), new TreeMap<>(), series);
  }

  private record Read(double time, long step, String tag, float value) {}

  /** CRC-32C bit by bit, with the Castagnoli polynomial reflected. */
  private static int checksum(byte[] bytes) {
    int remainder = -1;
    for (byte each : bytes) {
      remainder ^= each & 0xff;
      for (int bit = 0; bit < 8; bit++) {
        remainder = (remainder & 1) != 0 ? (remainder >>> 1) ^ 0x82f63b78 : remainder >>> 1;
      }
    }
    return ~remainder;
  }

  private static void checkMasked(int stored, byte[] bytes) {
    int rotated = stored - 0xa282ead8;
    assertThat((rotated >>> 17) | (rotated << 15)).isEqualTo(checksum(bytes));
  }

  private static List<Read> read(Path file) throws IOException {
    ByteBuffer content = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    List<Read> events = new ArrayList<>();
    while (content.hasRemaining()) {
      byte[] length = new byte[8];
      content.get(length);
      checkMasked(content.getInt(), length);
      byte[] data =
          new byte[(int) ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getLong()];
      content.get(data);
      checkMasked(content.getInt(), data);
      events.add(event(CodedInputStream.newInstance(data)));
    }
    return events;
  }

  private static Read event(CodedInputStream in) throws IOException {
    double time = 0;
    long step = 0;
    String tag = "";
    float value = 0;
    for (int field = in.readTag(); field != 0; field = in.readTag()) {
      switch (WireFormat.getTagFieldNumber(field)) {
        case 1 -> time = in.readDouble();
        case 2 -> step = in.readInt64();
        case 3 -> tag = in.readString();
        case 5 -> {
          CodedInputStream summary = in.readBytes().newCodedInput();
          assertThat(WireFormat.getTagFieldNumber(summary.readTag())).isEqualTo(1);
          CodedInputStream scalar = summary.readBytes().newCodedInput();
          assertThat(summary.isAtEnd()).isTrue();
          assertThat(WireFormat.getTagFieldNumber(scalar.readTag())).isEqualTo(1);
          tag = scalar.readString();
          assertThat(WireFormat.getTagFieldNumber(scalar.readTag())).isEqualTo(2);
          value = scalar.readFloat();
          assertThat(scalar.isAtEnd()).isTrue();
        }
        default -> throw new AssertionError("field " + field);
      }
    }
    return new Read(time, step, tag, value);
  }

  @Test
  void theChecksumOfTheTestIsTheStandardsOwn() {
    // RFC 3720, B.4: 32 bytes of zeros.
    assertThat(checksum(new byte[32])).isEqualTo(0x8a9136aa);
  }

  @Test
  void everyPointIsAnEventOfTensorBoards() throws IOException {
    List<Path> files = new TensorBoardFolder(folder).write(CURVES);
    assertThat(files).containsExactly(folder.resolve("mine/events.out.tfevents.polyphony"));
    assertThat(read(files.get(0)))
        .containsExactly(
            new Read(1795179900.25, 0, "brain.Event:2", 0),
            new Read(1795179900.25, 0, "accuracy", 0.724f),
            new Read(1795183500.5, 1, "accuracy", 0.808f),
            new Read(1795183500.5, 1, "generator-1/examples", 777));
  }

  @Test
  void theBytesAreThoseThatTensorBoardItselfWrites() throws IOException {
    Path file = new TensorBoardFolder(folder).write(CURVES).get(0);
    try (InputStream golden =
        TensorBoardFolderTest.class.getResourceAsStream("events-by-tensorboard.bin")) {
      assertThat(Files.readAllBytes(file)).isEqualTo(golden.readAllBytes());
    }
  }

  @Test
  void trainingsAreRunsOfTheirOwnBelow() throws IOException {
    List<Path> files =
        new TensorBoardFolder(folder)
            .write(
                curves(
                    List.of(
                        new Curves.Series("", "accuracy", List.of(new Curves.Point(0, FIRST, 0.5))),
                        new Curves.Series(
                            "iteration-001",
                            "critic-1/loss",
                            List.of(
                                new Curves.Point(0, SECOND, 2.5),
                                new Curves.Point(1, SECOND, 1.5))),
                        new Curves.Series(
                            "iteration-001",
                            "generator-1/loss",
                            List.of(new Curves.Point(0, SECOND, 3.5))))));
    assertThat(files)
        .extracting(each -> folder.relativize(each.getParent()).toString())
        .containsExactly("mine", "mine/iteration-001");
    assertThat(read(files.get(1)).stream().skip(1))
        .extracting(each -> each.step() + " " + each.tag() + " " + each.value())
        .containsExactly("0 critic-1/loss 2.5", "0 generator-1/loss 3.5", "1 critic-1/loss 1.5");
  }

  @Test
  void writingAgainChangesNothingAndLeavesNothingElse() throws IOException {
    Path file = new TensorBoardFolder(folder).write(CURVES).get(0);
    byte[] before = Files.readAllBytes(file);
    new TensorBoardFolder(folder).write(CURVES);
    assertThat(Files.readAllBytes(file)).isEqualTo(before);
    assertThat(file.getParent()).isDirectoryContaining(file::equals);
    try (var files = Files.list(file.getParent())) {
      assertThat(files).hasSize(1);
    }
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void whoMayReadOtherNewFilesMayReadIt() throws IOException {
    Path file = new TensorBoardFolder(folder).write(CURVES).get(0);
    Path plain = Files.createFile(folder.resolve("plain"));
    assertThat(Files.getPosixFilePermissions(file)).isEqualTo(Files.getPosixFilePermissions(plain));
  }

  @Test
  void aFolderThatCannotBeWrittenIsNamed() throws IOException {
    Path occupied = Files.writeString(folder.resolve("file"), "");
    assertThatThrownBy(() -> new TensorBoardFolder(occupied).write(CURVES))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("cannot be written")
        .hasMessageContaining("name another folder");
  }
}
