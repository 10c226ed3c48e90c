package polyphony.activities.data;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.compressors.gzip.GzipCompressorInputStream;
import polyphony.storage.PolyphonyException;

/**
 * The files of a data set, from a file, a folder or a tar archive, by path. Archives come from
 * anywhere: nothing of them is written to disk, and size, number and kind of their entries are
 * bounded.
 */
final class SourceFiles {
  static final long MAX_BYTES = 1L << 30;
  static final int MAX_FILES = 200_000;

  /**
   * @param path relative, with slashes
   */
  record SourceFile(String path, byte[] content) {
    String name() {
      return path.substring(path.lastIndexOf('/') + 1);
    }

    /**
     * @throws PolyphonyException DATA where it is not UTF-8
     */
    String text() {
      try {
        String text =
            StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .decode(java.nio.ByteBuffer.wrap(content))
                .toString();
        return text.startsWith("\uFEFF") ? text.substring(1) : text;
      } catch (CharacterCodingException e) {
        throw PolyphonyException.data(path + " is not UTF-8; convert it first");
      }
    }
  }

  private final long maxBytes;
  private final int maxFiles;
  private final List<SourceFile> files = new ArrayList<>();
  private long bytes;

  private SourceFiles(long maxBytes, int maxFiles) {
    this.maxBytes = maxBytes;
    this.maxFiles = maxFiles;
  }

  /**
   * @return sorted by path
   * @throws PolyphonyException CONFIG where there is no such file or folder; DATA where it is too
   *     large, or where an archive is damaged or holds what no data set holds
   */
  static List<SourceFile> read(Path path) {
    return read(path, MAX_BYTES, MAX_FILES);
  }

  static List<SourceFile> read(Path path, long maxBytes, int maxFiles) {
    SourceFiles source = new SourceFiles(maxBytes, maxFiles);
    String name = path.getFileName() == null ? "" : path.getFileName().toString();
    try {
      if (Files.isDirectory(path)) {
        source.folder(path);
      } else if (!Files.isRegularFile(path)) {
        throw PolyphonyException.config(path + " does not exist or is no file; check the path");
      } else if (name.endsWith(".tar.gz") || name.endsWith(".tgz") || name.endsWith(".tar")) {
        source.archive(path, !name.endsWith(".tar"));
      } else {
        try (InputStream stream = Files.newInputStream(path)) {
          source.add(name, stream);
        }
      }
    } catch (IOException e) {
      throw PolyphonyException.data(path + " cannot be read (" + e.getMessage() + ")");
    }
    source.files.sort(Comparator.comparing(SourceFile::path));
    return source.files;
  }

  private void folder(Path folder) throws IOException {
    try (Stream<Path> paths = Files.walk(folder)) {
      for (Path path : (Iterable<Path>) paths::iterator) {
        boolean hidden = path.getFileName().toString().startsWith(".");
        if (Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS) && !hidden) {
          try (InputStream stream = Files.newInputStream(path)) {
            add(folder.relativize(path).toString().replace('\\', '/'), stream);
          }
        }
      }
    }
  }

  private void archive(Path path, boolean compressed) throws IOException {
    try (InputStream raw = new BufferedInputStream(Files.newInputStream(path));
        TarArchiveInputStream tar =
            new TarArchiveInputStream(compressed ? new GzipCompressorInputStream(raw) : raw)) {
      for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
        if (entry.isDirectory()) {
          continue;
        }
        String name = entry.getName();
        if (!entry.isFile() || entry.isLink() || entry.isSymbolicLink()) {
          throw PolyphonyException.data(
              path + " holds \"" + shown(name) + "\", which is no plain file");
        }
        if (name.startsWith("/")
            || name.indexOf('\\') >= 0
            || name.indexOf('\0') >= 0
            || List.of(name.split("/", -1)).contains("..")) {
          throw PolyphonyException.data(
              path + " holds \"" + shown(name) + "\", which leads out of it");
        }
        add(name, tar);
      }
    } catch (IllegalArgumentException e) {
      throw PolyphonyException.data(path + " is no tar archive (" + e.getMessage() + ")");
    }
  }

  private static String shown(String name) {
    return name.substring(0, Math.min(100, name.length())).replaceAll("[^\\x20-\\x7e]", "?");
  }

  private void add(String path, InputStream stream) throws IOException {
    if (files.size() >= maxFiles) {
      throw PolyphonyException.data("there are more than " + maxFiles + " files");
    }
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    byte[] buffer = new byte[1 << 16];
    for (int count = stream.read(buffer); count >= 0; count = stream.read(buffer)) {
      bytes += count;
      if (bytes > maxBytes) {
        throw PolyphonyException.data("the files have more than " + maxBytes + " bytes in all");
      }
      content.write(buffer, 0, count);
    }
    files.add(new SourceFile(path, content.toByteArray()));
  }
}
