package polyphony.activities.curves;

import com.google.protobuf.CodedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import polyphony.activities.WholeFile;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/**
 * Curves as TensorBoard's event files: TFRecords of {@code Event} messages (tensorflow's {@code
 * core/util/event.proto}, {@code core/framework/summary.proto} and {@code
 * tsl/lib/io/record_writer.h}). One run per experiment and one below it for each iteration's
 * trainings, each a single file that is written whole: doing so again changes nothing. Written by
 * hand, since the published classes of these messages come with TensorFlow around them.
 */
public final class TensorBoardFolder {
  /** TensorBoard reads every file with tfevents in its name. */
  private static final String FILE = "events.out.tfevents.polyphony";

  private static final int MASK_DELTA = 0xa282ead8;

  private final Path folder;

  /**
   * @param folder the log directory; made where it is absent
   */
  public TensorBoardFolder(Path folder) {
    this.folder = folder;
  }

  /** A point of a run's file. */
  private record Scalar(Instant time, long step, String tag, double value) {}

  /**
   * Writes the curves.
   *
   * @return the files
   * @throws PolyphonyException CONFIG where the folder cannot be written
   */
  public List<Path> write(Curves curves) {
    Map<String, List<Scalar>> runs = new LinkedHashMap<>();
    for (Curves.Series series : curves.series()) {
      List<Scalar> scalars =
          series.points().stream()
              .map(each -> new Scalar(each.time(), each.step(), series.measure(), each.value()))
              .toList();
      runs.merge(
          series.part(),
          scalars,
          (one, other) -> Stream.concat(one.stream(), other.stream()).toList());
    }
    Path home = folder.resolve(curves.experiment());
    return runs.entrySet().stream()
        .map(run -> write(home.resolve(run.getKey()), run.getValue()))
        .toList();
  }

  private static Path write(Path run, List<Scalar> scalars) {
    // In the order in which they would have been written.
    List<Scalar> sorted =
        scalars.stream().sorted(Comparator.comparingLong(Scalar::step)).toList(); // stable
    Path file = run.resolve(FILE);
    try {
      Files.createDirectories(run);
      WholeFile.write(new ByteArrayInputStream(content(sorted)), file);
    } catch (IOException e) {
      throw PolyphonyException.config(
          file + " cannot be written (" + e.getMessage() + "); name another folder");
    }
    return file;
  }

  private static byte[] content(List<Scalar> scalars) throws IOException {
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    Instant first = scalars.isEmpty() ? Instant.EPOCH : scalars.get(0).time();
    content.write(record(version(first)));
    for (Scalar each : scalars) {
      content.write(record(event(each)));
    }
    return content.toByteArray();
  }

  private interface Message {
    void writeTo(CodedOutputStream out) throws IOException;
  }

  /** {@code Event.file_version}, which every file begins with. */
  private static byte[] version(Instant time) {
    return message(
        out -> {
          out.writeDouble(1, seconds(time));
          out.writeString(3, "brain.Event:2");
        });
  }

  /** {@code Event} with a {@code Summary} of one {@code Value}. */
  private static byte[] event(Scalar scalar) {
    byte[] value =
        message(
            out -> {
              out.writeString(1, scalar.tag());
              out.writeFloat(2, (float) scalar.value());
            });
    byte[] summary = message(out -> out.writeByteArray(1, value));
    return message(
        out -> {
          out.writeDouble(1, seconds(scalar.time()));
          // As generated code does: what is zero is left out.
          if (scalar.step() != 0) {
            out.writeInt64(2, scalar.step());
          }
          out.writeByteArray(5, summary);
        });
  }

  private static byte[] message(Message message) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    try {
      message.writeTo(out);
      out.flush();
    } catch (IOException e) {
      throw new PolyphonyException(ErrorClass.BUG, "writing to memory failed", e);
    }
    return bytes.toByteArray();
  }

  private static double seconds(Instant time) {
    return time.getEpochSecond() + time.getNano() / 1e9;
  }

  /** A TFRecord: length, its checksum, the data, its checksum; all little-endian. */
  private static byte[] record(byte[] data) {
    byte[] length =
        ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(data.length).array();
    return ByteBuffer.allocate(Long.BYTES + 2 * Integer.BYTES + data.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(length)
        .putInt(masked(length))
        .put(data)
        .putInt(masked(data))
        .array();
  }

  /** Rotated and shifted, since checksums of what contains checksums are weak. */
  private static int masked(byte[] bytes) {
    CRC32C checksum = new CRC32C();
    checksum.update(bytes);
    return Integer.rotateRight((int) checksum.getValue(), 15) + MASK_DELTA;
  }
}
