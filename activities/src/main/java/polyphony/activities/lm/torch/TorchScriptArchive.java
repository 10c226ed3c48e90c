package polyphony.activities.lm.torch;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * A TorchScript module as {@code torch.jit.save} would write it: a zip of source code and a pickle
 * that makes one object of the module's class. The object has no attributes, so that the pickle is
 * always the same few operations.
 *
 * @param className of the module, without {@code __torch__.}
 * @param source of the class, in TorchScript's serialised form
 */
record TorchScriptArchive(String className, String source) {
  /** File format version that fixes the operators' meaning; the newest that libtorch 2.7 reads. */
  private static final String FORMAT_VERSION = "10\n";

  /** The archive's bytes; equal modules give equal bytes. */
  byte[] bytes() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      // Pickle: protocol 2, the class, (), NEWOBJ, {}, BUILD, STOP.
      store(zip, "data.pkl", "\u0080\u0002c__torch__\n" + className + "\n)\u0081}b.");
      store(zip, "code/__torch__.py", source);
      store(zip, "constants.pkl", "\u0080\u0002).");
      store(zip, "version", FORMAT_VERSION);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /** Uncompressed, since libtorch maps records in place. */
  private static void store(ZipOutputStream zip, String name, String text) throws IOException {
    byte[] content = text.getBytes(StandardCharsets.ISO_8859_1);
    CRC32 checksum = new CRC32();
    checksum.update(content);
    ZipEntry entry = new ZipEntry("archive/" + name);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(content.length);
    entry.setCrc(checksum.getValue());
    entry.setTime(0);
    zip.putNextEntry(entry);
    zip.write(content);
    zip.closeEntry();
  }
}
