package polyphony.activities.lm;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import polyphony.storage.PolyphonyException;

/**
 * Models of seeded random weights in bfloat16, of any architecture and size, for comparing and
 * measuring devices. They have no tokenizer, and what they say means nothing.
 */
public final class RandomModel {
  /** Bytes of one number of their files. */
  public static final int ELEMENT_BYTES = 2;

  /** Beside what is written, so that a system whose temporary files these are goes on. */
  private static final long FREE_BYTES = 1L << 30;

  private static final int DRAWS = 1 << 16;
  private static final int CHUNK_BYTES = 1 << 20;

  private RandomModel() {}

  /**
   * Writes a model that {@link LanguageModel#openToCompute} opens. Equal arguments give equal
   * bytes. A matrix has the standard deviation {@code 1 / sqrt(its inputs)}, which keeps
   * activations as large as they come; norms are near 1, so that one that is left out shows.
   *
   * @param folder is created; weights that are there already are kept
   * @param config the content of {@code config.json}
   * @throws PolyphonyException INFRASTRUCTURE where the disk has too little room, which is known
   *     before anything is written; DATA where the configuration is refused
   */
  public static LanguageModel write(Path folder, ObjectNode config, long seed) {
    Path weights = folder.resolve(Weights.FILE);
    try {
      Files.createDirectories(folder);
      Path configFile = folder.resolve("config.json");
      Files.writeString(configFile, config.toPrettyString());
      Map<String, long[]> shapes = DecoderConfig.read(configFile).weightShapes();
      if (!Files.exists(weights)) {
        requireRoom(folder, shapes);
        write(weights, shapes, seed);
      }
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(
          folder + ": cannot be written; is the disk full? (" + e.getMessage() + ")", e);
    }
    return LanguageModel.openToCompute(folder);
  }

  private static void requireRoom(Path folder, Map<String, long[]> shapes) throws IOException {
    long bytes = shapes.values().stream().mapToLong(shape -> ELEMENT_BYTES * elements(shape)).sum();
    long free = Files.getFileStore(folder).getUsableSpace();
    if (free < bytes + FREE_BYTES) {
      throw PolyphonyException.infrastructure(
          String.format(
              "%s: the weights take %.1f GB, and the disk has %.1f GB left; name another folder",
              folder, bytes / 1e9, free / 1e9),
          null);
    }
  }

  private static void write(Path file, Map<String, long[]> shapes, long seed) {
    // Every number is one of so many normal draws: drawing each anew would take longer than
    // writing it.
    Random random = new Random(seed);
    double[] draws = random.doubles(DRAWS).map(any -> random.nextGaussian()).toArray();
    SplittableRandom choices = new SplittableRandom(seed);
    Weights.write(
        file,
        "BF16",
        shapes,
        (name, into) -> write(into, shapes.get(name), draws, choices),
        Map.of("format", "pt"));
  }

  private static void write(
      FileChannel into, long[] shape, double[] draws, SplittableRandom choices) throws IOException {
    boolean matrix = shape.length > 1;
    double mean = matrix ? 0 : 1;
    double deviation = matrix ? 1 / Math.sqrt((double) shape[shape.length - 1]) : 0.1;
    long[] values = new long[DRAWS];
    for (int i = 0; i < DRAWS; i++) {
      values[i] = bfloat16((float) (mean + deviation * draws[i]));
    }
    ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (long left = ELEMENT_BYTES * elements(shape); left > 0; left -= CHUNK_BYTES) {
      LongBuffer fours = chunk.clear().asLongBuffer();
      while (fours.hasRemaining()) {
        long bits = choices.nextLong();
        fours.put(
            values[(int) (bits & 0xffff)]
                | (values[(int) ((bits >>> 16) & 0xffff)] << 16)
                | (values[(int) ((bits >>> 32) & 0xffff)] << 32)
                | (values[(int) (bits >>> 48)] << 48));
      }
      Weights.writeFully(into, chunk.limit((int) Math.min(CHUNK_BYTES, left)));
    }
  }

  /** The nearest one's 16 bits; ties go away from zero. */
  private static int bfloat16(float value) {
    return (Float.floatToIntBits(value) + 0x8000) >>> 16;
  }

  private static long elements(long[] shape) {
    return Arrays.stream(shape).reduce(1, Math::multiplyExact);
  }
}
