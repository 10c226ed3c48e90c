package polyphony.activities.lm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class WeightsTest {
  @TempDir Path folder;

  private Path file() {
    return folder.resolve("model.safetensors");
  }

  private Path file(String header, byte[] data) throws IOException {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes =
        ByteBuffer.allocate(8 + json.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
    Files.write(file(), bytes.putLong(json.length).put(json).put(data).array());
    return file();
  }

  @Test
  void whatWasWrittenIsReadBackAndTheFirstTensorIsAligned() {
    Weights.write(
        file(),
        Map.of("b", FloatBuffer.wrap(new float[] {1, -2, 3.5f}), "a", FloatBuffer.allocate(4)),
        Map.of("b", new long[] {3, 1}, "a", new long[] {2, 2}),
        Map.of("step", "7"));
    Weights weights = Weights.open(file());

    assertThat(weights.floats("b")).containsExactly(1, -2, 3.5f);
    assertThat(weights.tensor("b").shape()).containsExactly(3, 1);
    assertThat(weights.tensors().keySet()).containsExactly("a", "b");
    assertThat(weights.tensor("a").offset() % 64).isZero();
    assertThat(folder.toFile().list()).containsExactly("model.safetensors");
  }

  @Test
  void aTensorOfManyChunksIsReadWhole() {
    float[] values = new float[300_001];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }
    Weights.write(
        file(),
        Map.of("a", FloatBuffer.wrap(new float[1]), "b", FloatBuffer.wrap(values)),
        Map.of("a", new long[] {1}, "b", new long[] {values.length}),
        Map.of());

    assertThat(Weights.open(file()).floats("b")).isEqualTo(values);
  }

  @ParameterizedTest
  @CsvSource({
    "0x0000, 0.0",
    "0x8000, -0.0",
    "0x0001, 0x1p-24",
    "0x03ff, 0x3ffp-24",
    "0x0400, 0x1p-14",
    "0x3c00, 1",
    "0x3c01, 0x1.004p0",
    "0xc000, -2",
    "0x3555, 0x1.554p-2",
    "0x7bff, 65504",
    "0xfbff, -65504",
    "0x8001, -0x1p-24",
    "0x7c00, Infinity",
    "0xfc00, -Infinity",
    "0x7e00, NaN",
    "0x7c01, NaN"
  })
  void aHalfPrecisionNumberIsWidenedExactly(String half, String expected) {
    assertThat(Weights.halfToFloat((short) Integer.decode(half).intValue()))
        .isEqualTo(Float.valueOf(expected));
  }

  /** Independent of the bit manipulation: sign * fraction * 2^exponent, in doubles. */
  @Test
  void everyHalfPrecisionNumberHasTheValueThatItsFieldsSay() {
    for (int half = 0; half < 1 << 16; half++) {
      int exponent = half >> 10 & 31;
      int fraction = half & 1023;
      double magnitude =
          exponent == 0
              ? fraction * Math.pow(2, -24)
              : (1 + fraction / 1024.0) * Math.pow(2, exponent - 15);
      float widened = Weights.halfToFloat((short) half);
      if (exponent == 31) {
        assertThat(Float.isNaN(widened)).isEqualTo(fraction != 0);
        assertThat(Float.isInfinite(widened)).isEqualTo(fraction == 0);
      } else if ((double) Math.abs(widened) != magnitude
          || Math.copySign(1f, widened) != (half >> 15 == 0 ? 1f : -1f)) {
        throw new AssertionError(Integer.toHexString(half) + " became " + widened);
      }
    }
  }

  @Test
  void halfAndBrainFloatTensorsAreWidened() throws IOException {
    ByteBuffer data = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
    data.putShort((short) 0x3c00).putShort((short) 0xc000);
    data.putShort((short) 0x3f80).putShort((short) 0xc049);
    Weights weights =
        Weights.open(
            file(
                "{\"h\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]},"
                    + "\"b\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[4,8]}}",
                data.array()));

    assertThat(weights.floats("h")).containsExactly(1, -2);
    assertThat(weights.floats("b")).containsExactly(1, -3.140625f);
  }

  @Test
  void aTensorThatIsNotFloatingPointIsRefused() throws IOException {
    Weights weights =
        Weights.open(
            file("{\"i\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[0,4]}}", new byte[4]));

    assertRefused(() -> weights.floats("i")).hasMessageContaining("I32");
    assertRefused(() -> weights.floats("absent")).hasMessageContaining("absent");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[]",
        "{",
        "null",
        "{} x",
        "{\"a\":7}",
        "{\"a\":{}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}",
        "{\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":{\"x\":1},\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4.5]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,\"4\"]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,4]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
            + "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[2,6]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
            + "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
      })
  void aHeaderThatDoesNotDescribeTheFileIsRefused(String header) throws IOException {
    Path file = file(header, new byte[8]);

    assertRefused(() -> Weights.open(file)).hasMessageContaining("model.safetensors");
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, 0, 1, 3, 100, 1L << 40, Long.MAX_VALUE, Long.MIN_VALUE})
  void aHeaderLengthThatDoesNotFitTheFileIsRefused(long length) throws IOException {
    byte[] bytes = ByteBuffer.allocate(10).order(ByteOrder.LITTLE_ENDIAN).putLong(length).array();
    Files.write(file(), bytes);

    assertRefused(() -> Weights.open(file()));
  }

  @Test
  void aHeaderIsNotReadWhereItsTreeWouldFillTheHeap() throws IOException {
    assertRefused(() -> Weights.open(file("{\"a\":\"" + "x".repeat(8 << 20) + "\"}", new byte[0])))
        .hasMessageContaining("more than the 8388608 that are read");
    assertRefused(() -> Weights.open(file("{\"a\":[" + "[],".repeat(1 << 20) + "0]}", new byte[0])))
        .hasMessageContaining("does not only describe tensors");
    assertRefused(() -> Weights.open(file("{\"a\":" + "[".repeat(100), new byte[0])))
        .hasMessageContaining("does not only describe tensors");
  }

  @Test
  void theHeaderOfALargeModelIsRead() throws IOException {
    StringBuilder header = new StringBuilder("{\"__metadata__\":{\"format\":\"pt\"}");
    for (int i = 0; i < 10_000; i++) {
      header.append(",\"model.layers." + i + ".mlp.experts.100.down_proj.weight\":");
      header.append("{\"dtype\":\"BF16\",\"shape\":[0,28672],\"data_offsets\":[0,0]}");
    }
    assertThat(Weights.open(file(header + "}", new byte[0])).tensors()).hasSize(10_000);
  }

  @Test
  void aTensorThatNoBufferHoldsOnceItIsWidenedIsRefused() throws IOException {
    long bytes = (1L << 30) + 2;
    String header =
        "{\"a\":{\"dtype\":\"BF16\",\"shape\":["
            + bytes / 2
            + "],\"data_offsets\":[0,"
            + bytes
            + "]}}";
    try (RandomAccessFile sparse = new RandomAccessFile(file(header, new byte[0]).toFile(), "rw")) {
      sparse.setLength(8 + header.length() + bytes);
    }
    Weights weights = Weights.open(file());
    assertRefused(() -> weights.floats("a")).hasMessageContaining("2 GiB as 32-bit floats");
  }

  @Test
  void anAbsentFileIsRefused() {
    assertRefused(() -> Weights.open(file())).hasMessageContaining("model.safetensors");
  }

  @Test
  void aFileThatIsCutOffAnywhereIsRefused() throws IOException {
    byte[] whole = small();
    for (int length = 0; length < whole.length; length++) {
      Files.write(file(), Arrays.copyOf(whole, length));
      assertRefused(() -> Weights.open(file()));
    }
  }

  /** Damage may go unnoticed where the file still describes itself, but never as another error. */
  @Test
  void aDamagedFileIsReadOrRefusedButNeverAnythingElse() throws IOException {
    byte[] whole = small();
    SplittableRandom random = new SplittableRandom(1);
    int refused = 0;
    for (int round = 0; round < 3000; round++) {
      byte[] damaged = whole.clone();
      int changes = 1 + random.nextInt(4);
      for (int i = 0; i < changes; i++) {
        // Digits and punctuation reach deeper than bytes that merely break the JSON.
        byte value =
            random.nextBoolean()
                ? (byte) random.nextInt(256)
                : (byte) "0123456789[]{},:\"-e.".charAt(random.nextInt(20));
        damaged[random.nextInt(damaged.length)] = value;
      }
      Files.write(file(), damaged);
      try {
        Weights weights = Weights.open(file());
        for (Weights.Tensor tensor : weights.tensors().values()) {
          assertThat(tensor.bytes()).isBetween(0L, (long) whole.length);
          if (Weights.FLOAT_TYPES.contains(tensor.type())) {
            assertThat(weights.floats(tensor.name()).length).isLessThan(whole.length);
          }
        }
      } catch (PolyphonyException e) {
        assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA);
        assertThat(e.getMessage()).doesNotContain("\n");
        refused++;
      }
    }
    assertThat(refused).isBetween(500, 2999);
  }

  private byte[] small() throws IOException {
    Weights.write(
        file(),
        Map.of("a", FloatBuffer.wrap(new float[] {1, 2}), "b", FloatBuffer.allocate(3)),
        Map.of("a", new long[] {2}, "b", new long[] {3, 1}),
        Map.of());
    return Files.readAllBytes(file());
  }

  private static org.assertj.core.api.AbstractThrowableAssert<?, ?> assertRefused(
      org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    return assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
        .hasMessageNotContaining("\n");
  }
}
