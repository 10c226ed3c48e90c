package polyphony.storage;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class SealedTest {
  private static final byte[] JSON = "{\"wallSeconds\":1.5}".getBytes(UTF_8);

  @Test
  void aSealedRecordIsReadBackAndStaysJson() throws Exception {
    byte[] sealed = Sealed.seal(JSON);
    assertThat(Sealed.isSealed(sealed)).isTrue();
    assertThat(Sealed.content(sealed)).isEqualTo(JSON);
    assertThat(new String(sealed, UTF_8))
        .startsWith("{\"wallSeconds\":1.5,\"seal\":\"")
        .endsWith("\"}");
  }

  @Test
  void oneWithoutASealIsReadAsItIs() throws Exception {
    assertThat(Sealed.isSealed(JSON)).isFalse();
    assertThat(Sealed.content(JSON)).isEqualTo(JSON);
    assertThat(Sealed.isSealed(new byte[0])).isFalse();
  }

  @Test
  void everyFlippedByteIsNoticed() {
    byte[] sealed = Sealed.seal(JSON);
    for (int i = 0; i < sealed.length; i++) {
      sealed[i] ^= 1;
      if (Sealed.isSealed(sealed)) {
        byte[] damaged = sealed;
        assertThatThrownBy(() -> Sealed.content(damaged)).isInstanceOf(IOException.class);
      } else {
        assertThat(i).as("a byte of the seal's frame").isGreaterThanOrEqualTo(JSON.length - 1);
      }
      sealed[i] ^= 1;
    }
  }
}
