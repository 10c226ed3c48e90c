package polyphony.workers.chaos;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Stands between one worker and the store, sees what the worker's steps write, and can keep a write
 * from getting through. Requests pass as they are: their signatures cover the host that they are
 * sent to, and the store takes any.
 */
final class StoreProxy implements AutoCloseable {
  private static final int LARGEST_HEAD = 1 << 16;
  private static final byte[] FULL =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>XMinioStorageFull</Code><Message>Storage backend has reached its minimum free drive threshold.</Message></Error>"
          .getBytes(StandardCharsets.UTF_8);

  private final String worker;
  private final InetSocketAddress store;
  private final Gate gate;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final int port;
  private volatile boolean plugged;
  private volatile ServerSocket listening;

  /** Decides about writes and hears of those that were taken. */
  interface Gate {
    /**
     * Called before anything is written; may take its time.
     *
     * @param write null where it is no step's write, such as that of an object
     */
    Answer before(StoreWrite write);

    /** Called once the store has said yes, before the worker hears of it. */
    void taken(StoreJournal.Entry entry);
  }

  /** What becomes of a write. */
  enum Answer {
    PASS,
    /** The store is full. */
    REFUSE,
    /** The connection breaks. */
    DROP
  }

  /**
   * A request.
   *
   * @param length of its body
   * @param write null where it is not a step's
   */
  private record Request(byte[] head, String method, long length, StoreWrite write) {}

  /**
   * Starts to listen at a free port of this machine.
   *
   * @param worker who uses it, for the journal
   */
  StoreProxy(String worker, InetSocketAddress store, Gate gate) {
    this.worker = worker;
    this.store = store;
    this.gate = gate;
    this.port = listen(0);
  }

  String endpoint() {
    return "http://127.0.0.1:" + port;
  }

  /** As long as this lasts, nothing answers at this port, as where a server is gone. */
  void unplug() throws IOException {
    // First, so that a connection that is just being made is closed by whoever makes it.
    plugged = false;
    listening.close();
    for (Socket socket : open) {
      socket.close();
    }
  }

  void plug() {
    listen(port);
  }

  private int listen(int wanted) {
    try {
      plugged = true;
      ServerSocket socket = new ServerSocket();
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), wanted));
      listening = socket;
      background("accept", () -> accept(socket));
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private interface Work {
    void run() throws IOException;
  }

  private void background(String what, Work work) {
    Thread thread =
        new Thread(
            () -> {
              try {
                work.run();
              } catch (IOException e) {
                // One side has gone away, which is what this is for: the other one was closed.
              }
            },
            "proxy of " + worker + ": " + what);
    thread.setDaemon(true);
    thread.start();
  }

  private void accept(ServerSocket socket) throws IOException {
    while (true) {
      Socket client = socket.accept();
      open.add(client);
      if (plugged) {
        background("requests", () -> serve(client));
      } else {
        client.close();
      }
    }
  }

  private void serve(Socket client) throws IOException {
    try (client;
        Socket server = new Socket()) {
      open.add(server);
      client.setTcpNoDelay(true);
      server.setTcpNoDelay(true);
      server.connect(store);
      if (!plugged) {
        return;
      }
      Exchange exchange = new Exchange(client, server);
      background("answers", exchange::passAnswers);
      exchange.passRequests();
    } finally {
      open.remove(client);
    }
  }

  /** One connection. It has at most one request under way at a time. */
  private final class Exchange {
    private final Socket client;
    private final Socket server;
    private final InputStream fromClient;
    private final OutputStream toServer;
    private volatile StoreWrite unanswered;

    Exchange(Socket client, Socket server) throws IOException {
      this.client = client;
      this.server = server;
      this.fromClient = new BufferedInputStream(client.getInputStream(), 1 << 16);
      this.toServer = new BufferedOutputStream(server.getOutputStream(), 1 << 16);
    }

    void passRequests() throws IOException {
      while (true) {
        Request request = read(fromClient);
        if (request == null) {
          return;
        }
        Answer answer =
            request.method().equals("PUT") || request.method().equals("POST")
                ? gate.before(request.write())
                : Answer.PASS;
        switch (answer) {
          case PASS -> {
            unanswered = request.write();
            toServer.write(request.head());
            copy(request.length(), toServer);
            toServer.flush();
          }
          case REFUSE -> {
            copy(request.length(), OutputStream.nullOutputStream());
            refuse();
            return;
          }
          case DROP -> {
            return;
          }
        }
      }
    }

    /** Answers as MinIO does with a full disk, and ends the connection. */
    private void refuse() throws IOException {
      OutputStream out = client.getOutputStream();
      out.write(
          ("HTTP/1.1 507 Insufficient Storage\r\nContent-Type: application/xml\r\nContent-Length: "
                  + FULL.length
                  + "\r\nConnection: close\r\n\r\n")
              .getBytes(StandardCharsets.US_ASCII));
      out.write(FULL);
      out.flush();
      client.shutdownOutput();
    }

    private void copy(long count, OutputStream out) throws IOException {
      byte[] buffer = new byte[1 << 16];
      for (long left = count; left > 0; ) {
        int read = fromClient.read(buffer, 0, (int) Math.min(left, buffer.length));
        if (read < 0) {
          throw new EOFException();
        }
        out.write(buffer, 0, read);
        left -= read;
      }
    }

    void passAnswers() throws IOException {
      try (server;
          client) {
        byte[] buffer = new byte[1 << 16];
        InputStream in = server.getInputStream();
        for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
          StoreWrite write = unanswered;
          if (write != null) {
            // An answer begins: the one before has been read to its end, or there were no request.
            unanswered = null;
            if (new String(buffer, 0, read, StandardCharsets.ISO_8859_1).startsWith("HTTP/1.1 2")) {
              gate.taken(write.takenAt(Instant.now()));
            }
          }
          client.getOutputStream().write(buffer, 0, read);
          client.getOutputStream().flush();
        }
      } finally {
        open.remove(server);
      }
    }
  }

  /**
   * @return null where the client has said all it has to say
   */
  private Request read(InputStream in) throws IOException {
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    int end = 0;
    // Until an empty line.
    while (end < 4) {
      int next = in.read();
      if (next < 0 || head.size() == LARGEST_HEAD) {
        return null;
      }
      head.write(next);
      end = next == (end % 2 == 0 ? '\r' : '\n') ? end + 1 : next == '\r' ? 1 : 0;
    }
    String[] lines = head.toString(StandardCharsets.ISO_8859_1).strip().split("\r\n", -1);
    String[] request = lines[0].split(" ", -1);
    long length = 0;
    boolean conditional = false;
    for (int i = 1; i < lines.length; i++) {
      String name = lines[i].substring(0, lines[i].indexOf(':')).toLowerCase(Locale.ROOT);
      String value = lines[i].substring(lines[i].indexOf(':') + 1).strip();
      switch (name) {
        case "content-length" -> length = Long.parseLong(value);
        case "if-none-match" -> conditional = true;
        case "transfer-encoding" ->
            throw new IllegalStateException("a request without a length: " + lines[0]);
        default -> {}
      }
    }
    StoreWrite write =
        request[0].equals("PUT") ? StoreWrite.of(worker, request[1], conditional) : null;
    return new Request(head.toByteArray(), request[0], length, write);
  }

  @Override
  public void close() throws IOException {
    unplug();
  }
}
