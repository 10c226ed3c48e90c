package polyphony.activities.lm;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/**
 * A safetensors file whose tensors do not begin at multiples of their element size, which the
 * format allows, cannot be read in place. Here it is written anew with the same values.
 */
public final class AlignedWeights {
  private static final int ALIGNMENT = 64;
  private static final int CHUNK_BYTES = 1 << 20;

  private AlignedWeights() {}

  /** Whether every tensor begins at a multiple of its element size. */
  public static boolean aligned(Weights weights) {
    return weights.tensors().values().stream()
        .allMatch(tensor -> tensor.offset() % Weights.elementBytes(tensor.type()) == 0);
  }

  /**
   * Writes the tensors of {@code from} to {@code to}, wide types first, the first one at a multiple
   * of 64, without gaps; then reads both and compares.
   *
   * @throws PolyphonyException DATA where {@code from} is damaged; INFRASTRUCTURE where {@code to}
   *     cannot be written, or does not hold what was written
   */
  public static void write(Path from, Path to) {
    Weights weights = Weights.open(from);
    List<Weights.Tensor> order =
        weights.tensors().values().stream()
            .sorted(
                Comparator.comparingInt((Weights.Tensor each) -> Weights.elementBytes(each.type()))
                    .reversed()
                    .thenComparing(Weights.Tensor::name))
            .toList();
    try (FileChannel source = FileChannel.open(from, StandardOpenOption.READ);
        FileChannel target =
            FileChannel.open(to, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW)) {
      ByteBuffer header = header(order, weights.metadata());
      while (header.hasRemaining()) {
        target.write(header);
      }
      for (Weights.Tensor tensor : order) {
        for (long done = 0; done < tensor.bytes(); ) {
          ByteBuffer chunk = chunk(source, tensor, done);
          done += chunk.remaining();
          while (chunk.hasRemaining()) {
            target.write(chunk);
          }
        }
      }
      target.force(true);
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(
          to + ": cannot be written; is the disk full? (" + e.getMessage() + ")", e);
    }
    requireEqual(weights, Weights.open(to), from, to);
  }

  private static ByteBuffer header(List<Weights.Tensor> order, Map<String, String> metadata)
      throws IOException {
    ObjectMapper json = new ObjectMapper();
    ObjectNode header = json.createObjectNode();
    ObjectNode meta = header.putObject("__metadata__");
    new TreeMap<>(metadata).forEach(meta::put);
    long offset = 0;
    for (Weights.Tensor tensor : order) {
      ObjectNode entry = header.putObject(tensor.name());
      entry.put("dtype", tensor.type());
      ArrayNode shape = entry.putArray("shape");
      Arrays.stream(tensor.shape()).forEach(shape::add);
      entry.putArray("data_offsets").add(offset).add(offset + tensor.bytes());
      offset += tensor.bytes();
    }
    byte[] text = json.writeValueAsBytes(header);
    int padded = (8 + text.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT - 8;
    ByteBuffer bytes = ByteBuffer.allocate(8 + padded).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(padded).put(text);
    bytes.put(" ".repeat(padded - text.length).getBytes(StandardCharsets.US_ASCII));
    return bytes.flip();
  }

  private static ByteBuffer chunk(FileChannel channel, Weights.Tensor tensor, long done)
      throws IOException {
    ByteBuffer chunk = ByteBuffer.allocate((int) Math.min(CHUNK_BYTES, tensor.bytes() - done));
    while (chunk.hasRemaining()) {
      if (channel.read(chunk, tensor.offset() + done + chunk.position()) < 0) {
        throw PolyphonyException.data(tensor.file() + " ends early; copy or export the file again");
      }
    }
    return chunk.flip();
  }

  private static void requireEqual(Weights before, Weights after, Path from, Path to) {
    boolean equal =
        before.metadata().equals(after.metadata())
            && before.tensors().keySet().equals(after.tensors().keySet())
            && aligned(after);
    try (FileChannel source = FileChannel.open(from, StandardOpenOption.READ);
        FileChannel target = FileChannel.open(to, StandardOpenOption.READ)) {
      for (Weights.Tensor tensor : equal ? before.tensors().values() : List.<Weights.Tensor>of()) {
        Weights.Tensor copy = after.tensor(tensor.name());
        equal &= copy.type().equals(tensor.type()) && Arrays.equals(copy.shape(), tensor.shape());
        for (long done = 0; equal && done < tensor.bytes(); done += CHUNK_BYTES) {
          equal = chunk(source, tensor, done).equals(chunk(target, copy, done));
        }
      }
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(
          to + ": cannot be read back (" + e.getMessage() + "); check the disk", e);
    }
    if (!equal) {
      throw new PolyphonyException(
          ErrorClass.INFRASTRUCTURE,
          to + ": does not hold what was written; did " + from + " change, or is the disk broken?");
    }
  }
}
