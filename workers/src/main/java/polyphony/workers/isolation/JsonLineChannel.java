package polyphony.workers.isolation;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** Messages through a socket, one JSON object a line. Any thread may send, one may receive. */
final class JsonLineChannel implements Closeable {
  static final JsonMapper JSON =
      JsonMapper.builder()
          .defaultPropertyInclusion(
              JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, JsonInclude.Include.ALWAYS))
          .disable(SerializationFeature.FAIL_ON_EMPTY_BEANS)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private final SocketChannel socket;
  private final BufferedReader lines;

  JsonLineChannel(SocketChannel socket) {
    this.socket = socket;
    this.lines =
        new BufferedReader(
            new InputStreamReader(Channels.newInputStream(socket), StandardCharsets.UTF_8));
  }

  synchronized void send(Object message) throws IOException {
    // Not through a stream of the channel, which would wait for the one that is being read.
    ByteBuffer line =
        ByteBuffer.wrap((JSON.writeValueAsString(message) + "\n").getBytes(StandardCharsets.UTF_8));
    while (line.hasRemaining()) {
      socket.write(line);
    }
  }

  /**
   * Waits for the next message.
   *
   * @return empty where the other side is gone
   * @throws JsonProcessingException where it is not one
   */
  <T> Optional<T> receive(Class<T> type) throws IOException {
    String line = lines.readLine();
    return line == null ? Optional.empty() : Optional.of(JSON.readValue(line, type));
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
